package campaign

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/minapush/minapush"
)

// ScheduleDraft is a new schedule, as its author gives it. Exactly one of At and Cron is given.
type ScheduleDraft struct {
	// Name has at most 180 bytes: a run's name is that and its planned time.
	Name string
	// Message may have the placeholders {{run_date}} and {{run_time}}: see RunDate.
	Message  minapush.Message
	Template minapush.Template
	// Where is the audience expression of each run, evaluated when it runs; empty: every user of the app.
	Where       json.RawMessage
	AtLeastOnce bool
	// KeepBack, OnQuiet and Rollout are those of each run, as in Draft.
	KeepBack int
	OnQuiet  string
	Rollout  *minapush.Rollout
	// Grace is how late a run may start, up to a day; 0 means minapush.DefaultGrace.
	Grace time.Duration
	// SendFor is how long after its planned time a run may send, up to a week; 0: as long as it takes.
	SendFor time.Duration
	// At is when it runs once, used to the millisecond.
	At time.Time
	// Cron is when it runs again and again, on the clock of TimeZone: minute, hour, day of month, month, day of week. What is on the clock
	// once a day is run once a day: see the rules in timetable.go.
	Cron string
	// TimeZone is a name in the IANA database; empty: that of the app.
	TimeZone string
	// From and Until bound the planned times of Cron, both included; zero: not bounded.
	From, Until time.Time
	// Key is the author's idempotency key, empty for none, and Fingerprint a hash of the whole request.
	Key         string
	Fingerprint uint64
}

const (
	maxScheduleName = 180
	// maxSendFor is the longest SendFor.
	maxSendFor = 7 * 24 * time.Hour
	// runsApart is how far apart runs are at least, and runsLooked how many are looked at to find that out, of so many years.
	runsApart   = 5 * time.Minute
	runsLooked  = 200
	yearsOfRuns = 10
)

// CheckSchedule refuses what CreateSchedule would refuse, and makes nothing. Errors: Invalid; Unavailable.
func (c *Campaigns) CheckSchedule(ctx context.Context, app minapush.App, d ScheduleDraft) error {
	_, err := c.Planned(ctx, app, d)
	return err
}

// Planned is the schedule that CreateSchedule would make of a draft, without an id: for those who want to see its NextRuns first. Errors:
// those of CheckSchedule.
func (c *Campaigns) Planned(ctx context.Context, app minapush.App, d ScheduleDraft) (minapush.Schedule, error) {
	now := c.cfg.Now().UTC()
	if len(d.Name) > maxScheduleName {
		return minapush.Schedule{}, minapush.FieldError("name", "must have at most %d bytes, has %d", maxScheduleName, len(d.Name))
	}
	if d.TimeZone == "" {
		d.TimeZone = app.TimeZone
	}
	if d.TimeZone == "" {
		d.TimeZone = minapush.DefaultTimeZone
	}
	zone, err := minapush.Zone("time_zone", d.TimeZone)
	if err != nil {
		return minapush.Schedule{}, err
	}
	if err := CheckRunMessage(d.Message); err != nil {
		return minapush.Schedule{}, err
	}
	run := Draft{
		Name: d.Name, Message: runMessage(d.Message, now, zone), Template: d.Template, Audience: minapush.Audience{Where: d.Where}, Grace: d.Grace,
		KeepBack: d.KeepBack, OnQuiet: d.OnQuiet, Rollout: d.Rollout,
	}
	if err := c.check(ctx, app, run, now); err != nil {
		return minapush.Schedule{}, err
	}
	if d.SendFor < 0 || d.SendFor > maxSendFor {
		return minapush.Schedule{}, minapush.FieldError("send_for_seconds", "must be from 0 to %d", int(maxSendFor/time.Second))
	}
	s := minapush.Schedule{
		App: app.ID, Name: d.Name, Message: d.Message, Kind: d.Template.Kind, Keys: d.Template.Keys, Audience: run.Audience,
		AtLeastOnce: d.AtLeastOnce, KeepBack: d.KeepBack, OnQuiet: d.OnQuiet, Rollout: settled(d.Rollout), Grace: d.Grace, SendFor: d.SendFor,
		At: d.At.UTC().Truncate(time.Millisecond), Cron: d.Cron, TimeZone: d.TimeZone, From: d.From.UTC(), Until: d.Until.UTC(),
		State: minapush.ScheduleActive, CreatedAt: now, Handled: now,
	}
	if s.Grace == 0 {
		s.Grace = minapush.DefaultGrace
	}
	return s, checkTimes(s, now)
}

// checkTimes refuses planned times that cannot be kept.
func checkTimes(s minapush.Schedule, now time.Time) error {
	if s.Cron == "" {
		return checkOnce(s, now)
	}
	switch {
	case !s.At.IsZero():
		return minapush.FieldError("cron", "cannot stand beside at")
	case !s.From.IsZero() && !s.Until.IsZero() && !s.From.Before(s.Until):
		return minapush.FieldError("until", "must be after from")
	case !s.Until.IsZero() && !s.Until.After(now):
		return minapush.FieldError("until", "must be in the future")
	}
	table, err := newTimetable(s)
	if err != nil {
		return err
	}
	var last time.Time
	n := 0
	for at := range table.after(now) {
		if !last.IsZero() && at.Sub(last) < runsApart {
			return minapush.FieldError("cron", "must leave at least %d minutes between two runs: it would run at %s and at %s",
				int(runsApart/time.Minute), last.Format(time.RFC3339), at.Format(time.RFC3339))
		}
		last = at
		if n++; n == runsLooked || at.Sub(now) > yearsOfRuns*366*24*time.Hour {
			break // one that seldom runs has the same gaps in each year, and looking on would cost more than it tells
		}
	}
	if n > 0 {
		return nil
	}
	if s.Until.IsZero() {
		return minapush.FieldError("cron", "never runs: no such time comes within %d years", yearsLooked)
	}
	return minapush.FieldError("until", "must leave time for a run")
}

func checkOnce(s minapush.Schedule, now time.Time) error {
	switch {
	case s.At.IsZero():
		return minapush.FieldError("cron", "must be given, or at")
	case !s.At.After(now):
		return minapush.FieldError("at", "must be in the future")
	case !s.From.IsZero():
		return minapush.FieldError("from", "cannot stand beside at")
	case !s.Until.IsZero():
		return minapush.FieldError("until", "cannot stand beside at")
	}
	return nil
}

// CreateSchedule makes a schedule that is active from now on. With a Key that was used before for the same request it returns that
// schedule, and created is false. Errors: Invalid; Conflict with Field "Idempotency-Key" if the key was used for another request.
func (c *Campaigns) CreateSchedule(ctx context.Context, app minapush.App, d ScheduleDraft) (s minapush.Schedule, created bool, err error) {
	if s, err = c.Planned(ctx, app, d); err != nil {
		// What is in the future once is not later: a repeated request is answered all the same.
		if made, e := c.scheduleMadeWith(ctx, app.ID, d.Key, d.Fingerprint); e == nil {
			return made, false, nil
		}
		return s, false, err
	}
	id, claimed, err := c.claimKey(ctx, scheduleKeyKindOf(app.ID), d.Key, d.Fingerprint, c.cfg.NewID())
	if err != nil {
		return s, false, err
	}
	if !claimed {
		made, err := c.Schedule(ctx, app.ID, id)
		if !errors.Is(err, minapush.NotFound) {
			return made, false, err
		}
		// The node that claimed the key went before it wrote the schedule: finish its work under the same id.
	}
	s.ID = id
	err = c.schedules().insert(ctx, s.App, s.ID, s)
	if errors.Is(err, minapush.Conflict) {
		s, err = c.Schedule(ctx, app.ID, id) // somebody else has just finished the same work
		return s, false, err
	}
	return s, err == nil, err
}

// scheduleMadeWith returns the schedule that was made with an idempotency key. Errors: NotFound; Conflict.
func (c *Campaigns) scheduleMadeWith(ctx context.Context, app minapush.AppID, key string, fingerprint uint64) (minapush.Schedule, error) {
	if key == "" {
		return minapush.Schedule{}, minapush.NotFound
	}
	id, err := c.claimed(ctx, scheduleKeyKindOf(app), key, fingerprint)
	if err != nil {
		return minapush.Schedule{}, err
	}
	return c.Schedule(ctx, app, id)
}

// PauseSchedule lets planned times pass over until ResumeSchedule. Campaigns that were made stay as they are. Pausing a paused one changes
// nothing. Errors: NotFound; Conflict if it has ended.
func (c *Campaigns) PauseSchedule(ctx context.Context, app minapush.AppID, id string, why minapush.Reason) (minapush.Schedule, error) {
	return c.changeSchedule(ctx, app, id, func(s *minapush.Schedule, _ time.Time) error {
		switch s.State {
		case minapush.SchedulePaused:
		case minapush.ScheduleActive:
			s.State, s.Why = minapush.SchedulePaused, why
		default:
			return wrongScheduleState(*s, "paused")
		}
		return nil
	})
}

// ResumeSchedule goes on with the next planned time after now: what was planned meanwhile was passed over. Resuming an active one changes
// nothing. Errors: NotFound; Conflict if it has ended.
func (c *Campaigns) ResumeSchedule(ctx context.Context, app minapush.AppID, id string) (minapush.Schedule, error) {
	return c.changeSchedule(ctx, app, id, func(s *minapush.Schedule, now time.Time) error {
		switch s.State {
		case minapush.ScheduleActive:
		case minapush.SchedulePaused:
			s.State, s.Why = minapush.ScheduleActive, minapush.Reason{}
			handle(s, now)
		default:
			return wrongScheduleState(*s, "resumed")
		}
		return nil
	})
}

// EndSchedule ends a schedule for good. Campaigns that were made stay as they are. Ending again changes nothing. Errors: NotFound.
func (c *Campaigns) EndSchedule(ctx context.Context, app minapush.AppID, id string) (minapush.Schedule, error) {
	return c.changeSchedule(ctx, app, id, func(s *minapush.Schedule, now time.Time) error {
		if s.State != minapush.ScheduleEnded {
			s.State, s.Why, s.EndedAt = minapush.ScheduleEnded, minapush.Reason{Code: "operator"}, now
		}
		return nil
	})
}

func wrongScheduleState(s minapush.Schedule, verb string) error {
	return &minapush.Error{Kind: minapush.Conflict, Field: "state", Err: errors.New("a schedule that is " + string(s.State) + " cannot be " + verb)}
}

// NextRuns are the next n planned times of a schedule after now; fewer if there are no more, none of one that has ended. A paused one would
// run then if it were resumed now.
func NextRuns(s minapush.Schedule, now time.Time, n int) []time.Time {
	if s.State == minapush.ScheduleEnded || n <= 0 {
		return nil
	}
	table, err := newTimetable(s)
	if err != nil {
		return nil
	}
	if s.Handled.After(now) {
		now = s.Handled
	}
	var next []time.Time
	for at := range table.after(now) {
		if next = append(next, at); len(next) == n {
			break
		}
	}
	return next
}
