package console

import (
	"context"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
)

// planned is what a campaign that was not started yet will take off the reach of its template: at most N people, from a day on.
type planned struct {
	Day int
	N   int64
}

// forecast draws the reach of the next days, of the templates that reach most, less what is planned.
func (c *Console) forecast(ctx context.Context, app minapush.App, s bank.Survey, open []minapush.Campaign, p *overviewPage) error {
	if s.At.IsZero() || len(p.Reach) == 0 {
		return nil
	}
	plans := map[string][]planned{}
	for _, m := range open {
		day := daysBetween(s.At, m.StartAt)
		if m.State != minapush.Scheduled || m.StartAt.IsZero() || day >= bank.ReachDays || m.Kind == minapush.LongTermTemplate {
			continue
		}
		if m.Audience.List {
			p.Uncounted++ // to count a list is a walk over shards
			continue
		}
		e, err := c.estimateBy(ctx, app, m, m.Rules(), s)
		if err != nil {
			return err
		}
		p.Planned++
		id := m.Message.Template
		if m.Kind == minapush.LegacyTemplate {
			id = ""
		}
		plans[id] = append(plans[id], planned{max(0, day), e.Number()})
	}
	p.Forecast = chart{Kind: "line"}
	for d := range bank.ReachDays {
		p.Forecast.X = append(p.Forecast.X, s.At.In(beijingZone()).AddDate(0, 0, d).Format("01-02"))
	}
	for _, row := range p.Reach[:min(len(p.Reach), linesShown)] {
		for _, r := range s.Reach {
			if r.Kind == row.Kind && r.Template == row.Template {
				p.Forecast.Series = append(p.Forecast.Series, reachLine(row, lessPlanned(r.Days, plans[r.Template])))
			}
		}
	}
	return nil
}

func reachLine(r reachRow, days []int64) series {
	switch {
	case r.Kind == minapush.LegacyTemplate:
		return series{Text: "overview.legacy", Values: days}
	case r.Title == "":
		return series{Name: legend(r.Template), Values: days}
	}
	return series{Name: legend(r.Title), Values: days}
}

// lessPlanned takes campaigns off the reach from their day on: each at most the people that it is for. Who has more than one permit is
// still reached after it, so this is the least that is left.
func lessPlanned(days [bank.ReachDays]int64, plans []planned) []int64 {
	left := make([]int64, len(days))
	for d, n := range days {
		for _, p := range plans {
			if p.Day <= d {
				n -= p.N
			}
		}
		left[d] = max(0, n)
	}
	return left
}

// daysBetween counts the midnights in Beijing between two times.
func daysBetween(from, to time.Time) int {
	midnight := func(t time.Time) time.Time {
		y, m, d := t.In(beijingZone()).Date()
		return time.Date(y, m, d, 0, 0, 0, 0, beijingZone())
	}
	return int(midnight(to).Sub(midnight(from)) / (24 * time.Hour))
}
