package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
)

const (
	importPermits = base + "/permits/import"
	exportPermits = base + "/permits/export"
	spentPath     = base + "/permits/spent"
)

func (b *bundle) balanceOf(t *testing.T, o string) []api.Balance {
	t.Helper()
	return want[api.User](t, b.call(t, "GET", users+o, b.admin, ""), 200).Balance
}

func TestPermitsAreImportedOnceHoweverOftenTheyAreSent(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	body := "{\"openid\":\"oA\",\"kind\":\"form\",\"code\":\"" + aCode + "\",\"source\":\"pages/pay\"}\n" +
		"{\"openid\":\"oA\",\"kind\":\"subscribe\",\"template\":\"" + tmplID + "\"}\n" +
		"{\"openid\":\"oB\",\"kind\":\"pay\",\"code\":\"wx12345678901234\",\"uses\":2}\n" +
		"{\"openid\":\"uid:u1\",\"kind\":\"form\",\"code\":\"" + code(7) + "\"}\n"
	for round := range 3 {
		got := want[api.ImportAnswer](t, b.rows(t, "POST", importPermits+"?import_id=old", api.NDJSONType, body), 200)
		fresh := map[bool]int64{true: 3, false: 0}[round == 0]
		if got.Rows != 4 || got.Accepted != fresh || got.Duplicate != 3-fresh || got.Refused != 1 || got.Problems[0].Field != "openid" {
			t.Fatalf("round %d: got %+v", round, got)
		}
	}
	if a, c := b.balanceOf(t, "oA"), b.balanceOf(t, "oB"); len(a) != 2 || a[1].Available != 1 || len(c) != 1 || c[0].Available != 2 {
		t.Errorf("got %+v and %+v", a, c)
	}
	lines := strings.SplitAfter(body, "\n") // the same rows in two parts
	for i, part := range []string{strings.Join(lines[:1], ""), strings.Join(lines[1:], "")} {
		path := fmt.Sprintf("%s?import_id=old&first_line=%d", importPermits, i+1)
		if got := want[api.ImportAnswer](t, b.rows(t, "POST", path, api.NDJSONType, part), 200); got.Accepted != 0 {
			t.Errorf("part %d: got %+v", i, got)
		}
	}
}

func TestAnImportNamesWhatItNeedsItsIdFor(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	row := `{"openid":"oA","kind":"subscribe","template":"` + tmplID + `"}`
	got := want[api.ImportAnswer](t, b.rows(t, "POST", importPermits, api.NDJSONType, row), 200)
	if got.Refused != 1 || got.Problems[0].Field != "id" {
		t.Errorf("got %+v", got)
	}
	for _, id := range []string{"a%20b", "%00", "a%23b", strings.Repeat("x", 65), "%E5%AF%BC"} {
		wantProblem(t, b.rows(t, "POST", importPermits+"?import_id="+id, api.NDJSONType, row), api.NumInvalid, "query.import_id")
	}
	wantProblem(t, b.call(t, "GET", users+"oA", b.admin, ""), api.NumNotFound, "")
}

// export pages through all permits.
func (b *bundle) export(t *testing.T, base string) (all []api.PermitRow, pages int) {
	t.Helper()
	for cursor := ""; ; pages++ {
		page := want[api.PermitPage](t, b.call(t, "GET", base+"/permits/export?limit=2&cursor="+cursor, b.admin, ""), 200)
		if page.Permits == nil || page.Shards != 4 || (page.Next == "") != (page.ShardsDone == 4) {
			t.Fatalf("got %+v", page)
		}
		if all = append(all, page.Permits...); page.Next == "" || pages > 100 {
			return all, pages + 1
		}
		cursor = page.Next
	}
}

func TestAnExportIsAsItCanBeImported(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	for i := range 9 {
		b.deposit(t, minapush.OpenID(fmt.Sprint("oUser", i)), b.formID(i), b.subscription(i))
	}
	now := b.clock.now()
	b.deposit(t, "oUser0", minapush.Permit{Kind: minapush.Standing, Template: "long", TakenAt: now, Evidence: minapush.ByBackend},
		minapush.Permit{Kind: minapush.PrepayID, Identity: "wx12345678901234", Uses: 2, TakenAt: now, ExpiresAt: now.Add(minapush.CodeLife), Evidence: minapush.ByBackend})
	all, pages := b.export(t, base)
	if len(all) != 20 || pages < 3 {
		t.Fatalf("got %d permits on %d pages", len(all), pages)
	}
	if other, _ := b.export(t, "/v1/apps/"+otherApp); len(other) != 0 {
		t.Errorf("another app has %+v", other)
	}
	for _, form := range []string{api.NDJSONType, api.CSVType} {
		t.Run(form, func(t *testing.T) {
			a := b.call(t, "GET", exportPermits+"?limit=2000", b.admin, "", "Accept", form)
			if a.status != 200 || a.header.Get("Content-Type") != form || a.header.Get(api.NextHeader) != "" {
				t.Fatalf("got %d %v", a.status, a.header)
			}
			c := setup(t).withApp(t)
			got := want[api.ImportAnswer](t, c.rows(t, "POST", importPermits, form, a.body), 200)
			if got.Accepted != 20 || got.Refused != 0 {
				t.Fatalf("got %+v", got)
			}
			back, _ := c.export(t, base)
			if diff := cmp.Diff(all, back); diff != "" {
				t.Error(diff)
			}
		})
	}
	a := b.call(t, "GET", exportPermits+"?limit=2", b.admin, "", "Accept", "text/html, application/x-ndjson;q=0.9")
	next := want[api.PermitPage](t, b.call(t, "GET", exportPermits+"?limit=2", b.admin, "", "Accept", "*/*"), 200).Next
	if a.header.Get(api.NextHeader) != next || next == "" {
		t.Errorf("got cursor %q as lines and %q as a page", a.header.Get(api.NextHeader), next)
	}
	for query, location := range map[string]string{"limit=0": "query.limit", "limit=2001": "query.limit", "cursor=zzz": "query.cursor"} {
		wantProblem(t, b.call(t, "GET", exportPermits+"?"+query, b.admin, ""), api.NumInvalid, location)
	}
}

func TestAnExportLeavesOutWhatIsInHandOrOver(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	b.deposit(t, openid, b.formID(1), b.formID(2))
	b.deposit(t, victim, b.formID(3))
	entered, leave := make(chan struct{}), make(chan struct{})
	b.sender.failWith(func(minapush.Outgoing) error {
		close(entered)
		<-leave
		return nil
	})
	done := make(chan answer, 1)
	go func() { done <- b.push(t, `{"openid":"`+openid+`","message":{"template":"`+legacyID+`"}}`, "") }()
	<-entered
	held, _ := b.export(t, base)
	close(leave)
	want[api.Push](t, <-done, 200)
	if len(held) != 2 || !slices.ContainsFunc(held, func(p api.PermitRow) bool { return p.Code == code(2) }) {
		t.Errorf("got %+v", held)
	}
	b.clock.add(minapush.CodeLife)
	if over, _ := b.export(t, base); len(over) != 0 {
		t.Errorf("got %+v", over)
	}
}

func TestAMessageThatWentOutElsewhereTakesItsPermit(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	b.deposit(t, openid, b.formID(1), b.formID(2), b.subscription(1))
	spent := func(body, key string) answer {
		return b.call(t, "POST", spentPath, b.admin, body, api.IdempotencyKey, key)
	}
	body := `{"openid":"` + openid + `","template":"` + legacyID + `","code":"` + code(2) + `","msgid":"2944022981100519424","sent_at":"` + b.clock.now().Add(-time.Hour).Format(time.RFC3339) + `"}`
	one := want[api.Push](t, spent(body, "k1"), 200)
	if one.Outcome != "accepted" || one.Reason == nil || one.Reason.Code != minapush.ReasonElsewhere || one.MsgID != 2944022981100519424 || one.Push == "" || one.Permit != "form" || one.Replayed {
		t.Fatalf("got %+v", one)
	}
	if two := want[api.Push](t, spent(body, "k1"), 200); !two.Replayed || two.Push != one.Push {
		t.Errorf("repeated: got %+v", two)
	}
	wantProblem(t, spent(`{"openid":"`+openid+`","template":"`+legacyID+`"}`, "k1"), api.NumKeyReused, "header."+api.IdempotencyKey)
	want[api.Push](t, spent(`{"openid":"`+openid+`","template":"`+tmplID+`"}`, "k2"), 200)
	if left := b.balanceOf(t, openid); len(left) != 1 || left[0].Kind != "form" || left[0].Available != 1 {
		t.Errorf("got balance %+v", left)
	}
	if none := want[api.Push](t, spent(`{"openid":"`+openid+`","template":"`+tmplID+`"}`, "k3"), 200); none.Outcome != "skipped" || none.Reason.Code != "no_permit" {
		t.Errorf("without a permit: got %+v", none)
	}
	if b.sender.count() != 0 {
		t.Error("something was sent")
	}
	if other := b.call(t, "POST", "/v1/apps/"+otherApp+"/permits/spent", b.admin, body); other.status != 400 { // it has no such template
		t.Errorf("another app: got %d %s", other.status, other.body)
	}
}

func TestASpentThatBreaksARuleIsNamed(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	b.deposit(t, openid, b.formID(1))
	before := b.snapshot(t)
	with := func(fields string) string {
		return `{"openid":"` + openid + `","template":"` + legacyID + `",` + fields + `}`
	}
	for _, c := range []struct{ body, location string }{
		{`{"template":"` + legacyID + `"}`, "body.openid"},
		{`{"openid":"a b","template":"` + legacyID + `"}`, "body.openid"},
		{`{"openid":"` + openid + `"}`, "body.template"},
		{`{"openid":"` + openid + `","template":"nobody-knows-it"}`, "body.template"},
		{`{"openid":"` + openid + `","template":"` + tmplID + `","code":"` + aCode + `"}`, "body.code"},
		{with(`"sent_at":"2027-01-01T00:00:00Z"`), "body.sent_at"},
		{with(`"sent_at":"2020-01-01T00:00:00Z"`), "body.sent_at"},
		{with(`"sent_at":"now"`), "body.sent_at"},
		{with(`"msgid":"x"`), "body.msgid"},
		{with(`"msgid":-5`), "body.msgid"},
	} {
		wantProblem(t, b.call(t, "POST", spentPath, b.admin, c.body), api.NumInvalid, c.location)
	}
	if after := b.snapshot(t); before != after {
		t.Errorf("something changed:\n%s\n%s", before, after)
	}
}
