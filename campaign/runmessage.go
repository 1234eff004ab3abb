package campaign

import (
	"slices"
	"time"

	"github.com/minapush/minapush"
)

// The placeholders that a schedule fills in for each run: the day, as 2026-11-23, and the time of the day, as 20:00, for which the run is
// planned, on the clock of the schedule.
const (
	RunDate = "run_date"
	RunTime = "run_time"
)

// runMessage is the message of the run of a planned time.
func runMessage(m minapush.Message, planned time.Time, zone *time.Location) minapush.Message {
	if len(m.Placeholders()) == 0 {
		return m
	}
	local := planned.In(zone)
	return m.Fill(map[string]string{RunDate: local.Format(time.DateOnly), RunTime: local.Format("15:04")})
}

// CheckRunMessage refuses placeholders that no run of a schedule fills. Errors: Invalid, with Field "values." and the key.
func CheckRunMessage(m minapush.Message) error {
	for key, value := range m.Values {
		for _, name := range (minapush.Message{Values: map[string]string{key: value}}).Placeholders() {
			if !slices.Contains([]string{RunDate, RunTime}, name) {
				return minapush.FieldError("values."+key, "has the placeholder {{%s}}; those of a schedule are {{%s}} and {{%s}}", name, RunDate, RunTime)
			}
		}
	}
	return nil
}
