package wechat_test

import (
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"
	"unicode"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/wechat"
)

// What each code must come to as an answer to a message, written from the fact sheet and apart from the table.
var wantSend = map[int]struct {
	kind   minapush.Kind
	extent minapush.Extent
	wait   time.Duration
}{
	-1:    {minapush.Throttled, minapush.OneUser, 0},
	40001: {minapush.BadCredential, minapush.OneApp, 0},
	40003: {minapush.NotFound, minapush.OneUser, 0},
	40013: {minapush.BadCredential, minapush.OneApp, 0},
	40014: {minapush.BadCredential, minapush.OneApp, 0},
	40037: {minapush.BadMessage, minapush.OneMessage, 0},
	40038: {minapush.Throttled, minapush.OneUser, 11*time.Hour + 59*time.Minute + 15*time.Second},
	40066: {minapush.BadMessage, minapush.OneMessage, 0},
	40125: {minapush.BadCredential, minapush.OneApp, 0},
	40164: {minapush.BadCredential, minapush.OneApp, 0},
	40243: {minapush.BadCredential, minapush.OneApp, 0},
	41001: {minapush.BadCredential, minapush.OneApp, 0},
	41028: {minapush.PermitDead, minapush.OneUser, 0},
	41029: {minapush.PermitDead, minapush.OneUser, 0},
	41030: {minapush.BadMessage, minapush.OneMessage, 0},
	42001: {minapush.BadCredential, minapush.OneApp, 0},
	42007: {minapush.BadCredential, minapush.OneApp, 0},
	43004: {minapush.Unauthorized, minapush.OneUser, 0},
	43019: {minapush.Unauthorized, minapush.OneUser, 0},
	43101: {minapush.Refused, minapush.OneUser, 0},
	43106: {minapush.BadCredential, minapush.OneApp, 0},
	43107: {minapush.BadMessage, minapush.OneMessage, 0},
	43108: {minapush.Throttled, minapush.OneUser, time.Second},
	43116: {minapush.BadMessage, minapush.OneMessage, 0},
	43117: {minapush.Throttled, minapush.OneUser, time.Second},
	45009: {minapush.Throttled, minapush.OneApp, 11*time.Hour + 59*time.Minute + 15*time.Second},
	45011: {minapush.Throttled, minapush.OneApp, 15 * time.Second},
	45029: {minapush.Throttled, minapush.OneApp, 15 * time.Second},
	45103: {minapush.BadMessage, minapush.OneMessage, 0},
	45109: {minapush.BadMessage, minapush.OneMessage, 0},
	45168: {minapush.BadMessage, minapush.OneMessage, 0},
	47001: {minapush.BadMessage, minapush.OneMessage, 0},
	47003: {minapush.BadMessage, minapush.OneMessage, 0},
	48001: {minapush.BadCredential, minapush.OneApp, 0},
	48004: {minapush.BadCredential, minapush.OneApp, 0},
	50002: {minapush.BadCredential, minapush.OneApp, 0},
	50004: {minapush.BadCredential, minapush.OneApp, 0},
	50007: {minapush.BadCredential, minapush.OneApp, 0},
	61007: {minapush.BadCredential, minapush.OneApp, 0},
	89503: {minapush.BadCredential, minapush.OneApp, 0},
	89506: {minapush.BadCredential, minapush.OneApp, 0},
	89507: {minapush.BadCredential, minapush.OneApp, 0},
	// Unknown codes stay visible and are never guessed, also those that only other calls document.
	85431: {minapush.Internal, minapush.OneUser, 0},
	40029: {minapush.Internal, minapush.OneUser, 0},
	12345: {minapush.Internal, minapush.OneUser, 0},
}

func TestEveryCodeComesToItsKind(t *testing.T) {
	t.Parallel()
	var code atomic.Int64
	base := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"errcode":%d,"errmsg":"some text for %s, invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist rid: 65f0a1b2-1a2b3c4d-5e6f7a8b"}`, code.Load(), openID)
	}))
	now := time.Date(2026, 6, 1, 12, 0, 45, 0, time.FixedZone("UTC+8", 8*3600)).UTC()
	c := newClient(t, wechat.Config{Apps: oneApp(base, minapush.TokenSource{Kind: minapush.TokenFixed, Value: "ACCESS-1"}),
		Now: func() time.Time { return now }})
	for wanted, w := range wantSend {
		code.Store(int64(wanted))
		for _, legacy := range []bool{false, true} {
			out := message()
			out.Legacy, out.Code = legacy, "3b0c1f6f8a8d4f1b9f0f0c6d1f1e2a3b"
			_, err := c.Send(t.Context(), out)
			e := asError(t, err)
			if e.Kind != w.kind || e.Extent != w.extent || e.RetryAfter != w.wait || e.Code != wanted {
				t.Errorf("%d: got %v %v %v code %d, want %v %v %v", wanted, e.Kind, e.Extent, e.RetryAfter, e.Code, w.kind, w.extent, w.wait)
			}
			reason := fmt.Sprint(wanted)
			if wanted == -1 {
				reason = "busy"
			}
			if e.ReasonName() != reason {
				t.Errorf("%d: is tallied as %q", wanted, e.ReasonName())
			}
			var a *wechat.AnswerError
			if !errors.As(err, &a) || a.Code != wanted || a.Rid != "65f0a1b2-1a2b3c4d-5e6f7a8b" {
				t.Errorf("%d: got the answer %+v", wanted, a)
			} else if wantIP := map[bool]string{true: "203.0.113.7"}[wanted == 40164]; a.IP != wantIP {
				t.Errorf("%d: got the address %q, want %q", wanted, a.IP, wantIP)
			}
			if !errors.Is(err, w.kind) {
				t.Errorf("%d: errors.Is does not find %v", wanted, w.kind)
			}
		}
	}
}

func TestTheTableIsWhole(t *testing.T) {
	t.Parallel()
	rows := wechat.Rows()
	type key struct {
		code  int
		scope wechat.Scope
	}
	seen := map[key]bool{}
	for i, r := range rows {
		if i > 0 && rows[i-1].Code > r.Code {
			t.Errorf("%d comes after %d", r.Code, rows[i-1].Code)
		}
		if seen[key{r.Code, r.Scope}] {
			t.Errorf("%d in %q twice", r.Code, r.Scope)
		}
		seen[key{r.Code, r.Scope}] = true
		if r.English == "" || r.Source == "" || r.Read == "" {
			t.Errorf("%d lacks meaning, source or date: %+v", r.Code, r)
		}
		han := 0
		for _, c := range r.Chinese {
			if unicode.Is(unicode.Han, c) {
				han++
			}
		}
		if han == 0 {
			t.Errorf("%d has no Chinese meaning: %q", r.Code, r.Chinese)
		}
		// What the columns say must agree.
		if (r.Kind == minapush.BadCredential) != (r.Step == wechat.StepStopApp || r.Step == wechat.StepRefresh) && r.Kind != minapush.Internal {
			t.Errorf("%d: %v and %s", r.Code, r.Kind, r.Step)
		}
		if (r.Kind == minapush.BadMessage) != (r.Step == wechat.StepStop) {
			t.Errorf("%d: %v and %s", r.Code, r.Kind, r.Step)
		}
		if (r.Kind == minapush.PermitDead) != (r.Permit == wechat.PermitDead) {
			t.Errorf("%d: %v and permit %s", r.Code, r.Kind, r.Permit)
		}
		if got, ok := wechat.LookupIn(r.Scope, r.Code); !ok || got.English != r.English {
			t.Errorf("%d: LookupIn(%q) found %+v", r.Code, r.Scope, got)
		}
		if _, ok := wechat.Lookup(r.Code); !ok {
			t.Errorf("%d: Lookup found nothing", r.Code)
		}
	}
	for code := range wantSend {
		if _, ok := wechat.Lookup(code); !ok && code != 85431 && code != 12345 {
			t.Errorf("%d is not in the table", code)
		}
	}
	if _, ok := wechat.Lookup(12345); ok {
		t.Error("found a code that is not there")
	}
	if r, _ := wechat.LookupIn(wechat.SessionCall, 45011); r.Extent != minapush.OneUser {
		t.Errorf("45011 of a login reaches %v", r.Extent)
	}
	rows[0].English = "changed"
	if r, _ := wechat.Lookup(-1); r.English == "changed" {
		t.Error("Rows hands out the table itself")
	}
}

func TestADayEndsAtMidnightInBeijing(t *testing.T) {
	t.Parallel()
	for at, want := range map[string]time.Duration{
		"2026-06-01T15:59:59Z": time.Second,
		"2026-06-01T16:00:00Z": 24 * time.Hour,
		"2026-12-31T10:00:00Z": 6 * time.Hour,
	} {
		now, _ := time.Parse(time.RFC3339, at)
		if got := wechat.WaitDay.From(now); got != want {
			t.Errorf("at %s: %v, want %v", at, got, want)
		}
	}
}
