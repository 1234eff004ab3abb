package campaign

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// scheduleFormat is the version of stored schedules that this release writes and reads.
const scheduleFormat = 1

type storedSchedule struct {
	Format int `json:"format"`
	minapush.Schedule
}

// Schedules have documents as campaigns have: themselves, newest first; an index of those that have not ended, which may name too many but
// never too few; and idempotency keys.
func scheduleKindOf(app minapush.AppID) string       { return "schedule/" + string(app) }
func activeScheduleKindOf(app minapush.AppID) string { return "schedule-active/" + string(app) }
func scheduleKeyKindOf(app minapush.AppID) string    { return "schedule-key/" + string(app) }

func encodeSchedule(s minapush.Schedule) ([]byte, error) {
	return json.Marshal(storedSchedule{Format: scheduleFormat, Schedule: s})
}

func decodeSchedule(d store.Document) (minapush.Schedule, error) {
	var s storedSchedule
	if err := json.Unmarshal(d.Value, &s); err != nil {
		return s.Schedule, fmt.Errorf("schedule %s: %w", turned(d.ID), err)
	}
	if s.Format != scheduleFormat {
		return s.Schedule, fmt.Errorf("schedule %s has format %d, this binary knows %d", turned(d.ID), s.Format, scheduleFormat)
	}
	return s.Schedule, nil
}

// Schedule returns a schedule. Errors: NotFound.
func (c *Campaigns) Schedule(ctx context.Context, app minapush.AppID, id string) (minapush.Schedule, error) {
	d, err := c.st.Get(ctx, scheduleKindOf(app), turned(id))
	if err != nil {
		return minapush.Schedule{}, notRead("schedule", id, err)
	}
	return decodeSchedule(d)
}

// Schedules returns up to limit schedules created before the one named by after, or for "" the last ones, newest first.
func (c *Campaigns) Schedules(ctx context.Context, app minapush.AppID, after string, limit int) ([]minapush.Schedule, error) {
	docs, err := c.st.ListDocuments(ctx, scheduleKindOf(app), turned(after), limit)
	if err != nil {
		return nil, fmt.Errorf("list schedules of %s: %w", app, err)
	}
	list := make([]minapush.Schedule, 0, len(docs))
	for _, d := range docs {
		s, err := decodeSchedule(d)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

// openSchedules hands out the schedules of an app that have not ended, oldest first, but for those to be skipped, and clears the index of
// those that have.
func (c *Campaigns) openSchedules(ctx context.Context, app minapush.AppID, skip func(id string) bool, do func(minapush.Schedule)) error {
	for after := ""; ; {
		docs, err := c.st.ListDocuments(ctx, activeScheduleKindOf(app), after, 100)
		if err != nil || len(docs) == 0 {
			return err
		}
		for _, d := range docs {
			if after = d.ID; skip(d.ID) {
				continue
			}
			s, err := c.Schedule(ctx, app, d.ID)
			switch {
			case errors.Is(err, minapush.NotFound): // being created
			case err != nil:
				return err
			case s.State == minapush.ScheduleEnded:
				c.unindex(ctx, activeScheduleKindOf(app), d.ID)
			default:
				do(s)
			}
		}
	}
}

func (c *Campaigns) insertSchedule(ctx context.Context, s minapush.Schedule) error {
	_, err := c.st.Put(ctx, store.Document{Kind: activeScheduleKindOf(s.App), ID: s.ID})
	if err != nil && !errors.Is(err, minapush.Conflict) {
		return fmt.Errorf("create schedule: %w", err)
	}
	// From here on a crash leaves an index entry without a schedule, which does no harm.
	value, err := encodeSchedule(s)
	if err != nil {
		return err
	}
	if _, err = c.st.Put(ctx, store.Document{Kind: scheduleKindOf(s.App), ID: turned(s.ID), Value: value}); err != nil {
		return fmt.Errorf("create schedule: %w", err)
	}
	return nil
}

// changeSchedule applies a rule to a schedule by compare-and-set, again while others change it at the same time.
func (c *Campaigns) changeSchedule(
	ctx context.Context, app minapush.AppID, id string, rule func(*minapush.Schedule, time.Time) error,
) (minapush.Schedule, error) {
	for {
		d, err := c.st.Get(ctx, scheduleKindOf(app), turned(id))
		if err != nil {
			return minapush.Schedule{}, notRead("schedule", id, err)
		}
		s, err := decodeSchedule(d)
		if err != nil {
			return s, err
		}
		if err := rule(&s, c.cfg.Now().UTC()); err != nil {
			return s, err
		}
		value, err := encodeSchedule(s)
		if err != nil {
			return s, err
		}
		if string(value) == string(d.Value) {
			return s, nil
		}
		_, err = c.st.Put(ctx, store.Document{Kind: d.Kind, ID: d.ID, Version: d.Version, Value: value})
		if errors.Is(err, minapush.Conflict) && ctx.Err() == nil {
			continue
		}
		if err != nil {
			return s, fmt.Errorf("schedule %s: %w", id, err)
		}
		if s.State == minapush.ScheduleEnded {
			c.unindex(ctx, activeScheduleKindOf(app), id)
		}
		return s, nil
	}
}
