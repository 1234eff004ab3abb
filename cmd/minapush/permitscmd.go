package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
	"github.com/spf13/cobra"
)

func permitsCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{Use: "permits", Short: "Permits of all users: import, export, statistics"}
	r := remoteFlags(e, cmd, true)
	cmd.AddCommand(r.permitsImport(), r.permitsExport(), r.permitsStats())
	return cmd
}

// importedPermits is the answer of --json.
type importedPermits struct {
	ImportID string `json:"import_id"`
	api.ImportAnswer
}

func (r *remote) permitsImport() *cobra.Command {
	i := &importing{remote: r}
	var id string
	var recipe recipeFlags
	cmd := &cobra.Command{
		Use: "import FILE | --from-recipe redis://HOST:PORT", Short: "Deposit permits of many users from a table, or from the original recipe's lists",
		Long: `Deposit permits of many users. FILE is CSV with a first line of names, or NDJSON; - is stdin. Columns: openid, kind (form, pay,
subscribe, standing), code (of form and pay) or template (of the others), and if wanted id, uses, taken_at, source.

Rows without a code and an id of their own are told apart by the import's id and their line: the same file with the same --import-id
counts once, however often it is sent. If it ends on the way, it says which command goes on.

With --from-recipe the codes come from the lists that the original recipe keeps on Redis, one of each user, whose elements are JSON:
a record {"formId", "expire"}, or an array of such, as plain JSON or as Jackson writes it. It only reads them; stop what sends from
them first. A code is good for 7 days from its tap; the recipe sets expire 16.8 hours after the tap by mistake, others set it right:
--expire-after says which it is, else it goes by how most codes look. The same lists again add nothing. --dry-run only counts.

The exit status is 2 if a row was refused or left out, or if no list was found; 1 if the import did not come to its end.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := recipe.check(cmd, args); err != nil {
				return err
			}
			if recipe.from != "" {
				i.goOn = commandLine(cmd, []string{"permits", "import"}, append(remoteFlagNames, "from-recipe", "pattern", "expire-after", "errors")...)
				return (&recipeImport{importing: i, recipeFlags: recipe}).run(cmd)
			}
			i.path = args[0]
			if id == "" {
				id = newID()
			}
			c, app, err := r.openLong(cmd)
			if err != nil {
				return err
			}
			if _, err := c.App(cmd.Context(), app); err != nil { // else its parts would be sent for a while to nobody
				return err
			}
			if !r.asJSON { // at once, for whoever has to go on after this process was killed
				fmt.Fprintf(r.e.stderr, r.e.lang().say("import.id")+"\n", id)
			}
			i.goOn = commandLine(cmd, []string{"permits", "import", i.path, "--import-id", id}, append(remoteFlagNames, "format", "charset", "errors")...)
			var got client.Imported
			err = i.send(cmd.Context(), func(ctx context.Context, rows *rowSource) (err error) {
				got, err = c.ImportPermits(ctx, app, id, rows, rows.rows)
				return err
			})
			if err != nil {
				return err
			}
			return i.showRows(importedPermits{got.ID, got.ImportAnswer}, got.ImportAnswer, "accepted", "duplicate", "evicted", "refused")
		},
	}
	i.rowFlags.add(cmd.Flags())
	recipe.add(cmd)
	cmd.Flags().StringVar(&id, "import-id", "", "names the import, 1 to 64 characters (default: a new one)")
	return cmd
}

func (r *remote) permitsExport() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use: "export", Short: "Write all permits, with their codes, as they can be imported elsewhere",
		Long: `Write all permits, with their codes, as permits import takes them. The file can be used to send: keep it safe.

Imported into the store that it came from every row is a duplicate. What a delivery holds is left out, and what has expired.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, app, err := r.openLong(cmd)
			if err != nil {
				return err
			}
			return r.exportPermits(cmd.Context(), c, app, f)
		},
	}
	f.add(cmd.Flags(), formatNDJSON)
	return cmd
}

var permitColumns = []string{"openid", "kind", "code", "template", "id", "uses", "taken_at", "expires_at", "source"}

func (r *remote) exportPermits(ctx context.Context, c *client.Client, app string, f exportFlags) error {
	bar, n := newMeter(r.e.stderr, r.asJSON), int64(0)
	defer func() { bar.end(false) }()
	err := f.export(r.e, formatNDJSON, permitColumns, func(put func(any, func() []string) error) error {
		for cursor := ""; ; {
			page, err := c.PermitPage(ctx, app, cursor, api.MaxExport)
			if err != nil {
				return err
			}
			for _, p := range page.Permits {
				if err := put(p, func() []string { return permitCells(p) }); err != nil {
					return err
				}
			}
			n += int64(len(page.Permits))
			bar.at(int64(page.ShardsDone), int64(page.Shards), fmt.Sprintf(r.e.lang().say("import.rows"), thousands(n)))
			if cursor = page.Next; cursor == "" {
				return nil
			}
		}
	})
	bar.end(err == nil)
	return err
}

// permitCells are a permit's cells, in the order of permitColumns. The source is the one that phones may choose; the rest must stay as
// it is, to be imported.
func permitCells(p api.PermitRow) []string {
	uses := ""
	if p.Uses > 0 {
		uses = strconv.Itoa(p.Uses)
	}
	return []string{p.OpenID, p.Kind, p.Code, p.Template, p.ID, uses, cellTime(p.TakenAt), cellTime(p.ExpiresAt), plainText(p.Source)}
}

// permitStats is the answer of --json. Stock and Reach are absent before the first survey.
type permitStats struct {
	Stock *api.Stock `json:"stock,omitempty"`
	Reach *api.Reach `json:"reach,omitempty"`
	Flow  api.Flow   `json:"flow"`
}

func (r *remote) permitsStats() *cobra.Command {
	var fresh bool
	cmd := &cobra.Command{
		Use: "stats", Short: "Show what users have, whom it reaches, and what became of the rest", Args: cobra.NoArgs,
		Long: `Show what users have (stock), how many it reaches now and later (reach), and what became of every use that was ever deposited (flow).
Stock and reach come from the last survey, one slow pass over all users; --fresh makes one. Flow is exact.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, app, err := r.open(cmd)
			if err != nil {
				return err
			}
			got, err := readStats(cmd.Context(), c, app, fresh)
			if err != nil {
				return err
			}
			if r.asJSON {
				return printJSON(r.e.stdout, got)
			}
			r.printStats(got)
			return nil
		},
	}
	cmd.Flags().BoolVar(&fresh, "fresh", false, "survey all users first; it takes as long as that takes")
	return cmd
}

func readStats(ctx context.Context, c *client.Client, app string, fresh bool) (s permitStats, err error) {
	if s.Flow, err = c.Flow(ctx, app); err != nil {
		return s, err
	}
	reach, err := c.Reach(ctx, app, fresh)
	if errors.Is(err, api.NotFound) { // no survey was made yet
		return s, nil
	}
	if err != nil {
		return s, err
	}
	stock, err := c.Stock(ctx, app)
	s.Reach, s.Stock = &reach, &stock
	return s, err
}

func (r *remote) printStats(s permitStats) {
	l, w := r.e.lang(), r.e.stdout
	if s.Stock == nil {
		fmt.Fprintln(w, l.say("survey.none"))
	} else {
		fmt.Fprintf(w, l.say("survey.of")+"\n", shortTime(s.Stock.At), l.age(time.Duration(s.Stock.AgeSeconds)*time.Second), thousands(s.Stock.Users))
		r.printStock(*s.Stock)
		r.printReach(*s.Reach)
		fmt.Fprintf(w, l.say("reach.ending")+"\n", thousands(s.Reach.EndingSoon.Uses), thousands(s.Reach.EndingSoon.Users))
	}
	r.printFlow(s.Flow)
}

func (r *remote) printStock(s api.Stock) {
	l := r.e.lang()
	t := newTable(r.e.stdout, table.Row{l.say("stock"), l.say("template"), l.say("stock.permits"), l.say("uses"), l.say("stock.age"), l.say("stock.source")}, 3, 4)
	for _, p := range s.Permits {
		var ages, sources []string
		for day, n := range p.ByAge {
			if n == 0 {
				continue
			}
			name := strconv.Itoa(day)
			if day == len(p.ByAge)-1 {
				name += "+"
			}
			ages = append(ages, name+": "+thousands(n))
		}
		for _, part := range p.BySource {
			name := part.Source
			if name == "" {
				name = l.say("stock.no_source")
			}
			sources = append(sources, name+": "+thousands(part.Uses))
		}
		t.AppendRow(table.Row{l.say("kind." + p.Kind), p.Template, thousands(p.Permits), thousands(p.Uses), strings.Join(ages, "\n"), strings.Join(sources, "\n")})
	}
	t.Render()
	if s.LeftOut > 0 {
		fmt.Fprintf(r.e.stdout, l.say("stock.left_out")+"\n", thousands(s.LeftOut))
	}
}

func (r *remote) printReach(s api.Reach) {
	l := r.e.lang()
	t := newTable(r.e.stdout, table.Row{
		l.say("reach"), l.say("template"), l.say("reach.now"), l.say("reach.1"), l.say("reach.3"), l.say("reach.7"), l.say("reach.remaining"),
	}, 3, 4, 5, 6)
	day := func(days []int64, n int) string {
		if n >= len(days) {
			return ""
		}
		return thousands(days[n])
	}
	for _, one := range s.Templates {
		var remaining []string
		for n, users := range one.ByRemaining {
			name := strconv.Itoa(n)
			if n == len(one.ByRemaining)-1 {
				name += "+"
			}
			remaining = append(remaining, name+": "+thousands(users))
		}
		t.AppendRow(table.Row{
			l.say("kind." + one.Kind), one.Template, day(one.Days, 0), day(one.Days, 1), day(one.Days, 3), day(one.Days, 7), strings.Join(remaining, "\n"),
		})
	}
	t.Render()
}

func (r *remote) printFlow(f api.Flow) {
	l := r.e.lang()
	t := newTable(r.e.stdout, table.Row{
		l.say("flow"), l.say("deposited"), l.say("spent"), l.say("dead"), l.say("expired"), l.say("evicted"), l.say("erased"), l.say("flow.left"),
	}, 2, 3, 4, 5, 6, 7, 8)
	for _, k := range f.Kinds {
		left := k.Deposited - k.Spent - k.Dead - k.Expired - k.Evicted - k.Erased
		t.AppendRow(table.Row{
			l.say("kind." + k.Kind), thousands(k.Deposited), thousands(k.Spent), thousands(k.Dead), thousands(k.Expired), thousands(k.Evicted),
			thousands(k.Erased), thousands(left),
		})
	}
	t.Render()
}
