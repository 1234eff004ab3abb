package main

import (
	"context"
	"errors"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func scheduleCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "schedule", Short: "Campaigns at planned times: once, or again and again",
		Long: `Campaigns at planned times: once, or again and again. Each run is a campaign of its own, and finds its audience at its own time.

A run that nobody could start until its grace was over is missed: it is not made up for, and shown as such.`,
	}
	r := remoteFlags(e, cmd, true)
	cmd.AddCommand(
		r.scheduleCreate(), r.scheduleList(), r.scheduleShow(),
		r.scheduleVerb("pause", "Pause a schedule: nothing runs until it is resumed", (*client.Client).PauseSchedule),
		r.scheduleVerb("resume", "Resume a schedule; what was planned meanwhile is passed over", (*client.Client).ResumeSchedule),
		r.scheduleVerb("end", "End a schedule for good; campaigns that it made go on", (*client.Client).EndSchedule),
	)
	return cmd
}

// newSchedule is one run of schedule create.
type newSchedule struct {
	*remote
	n               api.NewSchedule
	message         messageFlags
	sending         sendFlags
	at, from, until string
	grace, sendFor  time.Duration
	where, idem     string
	dry             bool
}

func (r *remote) scheduleCreate() *cobra.Command {
	n := &newSchedule{remote: r}
	cmd := &cobra.Command{
		Use: "create --template T (--at TIME | --cron WHEN)", Short: "Make a schedule",
		Long: `Make a schedule that runs once (--at), or again and again (--cron), on the clock of its time zone. --cron has five fields: minute, hour,
day of month, month, day of week. With --dry-run nothing is made: it shows when it would run.`,
		Example: `  minapush schedule create --template T --value thing1=新品上架 --at 2026-11-30T10:00:00+08:00 --rollout 1,10
  minapush schedule create --template T --value thing1=周报 --cron '0 9 * * 1' --send-for 3h --where '{"seen_within": "30d"}'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return n.run(cmd) },
	}
	n.message.add(cmd)
	n.add(cmd.Flags())
	return cmd
}

func (n *newSchedule) add(flags *pflag.FlagSet) {
	flags.StringVar(&n.n.Name, "name", "", "what people call it")
	flags.StringVar(&n.at, "at", "", "when it runs once, as 2026-11-30T20:00:00+08:00")
	flags.StringVar(&n.n.Cron, "cron", "", `when it runs again and again, as "0 20 * * *" for every day at 20:00`)
	flags.StringVar(&n.n.TimeZone, "time-zone", "", "time zone of --cron, such as Asia/Shanghai (default: that of the app)")
	flags.StringVar(&n.from, "from", "", "it does not run before this moment")
	flags.StringVar(&n.until, "until", "", "it does not run after this moment")
	flags.DurationVar(&n.grace, "grace", 0, "how late a run may start (default 1h)")
	flags.DurationVar(&n.sendFor, "send-for", 0, "how long after its planned time a run may send; 0: as long as it takes")
	flags.StringVar(&n.where, "where", "", whereUsage)
	flags.BoolVar(&n.n.AtLeastOnce, "at-least-once", false, "send again what may have arrived, with another permit")
	n.sending.add(flags)
	flags.StringVar(&n.idem, "idempotency-key", "", "the same key never makes a second schedule (default: a new one)")
	flags.BoolVar(&n.dry, "dry-run", false, "make nothing; show when it would run")
}

func (n *newSchedule) run(cmd *cobra.Command) error {
	if err := n.read(cmd.Flags().Changed); err != nil {
		return err
	}
	c, app, err := n.open(cmd)
	if err != nil {
		return err
	}
	got, err := n.make(cmd.Context(), c, app, n.n, n.idem, n.dry)
	if err != nil {
		return err
	}
	return n.showSchedule(cmd.Context(), c, app, got)
}

// make makes a schedule, or only checks it.
func (r *remote) make(ctx context.Context, c *client.Client, app string, n api.NewSchedule, idem string, dry bool) (api.Schedule, error) {
	if dry {
		return c.CheckSchedule(ctx, app, n)
	}
	return c.CreateSchedule(ctx, app, n, idem)
}

// read makes the request of the flags.
func (n *newSchedule) read(given func(string) bool) (err error) {
	if n.n.Message, err = n.message.message(); err != nil {
		return err
	}
	if (n.at == "") == (n.n.Cron == "") {
		return errors.New("--at, --cron: exactly one of them must be given")
	}
	for _, moment := range []struct {
		flag, text string
		into       *time.Time
	}{{"--at", n.at, &n.n.At}, {"--from", n.from, &n.n.From}, {"--until", n.until, &n.n.Until}} {
		if *moment.into, err = parseTime(moment.flag, moment.text); err != nil {
			return err
		}
	}
	where, err := n.e.readWhere(n.where)
	if err != nil {
		return err
	}
	if where != nil {
		n.n.Audience = &api.Audience{Where: where}
	}
	if n.n.GraceSeconds, err = wholeSeconds("--grace", n.grace); err != nil {
		return err
	}
	if n.n.SendForSeconds, err = wholeSeconds("--send-for", n.sendFor); err != nil {
		return err
	}
	n.n.KeepBack, n.n.OnQuiet = n.sending.keepBack, n.sending.onQuiet
	n.n.Rollout, err = n.sending.stages(given)
	return err
}

func (r *remote) scheduleList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the schedules, newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, app, err := r.open(cmd)
			if err != nil {
				return err
			}
			l := r.e.lang()
			t := newTable(r.e.stdout, table.Row{
				l.say("schedule"), l.say("name"), l.say("template"), l.say("schedule.when"), l.say("state"), l.say("schedule.next"),
				l.say("schedule.started"), l.say("state.missed"),
			}, 7, 8)
			list := []api.Schedule{}
			for s, err := range c.Schedules(cmd.Context(), app) {
				if err != nil {
					return err
				}
				list = append(list, s)
				next := ""
				if len(s.Next) > 0 && s.State == "active" {
					next = l.planned(s.Next[0], zoneOf(s))
				}
				t.AppendRow(table.Row{
					s.ID, s.Name, s.Message.Template, l.whenOf(s), l.scheduleState(s), next, thousands(s.Started), thousands(s.Missed),
				})
			}
			if r.asJSON {
				return printJSON(r.e.stdout, api.Schedules{Schedules: list})
			}
			t.Render()
			return nil
		},
	}
}

func (r *remote) scheduleShow() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show a schedule, when it runs next, and its last runs", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, app, err := r.open(cmd)
			if err != nil {
				return err
			}
			got, err := c.Schedule(cmd.Context(), app, args[0])
			if err != nil {
				return err
			}
			return r.showSchedule(cmd.Context(), c, app, got)
		},
	}
}

func (r *remote) scheduleVerb(verb, short string, call func(*client.Client, context.Context, string, string) (api.Schedule, error)) *cobra.Command {
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
			return r.showSchedule(cmd.Context(), c, app, got)
		},
	}
}
