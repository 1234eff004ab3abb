package client_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
)

// noted answers a call of events: each is added.
func noted(t *testing.T, body string) string {
	t.Helper()
	var in api.UserEvents
	if err := json.Unmarshal([]byte(body), &in); err != nil {
		t.Error(err)
	}
	out := api.UserEventsAnswer{Added: len(in.Events), Events: make([]api.UserEventAnswer, len(in.Events))}
	for i := range out.Events {
		out.Events[i].Result = "added"
	}
	text, err := json.Marshal(out)
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

func TestEventsAreToldInPartsAndAnsweredInOrder(t *testing.T) {
	t.Parallel()
	tr := &transport{}
	tr.answer = func(try int) (*http.Response, error) { return reply(200, noted(t, tr.bodies[try-1])), nil }
	events := make([]api.UserEvent, 2*api.MaxUserEvents+1)
	for i := range events {
		events[i] = api.UserEvent{OpenID: fmt.Sprint("oUser", i), Name: "checkin"}
	}
	got, err := over(t, tr).NoteEvents(t.Context(), app, events)
	if err != nil || got.Added != len(events) || len(got.Events) != len(events) || len(tr.bodies) != 3 {
		t.Fatalf("got %d added, %d answers in %d calls, %v", got.Added, len(got.Events), len(tr.bodies), err)
	}
	if !strings.Contains(tr.bodies[2], `"oUser2000"`) || strings.Contains(tr.bodies[2], `"oUser1999"`) {
		t.Errorf("the last part is %s", tr.bodies[2])
	}
	if !events[0].At.IsZero() {
		t.Error("the caller's events were changed")
	}
}

func TestNoEventsAreToldToo(t *testing.T) {
	t.Parallel()
	tr := &transport{answer: func(int) (*http.Response, error) {
		return reply(401, `{"status":401,"code":"unauthorized","number":40102}`), nil
	}}
	if _, err := over(t, tr).NoteEvents(t.Context(), app, nil); !errors.Is(err, api.Unauthorized) {
		t.Errorf("got %v, want what the server has against the call", err)
	}
}

// A try that was answered by nobody may have been noted: the next one says the same times, so that the events are known.
func TestEventsAreToldAgainWithTheTimesOfTheFirstTry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		tr := &transport{}
		tr.answer = func(try int) (*http.Response, error) {
			if try < 3 {
				return nil, errors.New("connection reset")
			}
			return reply(200, noted(t, tr.bodies[2])), nil
		}
		given := began.Add(-time.Hour).UTC()
		events := []api.UserEvent{{OpenID: "o", Name: "a"}, {OpenID: "o", Name: "b", AgeMS: 60_000}, {OpenID: "o", Name: "c", At: given}, {OpenID: "o", Name: "d", AgeMS: -1}}
		if _, err := over(t, tr).NoteEvents(t.Context(), app, events); err != nil {
			t.Fatal(err)
		}
		if time.Since(began) == 0 || tr.bodies[0] != tr.bodies[1] || tr.bodies[1] != tr.bodies[2] {
			t.Errorf("the tries differ: %v", tr.bodies)
		}
		var told api.UserEvents
		if err := json.Unmarshal([]byte(tr.bodies[0]), &told); err != nil {
			t.Fatal(err)
		}
		now := began.UTC().Truncate(time.Millisecond)
		for i, want := range []api.UserEvent{
			{OpenID: "o", Name: "a", At: now}, {OpenID: "o", Name: "b", At: now.Add(-time.Minute)}, {OpenID: "o", Name: "c", At: given},
			{OpenID: "o", Name: "d", AgeMS: -1}, // the server refuses it
		} {
			if got := told.Events[i]; !got.At.Equal(want.At) || got.AgeMS != want.AgeMS || got.Name != want.Name {
				t.Errorf("got %+v, want %+v", got, want)
			}
		}
	})
}

func TestTheEventsOfASessionHaveNoTimeAndAreToldOnce(t *testing.T) {
	t.Parallel()
	tr := &transport{answer: func(int) (*http.Response, error) { return nil, errors.New("connection reset") }}
	phone, err := over(t, tr).As("header.payload.signature")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := phone.NoteEvents(t.Context(), app, []api.UserEvent{{Name: "checkin", AgeMS: 5}}); err == nil {
		t.Fatal("got no error")
	}
	if len(tr.bodies) != 1 || tr.bodies[0] != `{"events":[{"name":"checkin","age_ms":5}]}` {
		t.Errorf("told %q", tr.bodies)
	}
}

func TestAnErrorOfAPartTellsWhatWasAnswered(t *testing.T) {
	t.Parallel()
	tr := &transport{}
	tr.answer = func(try int) (*http.Response, error) {
		if try == 2 {
			return reply(400, `{"status":400,"code":"invalid","number":40001,"title":"no"}`), nil
		}
		return reply(200, noted(t, tr.bodies[try-1])), nil
	}
	got, err := over(t, tr).NoteEvents(t.Context(), app, make([]api.UserEvent, 3*api.MaxUserEvents))
	var e *client.Error
	if !errors.As(err, &e) || e.Number != api.NumInvalid || !strings.Contains(err.Error(), "from number 1000 on") {
		t.Errorf("got %v", err)
	}
	if len(got.Events) != api.MaxUserEvents || got.Added != api.MaxUserEvents || len(tr.bodies) != 2 {
		t.Errorf("got %d answers after %d calls", len(got.Events), len(tr.bodies))
	}
}

func TestAnAnswerOfFewerEventsIsAnError(t *testing.T) {
	t.Parallel()
	tr := &transport{answer: func(int) (*http.Response, error) { return reply(200, `{"added":1,"events":[{"result":"added"}]}`), nil }}
	if _, err := over(t, tr).NoteEvents(t.Context(), app, make([]api.UserEvent, 2)); err == nil {
		t.Error("got no error")
	}
}
