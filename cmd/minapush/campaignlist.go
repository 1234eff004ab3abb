package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
	"github.com/spf13/cobra"
)

// filling puts a table on the list of a campaign, and starts that if asked to.
type filling struct {
	importing
	campaign     string
	start        bool
	allowRefused bool
	thenWatch    bool
}

// filled is the answer of --json.
type filled struct {
	List     api.ListAnswer `json:"list"`
	Campaign api.Campaign   `json:"campaign"`
}

func (r *remote) campaignFill() *cobra.Command {
	f := &filling{importing: importing{remote: r}}
	cmd := &cobra.Command{
		Use: "fill ID FILE", Short: "Put users on the list of a campaign that was not started",
		Long: `Put users on the list of a campaign that was made with a list and not started. FILE may be -, for stdin. The same file may be sent
again: who is on the list already counts as there, and keeps the values that came first.

The exit status is 2 if a row was refused; the campaign is then not started unless --allow-refused is given.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.campaign, f.path = args[0], args[1]
			c, app, err := r.openLong(cmd)
			if err != nil {
				return err
			}
			if _, err := c.Campaign(cmd.Context(), app, f.campaign); err != nil { // else its parts would be sent for a while to nobody
				return err
			}
			return f.run(cmd, c, app)
		},
	}
	flags := cmd.Flags()
	f.rowFlags.add(flags)
	flags.BoolVar(&f.start, "start", false, "start it when the list is whole")
	flags.BoolVar(&f.allowRefused, "allow-refused", false, "start it although rows were refused")
	flags.BoolVar(&f.thenWatch, "watch", false, "stay and show its progress")
	return cmd
}

func (f *filling) run(cmd *cobra.Command, c *client.Client, app string) error {
	ctx := cmd.Context()
	f.goOn = commandLine(cmd, []string{"campaign", "fill", f.campaign, f.path},
		append(remoteFlagNames, "format", "charset", "errors", "start", "allow-refused", "watch")...)
	var done filled
	err := f.send(ctx, func(ctx context.Context, rows *rowSource) (err error) {
		done.List, err = c.FillAudience(ctx, app, f.campaign, rows, rows.rows)
		return err
	})
	if err != nil {
		return err
	}
	done.Campaign, err = f.startFilled(ctx, c, app, done.List)
	if err != nil {
		return err
	}
	return f.tell(ctx, c, app, done)
}

// startFilled starts the campaign if that was asked for and no row stands against it, and returns it as it is.
func (f *filling) startFilled(ctx context.Context, c *client.Client, app string, got api.ListAnswer) (api.Campaign, error) {
	if !f.start || (got.Refused > 0 && !f.allowRefused) {
		return c.Campaign(ctx, app, f.campaign)
	}
	return c.StartCampaign(ctx, app, f.campaign)
}

// tell says what became of the rows and of the campaign.
func (f *filling) tell(ctx context.Context, c *client.Client, app string, done filled) error {
	l := f.e.lang()
	sums := api.ImportAnswer{
		Rows: done.List.Rows, Accepted: done.List.Added, Duplicate: done.List.Duplicate, Refused: done.List.Refused, Problems: done.List.Problems,
	}
	ended := f.showRows(done, sums, "added", "duplicate", "refused")
	if !f.asJSON {
		fmt.Fprintf(f.e.stdout, l.say("campaign.listed")+"\n", thousands(done.List.Listed))
	}
	if f.start && done.Campaign.State == "scheduled" {
		fmt.Fprintf(f.e.stderr, l.say("campaign.not_started")+"\n  minapush campaign start %s\n", f.campaign)
		return ended
	}
	if f.thenWatch && done.Campaign.State != "scheduled" {
		if err := f.watch(ctx, c, app, f.campaign); err != nil {
			return err
		}
		return ended
	}
	if !f.asJSON {
		if err := f.showCampaign(ctx, c, app, done.Campaign); err != nil {
			return err
		}
	}
	return ended
}

// showDryRun tells whom a campaign would meet.
func (n *newCampaign) showDryRun(d api.DryRun) error {
	if n.asJSON {
		return printJSON(n.e.stdout, d)
	}
	l := n.e.lang()
	if d.Users == nil || d.Reachable == nil {
		fmt.Fprintln(n.e.stdout, l.say("survey.none"))
		return nil
	}
	most := ""
	if d.Narrowed {
		most = "≤ "
	}
	duration := l.say("dry.unlimited")
	if d.Seconds != nil {
		duration = most + (time.Duration(*d.Seconds) * time.Second).String()
	}
	t := newTable(n.e.stdout, table.Row{l.say("dry.run"), ""}, 2)
	t.AppendRows([]table.Row{
		{l.say("dry.users"), thousands(*d.Users)},
		{l.say("dry.reachable"), most + thousands(*d.Reachable)},
		{l.say("dry.duration"), duration},
		{l.say("dry.survey"), l.age(time.Since(d.SurveyedAt))},
	})
	t.Render()
	return nil
}

// age says how long ago something was, to the minute.
func (l language) age(d time.Duration) string {
	d = d.Round(time.Minute)
	switch {
	case d < time.Minute:
		return l.say("age.now")
	case d < time.Hour:
		return fmt.Sprintf(l.say("age.minutes"), int(d/time.Minute))
	case d < 48*time.Hour:
		return fmt.Sprintf(l.say("age.hours"), int(d/time.Hour), int(d%time.Hour/time.Minute))
	}
	return fmt.Sprintf(l.say("age.days"), int(d/(24*time.Hour)))
}

func (r *remote) campaignRetry() *cobra.Command {
	var (
		again     api.Retry
		idem      string
		thenWatch bool
	)
	cmd := &cobra.Command{
		Use: "retry ID", Short: "Make a campaign for those whom an ended one did not reach",
		Long: `Make a campaign with the same message for those whom an ended one did not reach: those of --outcomes, of the deliveries that are kept
(30 days, or what serve --keep-deliveries says). Users who were skipped have a delivery only in campaigns with a list of up to 100,000.

Messages with outcome unknown may have arrived: naming it may send a message twice.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, app, err := r.openLong(cmd)
			if err != nil {
				return err
			}
			for _, o := range again.Outcomes {
				if o == "unknown" {
					fmt.Fprintln(r.e.stderr, r.e.lang().say("retry.unknown"))
				}
			}
			got, err := c.RetryCampaign(cmd.Context(), app, args[0], again, idem)
			if err != nil {
				return err
			}
			if thenWatch {
				return r.watch(cmd.Context(), c, app, got.ID)
			}
			return r.showCampaign(cmd.Context(), c, app, got)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&again.Outcomes, "outcomes", []string{"failed"}, "whom to try again: failed, refused, skipped, unknown")
	flags.StringVar(&again.Name, "name", "", "what people call it (default: as the first one)")
	flags.BoolVar(&again.Start, "start", false, "start it at once")
	flags.StringVar(&idem, "idempotency-key", "", "the same key never makes a second campaign (default: a new one)")
	flags.BoolVar(&thenWatch, "watch", false, "stay and show its progress")
	return cmd
}
