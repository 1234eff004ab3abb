package server_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/server"
)

const userEvents = base + "/events"

func (b *bundle) user(t *testing.T, o string) api.User {
	t.Helper()
	return want[api.User](t, b.call(t, "GET", users+o, b.admin, ""), 200)
}

func TestABackendsEventsAreNotedOnceHoweverOftenTheyAreTold(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	want[api.Profile](t, b.putProfile(t, "oUser7", `{"uid":"u7"}`), 200)
	key := b.key(t, appID, account.ScopeReport)
	const body = `{"events":[{"openid":"oUser1","name":"checkin","at":"2026-11-22T08:00:00Z"},{"openid":"uid:u7","name":"order.paid","age_ms":60000},` +
		`{"openid":"oUser1","name":"checkin","at":"2026-11-22T09:00:00+08:00"}]}`
	got := want[api.UserEventsAnswer](t, b.call(t, "POST", userEvents, key, body), 200)
	if got.Added != 2 || got.Known != 1 || got.Refused != 0 || got.Events[2].Result != "known" {
		t.Fatalf("got %+v", got)
	}
	again := want[api.UserEventsAnswer](t, b.call(t, "POST", userEvents, key, body), 200)
	if again.Added != 0 || again.Known != 3 {
		t.Errorf("again: got %+v", again)
	}
	one := b.user(t, "oUser1")
	if e := one.Events["checkin"]; e.Count != 1 || !e.Last.Equal(time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)) || !one.LastSeen.IsZero() {
		t.Errorf("got %+v, last seen %v", one.Events, one.LastSeen)
	}
	if e := b.user(t, "oUser7").Events["order.paid"]; e.Count != 1 || !e.Last.Equal(b.clock.now().Add(-time.Minute)) {
		t.Errorf("got %+v", e)
	}
}

func TestASessionTellsOfItsOwnUserWhoIsSeenByIt(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	session := b.session(t, appID, openid)
	for _, body := range []string{
		`{"events":[{"name":"checkin"},{"name":"read","age_ms":3600000}]}`, `{"events":[{"openid":"` + openid + `","name":"share"}]}`,
	} {
		if got := want[api.UserEventsAnswer](t, b.from(t, "203.0.113.9", "POST", userEvents, session, body), 200); got.Refused != 0 || got.Known != 0 {
			t.Errorf("%s: got %+v", body, got)
		}
	}
	u := b.user(t, openid)
	if len(u.Events) != 3 || !u.LastSeen.Equal(b.clock.now()) || !u.Events["read"].Last.Equal(b.clock.now().Add(-time.Hour)) {
		t.Errorf("got %+v, seen %v", u.Events, u.LastSeen)
	}
}

func TestASessionTellsOfNobodyElseAndOfNoTime(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	session := b.session(t, appID, openid)
	b.deposit(t, victim, b.formID(1))
	foreign, poor := b.session(t, otherApp, openid), b.key(t, appID, account.ScopeRead, account.ScopePush, account.ScopeCampaign)
	before := b.model.Dump()
	for _, public := range []bool{true, false} {
		post := func(credential, body string) answer {
			if public {
				return b.from(t, "203.0.113.9", "POST", userEvents, credential, body)
			}
			return b.call(t, "POST", userEvents, credential, body)
		}
		for _, name := range []string{victim, "uid:u1", openid + " ", strings.ToLower(openid)} {
			body := `{"events":[{"name":"checkin"},{"openid":"` + name + `","name":"checkin"}]}`
			wantProblem(t, post(session, body), api.NumForbidden, "")
		}
		at := post(session, `{"events":[{"name":"checkin"},{"name":"checkin","at":"2026-11-22T09:00:00Z"}]}`)
		wantProblem(t, at, api.NumInvalid, "body.events[1].at")
		wantProblem(t, post(foreign, `{"events":[{"name":"checkin"}]}`), api.NumBadCredentials, "")
		wantProblem(t, post("", `{"events":[{"openid":"`+openid+`","name":"checkin"}]}`), api.NumNoCredentials, "")
		wantProblem(t, post(poor, `{"events":[{"openid":"`+openid+`","name":"checkin"}]}`), api.NumForbidden, "")
	}
	if after := b.model.Dump(); after != before {
		t.Errorf("something changed:\n%s", difference(before, after))
	}
}

func TestOneBadEventIsRefusedAlone(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	for event, reason := range map[string]string{
		`{"openid":"oUser1","name":""}`:                                                 "bad_name",
		`{"openid":"oUser1","name":"签到"}`:                                               "bad_name",
		`{"openid":"oUser1","name":"` + strings.Repeat("n", 65) + `"}`:                  "bad_name",
		`{"openid":"oUser1","name":"x","at":"1969-12-31T23:59:59Z"}`:                    "bad_time",
		`{"openid":"oUser1","name":"x","at":"2016-11-22T10:00:00Z"}`:                    "bad_time",
		`{"openid":"oUser1","name":"x","at":"2027-11-22T10:00:00Z"}`:                    "bad_time",
		`{"openid":"oUser1","name":"x","age_ms":-1}`:                                    "bad_time",
		`{"openid":"oUser1","name":"x","age_ms":9223372036854775807}`:                   "bad_time",
		`{"openid":"oUser1","name":"x","age_ms":` + fmt.Sprint(api.MaxEventAge+1) + `}`: "bad_time",
		`{"name":"x"}`:                                "bad_openid",
		`{"openid":"a b","name":"x"}`:                 "bad_openid",
		`{"openid":"uid:nobody","name":"x"}`:          "unknown_uid",
		`{"openid":"uid:` + "a\\nb" + `","name":"x"}`: "bad_openid",
	} {
		body := `{"events":[` + event + `,{"openid":"oUser1","name":"good","at":"2026-11-22T09:00:00Z"}]}`
		got := want[api.UserEventsAnswer](t, b.call(t, "POST", userEvents, b.admin, body), 200)
		if got.Refused != 1 || got.Added+got.Known != 1 || got.Events[0] != (api.UserEventAnswer{Result: "refused", Reason: reason}) || got.Events[1].Reason != "" {
			t.Errorf("%s: got %+v, want %s", event, got, reason)
		}
	}
	if u := b.user(t, "oUser1"); len(u.Events) != 1 || u.Events["good"].Count != 1 {
		t.Errorf("got %+v", u.Events)
	}
}

func TestEventsOfTooManyNamesAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	var events []string
	for i := range minapush.MaxEventNames + 2 {
		events = append(events, fmt.Sprintf(`{"openid":"oUser1","name":"e%d"}`, i))
	}
	got := want[api.UserEventsAnswer](t, b.call(t, "POST", userEvents, b.admin, `{"events":[`+strings.Join(events, ",")+`]}`), 200)
	if got.Added != minapush.MaxEventNames || got.Refused != 2 || got.Events[minapush.MaxEventNames].Reason != "too_many_names" {
		t.Errorf("got %+v", got)
	}
}

func TestACallOfEventsThatMakesNoSenseChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	const good = `{"openid":"oUser1","name":"good"}`
	many := strings.Repeat(good+",", api.MaxUserEvents) + good
	before := b.model.Dump()
	for body, c := range map[string]struct {
		number   int
		location string
	}{
		`{}`:                              {api.NumInvalid, "body.events"},
		`{"events":null}`:                 {api.NumInvalid, "body.events"},
		`{"events":{}}`:                   {api.NumInvalid, "body.events"},
		`{"events":[` + good + `,7]}`:     {api.NumInvalid, "body.events[1]"},
		`{"events":[` + good + `,{}]}`:    {api.NumInvalid, "body.events[1].name"},
		`{"events":[` + many + `]}`:       {api.NumInvalid, "body.events"},
		`{"events":[],"openid":"oUser1"}`: {api.NumUnknownField, "body.openid"},
		`{"events":[` + good + `,{"openid":"o","name":"x","count":5}]}`:                              {api.NumUnknownField, "body.events[1].count"},
		`{"events":[` + good + `,{"openid":"o","name":"x","at":"yesterday"}]}`:                       {api.NumInvalid, "body.events[1].at"},
		`{"events":[` + good + `,{"openid":"o","name":"x","at":"2026-11-22T09:00:00Z","age_ms":1}]}`: {api.NumInvalid, "body.events[1].age_ms"},
	} {
		wantProblem(t, b.call(t, "POST", userEvents, b.admin, body), c.number, c.location)
	}
	wantProblem(t, b.call(t, "POST", userEvents+"?dry_run=true", b.admin, `{"events":[`+good+`]}`), api.NumUnknownField, "query.dry_run")
	if after := b.model.Dump(); after != before {
		t.Errorf("something changed:\n%s", difference(before, after))
	}
	if got := want[api.UserEventsAnswer](t, b.call(t, "POST", userEvents, b.admin, `{"events":[]}`), 200); len(got.Events) != 0 {
		t.Errorf("got %+v", got)
	}
	whole := strings.Repeat(good+",", api.MaxUserEvents-1) + good
	if got := want[api.UserEventsAnswer](t, b.call(t, "POST", userEvents, b.admin, `{"events":[`+whole+`]}`), 200); len(got.Events) != api.MaxUserEvents {
		t.Errorf("got %d answers", len(got.Events))
	}
}

func TestAFloodOfAUsersEventsIsThrottledAndABackendsIsNot(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ *server.Parts, c *server.Config) { c.ReportsPerMinute = 3 }).withApp(t)
	session := b.session(t, appID, openid)
	post := func(credential string) answer {
		return b.call(t, "POST", userEvents, credential, `{"events":[{"openid":"`+openid+`","name":"x"}]}`)
	}
	for range 3 {
		want[api.UserEventsAnswer](t, post(session), 200)
	}
	if a := post(session); wantProblem(t, a, api.NumTooManyReports, "").Code != api.Throttled || a.header.Get("Retry-After") == "" {
		t.Errorf("got %+v", a)
	}
	for range 5 {
		want[api.UserEventsAnswer](t, post(b.admin), 200)
	}
}
