package campaign

import (
	"context"
	"encoding/json"
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

// Schedules have a shelf as campaigns have, and idempotency keys.
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

func (c *Campaigns) schedules() shelf[minapush.Schedule] {
	return shelf[minapush.Schedule]{
		Campaigns: c, what: "schedule", kindOf: scheduleKindOf, indexOf: activeScheduleKindOf, encode: encodeSchedule, decode: decodeSchedule,
		ended: func(s minapush.Schedule) bool { return s.State == minapush.ScheduleEnded },
	}
}

// Schedule returns a schedule. Errors: NotFound.
func (c *Campaigns) Schedule(ctx context.Context, app minapush.AppID, id string) (minapush.Schedule, error) {
	return c.schedules().get(ctx, app, id)
}

// Schedules returns up to limit schedules created before the one named by after, or for "" the last ones, newest first.
func (c *Campaigns) Schedules(ctx context.Context, app minapush.AppID, after string, limit int) ([]minapush.Schedule, error) {
	return c.schedules().list(ctx, app, after, limit)
}

// changeSchedule applies a rule to a schedule by compare-and-set, again while others change it at the same time.
func (c *Campaigns) changeSchedule(
	ctx context.Context, app minapush.AppID, id string, rule func(*minapush.Schedule, time.Time) error,
) (minapush.Schedule, error) {
	s, _, err := c.schedules().change(ctx, app, id, rule)
	return s, err
}
