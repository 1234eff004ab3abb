package campaign_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/campaign"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/storetest"
)

// listDraft is a campaign with a list whose message asks for a name and an amount.
func listDraft() campaign.Draft {
	d := draft()
	d.Audience.List = true
	d.Message.Values = map[string]string{"thing1": "你好 {{name}}", "amount2": "{{amount}}"}
	return d
}

func reader(t *testing.T, format audience.Format, text string) *audience.Reader {
	t.Helper()
	r, err := audience.NewReader(strings.NewReader(text), audience.Source{Format: format})
	must(t, err)
	return r
}

func (b *bundle) fill(t *testing.T, id string, format audience.Format, text string) audience.Imported {
	t.Helper()
	got, err := b.FillList(t.Context(), b.app, id, reader(t, format, text))
	must(t, err)
	return got
}

// list is the whole list of a campaign.
func (b *bundle) list(t *testing.T, id string) map[minapush.OpenID]map[string]string {
	t.Helper()
	all := map[minapush.OpenID]map[string]string{}
	for n := range uint32(b.app.Shards) {
		page, err := b.model.Listed(t.Context(), minapush.Shard{App: b.app.Number, N: n}, id, "", 1_000_000)
		must(t, err)
		for _, l := range page {
			all[l.OpenID] = l.Values
		}
	}
	return all
}

// wantList compares the list of a campaign; values are written "name=amount".
func (b *bundle) wantList(t *testing.T, id string, want map[minapush.OpenID]string) {
	t.Helper()
	got := map[minapush.OpenID]string{}
	for o, v := range b.list(t, id) {
		got[o] = v["name"] + "=" + v["amount"]
		if len(v) != 2 && len(v) != 0 {
			t.Errorf("%s has values %v", o, v)
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("list %v, want %v", got, want)
	}
}

func TestAListTakesEachUserOnceAndNamesTheRowsItRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.profiles.Change(t.Context(), b.app, "u-bob", func(p *minapush.Profile) error { p.UID = "42"; return nil })
	must(t, err)
	id := b.create(t, listDraft()).ID
	got := b.fill(t, id, audience.NDJSON, strings.Join([]string{
		`{"openid":"u-ann","values":{"name":"安","amount":1.50,"unused":{"a":1}},"more":true}`,
		`{"openid":"uid:42","values":{"name":"Bob","amount":true}}`,
		`{"openid":"u-ann","values":{"name":"Another","amount":"2"}}`,
		`{"openid":"u-bob","values":{"name":"Another","amount":"2"}}`,
		`{"values":{"name":"x","amount":"1"}}`,
		`{"openid":"u-c","values":{"name":"x"}}`,
		`{"openid":"u-c","values":{"name":"x","amount":null}}`,
		`{"openid":"u-c","values":{"name":["x"],"amount":"1"}}`,
		`{"openid":"u-c","values":{"name":"` + strings.Repeat("x", 1025) + `","amount":"1"}}`,
		`{"openid":"not an openid","values":{"name":"x","amount":"1"}}`,
		`{"openid":"uid:43","values":{"name":"x","amount":"1"}}`,
		`{"openid":7,"values":{"name":"x","amount":"1"}}`,
		`not json`,
		`{"openid":"u-dan","values":{"name":"","amount":"` + strings.Repeat("9", 1024) + `"}}`,
	}, "\n"))
	if got.Rows != 14 || got.Accepted != 3 || got.Duplicate != 2 || got.Refused != 9 || len(got.Problems) != 9 {
		t.Errorf("imported %+v", got)
	}
	var named []string
	for _, p := range got.Problems {
		named = append(named, fmt.Sprintf("%d %s", p.Line, p.Field))
		if p.Message == "" || strings.Contains(p.Message, "not an openid") {
			t.Errorf("line %d: %q", p.Line, p.Message)
		}
	}
	want := []string{
		"5 openid", "6 values.amount", "7 values.amount", "8 values.name", "9 values.name", "10 openid", "11 openid", "12 openid",
	}
	if len(named) < len(want) || !slices.Equal(named[:len(want)], want) || !strings.HasPrefix(named[len(named)-1], "13") {
		t.Errorf("problems %v", named)
	}
	b.wantList(t, id, map[minapush.OpenID]string{"u-ann": "安=1.50", "u-bob": "Bob=true", "u-dan": "=" + strings.Repeat("9", 1024)})
	if n, err := b.Listed(t.Context(), b.app, id); err != nil || n != 3 {
		t.Errorf("listed %d, %v", n, err)
	}
}

func TestAListInCSVHasAColumnForEachPlaceholder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.create(t, listDraft()).ID
	got := b.fill(t, id, audience.CSV, "\uFEFFamount,openid,city,name\n1,u-a,Wuhan,Ann\n2,u-b,,\n3,u-c,,\"C, D\"\n")
	if got.Accepted != 2 || got.Refused != 1 || got.Problems[0].Line != 3 || got.Problems[0].Field != "values.name" {
		t.Errorf("imported %+v", got)
	}
	b.wantList(t, id, map[minapush.OpenID]string{"u-a": "Ann=1", "u-c": "C, D=3"})
}

func TestValuesThatAreTooLongTogetherAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := draft()
	d.Audience.List = true
	row := map[bool][]string{}
	for i := range 5 {
		d.Message.Values[fmt.Sprintf("thing%d", i)] = fmt.Sprintf("{{n%d}}", i)
		row[true] = append(row[true], fmt.Sprintf(`"n%d":"%s"`, i, strings.Repeat("x", store.MaxListedValues/5-2)))
		row[false] = append(row[false], fmt.Sprintf(`"n%d":"%s"`, i, strings.Repeat("x", store.MaxListedValues/5)))
	}
	id := b.create(t, d).ID
	line := func(fits bool) string {
		return fmt.Sprintf(`{"openid":"u-%v","values":{%s}}`, fits, strings.Join(row[fits], ","))
	}
	got := b.fill(t, id, audience.NDJSON, line(true)+"\n"+line(false))
	if got.Accepted != 1 || got.Refused != 1 || got.Problems[0].Field != "values" {
		t.Errorf("imported %+v", got)
	}
}

// A list longer than what is in memory at a time: of two rows of a user, far apart, the first stays, and so it is after a repetition.
func TestOfTwoRowsOfAUserTheFirstStays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.create(t, listDraft()).ID
	const n = 8_000 // a good 8 MiB
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, `{"openid":"u-%05d","values":{"name":"first","amount":"%s"}}`+"\n", i, strings.Repeat("x", 1000))
	}
	for i := range 100 {
		fmt.Fprintf(&text, `{"openid":"u-%05d","values":{"name":"second","amount":"1"}}`+"\n", i*(n/100))
	}
	if got := b.fill(t, id, audience.NDJSON, text.String()); got.Accepted != n || got.Duplicate != 100 || got.Rows != n+100 {
		t.Errorf("imported %+v", got)
	}
	if got := b.fill(t, id, audience.NDJSON, text.String()); got.Accepted != 0 || got.Duplicate != n+100 {
		t.Errorf("again: imported %+v", got)
	}
	for o, v := range b.list(t, id) {
		if v["name"] != "first" {
			t.Fatalf("%s has the values of its second row", o)
		}
	}
}

func TestAListIsFilledOnlyBeforeTheStart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	row := `{"openid":"u-a","values":{"name":"x","amount":"1"}}`
	refused := func(id, field string) {
		t.Helper()
		_, err := b.FillList(t.Context(), b.app, id, reader(t, audience.NDJSON, row))
		var e *minapush.Error
		if !errors.As(err, &e) || e.Kind != minapush.Conflict || e.Field != field {
			t.Errorf("%v, want a conflict of %s", err, field)
		}
	}
	refused(b.create(t, draft()).ID, "audience")
	started := b.create(t, listDraft()).ID
	b.fill(t, started, audience.NDJSON, row)
	_, err := b.Start(t.Context(), b.app, started)
	must(t, err)
	refused(started, "state")

	// The start came after FillList had looked, and the walk is there already.
	walked := b.create(t, listDraft()).ID
	lease, err := b.model.Acquire(t.Context(), b.app.Shard("u-a"), "me", time.Minute)
	must(t, err)
	_, err = b.model.ReserveBatch(t.Context(), lease, store.Batch{Campaign: walked, Need: store.Need{Kind: minapush.OneTimeTemplate, Template: "T"}, Now: b.now, Started: b.now, Limit: 1, Listed: true})
	must(t, err)
	refused(walked, "state")

	if _, err := b.FillList(t.Context(), b.app, "nobody", reader(t, audience.NDJSON, row)); !errors.Is(err, minapush.NotFound) {
		t.Errorf("an unknown campaign: %v", err)
	}
}

func TestAFillingThatBrokeOffIsRepeated(t *testing.T) {
	t.Parallel()
	for _, fault := range []storetest.Fault{storetest.FaultBefore, storetest.FaultAfter} {
		b := setup(t)
		id := b.create(t, listDraft()).ID
		var text strings.Builder
		want := map[minapush.OpenID]string{}
		for i := range 200 {
			fmt.Fprintf(&text, `{"openid":"u-%03d","values":{"name":"n%d","amount":"%d"}}`+"\n", i, i, i)
			want[minapush.OpenID(fmt.Sprintf("u-%03d", i))] = fmt.Sprintf("n%d=%d", i, i)
		}
		faulty := storetest.NewFaulty(b.model, storetest.FaultyConfig{Script: []storetest.FaultyLine{{Method: "AddListed", Call: 2, Fault: fault}}})
		other := b.node(t, faulty)
		first, err := other.FillList(t.Context(), b.app, id, reader(t, audience.NDJSON, text.String()))
		if !errors.Is(err, minapush.Unavailable) {
			t.Fatalf("fault %s: %v", fault, err)
		}
		if have := int64(len(b.list(t, id))); first.Accepted > have || first.Rows != first.Accepted {
			t.Errorf("fault %s: answered %+v, %d are listed", fault, first, have)
		}
		again, err := other.FillList(t.Context(), b.app, id, reader(t, audience.NDJSON, text.String()))
		if err != nil || again.Rows != 200 || again.Accepted+again.Duplicate != 200 || again.Duplicate < first.Accepted {
			t.Errorf("fault %s, again: %+v, %v", fault, again, err)
		}
		b.wantList(t, id, want)
	}
}

func TestAnEmptyListIsNotStarted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.create(t, listDraft()).ID
	_, err := b.Start(t.Context(), b.app, id)
	var e *minapush.Error
	if !errors.As(err, &e) || e.Kind != minapush.Conflict || e.Field != "audience" {
		t.Errorf("started empty: %v", err)
	}
	b.fill(t, id, audience.NDJSON, `{"openid":"u-a","values":{"name":"x","amount":"1"}}`)
	m, err := b.Start(t.Context(), b.app, id)
	if err != nil || m.State != minapush.Running || m.Audience.Listed != 1 {
		t.Errorf("started %+v, %v", m, err)
	}
}

// looks runs the schedules once, at the bundle's time.
func (b *bundle) looks(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	looked := 0
	must(t, b.Run(ctx, func(context.Context) ([]minapush.App, error) {
		if looked++; looked == 2 {
			cancel()
		}
		return []minapush.App{b.app}, nil
	}))
}

func TestAScheduleStartsAListThatHasSomebody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := listDraft()
	d.StartAt = b.now.Add(time.Hour)
	empty, full := b.create(t, d).ID, b.create(t, d).ID
	b.fill(t, full, audience.NDJSON, `{"openid":"u-a","values":{"name":"x","amount":"1"}}`)
	b.looks(t)
	for _, id := range []string{empty, full} {
		if m, err := b.Get(t.Context(), b.app.ID, id); err != nil || m.State != minapush.Scheduled {
			t.Errorf("before its time: %+v, %v", m, err)
		}
	}
	b.now = d.StartAt
	b.looks(t)
	if m, err := b.Get(t.Context(), b.app.ID, full); err != nil || m.State != minapush.Running || m.Audience.Listed != 1 || !m.StartedAt.Equal(b.now) {
		t.Errorf("with a list: %+v, %v", m, err)
	}
	if m, err := b.Get(t.Context(), b.app.ID, empty); err != nil || m.State != minapush.Missed || m.Why.Code != "empty_list" || !m.EndedAt.Equal(b.now) {
		t.Errorf("with an empty list: %+v, %v", m, err)
	}
}

func TestTwoNodesStartACampaignOnce(t *testing.T) {
	t.Parallel()
	for range 20 {
		b := setup(t)
		id := b.create(t, listDraft()).ID
		b.fill(t, id, audience.NDJSON, `{"openid":"u-a","values":{"name":"x","amount":"1"}}`)
		nodes := []*campaign.Campaigns{b.Campaigns, b.node(t, b.model)}
		before := b.changed.Load()
		var starting sync.WaitGroup
		for _, node := range nodes {
			starting.Go(func() {
				if m, err := node.Start(t.Context(), b.app, id); err != nil || m.State != minapush.Running || m.Audience.Listed != 1 {
					t.Errorf("%+v, %v", m, err)
				}
			})
		}
		starting.Wait()
		if n := b.changed.Load() - before; n != 1 {
			t.Errorf("%d changes", n)
		}
	}
}

func TestAFilterSaysWhatHoldsNow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := draft()
	d.Audience.Where = []byte(`{"seen_within":"1h"}`)
	m := b.create(t, d)
	if plain, _, err := b.Filter(b.create(t, draft())); err != nil || plain != nil {
		t.Errorf("a campaign for everybody has a filter, %v", err)
	}
	holds, _, err := b.Filter(m)
	must(t, err)
	u := &store.User{LastSeen: b.now.Add(-30 * time.Minute)}
	if !holds(u) {
		t.Error("a user seen half an hour ago is left out")
	}
	b.now = b.now.Add(time.Hour)
	if holds(u) {
		t.Error("a user seen an hour and a half ago is let in")
	}
	m.ID, m.Audience.Where = "c999", []byte(`{"of a later release":1}`)
	var e *minapush.Error
	if _, _, err := b.Filter(m); !errors.As(err, &e) || e.Kind != minapush.Invalid || !strings.HasPrefix(e.Field, "audience.where") {
		t.Errorf("an expression that nobody can read: %v", err)
	}
}

// More campaigns than expressions are kept: each still has its own.
func TestFiltersOfManyCampaignsAreNotMixedUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 2 {
		for i := range 600 {
			m := minapush.Campaign{ID: fmt.Sprintf("c%03d", i), App: b.app.ID}
			m.Audience.Where = []byte(fmt.Sprintf(`{"tag":"t%d"}`, i))
			holds, _, err := b.Filter(m)
			must(t, err)
			if !holds(&store.User{Profile: minapush.Profile{Tags: []string{fmt.Sprintf("t%d", i)}}}) || holds(&store.User{Profile: minapush.Profile{Tags: []string{"t"}}}) {
				t.Fatalf("campaign %d has another's filter", i)
			}
		}
	}
}
