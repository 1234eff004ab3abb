package minapush_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
)

func TestANamedEventHasANameAndATimeSince1970(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name  string
		at    time.Time
		field string
	}{
		{"checkin", now, ""}, {"_", now, ""}, {"a.b-c_D9", now, ""}, {strings.Repeat("a", minapush.MaxName), now, ""}, {"a", time.Unix(0, 0), ""},
		{"", now, "name"}, {"9a", now, "name"}, {"a b", now, "name"}, {"签到", now, "name"}, {"a\n", now, "name"},
		{strings.Repeat("a", minapush.MaxName+1), now, "name"}, {strings.Repeat("a", 1<<20), now, "name"},
		{"a", time.Time{}, "at"}, {"a", time.Unix(0, -int64(time.Millisecond)), "at"},
	} {
		err := minapush.NamedEvent{Name: c.name, At: c.at}.Validate()
		if c.field == "" && err == nil {
			continue
		}
		var e *minapush.Error
		if !errors.As(err, &e) || e.Kind != minapush.Invalid || e.Field != c.field || len(err.Error()) > 300 {
			t.Errorf("%.40q at %s: got %v, want %q", c.name, c.at, err, c.field)
		}
	}
}
