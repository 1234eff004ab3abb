package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
)

// shownRuns is how many of its last runs are shown of a schedule.
const shownRuns = 10

func (r *remote) showSchedule(ctx context.Context, c *client.Client, app string, s api.Schedule) error {
	if r.asJSON {
		return printJSON(r.e.stdout, s)
	}
	l, w := r.e.lang(), r.e.stdout
	if s.ID == "" {
		fmt.Fprintln(w, l.say("schedule.dry"))
	} else {
		fmt.Fprintf(w, "%s %s  %s  %s\n", l.say("schedule"), s.ID, s.Name, l.scheduleState(s))
	}
	t := newTable(w, table.Row{l.say("setting"), l.say("value")})
	for _, row := range l.scheduleRows(s) {
		t.AppendRow(row)
	}
	t.Render()
	r.showNext(s)
	if len(s.Runs) > 0 {
		r.showRuns(ctx, c, app, s)
	}
	return nil
}

// scheduleRows are what a schedule was given, where it is not as usual.
func (l language) scheduleRows(s api.Schedule) (rows []table.Row) {
	row := func(name, value string) {
		if value != "" {
			rows = append(rows, table.Row{l.say(name), value})
		}
	}
	zone := zoneOf(s)
	row("schedule.when", l.whenOf(s))
	row("schedule.from", l.planned(s.From, zone))
	row("schedule.until", l.planned(s.Until, zone))
	row("template", s.Message.Template)
	audience := l.say("schedule.everybody")
	if len(s.Audience.Where) > 0 {
		audience = string(s.Audience.Where)
	}
	row("audience", audience)
	row("schedule.grace", l.span(s.GraceSeconds))
	row("schedule.send_for", l.span(s.SendForSeconds))
	if s.KeepBack > 0 {
		row("keep_back", fmt.Sprint(s.KeepBack))
	}
	if s.OnQuiet != "" {
		row("quiet", l.say("quiet."+s.OnQuiet))
	}
	row("rollout", l.rollout(s.Rollout))
	if s.Started+s.Missed > 0 {
		row("schedule.started", thousands(s.Started))
		row("state.missed", thousands(s.Missed))
	}
	return rows
}

// showNext lists when a schedule runs next, on the clock of its time zone.
func (r *remote) showNext(s api.Schedule) {
	l := r.e.lang()
	if len(s.Next) == 0 {
		fmt.Fprintln(r.e.stdout, l.say("schedule.none"))
		return
	}
	title := "schedule.next_runs"
	if s.State == "paused" {
		title = "schedule.next_paused"
	}
	fmt.Fprintf(r.e.stdout, l.say(title)+"\n", zoneOf(s))
	for _, at := range s.Next {
		fmt.Fprintln(r.e.stdout, "  "+l.planned(at, zoneOf(s)))
	}
}

// showRuns lists the last runs: the campaigns that were made, and those that were missed.
func (r *remote) showRuns(ctx context.Context, c *client.Client, app string, s api.Schedule) {
	l := r.e.lang()
	t := newTable(r.e.stdout, table.Row{l.say("schedule.planned"), l.say("campaign"), l.say("state"), l.say("accepted"), l.say("audience")}, 4, 5)
	for _, run := range s.Runs[:min(len(s.Runs), shownRuns)] {
		row := table.Row{l.planned(run.Planned, zoneOf(s)), run.Campaign, "", "", ""}
		if run.Campaign == "" {
			row[2] = l.say("schedule.was_missed")
		} else if m, err := c.Campaign(ctx, app, run.Campaign); err == nil { // else what is known of it has to do
			row[2] = l.stateOf(m)
			if m.Progress != nil {
				row[3], row[4] = thousands(m.Progress.Outcomes["accepted"]), thousands(m.Progress.Audience)
			}
		}
		t.AppendRow(row)
	}
	t.Render()
}

// zoneOf is the time zone of a schedule; UTC if this program does not know it.
func zoneOf(s api.Schedule) *time.Location {
	zone, err := minapush.Zone("time_zone", s.TimeZone)
	if err != nil {
		return time.UTC
	}
	return zone
}

// planned is a time on the clock of a time zone, with the day of the week; "" is none.
func (l language) planned(at time.Time, zone *time.Location) string {
	if at.IsZero() {
		return ""
	}
	local := at.In(zone)
	return local.Format("2006-01-02 15:04 ") + l.say("day."+local.Format("Mon"))
}

// whenOf is when a schedule runs.
func (l language) whenOf(s api.Schedule) string {
	if s.Cron == "" {
		return l.planned(s.At, zoneOf(s)) + " (" + zoneOf(s).String() + ")"
	}
	return s.Cron + " (" + s.TimeZone + ")"
}

// scheduleState is the state of a schedule, with its reason.
func (l language) scheduleState(s api.Schedule) string {
	text := l.say("schedule." + s.State)
	if s.Why != nil {
		text += ": " + l.why(s.Why)
	}
	return text
}

// span is so many seconds; "" for none.
func (l language) span(seconds int) string {
	if seconds == 0 {
		return ""
	}
	text := (time.Duration(seconds) * time.Second).String()
	if short, ok := strings.CutSuffix(text, "m0s"); ok {
		text = short + "m"
	}
	if short, ok := strings.CutSuffix(text, "h0m"); ok {
		text = short + "h"
	}
	return text
}

// rollout says in which stages something is sent; "" for all at once.
func (l language) rollout(r *api.Rollout) string {
	if r == nil {
		return ""
	}
	var parts []string
	for _, p := range r.Percents {
		parts = append(parts, fmt.Sprintf("%v %%", p))
	}
	text := strings.Join(append(parts, l.say("rollout.rest")), " → ")
	if r.PauseSeconds > 0 {
		text += fmt.Sprintf(l.say("rollout.between"), l.span(r.PauseSeconds))
	}
	return text
}

// stage says which stage of a campaign is being sent; "" if it has none, or is not being sent.
func (l language) stage(m api.Campaign) string {
	if m.Rollout == nil || m.Rollout.Stage == 0 || m.State != "running" && m.State != "paused" {
		return ""
	}
	return fmt.Sprintf(l.say("rollout.stage"), m.Rollout.Stage, m.Rollout.Stages)
}

// sentHow says how a campaign is sent, where that is not as usual: a line each.
func (l language) sentHow(m api.Campaign) (lines []string) {
	line := func(name, value string) {
		if value != "" {
			lines = append(lines, fmt.Sprintf("  %s: %s", l.say(name), value))
		}
	}
	line("schedule", m.Schedule)
	line("rollout", l.rollout(m.Rollout))
	if m.KeepBack > 0 {
		line("keep_back", fmt.Sprint(m.KeepBack))
	}
	if m.OnQuiet != "" {
		line("quiet", l.say("quiet."+m.OnQuiet))
	}
	return lines
}
