package audience_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/store"
)

// answer is what an expression should say of a user.
type answer struct {
	user store.User
	raw  string
	want bool
}

func checkAnswers(t *testing.T, a audience.Asked, answers []answer) {
	t.Helper()
	for i, c := range answers {
		e, err := audience.Parse([]byte(c.raw))
		must(t, err)
		if got := e.Holds(&c.user, a); got != c.want {
			t.Errorf("%d: %s is %v", i, c.raw, got)
		}
	}
}

func TestWhatWasInACampaignIsKnownFromWhatIsBeside(t *testing.T) {
	t.Parallel()
	row := func(o minapush.Outcome, f func(*minapush.Delivery)) store.User {
		d := minapush.Delivery{Batch: "A", State: minapush.Settled, Outcome: o}
		if f != nil {
			f(&d)
		}
		return store.User{Beside: []store.Beside{{Row: d}}}
	}
	confirmed := func(c minapush.Confirmed) func(*minapush.Delivery) {
		return func(d *minapush.Delivery) { d.Confirmed = c }
	}
	opened := func(d *minapush.Delivery) { d.OpenedAt = start }
	sending := func(d *minapush.Delivery) { d.State = minapush.Sending }
	nothing := store.User{Beside: []store.Beside{{}}}
	checkAnswers(t, audience.Asked{Now: start}, []answer{
		{row(minapush.Accepted, nil), `{"got":"A"}`, true}, {row(minapush.Unknown, nil), `{"got":"A"}`, true},
		{row(minapush.RefusedByUser, nil), `{"got":"A"}`, false}, {row(minapush.Failed, nil), `{"got":"A"}`, false}, {row(minapush.Skipped, nil), `{"got":"A"}`, false},
		{row(minapush.Pending, sending), `{"got":"A"}`, false}, {nothing, `{"got":"A"}`, false}, {store.User{}, `{"got":"A"}`, false},
		{row(minapush.Accepted, confirmed(minapush.Delivered)), `{"got":"A"}`, true}, {row(minapush.Accepted, confirmed(minapush.Undelivered)), `{"got":"A"}`, false},
		{nothing, `{"not":{"got":"A"}}`, true}, {store.User{}, `{"not":{"got":"A"}}`, true},
		{row(minapush.Accepted, opened), `{"opened":"A"}`, true}, {row(minapush.Accepted, nil), `{"opened":"A"}`, false}, {row(minapush.Unknown, opened), `{"opened":"A"}`, true},
		{row(minapush.Pending, func(d *minapush.Delivery) { sending(d); opened(d) }), `{"opened":"A"}`, true}, {nothing, `{"opened":"A"}`, false}, {store.User{}, `{"opened":"A"}`, false},
		{store.User{Beside: []store.Beside{{Listed: true}}}, `{"list":"A"}`, true}, {row(minapush.Accepted, nil), `{"list":"A"}`, false}, {store.User{}, `{"list":"A"}`, false},
		{store.User{Beside: []store.Beside{{Listed: true}}}, `{"got":"A"}`, false},
		// Each campaign is found at its place, and one that is not there is not known.
		{store.User{Beside: []store.Beside{{}, {Listed: true}}}, `{"any":[{"list":"A"},{"list":"B"}]}`, true},
		{store.User{Beside: []store.Beside{{}, {Listed: true}}}, `{"any":[{"list":"A"},{"opened":"B"},{"got":"A"}]}`, false},
		{store.User{Beside: []store.Beside{{Listed: true}}}, `{"all":[{"list":"A"},{"not":{"list":"B"}}]}`, true},
	})
}

func TestAnExpressionListsTheCampaignsThatItAsksOf(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string][]string{
		`{"tag":"a"}`: nil,
		`{"any":[{"got":"Z"},{"not":{"list":"A"}},{"all":[{"opened":"Z"},{"opened":"M"}]},{"got":"A"},{"got":"!~"}]}`: {"Z", "A", "M", "!~"},
		`{"got":"` + strings.Repeat("x", 64) + `"}`: {strings.Repeat("x", 64)},
	} {
		e, err := audience.Parse([]byte(raw))
		must(t, err)
		if got := e.Campaigns(); !slices.Equal(got, want) || (got == nil) != (want == nil) {
			t.Errorf("%s asks of %q", raw, got)
		}
	}
	if got := new(audience.Expression).Campaigns(); got != nil {
		t.Errorf("the zero expression asks of %q", got)
	}
}

func TestAnExpressionTellsWhereItNamesCampaigns(t *testing.T) {
	t.Parallel()
	// A tag, an attribute or an event that is called as a campaign is none.
	e, err := audience.Parse([]byte(`{"any":[{"tag":"A"},{"attribute":{"name":"A","is":"A"}},{"got":"A"},{"not":{"list":"B"}},{"all":[{"opened":"A"},{"event":{"name":"A","ever":true}}]}]}`))
	must(t, err)
	want := []audience.Named{{Path: "any[2].got", Campaign: "A"}, {Path: "any[3].not.list", Campaign: "B", List: true}, {Path: "any[4].all[0].opened", Campaign: "A"}}
	if got := e.Named(); !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := new(audience.Expression).Named(); got != nil {
		t.Errorf("the zero expression names %+v", got)
	}
}

func TestEventsAreKnownByLastTimeAndCount(t *testing.T) {
	t.Parallel()
	at := func(last time.Time, count int64) store.User {
		return store.User{Events: map[string]minapush.EventState{"checkin": {Last: last, Count: count}}}
	}
	ago := func(d time.Duration) store.User { return at(start.Add(-d), 2) }
	// start is 18:00 in Shanghai and 05:00 in New York.
	checkAnswers(t, audience.Asked{Now: start}, []answer{
		{ago(day), `{"event":{"name":"checkin","within":"24h"}}`, true}, {ago(day + time.Millisecond), `{"event":{"name":"checkin","within":"1d"}}`, false},
		{ago(-time.Minute), `{"event":{"within":"1s","name":"checkin"}}`, true}, {ago(0), `{"event":{"name":"pay","within":"24h"}}`, false}, {store.User{}, `{"event":{"name":"checkin","within":"24h"}}`, false},
		{ago(18 * time.Hour), `{"event":{"name":"checkin","days":1}}`, true}, {ago(18*time.Hour + time.Millisecond), `{"event":{"name":"checkin","days":1}}`, false},
		{ago(42 * time.Hour), `{"event":{"name":"checkin","days":2}}`, true}, {ago(42*time.Hour + time.Millisecond), `{"event":{"name":"checkin","days":2}}`, false},
		{ago(18*time.Hour + 365*day), `{"event":{"name":"checkin","days":366}}`, true}, {ago(18*time.Hour + 365*day + time.Millisecond), `{"event":{"name":"checkin","days":366}}`, false},
		{ago(5 * time.Hour), `{"event":{"name":"checkin","days":1,"time_zone":"America/New_York"}}`, true}, {ago(5*time.Hour + time.Millisecond), `{"event":{"name":"checkin","days":1,"time_zone":"America/New_York"}}`, false},
		{ago(-time.Minute), `{"event":{"name":"checkin","days":1}}`, true}, {store.User{}, `{"event":{"name":"checkin","days":366}}`, false},
		{ago(3650 * day), `{"event":{"name":"checkin","ever":true}}`, true}, {ago(0), `{"event":{"name":"pay","ever":true}}`, false}, {store.User{}, `{"not":{"event":{"name":"pay","ever":true}}}`, true},
		{ago(0), `{"event":{"name":"checkin","at_least":2}}`, true}, {ago(0), `{"event":{"name":"checkin","at_least":3}}`, false}, {store.User{}, `{"event":{"name":"checkin","at_least":1}}`, false},
		{ago(0), `{"event":{"name":"checkin","at_most":2}}`, true}, {ago(0), `{"event":{"name":"checkin","at_most":1}}`, false}, {store.User{}, `{"event":{"name":"checkin","at_most":0}}`, true},
	})
	// 2018-11-04 had no midnight in São Paulo: it began at 01:00, which is 03:00 in UTC.
	noon := audience.Asked{Now: time.Date(2018, 11, 4, 14, 0, 0, 0, time.UTC)}
	for at, want := range map[string]bool{"2018-11-04T03:00:00Z": true, "2018-11-04T02:59:59Z": false} {
		last, err := time.Parse(time.RFC3339, at)
		must(t, err)
		u := store.User{Events: map[string]minapush.EventState{"checkin": {Last: last, Count: 1}}}
		checkAnswers(t, noon, []answer{{u, `{"event":{"name":"checkin","days":1,"time_zone":"America/Sao_Paulo"}}`, want}})
	}
}

func TestADayIsThatOfEachQuestion(t *testing.T) {
	t.Parallel()
	e, err := audience.Parse([]byte(`{"event":{"name":"checkin","days":1}}`))
	must(t, err)
	midnight := time.Date(2026, 11, 22, 16, 0, 0, 0, time.UTC) // in Shanghai
	u := store.User{Events: map[string]minapush.EventState{"checkin": {Last: midnight.Add(-time.Millisecond), Count: 1}}}
	for _, ahead := range []time.Duration{-time.Millisecond, 0, -time.Millisecond, -time.Hour, time.Hour, time.Hour, -24 * time.Hour, 0} {
		if got := e.Holds(&u, audience.Asked{Now: midnight.Add(ahead)}); got != (ahead < 0) {
			t.Errorf("%s after midnight it is %v", ahead, got)
		}
	}
	for _, odd := range []time.Time{{}, time.Unix(0, 0), time.Unix(-1, 0), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)} {
		for range 2 {
			u.Events["checkin"] = minapush.EventState{Last: odd, Count: 1}
			wantEqual(t, e.Holds(&u, audience.Asked{Now: odd}), true)
			u.Events["checkin"] = minapush.EventState{Last: odd.Add(-24 * time.Hour), Count: 1}
			wantEqual(t, e.Holds(&u, audience.Asked{Now: odd}), false)
		}
	}
}

// holds is a permit that is available, and ends after a time from start; 0: never.
func holds(kind minapush.PermitKind, template string, ends time.Duration) minapush.Holding {
	h := minapush.Holding{Permit: minapush.Permit{Kind: kind, Template: template, Uses: max(kind.Uses(), 1), TakenAt: start.Add(-time.Hour)}}
	if ends != 0 {
		h.ExpiresAt = start.Add(ends)
	}
	return h
}

func with(permits ...minapush.Holding) store.User { return store.User{Permits: permits} }

func TestPermitsAreThoseThatCouldBeSpentNow(t *testing.T) {
	t.Parallel()
	const form, pay, sub, standing = minapush.FormID, minapush.PrepayID, minapush.Subscription, minapush.Standing
	in := func(s minapush.PermitState, h minapush.Holding) minapush.Holding {
		h.State = s
		return h
	}
	young := holds(pay, "", day)
	young.TakenAt = start.Add(-minapush.PayReadyAfter + time.Second)
	subs := with(holds(sub, "T", 0), holds(sub, "T", 0), holds(sub, "U", 0))
	long := with(holds(standing, "T", 0))
	none := store.User{}
	checkAnswers(t, audience.Asked{Now: start, Kind: minapush.OneTimeTemplate, Template: "T"}, []answer{
		{subs, `{"permits":{"at_least":2}}`, true}, {subs, `{"permits":{"at_least":3}}`, false}, {subs, `{"permits":{"at_most":2}}`, true}, {subs, `{"permits":{"at_most":1}}`, false},
		{subs, `{"permits":{"exactly":2}}`, true}, {subs, `{"permits":{"exactly":3}}`, false}, {none, `{"permits":{"exactly":0}}`, true}, {none, `{"permits":{"at_most":0}}`, true}, {none, `{"permits":{"at_least":1}}`, false},
		{subs, `{"permits":{"template":"U","exactly":1}}`, true}, {subs, `{"permits":{"kind":"subscribe","exactly":3}}`, true}, {subs, `{"permits":{"kind":"subscribe","template":"T","exactly":2}}`, true},
		{subs, `{"permits":{"kind":"standing","at_most":0}}`, true}, {subs, `{"permits":{"template":"V","at_most":0}}`, true},
		// Permits of other kinds do not serve a one-time template; named, they are what is meant.
		{with(holds(form, "", day)), `{"permits":{"at_most":0}}`, true}, {with(holds(form, "", day)), `{"permits":{"kind":"form","exactly":1}}`, true}, {long, `{"permits":{"at_least":1}}`, false},
		// A standing permit is without number.
		{long, `{"permits":{"template":"T","at_least":1000000000}}`, true}, {long, `{"permits":{"template":"T","at_most":1000000000}}`, false}, {long, `{"permits":{"kind":"standing","exactly":1}}`, false},
		{with(holds(standing, "T", 0), holds(sub, "T", 0)), `{"permits":{"template":"T","exactly":1}}`, false},
		{with(in(minapush.Held, holds(standing, "T", 0))), `{"permits":{"kind":"standing","at_least":1}}`, true},
	})
	checkAnswers(t, audience.Asked{Now: start, Kind: minapush.LegacyTemplate, Template: "L"}, []answer{
		{with(holds(form, "", day), holds(pay, "", day), holds(sub, "L", 0)), `{"permits":{"exactly":4}}`, true}, {with(holds(form, "", day), holds(pay, "", day)), `{"permits":{"kind":"pay","exactly":3}}`, true},
		{with(holds(form, "", minapush.SpendMargin)), `{"permits":{"at_most":0}}`, true}, {with(holds(form, "", minapush.SpendMargin+time.Second)), `{"permits":{"exactly":1}}`, true},
		{with(holds(form, "", -day)), `{"permits":{"at_most":0}}`, true}, {with(young), `{"permits":{"at_most":0}}`, true},
		{with(in(minapush.Held, holds(form, "", day))), `{"permits":{"at_most":0}}`, true}, {with(in(minapush.Suspect, holds(pay, "", day))), `{"permits":{"exactly":2}}`, true},
	})
	checkAnswers(t, audience.Asked{Now: start, Kind: minapush.LongTermTemplate, Template: "T"}, []answer{
		{long, `{"permits":{"at_least":7}}`, true}, {with(holds(standing, "U", 0)), `{"permits":{"at_least":1}}`, false}, {subs, `{"permits":{"at_least":1}}`, false},
	})
	// Without a message all are meant.
	checkAnswers(t, audience.Asked{Now: start}, []answer{{with(holds(form, "", day), holds(sub, "T", 0)), `{"permits":{"exactly":2}}`, true}, {long, `{"permits":{"at_least":1}}`, true}})
}

func TestWhoIsAboutToDropOutOfReachIsFound(t *testing.T) {
	t.Parallel()
	const form, sub = minapush.FormID, minapush.Subscription
	held := holds(form, "", 3*day)
	held.State = minapush.Held
	checkAnswers(t, audience.Asked{Now: start, Kind: minapush.LegacyTemplate, Template: "L"}, []answer{
		{with(holds(form, "", day)), `{"permits":{"last_expires_within":"24h"}}`, true}, {with(holds(form, "", day+time.Second)), `{"permits":{"last_expires_within":"24h"}}`, false},
		{with(holds(form, "", time.Hour), holds(form, "", day)), `{"permits":{"last_expires_within":"1d"}}`, true}, {with(holds(form, "", 2*day), holds(form, "", day)), `{"permits":{"last_expires_within":"1d"}}`, false},
		{store.User{}, `{"permits":{"last_expires_within":"3650d"}}`, false}, {with(holds(form, "", minapush.SpendMargin)), `{"permits":{"last_expires_within":"1d"}}`, false},
		{with(holds(form, "", day), holds(sub, "T", 0)), `{"permits":{"last_expires_within":"1d"}}`, true}, // it does not serve
		{with(holds(form, "", day), held), `{"permits":{"last_expires_within":"1d"}}`, true},               // its only use is in hand
		{with(holds(sub, "T", 0)), `{"permits":{"template":"T","last_expires_within":"3650d"}}`, false},
		{with(holds(sub, "T", day)), `{"permits":{"template":"T","last_expires_within":"1d"}}`, true}, {with(holds(minapush.Standing, "T", 0)), `{"permits":{"template":"T","last_expires_within":"3650d"}}`, false},
	})
}

func TestWhoJustRanOutIsFound(t *testing.T) {
	t.Parallel()
	took := func(template string, ago time.Duration, missed bool, permits ...minapush.Holding) store.User {
		u := with(permits...)
		u.Recent = []store.Recent{{Missed: true, At: start}, {At: start.Add(-ago), Template: minapush.TemplateHash(template), Missed: missed}}
		return u
	}
	unknown := store.User{Recent: []store.Recent{{At: start}}}
	sub := holds(minapush.Subscription, "T", 0)
	other := holds(minapush.Subscription, "U", 0)
	checkAnswers(t, audience.Asked{Now: start, Kind: minapush.OneTimeTemplate, Template: "T"}, []answer{
		{took("T", 3*day, false), `{"permits":{"ran_out_within":"3d"}}`, true}, {took("T", 3*day+time.Millisecond, false), `{"permits":{"ran_out_within":"3d"}}`, false},
		{took("T", day, true), `{"permits":{"ran_out_within":"3d"}}`, false}, {took("U", day, false), `{"permits":{"ran_out_within":"3d"}}`, false}, {took("T", day, false, sub), `{"permits":{"ran_out_within":"3d"}}`, false},
		{took("T", day, false, other), `{"permits":{"ran_out_within":"3d"}}`, true}, {store.User{}, `{"permits":{"ran_out_within":"3650d"}}`, false}, {unknown, `{"permits":{"ran_out_within":"3d"}}`, false},
		{took("U", day, false, sub), `{"permits":{"template":"U","ran_out_within":"3d"}}`, true}, {took("T", day, false), `{"permits":{"template":"U","ran_out_within":"3d"}}`, false},
		// With a kind alone no template is meant.
		{took("U", day, false), `{"permits":{"kind":"subscribe","ran_out_within":"3d"}}`, true}, {unknown, `{"permits":{"kind":"form","ran_out_within":"3d"}}`, true},
	})
	checkAnswers(t, audience.Asked{Now: start}, []answer{{took("U", day, false), `{"permits":{"ran_out_within":"3d"}}`, true}, {unknown, `{"permits":{"ran_out_within":"3d"}}`, true}})
}

func TestAShareIsStableDisjointAndAsLargeAsItSays(t *testing.T) {
	t.Parallel()
	edges := []string{"0", "0.0001", "1", "10", "12.3456", "50", "99.9999", "100"}
	var shares []*audience.Expression
	for i := range len(edges) - 1 {
		e, err := audience.Parse(fmt.Appendf(nil, `{"share":{"from":%s,"until":%s,"salt":"ab-test"}}`, edges[i], edges[i+1]))
		must(t, err)
		shares = append(shares, e)
	}
	other, err := audience.Parse([]byte(`{"share":{"until":50,"salt":"ab-test2"}}`))
	must(t, err)
	const users = 100_000
	got := make([]int, len(shares))
	both, byShard := 0, [2][16]int{}
	for i := range users {
		u := store.User{OpenID: minapush.OpenID(fmt.Sprintf("oABCDEFGHIJKLMNOPQRST%07d", i))}
		in := 0
		for s, e := range shares {
			if e.Holds(&u, audience.Asked{}) {
				got[s]++
				in++
				if half := s < 5; half && other.Holds(&u, audience.Asked{}) {
					both++
				}
				shard := minapush.ShardOf(u.OpenID, 16)
				byShard[0][shard]++
				if s < 5 {
					byShard[1][shard]++
				}
			}
		}
		if in != 1 {
			t.Fatalf("%s is in %d shares", u.OpenID, in)
		}
	}
	for s, want := range []float64{0.000001, 0.009999, 0.09, 0.023456, 0.376544, 0.499999, 0.000001} {
		// Five standard deviations of a fair draw, and one user for the tiniest.
		if n, off := want*users, 5*math.Sqrt(want*(1-want)*users)+1; float64(got[s]) < n-off || float64(got[s]) > n+off {
			t.Errorf("share %s–%s has %d of %d", edges[s], edges[s+1], got[s], users)
		}
	}
	if both < users/4-1000 || both > users/4+1000 {
		t.Errorf("halves of two salts share %d of %d: they are no independent draws", both, users)
	}
	for shard := range 16 {
		if all, half := byShard[0][shard], byShard[1][shard]; half < all/2-300 || half > all/2+300 {
			t.Errorf("of shard %d %d of %d are in a half", shard, half, all)
		}
	}
}

// TestWhoIsInAShareNeverChanges: an experiment goes on over releases.
func TestWhoIsInAShareNeverChanges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ salt, openid, from, until string }{
		{"", "oABCD", "96.1269", "96.127"},
		{"", "o6_bmjrPTlm6_2sgVt7hMZOPfL2M", "48.5078", "48.5079"},
		{"ab-test", "o6_bmjrPTlm6_2sgVt7hMZOPfL2M", "74.5985", "74.5986"},
		{"其他", "oABCD", "23.3012", "23.3013"},
	} {
		e, err := audience.Parse(fmt.Appendf(nil, `{"share":{"from":%s,"until":%s,"salt":%q}}`, c.from, c.until, c.salt))
		must(t, err)
		wantEqual(t, e.Holds(&store.User{OpenID: minapush.OpenID(c.openid)}, audience.Asked{}), true)
	}
}

func TestABadWordIsRefusedWithThePathToItAndWhatWasExpected(t *testing.T) {
	t.Parallel()
	const id, event, permits, share, whole = "must be the id of a campaign", "must be an object with name and exactly one of", "must be an object with exactly one of", "must be an object with until", "must be a whole number from "
	percent := "must be a number from 0 to 100 with at most 4 decimals"
	campaigns := `{"all":[{"got":"A"},{"list":"B"},{"opened":"C"},{"got":"D"},{"got":"A"},{"not":{"got":"E"}}]}`
	for _, c := range []struct{ raw, path, says string }{
		{`{"list":""}`, "list", id}, {`{"got":7}`, "got", id}, {`{"opened":"a b"}`, "opened", id}, {`{"list":"é"}`, "list", id}, {`{"got":"\n"}`, "got", id}, {`{"got":null}`, "got", id}, {`{"got":["A"]}`, "got", id},
		{`{"got":"` + strings.Repeat("x", 65) + `"}`, "got", id}, {campaigns, "all[5].not.got", "one campaign too many: an expression may ask of 4"},
		{`{"event":"checkin"}`, "event", event}, {`{"event":{}}`, "event", event}, {`{"event":{"name":"a"}}`, "event", event}, {`{"event":{"ever":true}}`, "event", event}, {`{"event":{"name":"a","ever":true,"days":1}}`, "event", event},
		{`{"event":{"name":"a","since":"1d"}}`, "event.since", "is not known here; event is an object with name"}, {`{"event":{"name":"a","ever":true,"ever":true}}`, "event.ever", "must be given once"},
		{`{"event":{"name":"9","ever":true}}`, "event.name", "letters, digits"}, {`{"event":{"name":7,"ever":true}}`, "event.name", "letters, digits"}, {`{"event":{"name":null,"ever":true}}`, "event.name", "letters, digits"},
		{`{"event":{"name":"a","within":"1y"}}`, "event.within", "must be a whole number of s, m, h, d or w"}, {`{"event":{"name":"a","within":7}}`, "event.within", "must be a whole number of s, m, h, d or w"},
		{`{"event":{"name":"a","days":0}}`, "event.days", whole + "1 to 366"}, {`{"event":{"name":"a","days":367}}`, "event.days", whole + "1 to 366"}, {`{"event":{"name":"a","days":1.5}}`, "event.days", whole}, {`{"event":{"name":"a","days":"1"}}`, "event.days", whole},
		{`{"event":{"name":"a","days":-1}}`, "event.days", whole}, {`{"event":{"name":"a","days":null}}`, "event.days", whole}, {`{"event":{"name":"a","days":1e2}}`, "event.days", whole},
		{`{"event":{"name":"a","days":1,"time_zone":"Mars"}}`, "event.time_zone", "must be a time zone"}, {`{"event":{"name":"a","days":1,"time_zone":""}}`, "event.time_zone", "must be a time zone"}, {`{"event":{"name":"a","days":1,"time_zone":8}}`, "event.time_zone", "must be a time zone"},
		{`{"event":{"name":"a","ever":true,"time_zone":"UTC"}}`, "event.time_zone", "goes with days only"},
		{`{"event":{"name":"a","ever":false}}`, "event.ever", "must be true"}, {`{"event":{"name":"a","ever":1}}`, "event.ever", "must be true"},
		{`{"event":{"name":"a","at_least":0}}`, "event.at_least", whole + "1 to"}, {`{"event":{"name":"a","at_most":-1}}`, "event.at_most", whole + "0 to"}, {`{"event":{"name":"a","at_most":1000000001}}`, "event.at_most", whole}, {`{"event":{"name":"a","at_least":99999999999999999999}}`, "event.at_least", whole},
		{`{"permits":1}`, "permits", permits}, {`{"permits":{}}`, "permits", permits}, {`{"permits":{"template":"T"}}`, "permits", permits}, {`{"permits":{"at_least":1,"at_most":2}}`, "permits", permits},
		{`{"permits":{"more_than":1}}`, "permits.more_than", "is not known here; permits is an object"}, {`{"permits":{"at_least":1,"at_least":1}}`, "permits.at_least", "must be given once"},
		{`{"permits":{"template":"","at_least":1}}`, "permits.template", "must not be empty"}, {`{"permits":{"template":7,"at_least":1}}`, "permits.template", "must not be empty"}, {`{"permits":{"template":"a b","at_least":1}}`, "permits.template", "printable ASCII"},
		{`{"permits":{"kind":"forms","at_least":1}}`, "permits.kind", "must be form, pay, subscribe or standing"}, {`{"permits":{"kind":1,"at_least":1}}`, "permits.kind", "must be form, pay, subscribe or standing"},
		{`{"permits":{"kind":"form","template":"T","at_least":1}}`, "permits.kind", "cannot be form beside a template"}, {`{"permits":{"kind":"pay","template":"T","at_least":1}}`, "permits.kind", "cannot be pay beside a template"},
		{`{"permits":{"at_least":0}}`, "permits.at_least", whole + "1 to"}, {`{"permits":{"at_most":"1"}}`, "permits.at_most", whole + "0 to"}, {`{"permits":{"exactly":0.5}}`, "permits.exactly", whole},
		{`{"permits":{"last_expires_within":24}}`, "permits.last_expires_within", "must be a whole number of s, m, h, d or w"}, {`{"permits":{"ran_out_within":"0d"}}`, "permits.ran_out_within", "must be a whole number of s, m, h, d or w"},
		{`{"share":10}`, "share", share}, {`{"share":{}}`, "share", share}, {`{"share":{"from":1}}`, "share", share}, {`{"share":{"until":10,"to":10}}`, "share.to", "is not known here; share is an object with until"}, {`{"share":{"until":1,"until":2}}`, "share.until", "must be given once"},
		{`{"share":{"until":"10"}}`, "share.until", percent}, {`{"share":{"until":100.0001}}`, "share.until", percent}, {`{"share":{"from":-0.0001,"until":1}}`, "share.from", percent}, {`{"share":{"until":0.00001}}`, "share.until", percent},
		{`{"share":{"from":12.34567,"until":50}}`, "share.from", percent}, {`{"share":{"until":1e400}}`, "share.until", percent}, {`{"share":{"until":null}}`, "share.until", percent}, {`{"share":{"until":0}}`, "share.until", "must be more than from"},
		{`{"share":{"from":10,"until":10}}`, "share.until", "must be more than from"}, {`{"share":{"from":10,"until":9.9999}}`, "share.until", "must be more than from"},
		{`{"share":{"until":1,"salt":1}}`, "share.salt", "must be a text of at most 64 bytes"}, {`{"share":{"until":1,"salt":"` + strings.Repeat("x", 65) + `"}}`, "share.salt", "must be a text of at most 64 bytes"},
		{`{"any":[{"tag":"a"},{"not":{"event":{"name":"a","days":"x"}}}]}`, "any[1].not.event.days", whole}, {`{"events":{}}`, "events", "is not a word of audiences; they are all, any"},
	} {
		_, err := audience.Parse([]byte(c.raw))
		var e *minapush.Error
		if !errors.As(err, &e) || e.Kind != minapush.Invalid || e.Field != c.path || !strings.Contains(e.Err.Error(), c.says) {
			t.Errorf("%.90s: got %v, want %s: %s", c.raw, err, c.path, c.says)
		}
	}
	for _, good := range []string{
		`{"share":{"from":0,"until":100}}`, `{"share":{"from":-0,"until":1e-4}}`, `{"share":{"from":99.9999,"until":1.0e2,"salt":""}}`, `{"share":{"until":12.34560}}`,
		`{"permits":{"kind":"standing","template":"T","exactly":1000000000}}`, `{"event":{"days":366,"time_zone":"UTC","name":"a"}}`,
		`{"all":[{"got":"A"},{"list":"B"},{"opened":"C"},{"got":"D"},{"list":"A"},{"list":"D"}]}`,
	} {
		_, err := audience.Parse([]byte(good))
		must(t, err)
	}
}

const everyWord = `{"all":[{"not_seen_within":"1d"},{"any":[{"tag":"old"},{"attribute":{"name":"city","one_of":["上海","北京"]}}]},
	{"not":{"attribute":{"name":"level","at_least":8}}},{"has_uid":true},{"not":{"got":"A"}},{"list":"B"},{"not":{"opened":"A"}},
	{"event":{"name":"checkin","within":"30d"}},{"not":{"event":{"name":"checkin","days":1}}},{"not":{"event":{"name":"checkin","days":1,"time_zone":"America/Havana"}}},
	{"event":{"name":"checkin","at_least":1}},{"permits":{"at_least":1}},{"permits":{"last_expires_within":"24h"}},{"permits":{"kind":"subscribe","at_most":0}},
	{"permits":{"template":"T","ran_out_within":"3d"}},{"not":{"permits":{"ran_out_within":"3d"}}},{"share":{"from":0,"until":100,"salt":"x"}}]}`

// everything is a user for whom everyWord holds.
func everything() (store.User, audience.Asked) {
	u := with(holds(minapush.FormID, "", day), holds(minapush.FormID, "", time.Hour))
	u.OpenID, u.LastSeen = "oABCDEFGHIJKLMNOPQRSTUVWXYZ0", start.Add(-2*day)
	u.Profile = minapush.Profile{UID: "7", Attributes: map[string]minapush.Attribute{"city": {Text: "北京"}, "level": number(7)}}
	u.Events = map[string]minapush.EventState{"checkin": {Last: start.Add(-2 * day), Count: 9}}
	u.Beside = []store.Beside{{}, {Listed: true}}
	u.Recent = []store.Recent{{At: start, Template: minapush.TemplateHash("T")}}
	return u, audience.Asked{Now: start, Kind: minapush.LegacyTemplate, Template: strings.Repeat("L", 128)}
}

// TestAskingAnExpressionAllocatesNothing is not parallel, as AllocsPerRun demands.
func TestAskingAnExpressionAllocatesNothing(t *testing.T) {
	e, err := audience.Parse([]byte(everyWord))
	must(t, err)
	u, a := everything()
	wantEqual(t, e.Holds(&u, a), true)
	wantEqual(t, testing.AllocsPerRun(100, func() { e.Holds(&u, a) }), 0)
	ranOut, err := audience.Parse([]byte(`{"permits":{"ran_out_within":"3d"}}`))
	must(t, err)
	u.Permits = nil
	wantEqual(t, testing.AllocsPerRun(100, func() { ranOut.Holds(&u, a) }), 0)
}

func BenchmarkHolds(b *testing.B) {
	u, a := everything()
	for name, raw := range map[string]string{
		"every word":       everyWord,
		"three conditions": `{"all":[{"seen_within":"3650d"},{"not":{"event":{"name":"checkin","days":1}}},{"permits":{"at_least":1}}]}`,
		"days":             `{"not":{"event":{"name":"checkin","days":1}}}`,
	} {
		b.Run(name, func(b *testing.B) {
			e, err := audience.Parse([]byte(raw))
			must(b, err)
			b.ReportAllocs()
			for b.Loop() {
				if !e.Holds(&u, a) {
					b.Fatal("it does not hold")
				}
			}
		})
	}
}
