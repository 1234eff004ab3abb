package server_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/minapush/minapush/api"
)

func FuzzNoEventsAreAFaultOfTheServer(f *testing.F) {
	for _, body := range []string{
		`{"events":[{"openid":"o","name":"checkin"}]}`, `{"events":[{"openid":"o","name":"a","at":"2026-11-22T09:00:00.5+08:00"},{"openid":"uid:x","name":"b"}]}`,
		`{"events":[{"name":"a","age_ms":-9223372036854775808}]}`, `{"events":[{"openid":"o","name":"a","at":"9999-12-31T23:59:59Z","age_ms":0}]}`,
		`{"events":[null]}`, `{"events":{}}`, `{"events":[{"openid":"\u0000","name":"\ud800"}]}`, `[`, "\xff", `{"events":[{"age_ms":1e99}]}`,
	} {
		f.Add(body, true)
		f.Add(body, false)
	}
	var k kept
	s := sample{method: "POST", path: userEvents}
	f.Fuzz(func(t *testing.T, body string, own bool) {
		b := k.up(t)
		b.clock.add(1e9) // a session's allowance comes back
		credential := b.admin
		if own {
			credential = b.session(t, appID, openid)
		}
		before := b.model.Dump()
		a := b.fuzzed(t, s, "", body, http.Header{"Authorization": {"Bearer " + credential}})
		if a.status != 200 {
			if after := b.model.Dump(); before != after {
				t.Fatalf("%q: %d %s, and something changed:\n%s", body, a.status, a.body, difference(before, after))
			}
			return
		}
		var got api.UserEventsAnswer
		if err := json.Unmarshal([]byte(a.body), &got); err != nil || got.Added+got.Known+got.Refused != len(got.Events) {
			t.Fatalf("%q: %v, the sum of %s does not close", body, err, a.body)
		}
	})
}
