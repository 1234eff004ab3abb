package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/campaign"
	"github.com/minapush/minapush/delivery"
	"github.com/minapush/minapush/store"
)

func storeCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{Use: "store", Short: "Work on stores that nobody serves"}
	cmd.AddCommand(storeCopyCommand(e))
	return cmd
}

// side is one of the two stores of a copy.
type side struct {
	name         string // FROM or TO
	at           string
	passwordFile string
	caFile       string
}

// storeCopy is one run of store copy.
type storeCopy struct {
	e        *env
	from, to side
	shards   int
	asJSON   bool
	now      func() time.Time
}

func storeCopyCommand(e *env) *cobra.Command {
	c := &storeCopy{e: e, from: side{name: "FROM"}, to: side{name: "TO"}, now: time.Now}
	cmd := &cobra.Command{
		Use: "copy FROM TO", Short: "Copy everything into another store, of the same sort or the other",
		Long: `Copy everything of the store FROM into the empty store TO: between the embedded store and Redis, both ways, or within one sort.
FROM and TO are what serve takes as --store. Nobody may serve either: stop every node first. An embedded store that is served is
locked; of Redis a node that works, or anything that is written meanwhile, ends the copy. FROM stays as it is.

Afterwards TO is read back, and counts and checksums of both sides are compared. Until then TO is marked, and serve refuses it; what an
interrupted copy left has to be emptied before the next one.

Every app of TO is stopped, with its campaigns as they stand: nothing is sent until "minapush apps go APPID", which says what that means.
Never let both stores send. Secrets are copied sealed: TO is served with the same key file.

--shards spreads the users of every app over another number of shards. Campaigns must then have ended, or not have begun.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			c.from.at, c.to.at = args[0], args[1]
			if cmd.Flags().Changed("shards") && (c.shards < 1 || c.shards > minapush.MaxShards) {
				return fmt.Errorf("--shards: must be 1 to %d", minapush.MaxShards)
			}
			return c.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&c.shards, "shards", 0, "over how many shards the users of every app are spread (default: as they are; 256 for a million users, 4096 for ten)")
	flags.StringVar(&c.from.passwordFile, "from-password-file", "", "file with the password of FROM, in Redis")
	flags.StringVar(&c.to.passwordFile, "to-password-file", "", "file with the password of TO, in Redis")
	flags.StringVar(&c.from.caFile, "from-ca-file", "", "file with the certificates (PEM) of who signed that of FROM, a rediss://")
	flags.StringVar(&c.to.caFile, "to-ca-file", "", "file with the certificates (PEM) of who signed that of TO, a rediss://")
	flags.BoolVar(&c.asJSON, "json", false, "print the answer as JSON")
	return cmd
}

// place is where the side is.
func (s side) place() (place, error) {
	p, err := parsePlace(s.at)
	switch {
	case err != nil:
		return p, s.wrong(err)
	case p.redis == nil && cmp.Or(s.passwordFile, s.caFile) != "":
		return p, fmt.Errorf("%s: a password or certificates go with a store in Redis", s.name)
	case p.redis == nil:
		return p, nil
	}
	return p, s.wrong(errors.Join(p.readPassword(s.passwordFile), p.readCA(s.caFile)))
}

// wrong says which of the two stores an error is about.
func (s side) wrong(err error) error {
	if err == nil {
		return nil
	}
	return told{s.name + ": " + strings.TrimPrefix(strings.TrimPrefix(err.Error(), "minapush: "), "--store: "), err}
}

func (s side) open(ctx context.Context, e *env, p place) (store.Copyable, func() error, error) {
	log, err := e.logger("error")
	if err != nil {
		return nil, nil, err
	}
	st, err := p.open(ctx, log)
	if err != nil {
		if p.redis == nil && errors.Is(err, minapush.Conflict) {
			err = told{err.Error() + ": stop it first", err}
		}
		return nil, nil, s.wrong(err)
	}
	c, ok := st.Store.(store.Copyable)
	if !ok {
		return nil, nil, errors.Join(fmt.Errorf("%s: this sort of store cannot be copied", s.name), st.Close())
	}
	return c, st.Close, nil
}

func (c *storeCopy) run(ctx context.Context) (err error) {
	from, err := c.from.place()
	if err != nil {
		return err
	}
	to, err := c.to.place()
	if err != nil {
		return err
	}
	if from.redis == nil {
		if _, err := os.Stat(filepath.Join(from.dir, "db")); err != nil {
			return fmt.Errorf("FROM: there is no store in %s", from.dir)
		}
	}
	source, closeSource, err := c.from.open(ctx, c.e, from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeSource()) }()
	apps, err := c.check(ctx, source)
	if err != nil {
		return err
	}
	target, closeTarget, err := c.to.open(ctx, c.e, to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeTarget()) }()
	return c.copy(ctx, source, target, apps)
}

// check refuses a FROM that cannot be copied, and returns its apps. Nothing is written.
func (c *storeCopy) check(ctx context.Context, from store.Copyable) ([]minapush.App, error) {
	if err := store.CheckWhole(ctx, from); err != nil {
		return nil, c.from.wrong(err)
	}
	apps, err := account.ReadApps(ctx, from)
	if err != nil {
		return nil, c.from.wrong(err)
	}
	if len(apps) == 0 {
		return nil, errors.New("FROM: there is no app in it: is it the right store?")
	}
	if c.shards > 0 {
		if err := c.noneUnderWay(ctx, from, apps); err != nil {
			return nil, err
		}
	}
	// The first piece comes once it is known that nobody uses it.
	enough := errors.New("enough")
	if err := from.Export(ctx, func(store.Piece) error { return enough }); err != nil && !errors.Is(err, enough) {
		return nil, c.used(err)
	}
	return apps, nil
}

// used says what to do about a FROM that somebody uses.
func (c *storeCopy) used(err error) error {
	if errors.Is(err, minapush.Conflict) {
		err = told{err.Error() + ". Stop every node, and wait until its leases have ended, some seconds", err}
	}
	return c.from.wrong(err)
}

// noneUnderWay refuses another number of shards while a campaign has begun and not ended: where it stands cannot be said in other shards.
func (c *storeCopy) noneUnderWay(ctx context.Context, from store.Copyable, apps []minapush.App) error {
	whole, ok := from.(store.Store)
	if !ok {
		return errors.New("FROM: its campaigns cannot be read")
	}
	people, err := audience.New(whole, audience.Config{})
	if err != nil {
		return err
	}
	campaigns, err := campaign.New(whole, delivery.New(whole), people, campaign.Config{NewID: newID})
	if err != nil {
		return err
	}
	var open []string
	for _, app := range apps {
		for after := ""; ; {
			list, err := campaigns.List(ctx, app.ID, after, 100)
			if err != nil {
				return c.from.wrong(err)
			}
			if len(list) == 0 {
				break
			}
			for _, m := range list {
				after = m.ID
				if !m.State.Ended() && m.State != minapush.Scheduled {
					open = append(open, fmt.Sprintf("  %s of %s: %s, %s", m.ID, app.ID, m.State, m.Name))
				}
			}
		}
	}
	if open != nil {
		return fmt.Errorf("--shards: these campaigns have begun and not ended; let them finish or cancel them first (to pause them is not enough), "+
			"or copy without --shards:\n%s", strings.Join(open, "\n"))
	}
	return nil
}

// copiedCode is why an app is stopped that store copy wrote. Its parameters are those of restoredCode: "at" is when the copy was made.
const copiedCode = "copied"

// stop stops an app on its way, and spreads it over other shards.
func (c *storeCopy) stop(at time.Time) func(store.Document) (store.Document, error) {
	return func(d store.Document) (store.Document, error) {
		return account.RewriteApp(d, func(app *minapush.App) {
			app.Stopped = stoppedFor(copiedCode, app.Stopped, at)
			if c.shards > 0 {
				app.Shards = c.shards
			}
		})
	}
}

// stoppedFor is why an app is stopped from now on, with why it was before.
func stoppedFor(code string, before minapush.Reason, at time.Time) minapush.Reason {
	params := map[string]string{"at": at.UTC().Format(time.RFC3339)}
	was := before.Code
	if was == copiedCode || was == restoredCode { // it was never let go since
		was = before.Params["before"]
	}
	if was != "" {
		params["before"] = was
	}
	return minapush.Reason{Code: code, Params: params}
}

func (c *storeCopy) copy(ctx context.Context, from, to store.Copyable, apps []minapush.App) error {
	at := c.now().UTC()
	mark, err := store.BeginCopy(ctx, to, "from "+hidePassword(c.from.at)+", "+at.Format(time.RFC3339))
	if err != nil {
		return c.to.wrong(err)
	}
	bar := newCopyMeter(c, apps)
	defer bar.end(false)
	t := &store.Transfer{From: from, To: to, Now: at, Document: c.stop(at), Tell: bar.tell}
	if c.shards > 0 {
		t.Layout = store.NewLayout(apps, c.shards)
	}
	wrote, err := t.Run(ctx)
	if err != nil {
		return c.interrupted(c.used(err))
	}
	read, err := t.ReadBack(ctx)
	if err != nil {
		return c.interrupted(c.to.wrong(err))
	}
	bar.end(true)
	same := wrote.Same(read)
	if same {
		if err := store.EndCopy(ctx, to, mark); err != nil {
			return c.interrupted(c.to.wrong(err))
		}
	}
	if err := c.tell(apps, at, wrote, read, same); err != nil {
		return err
	}
	if !same {
		return c.interrupted(errors.New("the two stores are not the same"))
	}
	return nil
}

// interrupted says what is left of a copy that did not come to its end.
func (c *storeCopy) interrupted(err error) error {
	return fmt.Errorf("%w\nTO is marked as an unfinished copy, which serve refuses: empty it and copy again. FROM is as it was", err)
}
