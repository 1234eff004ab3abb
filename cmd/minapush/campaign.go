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

func campaignCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{Use: "campaign", Short: "Broadcasts: one message to everybody who holds a permit"}
	r := remoteFlags(e, cmd, true)
	cmd.AddCommand(
		r.campaignCreate(), r.campaignList(), r.campaignShow(), r.campaignWatch(),
		r.campaignVerb("start", "Start a campaign now", (*client.Client).StartCampaign),
		r.campaignVerb("pause", "Pause a campaign; what is in flight is settled", (*client.Client).PauseCampaign),
		r.campaignVerb("resume", "Resume a campaign, or end its wait", (*client.Client).ResumeCampaign),
		r.campaignVerb("cancel", "Cancel a campaign for good", (*client.Client).CancelCampaign),
	)
	return cmd
}

func (r *remote) campaignCreate() *cobra.Command {
	var (
		m                  messageFlags
		n                  api.NewCampaign
		startAt, latest    string
		grace              time.Duration
		idem               string
		watch, startAtOnce bool
	)
	cmd := &cobra.Command{
		Use: "create --template T", Short: "Make a campaign", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if n.Message, err = m.message(); err != nil {
				return err
			}
			if n.StartAt, err = parseTime("--start-at", startAt); err != nil {
				return err
			}
			if n.LatestSend, err = parseTime("--latest-send", latest); err != nil {
				return err
			}
			n.GraceSeconds, n.Start = int(grace.Seconds()), startAtOnce
			c, app, err := r.open(cmd)
			if err != nil {
				return err
			}
			got, err := c.CreateCampaign(cmd.Context(), app, n, idem)
			if err != nil {
				return err
			}
			if watch {
				return r.watch(cmd.Context(), c, app, got.ID)
			}
			return r.showCampaign(got)
		},
	}
	m.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&n.Name, "name", "", "what people call it")
	flags.BoolVar(&startAtOnce, "start", false, "start at once")
	flags.StringVar(&startAt, "start-at", "", "when it starts by itself, as 2026-11-30T20:00:00+08:00")
	flags.DurationVar(&grace, "grace", 0, "how late it may start (default 1h)")
	flags.StringVar(&latest, "latest-send", "", "after this moment nothing is sent")
	flags.BoolVar(&n.AtLeastOnce, "at-least-once", false, "send again what may have arrived, with another permit")
	flags.StringVar(&idem, "idempotency-key", "", "the same key never makes a second campaign (default: a new one)")
	flags.BoolVar(&watch, "watch", false, "stay and show its progress")
	return cmd
}

func parseTime(flag, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, fmt.Errorf("%s: must be a time such as 2026-11-30T20:00:00+08:00, not %q", flag, s)
	}
	return t, nil
}

func (r *remote) campaignList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the campaigns, oldest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, app, err := r.open(cmd)
			if err != nil {
				return err
			}
			l := r.e.lang()
			t := newTable(r.e.stdout, table.Row{l.say("campaign"), l.say("name"), l.say("template"), l.say("state"), l.say("started"), l.say("why")})
			list := []api.Campaign{}
			for m, err := range c.Campaigns(cmd.Context(), app) {
				if err != nil {
					return err
				}
				list = append(list, m)
				t.AppendRow(table.Row{m.ID, m.Name, m.Message.Template, l.say("state." + m.State), shortTime(m.StartedAt), l.why(m.Why)})
			}
			if r.asJSON {
				return printJSON(r.e.stdout, api.Campaigns{Campaigns: list})
			}
			t.Render()
			return nil
		},
	}
}

func shortTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

func (r *remote) campaignShow() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show a campaign and how it adds up", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, app, err := r.open(cmd)
			if err != nil {
				return err
			}
			got, err := c.Campaign(cmd.Context(), app, args[0])
			if err != nil {
				return err
			}
			return r.showCampaign(got)
		},
	}
}

func (r *remote) showCampaign(m api.Campaign) error {
	if r.asJSON {
		return printJSON(r.e.stdout, m)
	}
	l := r.e.lang()
	fmt.Fprintf(r.e.stdout, "%s %s  %s  %s\n", l.say("campaign"), m.ID, m.Name, l.stateOf(m))
	if m.Progress != nil {
		printProgress(r.e.stdout, l, *m.Progress)
	}
	return nil
}

// stateOf is the state of a campaign, with the reason why it does not move.
func (l language) stateOf(m api.Campaign) string {
	switch {
	case m.State == "running" && m.Hold != nil:
		return fmt.Sprintf("%s: %s → %s", l.say("state.waiting"), l.why(&m.Hold.Why), shortTime(m.Hold.Until))
	case m.Why != nil:
		return l.say("state."+m.State) + ": " + l.why(m.Why)
	}
	return l.say("state." + m.State)
}

func (r *remote) campaignVerb(verb, short string, call func(*client.Client, context.Context, string, string) (api.Campaign, error)) *cobra.Command {
	return &cobra.Command{
		Use: verb + " ID", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, app, err := r.open(cmd)
			if err != nil {
				return err
			}
			got, err := call(c, cmd.Context(), app, args[0])
			if err != nil {
				return err
			}
			return r.showCampaign(got)
		},
	}
}
