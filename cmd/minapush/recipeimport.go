package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
	"github.com/minapush/minapush/collect"
	"github.com/minapush/minapush/store/redisstore"
)

// recipeFlags say where the recipe's own lists are, and what is done with them.
type recipeFlags struct {
	from, pattern string
	dry           bool
	// after is how long after the tap the mini program sets expire; 0: as the lists look.
	after time.Duration
}

// ofRecipe are the flags that only make sense with --from-recipe, ofFile those that only do without.
var (
	ofRecipe = []string{"pattern", "dry-run", "expire-after"}
	ofFile   = []string{"format", "charset", "import-id"}
)

func (f *recipeFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.from, "from-recipe", "",
		"read the original recipe's lists instead of a file: redis://[USER:PASSWORD@]HOST:PORT[/DB], rediss://…, of a cluster HOST:PORT,HOST:PORT (better: MINAPUSH_FROM_RECIPE)")
	flags.StringVar(&f.pattern, "pattern", "mina:openid:*", "keys of the lists; the one * stands for the openid")
	flags.BoolVar(&f.dry, "dry-run", false, "only read and count: nothing is sent, and no server is needed")
	flags.DurationVar(&f.after, "expire-after", 0, "how long after the tap your mini program sets expire: 168h where the constant is right (604800000), 16h48m as in the recipe (default: as most lists look)")
}

// check refuses what does not go together.
func (f *recipeFlags) check(cmd *cobra.Command, args []string) error {
	wrong, rule := ofRecipe, "is for --from-recipe only"
	switch {
	case f.from != "" && len(args) > 0:
		return fmt.Errorf("--from-recipe: must not stand together with a file (%s): it is one or the other", args[0])
	case f.from == "" && len(args) == 0:
		return errors.New("must be given a FILE, or --from-recipe")
	case f.after < 0 || f.after > minapush.CodeLife:
		return fmt.Errorf("--expire-after: must be above 0 and at most 168h, not %v", f.after)
	case f.from != "":
		wrong, rule = ofFile, "is for a file only, not for --from-recipe"
	}
	for _, name := range wrong {
		flag := cmd.Flags().Lookup(name)
		if from, _ := originOf(flag); flag.Changed && from == fromFlag {
			return fmt.Errorf("--%s: %s", name, rule)
		}
	}
	return nil
}

// place reads the address of the lists. Its errors do not repeat it: it may hold a password.
func (f *recipeFlags) place() (redisstore.Config, error) {
	cfg, err := redisstore.ParseURL(f.from)
	var bad *minapush.Error
	if errors.As(err, &bad) {
		err = bad.Err
	}
	_, query, _ := strings.Cut(f.from, "?")
	if values, _ := url.ParseQuery(query); err == nil && (values.Has("prefix") || values.Has("wait-replicas")) {
		err = errors.New("must not have prefix or wait-replicas: these are of minapush's own store")
	}
	if err != nil {
		return cfg, fmt.Errorf("--from-recipe: %w", err)
	}
	return cfg, nil
}

// around is what stands before and behind the openid in a key.
func (f *recipeFlags) around() (before, behind string, err error) {
	before, behind, _ = strings.Cut(f.pattern, "*")
	if strings.Count(f.pattern, "*") != 1 || strings.ContainsAny(f.pattern, `?[]\`) {
		return "", "", fmt.Errorf(`--pattern: must have exactly one *, which stands for the openid, and none of ? [ ] \, not %q`, f.pattern)
	}
	return before, behind, nil
}

// Reasons for leaving out a key as a whole, and a record that the server refused.
const (
	reasonNotAList = "not_a_list"
	reasonBadKey   = "bad_key"
	reasonServer   = "server"
)

// recipeProblem is one record, or one key, that was left out.
type recipeProblem struct {
	Key string `json:"key"`
	// Index is the place in the list, from 0; -1 is the key as a whole.
	Index  int64  `json:"index"`
	Reason string `json:"reason"`
	// Message is the reason in words, in English.
	Message string `json:"message"`

	detail string // what the words want: the type of a key, the server's message
}

// importedRecipe is the answer of --json. Records is the sum of Sendable, Repeated, Expired and Bad; what was sent, of Accepted, Duplicate,
// Evicted and Refused.
type importedRecipe struct {
	DryRun   bool  `json:"dry_run"`
	Lists    int64 `json:"lists"`
	Elements int64 `json:"elements"`
	Records  int64 `json:"records"`
	// Sendable counts codes that can be imported: all but those of the next three.
	Sendable int64 `json:"sendable"`
	// Repeated counts codes that stand more than once in a list, but for their first.
	Repeated int64 `json:"repeated"`
	Expired  int64 `json:"expired"`
	// Bad counts records and keys that cannot be read or are no form ids, by their reasons too.
	Bad        int64            `json:"bad"`
	BadReasons map[string]int64 `json:"bad_reasons"`
	// ExpireAfter is how many seconds after the tap expire was taken to be set. PastExpire counts codes of Sendable whose expire has passed.
	ExpireAfter int64 `json:"expire_after_s"`
	PastExpire  int64 `json:"past_expire"`

	Accepted  int64 `json:"accepted"`
	Duplicate int64 `json:"duplicate"`
	Evicted   int64 `json:"evicted"`
	Refused   int64 `json:"refused"`
	// Problems names the first that were left out, at most api.MaxRowProblems.
	Problems []recipeProblem `json:"problems"`
}

// recipeImport is an import of the recipe's own lists on its way.
type recipeImport struct {
	*importing
	recipeFlags
	before, behind string
	cfg            redisstore.Config
	now            time.Time
	bar            *meter
	left           *refusals
	sum            importedRecipe

	key  string              // of the list that is being read
	seen map[string]struct{} // some codes of it
	// sent are the places of the rows from line begun+1 on that no answer has come for.
	sent  []recipePlace
	begun int64
}

type recipePlace struct {
	key   string
	index int64
}

// maxRemembered is how many codes of one list are remembered, to see that they come again. The server sees it of all.
const maxRemembered = 10_000

// run is the command.
func (i *recipeImport) run(cmd *cobra.Command) (err error) {
	if i.before, i.behind, err = i.around(); err != nil {
		return err
	}
	if i.cfg, err = i.place(); err != nil {
		return err
	}
	i.now, i.sum = time.Now().UTC(), importedRecipe{DryRun: i.dry, BadReasons: map[string]int64{}, Problems: []recipeProblem{}}
	send := i.countOnly
	if !i.dry {
		c, app, err := i.openLong(cmd)
		if err != nil {
			return err
		}
		if _, err := c.App(cmd.Context(), app); err != nil { // before anything is read
			return err
		}
		send = func(ctx context.Context) error { return i.send(ctx, c, app) }
	}
	if i.left, err = i.newRefusals("key", "index", "reason"); err != nil {
		return err
	}
	if err = i.findOut(cmd.Context()); err == nil {
		i.bar = newMeter(i.e.stderr, i.asJSON)
		err = send(cmd.Context())
		i.bar.end(err == nil)
	}
	if err = errors.Join(err, i.left.keep()); err != nil {
		if !i.dry {
			fmt.Fprintf(i.e.stderr, i.e.lang().say("import.go_on")+"\n  %s\n", i.goOn)
		}
		return err
	}
	return i.show()
}

// findOut looks through the lists, where nobody said it, for how long after the tap the mini program sets expire: 7 days if at least half
// of all codes that have not reached their expire could not have it by the recipe's constant. Of codes that were taken evenly over the last
// days nine of ten have it so with the right constant, and none but those of fast clocks with the recipe's.
func (i *recipeImport) findOut(ctx context.Context) (err error) {
	if i.after == 0 {
		i.after = collect.RecipeExpireAfter
		var valid, ahead int64
		l, m := i.e.lang(), newMeter(i.e.stderr, i.asJSON)
		err = redisstore.EachList(ctx, i.cfg, i.pattern, func(p redisstore.ListPage) error {
			for _, element := range p.Elements {
				for _, code := range collect.ReadListed(element, i.now, i.after) {
					valid += countIf(code.Valid)
					ahead += countIf(code.Ahead)
				}
			}
			m.at(p.Seen, p.Keys, fmt.Sprintf(l.recipe("looking"), thousands(p.Seen)))
			return nil
		})
		m.end(err == nil)
		if ahead > 0 && 2*ahead >= valid {
			i.after = minapush.CodeLife
		}
	}
	i.sum.ExpireAfter = int64(i.after / time.Second)
	return err
}

func countIf(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}

func (i *recipeImport) countOnly(ctx context.Context) error {
	return i.read(ctx, func(api.PermitRow) bool { return true })
}

// send lets the client pull the rows, part by part.
func (i *recipeImport) send(ctx context.Context, c *client.Client, app string) error {
	rows := client.NDJSON(func(yield func(api.PermitRow, error) bool) {
		gone := false
		err := i.read(ctx, func(row api.PermitRow) bool {
			gone = !yield(row, nil)
			return !gone
		})
		if err != nil && !gone {
			yield(api.PermitRow{}, err)
		}
	})
	defer rows.Close()
	got, err := c.ImportPermits(ctx, app, newID(), rows, client.Rows{Progress: i.answered})
	i.sum.Accepted, i.sum.Duplicate, i.sum.Evicted, i.sum.Refused = got.Accepted, got.Duplicate, got.Evicted, got.Refused
	return err
}

// answered notes which records the server refused, and forgets the places of the part.
func (i *recipeImport) answered(p client.Progress) {
	for _, one := range p.LastRefused {
		if n := one.Line - i.begun - 1; n >= 0 && n < int64(len(i.sent)) {
			i.problem(i.sent[n], reasonServer, strings.TrimPrefix(one.Field+": "+one.Message, ": "))
		}
	}
	done := min(p.Rows-i.begun, int64(len(i.sent)))
	i.sent, i.begun = i.sent[done:], i.begun+done
}

// errEnough ends the reading when nobody wants more rows.
var errEnough = errors.New("no more rows are wanted")

// read reads all lists and gives every code that can be imported to take, until that returns false.
func (i *recipeImport) read(ctx context.Context, take func(api.PermitRow) bool) error {
	err := redisstore.EachList(ctx, i.cfg, i.pattern, func(p redisstore.ListPage) error {
		if !i.page(p, take) {
			return errEnough
		}
		i.bar.at(p.Seen, p.Keys, i.progress())
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// page goes through some elements of a list.
func (i *recipeImport) page(p redisstore.ListPage, take func(api.PermitRow) bool) bool {
	openid, ok := i.openidOf(p.Key)
	whole := recipePlace{p.Key, -1}
	switch {
	case p.Type != "":
		i.bad(whole, reasonNotAList, p.Type)
		return true
	case !ok && p.First == 0:
		i.bad(whole, reasonBadKey, "")
		return true
	case !ok:
		return true // it was told with the first page
	}
	if p.First == 0 {
		i.sum.Lists++
		i.key, i.seen = p.Key, map[string]struct{}{}
	}
	for n, element := range p.Elements {
		i.sum.Elements++
		for _, code := range collect.ReadListed(element, i.now, i.after) {
			if i.judge(recipePlace{p.Key, p.First + int64(n)}, code) && !take(rowOf(openid, code)) {
				return false
			}
		}
	}
	return true
}

func rowOf(openid string, code collect.ListedCode) api.PermitRow {
	return api.PermitRow{OpenID: openid, Kind: minapush.FormID.String(), Code: code.FormID, TakenAt: code.TakenAt}
}

// openidOf is what the * stands for in a key.
func (i *recipeImport) openidOf(key string) (string, bool) {
	openid, ok := strings.CutPrefix(key, i.before)
	if ok {
		openid, ok = strings.CutSuffix(openid, i.behind)
	}
	return openid, ok && minapush.OpenID(openid).Validate() == nil
}

// judge counts a record, and tells whether it is sent.
func (i *recipeImport) judge(at recipePlace, code collect.ListedCode) bool {
	_, again := i.seen[code.FormID]
	switch {
	case code.Reason == collect.ReasonExpired:
		i.sum.Records++
		i.sum.Expired++
		return false
	case code.Reason != "":
		i.bad(at, code.Reason, "")
		return false
	case again:
		i.sum.Records++
		i.sum.Repeated++
		return false
	}
	if len(i.seen) < maxRemembered {
		i.seen[code.FormID] = struct{}{}
	}
	i.sum.Records++
	i.sum.Sendable++
	i.sum.PastExpire += countIf(!code.Valid)
	if !i.dry {
		i.sent = append(i.sent, at)
	}
	return true
}

// bad counts what was left out.
func (i *recipeImport) bad(at recipePlace, reason, detail string) {
	i.sum.Records++
	i.sum.Bad++
	i.sum.BadReasons[reason]++
	i.problem(at, reason, detail)
}

// problem takes one down: some for the screen, all for the file of --errors.
func (i *recipeImport) problem(at recipePlace, reason, detail string) {
	p := recipeProblem{Key: at.key, Index: at.index, Reason: reason, Message: english.recipeReason(reason, detail), detail: detail}
	if len(i.sum.Problems) < api.MaxRowProblems {
		i.sum.Problems = append(i.sum.Problems, p)
	}
	i.left.write(p, func() []string {
		return []string{plainText(p.Key), strconv.FormatInt(p.Index, 10), plainText(p.Message)}
	})
}
