package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func campaignCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{Use: "campaign", Short: "Broadcasts: one message to everybody who holds a permit"}
	r := remoteFlags(e, cmd, true)
	cmd.AddCommand(
		r.campaignCreate(), r.campaignFill(), r.campaignList(), r.campaignShow(), r.campaignWatch(), r.campaignExport(), r.campaignRetry(),
		r.campaignVerb("start", "Start a campaign now", (*client.Client).StartCampaign),
		r.campaignVerb("pause", "Pause a campaign; what is in flight is settled", (*client.Client).PauseCampaign),
		r.campaignVerb("resume", "Resume a campaign, or end its wait", (*client.Client).ResumeCampaign),
		r.campaignVerb("cancel", "Cancel a campaign for good", (*client.Client).CancelCampaign),
	)
	return cmd
}

// newCampaign is one run of campaign create.
type newCampaign struct {
	*remote
	n              api.NewCampaign
	message        messageFlags
	sending        sendFlags
	startAt        string
	latest         string
	grace          time.Duration
	where, list    string
	rows           rowFlags
	idem           string
	start          bool
	allowRefused   bool
	thenWatch, dry bool
}

func (r *remote) campaignCreate() *cobra.Command {
	n := &newCampaign{remote: r}
	cmd := &cobra.Command{
		Use: "create --template T", Short: "Make a campaign",
		Long: `Make a campaign for everybody who holds a permit, for those of --where, or for those of --list.

A list is a table of openids (or uid:...), as CSV with a first line of names or as NDJSON. If the message has {{placeholders}}, each
has a column, so that everybody gets a text of their own:

  minapush campaign create --template T --value 'thing1={{name}},你好' --list members.csv --charset gb18030 --start

Rows that are refused are shown, and the campaign is then not started unless --allow-refused is given. The exit status is 2 if a
row was refused. If it ends on the way, it says which command goes on.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return n.run(cmd) },
	}
	n.message.add(cmd)
	n.add(cmd.Flags())
	return cmd
}

func (n *newCampaign) add(flags *pflag.FlagSet) {
	flags.StringVar(&n.n.Name, "name", "", "what people call it")
	flags.BoolVar(&n.start, "start", false, "start at once")
	flags.StringVar(&n.startAt, "start-at", "", "when it starts by itself, as 2026-11-30T20:00:00+08:00")
	flags.DurationVar(&n.grace, "grace", 0, "how late it may start (default 1h)")
	flags.StringVar(&n.latest, "latest-send", "", "after this moment nothing is sent")
	flags.BoolVar(&n.n.AtLeastOnce, "at-least-once", false, "send again what may have arrived, with another permit")
	flags.StringVar(&n.idem, "idempotency-key", "", "the same key never makes a second campaign (default: a new one)")
	flags.StringVar(&n.where, "where", "", whereUsage)
	flags.StringVar(&n.list, "list", "", "file with the users that it is for; - is stdin")
	n.rows.add(flags)
	n.sending.add(flags)
	flags.BoolVar(&n.allowRefused, "allow-refused", false, "start it although rows of the list were refused")
	flags.BoolVar(&n.dry, "dry-run", false, "make nothing; tell whom it would reach, and how long it would take")
	flags.BoolVar(&n.thenWatch, "watch", false, "stay and show its progress")
}

func (n *newCampaign) run(cmd *cobra.Command) error {
	if err := n.read(cmd.Flags().Changed); err != nil {
		return err
	}
	ctx := cmd.Context()
	if n.list != "" && !n.dry {
		return n.listed(cmd)
	}
	c, app, err := n.open(cmd)
	if err != nil {
		return err
	}
	if n.dry {
		got, err := c.DryRun(ctx, app, n.n)
		if err != nil {
			return err
		}
		return n.showDryRun(got)
	}
	got, err := c.CreateCampaign(ctx, app, n.n, n.idem)
	if err != nil {
		return err
	}
	if n.thenWatch {
		return n.watch(ctx, c, app, got.ID)
	}
	return n.showCampaign(ctx, c, app, got)
}

// read makes the request of the flags.
func (n *newCampaign) read(given func(string) bool) (err error) {
	if n.n.Message, err = n.message.message(); err != nil {
		return err
	}
	if n.n.StartAt, err = parseTime("--start-at", n.startAt); err != nil {
		return err
	}
	if n.n.LatestSend, err = parseTime("--latest-send", n.latest); err != nil {
		return err
	}
	if n.n.GraceSeconds, err = wholeSeconds("--grace", n.grace); err != nil {
		return err
	}
	n.n.Start = n.start && n.list == ""
	n.n.KeepBack, n.n.OnQuiet = n.sending.keepBack, n.sending.onQuiet
	if n.n.Rollout, err = n.sending.stages(given); err != nil {
		return err
	}
	if n.where != "" && n.list != "" {
		return errors.New("--where: cannot stand beside --list")
	}
	where, err := n.e.readWhere(n.where)
	switch {
	case err != nil:
		return err
	case where != nil:
		n.n.Audience = &api.Audience{Where: where}
	case n.list != "":
		n.n.Audience = &api.Audience{List: true}
	}
	return nil
}

// listed makes a campaign with a list, fills it, and starts it if asked to.
func (n *newCampaign) listed(cmd *cobra.Command) error {
	if n.start && n.startAt != "" {
		return errors.New("--start: cannot stand beside --start-at")
	}
	rows, err := n.rows.openTable(n.e, n.list) // before anything is made
	if err != nil {
		return err
	}
	if err := rows.Close(); err != nil {
		return err
	}
	c, app, err := n.openLong(cmd)
	if err != nil {
		return err
	}
	made, err := c.CreateCampaign(cmd.Context(), app, n.n, n.idem)
	if err != nil {
		return err
	}
	// At once, for whoever has to go on after this process was killed.
	fmt.Fprintf(n.e.stderr, n.e.lang().say("campaign.made")+"\n", made.ID)
	f := &filling{
		importing: importing{remote: n.remote, rowFlags: n.rows, path: n.list, always: true}, campaign: made.ID,
		start: n.start, allowRefused: n.allowRefused, thenWatch: n.thenWatch,
	}
	return f.run(cmd, c, app)
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
		Use: "list", Short: "List the campaigns, newest first", Args: cobra.NoArgs,
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
			return r.showCampaign(cmd.Context(), c, app, got)
		},
	}
}

func (r *remote) showCampaign(ctx context.Context, c *client.Client, app string, m api.Campaign) error {
	if r.asJSON {
		return printJSON(r.e.stdout, m)
	}
	l := r.e.lang()
	fmt.Fprintf(r.e.stdout, "%s %s  %s  %s\n", l.say("campaign"), m.ID, m.Name, l.stateOf(m))
	for _, line := range l.sentHow(m) {
		fmt.Fprintln(r.e.stdout, line)
	}
	if m.Progress != nil {
		printProgress(r.e.stdout, l, *m.Progress)
	}
	if m.EndedAt.IsZero() {
		r.noteStopped(ctx, r.e.stdout, c, app)
	}
	return nil
}

// noteStopped says why nothing is sent, if that is the app's kill switch, or the store of this server. A key that may not know goes without.
func (r *remote) noteStopped(ctx context.Context, w io.Writer, c *client.Client, app string) {
	if r.asJSON {
		return
	}
	if a, err := c.App(ctx, app); err == nil && a.Stopped {
		fmt.Fprintf(w, r.e.lang().say("app.stopped")+"\n", app, r.e.lang().why(a.StoppedWhy))
	}
	if h, err := c.Ready(ctx); err == nil && h.Limited != "" {
		fmt.Fprintf(w, r.e.lang().say("server.limited")+"\n", h.Limited)
	}
}

// stateOf is the state of a campaign, with its stage, and the reason why it does not move.
func (l language) stateOf(m api.Campaign) string {
	text := l.stateWhy(m)
	if stage := l.stage(m); stage != "" {
		text += ", " + stage
	}
	return text
}

func (l language) stateWhy(m api.Campaign) string {
	switch {
	case m.State == "running" && m.Hold != nil:
		return fmt.Sprintf("%s: %s → %s", l.say("state.waiting"), l.why(&m.Hold.Why), shortTime(m.Hold.Until))
	case m.Why != nil:
		return l.say("state."+m.State) + ": " + l.why(m.Why)
	case m.State == "scheduled":
		return l.say("state.scheduled") + " → " + shortTime(m.StartAt)
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
			return r.showCampaign(cmd.Context(), c, app, got)
		},
	}
}
