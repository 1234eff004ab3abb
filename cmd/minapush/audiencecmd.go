package main

import (
	"context"
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func audienceCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "audience", Short: "For whom an audience expression holds: how many, and who",
		Long: `Ask for whom an audience expression holds. Every user is looked at once; the expression has the same meaning in campaigns and schedules.
Days of an event are those of "time_zone", or of Asia/Shanghai without it.

  minapush audience count --where '{"not": {"event": {"name": "checkin", "days": 1}}}' --template T
  minapush audience sample --where @audience.json --n 20`,
	}
	r := remoteFlags(e, cmd, true)
	cmd.AddCommand(r.audienceCount(), r.audienceSample())
	return cmd
}

// asking is one run of audience count or sample.
type asking struct {
	*remote
	where, template string
	sample          int
}

func (a *asking) add(flags *pflag.FlagSet) {
	flags.StringVar(&a.where, "where", "", whereUsage)
	flags.StringVar(&a.template, "template", "", "template of the message that is meant: then it tells how many can be reached now")
}

func (r *remote) audienceCount() *cobra.Command {
	a := &asking{remote: r}
	cmd := &cobra.Command{
		Use: "count", Short: "Count the users for whom an expression holds", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.run(cmd, (*client.Client).CountAudience) },
	}
	a.add(cmd.Flags())
	return cmd
}

func (r *remote) audienceSample() *cobra.Command {
	a := &asking{remote: r}
	cmd := &cobra.Command{
		Use: "sample", Short: "Draw some of the users for whom an expression holds, by chance, and count them all", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.run(cmd, (*client.Client).SampleAudience) },
	}
	a.add(cmd.Flags())
	cmd.Flags().IntVar(&a.sample, "n", api.DefaultSample, fmt.Sprintf("how many users, at most %d", api.MaxSample))
	return cmd
}

// question asks for whom an expression holds, and tells how far it is.
type question func(
	c *client.Client, ctx context.Context, app string, q api.AudienceQuestion, progress func(api.AudienceLine),
) (api.AudienceLine, error)

func (a *asking) run(cmd *cobra.Command, ask question) error {
	where, err := a.e.readWhere(a.where)
	if err != nil {
		return err
	}
	c, app, err := a.open(cmd)
	if err != nil {
		return err
	}
	q := api.AudienceQuestion{Where: where, Template: a.template, Sample: a.sample}
	got, err := a.ask(func(progress func(api.AudienceLine)) (api.AudienceLine, error) {
		return ask(c, cmd.Context(), app, q, progress)
	})
	if err != nil {
		return err
	}
	if a.asJSON {
		return printJSON(a.e.stdout, got)
	}
	printAudience(a.e.stdout, a.e.lang(), got)
	for _, openid := range got.Sample {
		fmt.Fprintln(a.e.stdout, openid)
	}
	return nil
}

// ask shows how far a pass over the users is.
func (r *remote) ask(pass func(progress func(api.AudienceLine)) (api.AudienceLine, error)) (api.AudienceLine, error) {
	l, bar := r.e.lang(), newMeter(r.e.stderr, r.asJSON)
	defer bar.end(false)
	got, err := pass(func(at api.AudienceLine) {
		bar.at(int64(at.ShardsDone), int64(at.Shards), fmt.Sprintf(l.say("audience.progress"), thousands(at.Matched), thousands(at.Walked)))
	})
	bar.end(err == nil)
	return got, err
}

// printAudience writes what a pass over the users found.
func printAudience(w io.Writer, l language, got api.AudienceLine) {
	t := newTable(w, table.Row{l.say("audience"), l.say("users"), ""}, 2, 3)
	t.AppendRow(table.Row{l.say("audience.walked"), thousands(got.Walked), ""})
	t.AppendRow(table.Row{l.say("audience.matched"), thousands(got.Matched), shareOf(got.Matched, got.Walked)})
	t.AppendRow(table.Row{l.say("audience.opted_out"), thousands(got.OptedOut), shareOf(got.OptedOut, got.Matched)})
	if got.Reachable != nil {
		t.AppendRow(table.Row{l.say("audience.reachable"), thousands(*got.Reachable), shareOf(*got.Reachable, got.Matched)})
	}
	t.Render()
}

// shareOf is a part in percent; "" of nothing.
func shareOf(part, whole int64) string {
	if whole == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(whole))
}

// usersEvent tells of one thing that a user did.
func (r *remote) usersEvent() *cobra.Command {
	var at string
	cmd := &cobra.Command{
		Use: "event OPENID NAME", Short: "Tell that a user did something, such as checkin", Args: cobra.ExactArgs(2),
		Long: `Tell that a user did something: NAME such as checkin, for audiences that ask of it ({"event": …}). Backends tell by POST events. An event
that is not later than the last one of its name changes nothing.`,
		Example: `  minapush users event uid:1001 checkin --at 2026-11-30T20:00:00+08:00`,
		RunE: func(cmd *cobra.Command, args []string) error {
			one := api.UserEvent{OpenID: args[0], Name: args[1]}
			var err error
			if one.At, err = parseTime("--at", at); err != nil {
				return err
			}
			c, app, err := r.open(cmd)
			if err != nil {
				return err
			}
			got, err := c.NoteEvents(cmd.Context(), app, []api.UserEvent{one})
			if err != nil {
				return err
			}
			if r.asJSON {
				err = printJSON(r.e.stdout, got)
			} else {
				r.showEvent(one, got.Events[0])
			}
			if err == nil && got.Refused > 0 {
				err = exitError{2, fmt.Errorf("the event was refused: %s", got.Events[0].Reason)}
			}
			return err
		},
	}
	cmd.Flags().StringVar(&at, "at", "", "when it happened, as 2026-11-30T20:00:00+08:00 (default: now)")
	return cmd
}

func (r *remote) showEvent(one api.UserEvent, got api.UserEventAnswer) {
	l := r.e.lang()
	result := l.say("noted." + got.Result)
	if got.Reason != "" {
		result += ": " + l.say("noted."+got.Reason)
	}
	fmt.Fprintf(r.e.stdout, "%s  %s  %s\n", one.OpenID, one.Name, result)
}
