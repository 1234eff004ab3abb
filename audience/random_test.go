package audience_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/store"
)

// person is a user, and what there is of it in campaigns.
type person struct {
	store.User
	in map[string]store.Beside
}

// asked answers an expression for a person.
func (p person) asked(e *audience.Expression, a audience.Asked) bool {
	for _, id := range e.Campaigns() {
		p.Beside = append(p.Beside, p.in[id])
	}
	return e.Holds(&p.User, a)
}

func TestAnExpressionHoldsWhereAnEvaluatorWrittenApartSaysSo(t *testing.T) {
	t.Parallel()
	held := 0
	rapid.Check(t, func(t *rapid.T) {
		c := condition(t, 3)
		e, p, a := parse(t, c), somebody(t), question(t)
		got, want := p.asked(e, a), naive(asJSON(t, c), p, a)
		if got != want {
			t.Fatalf("%v of %+v at %+v is %v", c, p, a, got)
		}
		if got {
			held++
		}
	})
	if held == 0 {
		t.Error("nothing ever held")
	}
}

// TestEachWordHoldsWhereAnEvaluatorWrittenApartSaysSo asks each word often enough, alone.
func TestEachWordHoldsWhereAnEvaluatorWrittenApartSaysSo(t *testing.T) {
	t.Parallel()
	for word := range leaves {
		t.Run(fmt.Sprint(word), func(t *testing.T) {
			t.Parallel()
			answers := map[bool]int{}
			rapid.Check(t, func(t *rapid.T) {
				c := leaf(t, word)
				e, raw := parse(t, c), asJSON(t, c)
				for range crowd {
					p, a := somebody(t), question(t)
					got := p.asked(e, a)
					if got != naive(raw, p, a) {
						t.Fatalf("%v of %+v at %+v is %v", c, p, a, got)
					}
					answers[got]++
				}
			})
			if answers[true] == 0 || answers[false] == 0 {
				t.Errorf("the answers were %v", answers)
			}
		})
	}
}

// What an expression does not look at may be missing.
func TestAnExpressionLooksAtWhatItSays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := condition(t, 3)
		e, p, a := parse(t, c), somebody(t), question(t)
		shown, looks := p, e.Looks()
		for part, hide := range map[store.Looks]func(*store.User){
			store.LookProfile: func(u *store.User) { u.Profile = minapush.Profile{} },
			store.LookEvents:  func(u *store.User) { u.Events = nil },
			store.LookPermits: func(u *store.User) { u.Permits, u.Counts, u.StandingSent = nil, minapush.Counts{}, 0 },
			store.LookRecent:  func(u *store.User) { u.Recent, u.Busy = nil, nil },
		} {
			if looks&part == 0 {
				hide(&shown.User)
			}
		}
		if got := shown.asked(e, a); got != p.asked(e, a) {
			t.Fatalf("%v of %+v is %v when only %b of it is shown", c, p, got, looks)
		}
	})
}

func TestAnExpressionIsTheOppositeOfItsNot(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := condition(t, 3)
		e, not := parse(t, c), parse(t, map[string]any{"not": c})
		a, b := condition(t, 2), condition(t, 2)
		all := parse(t, map[string]any{"not": map[string]any{"all": []any{a, b}}})
		anyNot := parse(t, map[string]any{"any": []any{map[string]any{"not": a}, map[string]any{"not": b}}})
		p, q := somebody(t), question(t)
		if p.asked(e, q) == p.asked(not, q) {
			t.Fatalf("%v holds for %+v as its not does", c, p)
		}
		if p.asked(all, q) != p.asked(anyNot, q) {
			t.Fatalf("%v and %v break De Morgan's law for %+v", a, b, p)
		}
	})
}

// TestTheLastPermitIsAboutToEnd compares with a plain model: who could be reached now by some permits, and by none of them later.
func TestTheLastPermitIsAboutToEnd(t *testing.T) {
	t.Parallel()
	e, err := audience.Parse([]byte(`{"permits":{"last_expires_within":"24h"}}`))
	must(t, err)
	found := 0
	reached := func(p person, from, at time.Time) bool {
		for _, h := range p.Permits {
			taken := h.State != minapush.Available && h.Uses == 1 && h.Kind != minapush.Standing
			if (h.Kind == minapush.FormID || h.Kind == minapush.PrepayID) && !taken && h.Ready(from) && !h.Expired(at) {
				return true
			}
		}
		return false
	}
	rapid.Check(t, func(t *rapid.T) {
		for range crowd {
			p := somebody(t)
			want := reached(p, start, start) && !reached(p, start, start.Add(24*time.Hour))
			if want {
				found++
			}
			if got := p.asked(e, audience.Asked{Now: start, Kind: minapush.LegacyTemplate, Template: "T"}); got != want {
				t.Fatalf("got %v for %+v", got, p.Permits)
			}
		}
	})
	if found == 0 {
		t.Error("nobody was found")
	}
}

const (
	leaves = 12
	// crowd is how many users are asked about at a time, so that some are found for whom it holds.
	crowd = 20
)

func condition(t *rapid.T, depth int) map[string]any {
	if depth == 0 || rapid.Bool().Draw(t, "leaf") {
		return leaf(t, rapid.IntRange(0, leaves-1).Draw(t, "word"))
	}
	if rapid.Bool().Draw(t, "not") {
		return map[string]any{"not": condition(t, depth-1)}
	}
	kids := []any{condition(t, depth-1)}
	for range rapid.IntRange(0, 2).Draw(t, "more") {
		kids = append(kids, condition(t, depth-1))
	}
	return map[string]any{rapid.SampledFrom([]string{"all", "any"}).Draw(t, "which"): kids}
}

func leaf(t *rapid.T, word int) map[string]any {
	draw := func(values ...any) any { return rapid.SampledFrom(values).Draw(t, "value") }
	switch word {
	case 0:
		return map[string]any{"seen_within": fmt.Sprintf("%dd", rapid.IntRange(1, 4).Draw(t, "days"))}
	case 1:
		return map[string]any{"not_seen_within": fmt.Sprintf("%dh", rapid.IntRange(1, 100).Draw(t, "hours"))}
	case 2:
		return map[string]any{"tag": draw("a", "b", "c")}
	case 3:
		return map[string]any{"has_uid": rapid.Bool().Draw(t, "has")}
	case 4:
		value := rapid.SampledFrom([]any{"a", "b", 1, 2.5, true, false})
		return map[string]any{"attribute": map[string]any{"name": "x", "one_of": rapid.SliceOfN(value, 1, 3).Draw(t, "values")}}
	case 5:
		return map[string]any{"attribute": map[string]any{"name": "x", draw("is", "at_least", "at_most").(string): draw("a", "b", 1, 2.5)}}
	case 6:
		return map[string]any{"list": draw("A", "B", "C")}
	case 7:
		return map[string]any{"got": draw("A", "B", "C")}
	case 8:
		return map[string]any{"opened": draw("A", "B", "C")}
	case 9:
		return map[string]any{"event": eventCondition(t)}
	case 10:
		return map[string]any{"permits": permitsCondition(t)}
	}
	from := rapid.IntRange(0, 99_9999).Draw(t, "from")
	until := rapid.IntRange(from+1, 100_0000).Draw(t, "until")
	share := map[string]any{"until": float64(until) / 1e4}
	if from > 0 || rapid.Bool().Draw(t, "from given") {
		share["from"] = float64(from) / 1e4
	}
	if salt := draw("", "ab-test", "其他").(string); salt != "" {
		share["salt"] = salt
	}
	return map[string]any{"share": share}
}

func eventCondition(t *rapid.T) map[string]any {
	c := map[string]any{"name": rapid.SampledFrom([]string{"checkin", "pay"}).Draw(t, "event")}
	switch rapid.IntRange(0, 4).Draw(t, "what") {
	case 0:
		c["within"] = fmt.Sprintf("%dh", rapid.IntRange(1, 50).Draw(t, "hours"))
	case 1:
		c["days"] = rapid.IntRange(1, 4).Draw(t, "days")
		if zone := rapid.SampledFrom([]string{"", "America/New_York", "Australia/Lord_Howe", "Pacific/Kiritimati"}).Draw(t, "zone"); zone != "" {
			c["time_zone"] = zone
		}
	case 2:
		c["ever"] = true
	case 3:
		c["at_least"] = rapid.IntRange(1, 3).Draw(t, "least")
	default:
		c["at_most"] = rapid.IntRange(0, 3).Draw(t, "most")
	}
	return c
}

func permitsCondition(t *rapid.T) map[string]any {
	c := map[string]any{}
	which := rapid.IntRange(0, 5).Draw(t, "which")
	if which == 1 || which == 2 {
		c["template"] = rapid.SampledFrom([]string{"T", "U"}).Draw(t, "template")
	}
	switch which {
	case 2:
		c["kind"] = rapid.SampledFrom([]string{"subscribe", "standing"}).Draw(t, "kind")
	case 3:
		c["kind"] = rapid.SampledFrom([]string{"form", "pay", "subscribe", "standing"}).Draw(t, "kind")
	}
	switch rapid.IntRange(0, 4).Draw(t, "what") {
	case 0:
		c["at_least"] = rapid.IntRange(1, 4).Draw(t, "least")
	case 1:
		c["at_most"] = rapid.IntRange(0, 4).Draw(t, "most")
	case 2:
		c["exactly"] = rapid.IntRange(0, 4).Draw(t, "exactly")
	case 3:
		c["last_expires_within"] = rapid.SampledFrom([]string{"5m", "1h", "24h", "7d"}).Draw(t, "time")
	default:
		c["ran_out_within"] = rapid.SampledFrom([]string{"1h", "1d", "3d"}).Draw(t, "time")
	}
	return c
}

func question(t *rapid.T) audience.Asked {
	kind := rapid.SampledFrom([]minapush.TemplateKind{"", minapush.LegacyTemplate, minapush.OneTimeTemplate, minapush.LongTermTemplate}).Draw(t, "kind")
	a := audience.Asked{Now: start, Kind: kind}
	if kind != "" {
		a.Template = rapid.SampledFrom([]string{"T", "U"}).Draw(t, "asked")
	}
	return a
}

func somebody(t *rapid.T) person {
	p := person{in: map[string]store.Beside{}}
	p.OpenID = minapush.OpenID(rapid.StringMatching(`o[A-Za-z0-9_-]{1,27}`).Draw(t, "openid"))
	if rapid.Bool().Draw(t, "seen") {
		p.LastSeen = start.Add(-time.Duration(rapid.IntRange(-1, 100).Draw(t, "ago")) * time.Hour)
	}
	p.Profile.UID = rapid.SampledFrom([]string{"", "7"}).Draw(t, "uid")
	p.Profile.Tags = rapid.SliceOfDistinct(rapid.SampledFrom([]string{"a", "b"}), rapid.ID).Draw(t, "tags")
	values := []minapush.Attribute{{Text: "a"}, {Text: "b"}, number(1), number(2.5), flag(0), flag(1)}
	if i := rapid.IntRange(0, len(values)).Draw(t, "x"); i < len(values) {
		p.Profile.Attributes = map[string]minapush.Attribute{"x": values[i]}
	}
	if rapid.Bool().Draw(t, "checked in") {
		ago := time.Duration(rapid.IntRange(-1, 100).Draw(t, "checked in ago")) * time.Hour
		p.Events = map[string]minapush.EventState{"checkin": {Last: start.Add(-ago), Count: rapid.Int64Range(1, 3).Draw(t, "times")}}
	}
	for range rapid.IntRange(0, 4).Draw(t, "permits") {
		p.Permits = append(p.Permits, somePermit(t))
	}
	for range rapid.IntRange(0, 3).Draw(t, "recent") {
		p.Recent = append(p.Recent, store.Recent{
			At:       start.Add(-time.Duration(rapid.SampledFrom([]int{0, 1, 24, 72, 73}).Draw(t, "took ago")) * time.Hour),
			Template: rapid.SampledFrom([]uint32{0, minapush.TemplateHash("T"), minapush.TemplateHash("U")}).Draw(t, "of"),
			Missed:   rapid.IntRange(0, 2).Draw(t, "missed") == 0,
		})
	}
	for _, id := range []string{"A", "B"} {
		p.in[id] = someBeside(t, id)
	}
	return p
}

func somePermit(t *rapid.T) minapush.Holding {
	h := minapush.Holding{State: minapush.PermitState(rapid.IntRange(0, 2).Draw(t, "state"))}
	h.Kind = rapid.SampledFrom(minapush.PermitKinds[:]).Draw(t, "permit kind")
	h.TakenAt = start.Add(-time.Duration(rapid.SampledFrom([]int{0, 9, 10, 1000}).Draw(t, "taken")) * time.Second)
	h.Uses = 1
	switch h.Kind {
	case minapush.PrepayID:
		h.Uses = rapid.IntRange(1, 3).Draw(t, "uses")
	case minapush.Subscription, minapush.Standing:
		h.Template = rapid.SampledFrom([]string{"T", "U"}).Draw(t, "permit of")
	}
	if h.Kind.HasCode() || rapid.Bool().Draw(t, "ends") {
		ends := []time.Duration{-time.Hour, 0, 10 * time.Minute, 11 * time.Minute, time.Hour, 24 * time.Hour, 24*time.Hour + time.Second, 8 * day}
		h.ExpiresAt = start.Add(rapid.SampledFrom(ends).Draw(t, "end"))
	}
	return h
}

func someBeside(t *rapid.T, id string) store.Beside {
	b := store.Beside{Listed: rapid.Bool().Draw(t, "listed")}
	if !rapid.Bool().Draw(t, "row") {
		return b
	}
	b.Row = minapush.Delivery{Batch: id, State: minapush.Settled, Outcome: minapush.Outcome(rapid.IntRange(0, 5).Draw(t, "outcome"))}
	b.Row.Confirmed = minapush.Confirmed(rapid.IntRange(0, 2).Draw(t, "confirmed"))
	if rapid.Bool().Draw(t, "opened") {
		b.Row.OpenedAt = start
	}
	return b
}

func asJSON(t *rapid.T, c any) map[string]any {
	raw, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func parse(t *rapid.T, c any) *audience.Expression {
	raw, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	e, err := audience.Parse(raw)
	if err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return e
}
