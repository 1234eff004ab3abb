package main

import (
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
	"github.com/spf13/cobra"
)

func (r *remote) appsShow() *cobra.Command {
	return &cobra.Command{
		Use: "show APPID", Short: "Show an app with its guard rails", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			got, err := c.App(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if r.asJSON {
				return printJSON(r.e.stdout, got)
			}
			return r.printApp(got)
		},
	}
}

// printApp writes one app with all its settings.
func (r *remote) printApp(a api.App) error {
	if r.asJSON {
		return r.printApps(a)
	}
	l := r.e.lang()
	state := l.say("app.sending")
	if a.Stopped {
		state = l.say("app.is_stopped") + ": " + l.why(a.StoppedWhy)
	}
	t := newTable(r.e.stdout, table.Row{l.say("setting"), l.say("value")})
	t.AppendRows([]table.Row{
		{l.say("app"), a.AppID}, {l.say("name"), a.Name}, {l.say("state"), state}, {l.say("rate"), rateText(a.Rate)},
		{l.say("in_flight"), fmt.Sprint(a.InFlight)}, {"base url", a.BaseURL}, {l.say("time_zone"), a.TimeZone},
	})
	for _, row := range l.guardRows(a.Guards) {
		t.AppendRow(row)
	}
	t.Render()
	return nil
}

// guardRows say what keeps campaigns from wearing users out.
func (l language) guardRows(g api.Guards) []table.Row {
	perDay, same, quiet := l.say("per_day.any"), l.say("same_content_days.any"), l.say("quiet.none")
	switch {
	case g.PerDay > 0 && g.CountPushes:
		perDay = fmt.Sprintf(l.say("per_day.pushes"), g.PerDay)
	case g.PerDay > 0:
		perDay = fmt.Sprintf(l.say("per_day.campaigns"), g.PerDay)
	}
	if g.SameContentDays > 0 {
		same = fmt.Sprintf(l.say("same_content_days.days"), g.SameContentDays)
	}
	if q := g.Quiet; q != nil {
		how := "quiet.wait"
		if q.Skip {
			how = "quiet.skip"
		}
		quiet = fmt.Sprintf("%s-%s, %s", q.From, q.Until, l.say(how))
	}
	return []table.Row{{l.say("per_day"), perDay}, {l.say("same_content_days"), same}, {l.say("quiet"), quiet}}
}

// over is what the flags make of the guards that an app has; nil: they stay.
func (f *guardFlags) over(cmd *cobra.Command, c *client.Client, app string) (*api.Guards, error) {
	var was api.Guards
	if f.given(cmd.Flags().Changed) && !f.none {
		a, err := c.App(cmd.Context(), app)
		if err != nil {
			return nil, err
		}
		was = a.Guards
	}
	return f.guards(cmd.Flags().Changed, was)
}
