package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// reminding is one run of remind.
type reminding struct {
	*remote
	message               messageFlags
	name, event, at, days string
	zone, idem            string
	sendFor               time.Duration
	dry                   bool
}

// reminded is the answer of --json.
type reminded struct {
	Schedule api.Schedule     `json:"schedule"`
	Now      api.AudienceLine `json:"now"`
}

func remindCommand(e *env) *cobra.Command {
	m := &reminding{}
	cmd := &cobra.Command{
		Use: "remind --template T --event NAME --at 20:00", Short: "A daily reminder for those who did not do something that day",
		Long: `Make a schedule that reminds, each day at a time, those who did not do something that day, such as sign in. What users do is told by
POST events (or minapush users event); a day begins at midnight of the time zone. It shows what was made, when it runs next, and how
many it would reach if it ran now. {{run_date}} and {{run_time}} in a value become the day and the time of each run. End it by minapush schedule end.`,
		Example: `  minapush remind --template T --value thing1=今天还没有签到 --page pages/sign/sign --event checkin --at 20:00`,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return m.run(cmd) },
	}
	m.remote = remoteFlags(e, cmd, true)
	m.message.add(cmd)
	m.add(cmd.Flags())
	_ = cmd.MarkFlagRequired("event") // fails only for a flag that does not exist
	return cmd
}

func (m *reminding) add(flags *pflag.FlagSet) {
	flags.StringVar(&m.name, "name", "", "what people call it (default: by the event)")
	flags.StringVar(&m.event, "event", "", "what they did not do that day, such as checkin")
	flags.StringVar(&m.at, "at", "20:00", "at which time of the day")
	flags.StringVar(&m.days, "days", "daily", "on which days: daily or weekdays (Monday to Friday)")
	flags.StringVar(&m.zone, "time-zone", "", "time zone of the day and the time, such as Asia/Shanghai (default: that of the app)")
	flags.DurationVar(&m.sendFor, "send-for", 2*time.Hour, "how long after its time it may still send; 0: as long as it takes")
	flags.StringVar(&m.idem, "idempotency-key", "", "the same key never makes a second schedule (default: a new one)")
	flags.BoolVar(&m.dry, "dry-run", false, "make nothing; show when it would run, and whom it would reach")
}

func (m *reminding) run(cmd *cobra.Command) error {
	message, err := m.message.message()
	if err != nil {
		return err
	}
	cron, err := dailyCron(m.at, m.days)
	if err != nil {
		return err
	}
	sendFor, err := wholeSeconds("--send-for", m.sendFor)
	if err != nil {
		return err
	}
	c, app, err := m.open(cmd)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	zone, err := m.timeZone(ctx, c, app)
	if err != nil {
		return err
	}
	where, err := notToday(m.event, zone)
	if err != nil {
		return err
	}
	made, err := m.make(ctx, c, app, api.NewSchedule{
		Name: cmp.Or(m.name, m.event), Message: message, Audience: &api.Audience{Where: where}, Cron: cron, TimeZone: zone,
		SendForSeconds: sendFor,
	}, m.idem, m.dry)
	if err != nil {
		return err
	}
	if !m.asJSON {
		if err := m.showSchedule(ctx, c, app, made); err != nil {
			return err
		}
	}
	q := api.AudienceQuestion{Where: where, Template: message.Template}
	now, err := m.ask(func(progress func(api.AudienceLine)) (api.AudienceLine, error) {
		return c.CountAudience(ctx, app, q, progress)
	})
	if err != nil {
		return err
	}
	if m.asJSON {
		return printJSON(m.e.stdout, reminded{made, now})
	}
	fmt.Fprintln(m.e.stdout, m.e.lang().say("remind.now"))
	printAudience(m.e.stdout, m.e.lang(), now)
	return nil
}

// timeZone is that of the reminder: the app's unless told otherwise. It warns of a time in the app's quiet hours.
func (m *reminding) timeZone(ctx context.Context, c *client.Client, app string) (string, error) {
	a, err := c.App(ctx, app)
	if err != nil {
		return "", err
	}
	zone := cmp.Or(m.zone, a.TimeZone)
	if q := a.Guards.Quiet; q != nil {
		if wait := quietWait(*q, a.TimeZone, m.at, zone); wait > 0 {
			l := m.e.lang()
			fmt.Fprintf(m.e.stderr, l.say("remind.quiet")+" "+l.say(quietEnd(*q, wait, m.sendFor))+"\n", m.at, q.From, q.Until)
		}
	}
	return zone, nil
}

// quietWait is how long quiet hours last from a time of the day in a zone, as it is today; 0: it does not lie in them. Zones that are not
// known here are the server's to refuse.
func quietWait(q api.QuietHours, quietZone, at, zone string) time.Duration {
	theirs, err := minapush.Zone("time_zone", quietZone)
	if err != nil {
		return 0
	}
	ours, err := minapush.Zone("time_zone", zone)
	if err != nil {
		return 0
	}
	t, _ := time.Parse("15:04", at) // dailyCron read it
	y, month, d := time.Now().In(ours).Date()
	now := time.Date(y, month, d, t.Hour(), t.Minute(), 0, 0, ours)
	until, quiet := minapush.QuietHours{From: q.From, Until: q.Until}.At(now, theirs)
	if !quiet {
		return 0
	}
	return until.Sub(now)
}

// quietEnd says what becomes of a run that meets quiet hours.
func quietEnd(q api.QuietHours, wait, sendFor time.Duration) (words string) {
	switch {
	case q.Skip:
		return "remind.quiet_skip"
	case sendFor > 0 && sendFor <= wait:
		return "remind.quiet_late"
	}
	return "remind.quiet_wait"
}

// dailyCron is a time of the day as a cron expression.
func dailyCron(at, days string) (string, error) {
	t, err := time.Parse("15:04", at)
	if err != nil {
		return "", fmt.Errorf("--at: must be a time of the day such as 20:00, not %q", at)
	}
	week, ok := map[string]string{"daily": "*", "weekdays": "1-5"}[days]
	if !ok {
		return "", fmt.Errorf("--days: must be daily or weekdays, not %q", days)
	}
	return fmt.Sprintf("%d %d * * %s", t.Minute(), t.Hour(), week), nil
}

// notToday is the audience of those who did not do something since their day began.
func notToday(event, zone string) (json.RawMessage, error) {
	did := map[string]any{"name": event, "days": 1}
	if zone != "" {
		did["time_zone"] = zone
	}
	return json.Marshal(map[string]any{"not": map[string]any{"event": did}})
}
