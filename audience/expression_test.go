package audience_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/store"
)

const day = 24 * time.Hour

func number(n float64) minapush.Attribute {
	return minapush.Attribute{Kind: minapush.Number, Number: n}
}

func flag(n float64) minapush.Attribute { return minapush.Attribute{Kind: minapush.Flag, Number: n} }

func TestAnExpressionHoldsForThoseItNames(t *testing.T) {
	t.Parallel()
	u := store.User{LastSeen: start.Add(-2 * day), Profile: minapush.Profile{
		UID: "7", Tags: []string{"new", "vip"},
		Attributes: map[string]minapush.Attribute{"level": number(7), "city": {Text: "北京"}, "quiet": flag(1), "since": {Text: "2026-03-01"}},
	}}
	future, never := u, u
	future.LastSeen, never.LastSeen = start.Add(time.Hour), time.Time{}
	for _, c := range []struct {
		user store.User
		raw  string
		want bool
	}{
		{u, `{"seen_within":"2d"}`, true}, {u, `{"seen_within":"48h"}`, true}, {u, `{"seen_within":"2879m"}`, false}, {u, `{"seen_within":"172799s"}`, false},
		{u, `{"seen_within":"1w"}`, true}, {u, `{"not_seen_within":"1d"}`, true}, {u, `{"not_seen_within":"2d"}`, false}, {u, `{"seen_within":"3650d"}`, true},
		{never, `{"seen_within":"3650d"}`, false}, {never, `{"not_seen_within":"1s"}`, true}, {future, `{"seen_within":"1s"}`, true},
		{u, `{"tag":"vip"}`, true}, {u, `{"tag":"vi"}`, false}, {store.User{}, `{"tag":"vip"}`, false},
		{u, `{"has_uid":true}`, true}, {u, `{"has_uid":false}`, false}, {store.User{}, `{"has_uid":true}`, false}, {store.User{}, `{"has_uid":false}`, true},
		{u, `{"attribute":{"name":"level","is":7.0}}`, true}, {u, `{"attribute":{"name":"level","is":"7"}}`, false}, {u, `{"attribute":{"is":8,"name":"level"}}`, false},
		{u, `{"attribute":{"name":"level","at_least":7}}`, true}, {u, `{"attribute":{"name":"level","at_least":7.01}}`, false},
		{u, `{"attribute":{"name":"level","at_most":7}}`, true}, {u, `{"attribute":{"name":"level","at_most":-7}}`, false},
		{u, `{"attribute":{"name":"level","at_least":""}}`, false}, {u, `{"attribute":{"name":"city","at_least":0}}`, false},
		{u, `{"attribute":{"name":"since","at_least":"2026-02-28"}}`, true}, {u, `{"attribute":{"name":"since","at_most":"2026-02-28"}}`, false},
		{u, `{"attribute":{"name":"city","one_of":["上海","北京"]}}`, true}, {u, `{"attribute":{"name":"city","one_of":[7]}}`, false},
		{u, `{"attribute":{"name":"quiet","is":true}}`, true}, {u, `{"attribute":{"name":"quiet","is":1}}`, false},
		{u, `{"attribute":{"name":"absent","at_most":1e300}}`, false}, {u, `{"attribute":{"name":"absent","is":""}}`, false},
		{u, `{"not":{"attribute":{"name":"absent","is":""}}}`, true},
		{u, `{"all":[{"tag":"vip"},{"tag":"new"}]}`, true}, {u, `{"all":[{"tag":"vip"},{"tag":"old"}]}`, false},
		{u, `{"any":[{"tag":"old"},{"tag":"new"}]}`, true}, {u, `{"any":[{"tag":"old"}]}`, false},
	} {
		e, err := audience.Parse([]byte(c.raw))
		must(t, err)
		if got := e.Holds(&c.user, audience.Asked{Now: start}); got != c.want {
			t.Errorf("%s is %v", c.raw, got)
		}
	}
}

func TestABadExpressionIsRefusedWithThePathToIt(t *testing.T) {
	t.Parallel()
	deep := func(n int) string {
		return strings.Repeat(`{"not":`, n-1) + `{"has_uid":true}` + strings.Repeat("}", n-1)
	}
	wide := func(n int) string { return `{"any":[` + strings.Repeat(`{"tag":"a"},`, n-2) + `{"tag":"a"}]}` }
	listed := func(n int) string {
		return `{"attribute":{"name":"a","one_of":[` + strings.Repeat(`1,`, n-2) + `1]}}`
	}
	for _, good := range []string{deep(audience.MaxDepth), wide(audience.MaxNodes), listed(audience.MaxNodes)} {
		_, err := audience.Parse([]byte(good))
		must(t, err)
	}
	for raw, want := range map[string]string{
		``: "", `x`: "", `null`: "", `[]`: "", `{}`: "", `"tag"`: "", "{\"tag\":\"\xff\"}": "", `{"tag":"a","has_uid":true}`: "", `{"tag":"a","tag":"a"}`: "",
		`{"tag":"` + strings.Repeat("a", audience.MaxExpression) + `"}`: "",
		`{"seen":"7d"}`: "seen", `{"tag":""}`: "tag", `{"tag":7}`: "tag", `{"tag":null}`: "tag", `{"has_uid":1}`: "has_uid", `{"has_uid":"true"}`: "has_uid",
		`{"all":{}}`: "all", `{"all":[]}`: "all", `{"any":null}`: "any", `{"not":[]}`: "not", `{"all":[null]}`: "all[0]",
		`{"all":[{"tag":"a"},{"seen_within":"7 d"}]}`: "all[1].seen_within", `{"seen_within":7}`: "seen_within", `{"seen_within":"0d"}`: "seen_within",
		`{"seen_within":"3651d"}`: "seen_within", `{"seen_within":"522w"}`: "seen_within", `{"seen_within":"-1d"}`: "seen_within", `{"seen_within":"1y"}`: "seen_within",
		`{"not_seen_within":"d"}`: "not_seen_within", `{"seen_within":"1.5d"}`: "seen_within", `{"seen_within":"7D"}`: "seen_within",
		`{"attribute":"a"}`: "attribute", `{"attribute":{"name":"a"}}`: "attribute", `{"attribute":{"is":1}}`: "attribute",
		`{"attribute":{"name":"a","is":1,"at_least":1}}`: "attribute", `{"attribute":{"name":"1","is":1}}`: "attribute.name",
		`{"attribute":{"name":"a","name":"a","is":1}}`: "attribute.name", `{"attribute":{"name":1,"is":1}}`: "attribute.name",
		`{"attribute":{"name":"a","is":null}}`: "attribute.is", `{"attribute":{"name":"a","is":[1]}}`: "attribute.is", `{"attribute":{"name":"a","is":1e999}}`: "attribute.is",
		`{"attribute":{"name":"a","at_least":true}}`: "attribute.at_least", `{"attribute":{"name":"a","one_of":[]}}`: "attribute.one_of", `{"attribute":{"name":"a","one_of":1}}`: "attribute.one_of",
		`{"attribute":{"name":"a","one_of":[1,{}]}}`: "attribute.one_of[1]", `{"attribute":{"name":"a","equals":1}}`: "attribute.equals",
		`{"attribute":{"name":"a","is":"` + strings.Repeat("x", 257) + `"}}`: "attribute.is",
		deep(audience.MaxDepth + 1): strings.TrimSuffix(strings.Repeat("not.", audience.MaxDepth), "."),
		wide(audience.MaxNodes + 1): "any[199]", listed(audience.MaxNodes + 1): "attribute.one_of[199]",
	} {
		_, err := audience.Parse([]byte(raw))
		var e *minapush.Error
		if !errors.As(err, &e) || e.Kind != minapush.Invalid || e.Field != want {
			t.Errorf("%.80s: got %v, want invalid %s", raw, err, want)
		}
	}
}

func TestTheZeroExpressionHoldsForEverybody(t *testing.T) {
	t.Parallel()
	wantEqual(t, new(audience.Expression).Holds(&store.User{}, audience.Asked{Now: start}), true)
}
