package campaign

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/minapush/minapush"
)

// reasonScheduleOver is why a schedule ended by itself: it will not come to another planned time.
const reasonScheduleOver = "schedule_over"

// asleep are schedules that need not be read before a time, their next planned one: what others do meanwhile can only put it off, since
// planned times never change and Handled never goes back. Schedules are looked at each second, and there may be thousands.
type asleep map[string]time.Time

// lookSchedules makes the runs of one app that are due, and returns which schedules are asleep from then on.
func (c *Campaigns) lookSchedules(ctx context.Context, app minapush.App, was asleep) asleep {
	is := asleep{}
	sleeps := func(id string) bool {
		until, ok := was[id]
		if ok = ok && c.cfg.Now().Before(until); ok {
			is[id] = until
		}
		return ok
	}
	err := c.schedules().each(ctx, app.ID, sleeps, func(s minapush.Schedule) {
		if s.State != minapush.ScheduleActive {
			return
		}
		r := &schedule{Campaigns: c, Schedule: s}
		if err := r.run(ctx); err == nil {
			is[s.ID] = r.next
		} else if !errors.Is(err, errOvertaken) && ctx.Err() == nil {
			c.cfg.Logger.Warn("schedule not run", "app", app.ID, "schedule", s.ID, "err", err)
		}
	})
	if err != nil && ctx.Err() == nil {
		c.cfg.Logger.Warn("schedules not looked at", "app", app.ID, "err", err)
	}
	return is
}

// schedule is one that is being looked at, as it was last read or written.
type schedule struct {
	*Campaigns
	minapush.Schedule
	missed missedRuns // not written down yet
	next   time.Time  // the first planned time that has not come; zero: there is none
}

// errOvertaken tells that another node, or somebody who paused or ended the schedule, was there first.
var errOvertaken = errors.New("somebody else was there first")

// run deals with what is planned after Handled and not after now, in order. A run is made by set-if-absent before Handled moves over it by
// compare-and-set: so a crash between the two, or another node, repeats a step that was made.
func (s *schedule) run(ctx context.Context) error {
	table, err := newTimetable(s.Schedule)
	if err != nil {
		return err
	}
	now := s.cfg.Now().UTC()
	first, over := true, true
	for planned := range table.after(s.Handled) {
		if planned.After(now) {
			s.next, over = planned, false
			break
		}
		late := now.Sub(planned) > s.Grace
		if late && first {
			// Only the first can have been made and not handled: by a node that went before it wrote that.
			if late, err = s.lacks(ctx, planned); err != nil {
				return err
			}
		}
		first = false
		if late {
			s.missed.add(planned)
			continue
		}
		if err := s.make(ctx, planned, now); err != nil {
			return err
		}
	}
	if err := s.note(ctx); err != nil || !over {
		return err
	}
	return s.end(ctx)
}

// lacks tells that the run of a planned time was not made.
func (s *schedule) lacks(ctx context.Context, planned time.Time) (bool, error) {
	_, err := s.Get(ctx, s.App, minapush.RunID(s.ID, planned))
	if errors.Is(err, minapush.NotFound) {
		return true, nil
	}
	return false, err
}

// make makes the run of a planned time.
func (s *schedule) make(ctx context.Context, planned, now time.Time) error {
	if err := s.note(ctx); err != nil {
		return err
	}
	m, err := runOf(s.Schedule, planned, now)
	if err != nil {
		return err
	}
	err = s.campaigns().insert(ctx, m.App, m.ID, m)
	if err != nil && !errors.Is(err, minapush.Conflict) { // a conflict: it is there
		return err
	}
	// From here on a crash leaves a run that the next look finds and writes down.
	err = s.write(ctx, func(stored *minapush.Schedule, _ time.Time) error {
		if !planned.After(stored.Handled) {
			return errOvertaken
		}
		stored.Started++ // of one that was paused meanwhile, too: the run is there
		handle(stored, planned, minapush.Run{Planned: planned, Campaign: m.ID})
		return nil
	})
	if err != nil {
		return err
	}
	s.cfg.Changed(s.App)
	if s.State != minapush.ScheduleActive {
		return errOvertaken
	}
	return nil
}

// runOf is the campaign of a planned time. It starts as any other that is planned.
func runOf(s minapush.Schedule, planned, now time.Time) (minapush.Campaign, error) {
	zone, err := minapush.Zone("time_zone", s.TimeZone)
	if err != nil {
		return minapush.Campaign{}, err
	}
	m := minapush.Campaign{
		ID: minapush.RunID(s.ID, planned), App: s.App, Name: planned.In(zone).Format("2006-01-02 15:04"),
		Message: runMessage(s.Message, planned, zone), Kind: s.Kind, Keys: s.Keys, Audience: s.Audience,
		AtLeastOnce: s.AtLeastOnce, KeepBack: s.KeepBack, OnQuiet: s.OnQuiet, Rollout: s.Rollout, Schedule: s.ID,
		StartAt: planned, Grace: s.Grace, State: minapush.Scheduled, CreatedAt: now,
	}
	if s.Name != "" {
		m.Name = s.Name + " " + m.Name
	}
	if s.SendFor > 0 {
		m.LatestSend = planned.Add(s.SendFor)
	}
	return m, nil
}

// missedRuns are planned times that nobody was there for, one after another.
type missedRuns struct {
	n           int64
	first, last time.Time
	recent      []minapush.Run // the last ones, latest last
}

func (m *missedRuns) add(planned time.Time) {
	if m.n++; m.n == 1 {
		m.first = planned
	}
	m.last = planned
	if len(m.recent) == minapush.MaxRuns {
		m.recent = slices.Delete(m.recent, 0, 1)
	}
	m.recent = append(m.recent, minapush.Run{Planned: planned})
}

// note writes down what was missed.
func (s *schedule) note(ctx context.Context) error {
	missed := s.missed
	if missed.n == 0 {
		return nil
	}
	err := s.write(ctx, func(stored *minapush.Schedule, _ time.Time) error {
		if stored.State != minapush.ScheduleActive || !stored.Handled.Equal(s.Handled) {
			return errOvertaken
		}
		stored.Missed += missed.n
		handle(stored, missed.last, missed.recent...)
		return nil
	})
	if err != nil {
		return err
	}
	s.missed = missedRuns{}
	s.cfg.Logger.Warn("runs of a schedule were missed: nobody was there until their grace was over",
		"app", s.App, "schedule", s.ID, "runs", missed.n, "from", missed.first, "to", missed.last)
	return nil
}

// end ends a schedule that has no planned time left.
func (s *schedule) end(ctx context.Context) error {
	return s.write(ctx, func(stored *minapush.Schedule, now time.Time) error {
		if stored.State != minapush.ScheduleActive || !stored.Handled.Equal(s.Handled) {
			return errOvertaken
		}
		stored.State, stored.Why, stored.EndedAt = minapush.ScheduleEnded, minapush.Reason{Code: reasonScheduleOver}, now
		return nil
	})
}

// write changes the schedule, and reads what others wrote of it.
func (s *schedule) write(ctx context.Context, rule func(*minapush.Schedule, time.Time) error) error {
	stored, err := s.changeSchedule(ctx, s.App, s.ID, rule)
	if err == nil {
		s.Schedule = stored
	}
	return err
}

// handle says that everything planned until a time was dealt with, with these runs, the latest last. It never goes back.
func handle(s *minapush.Schedule, until time.Time, runs ...minapush.Run) {
	if until.After(s.Handled) {
		s.Handled = until
	}
	for _, r := range runs {
		s.Runs = slices.Insert(s.Runs, 0, r)
	}
	s.Runs = s.Runs[:min(len(s.Runs), minapush.MaxRuns)]
}
