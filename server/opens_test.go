package server_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush/api"
)

func TestAnOpenIsCountedOnceAndShownWhereverItsRowIs(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	b.deposit(t, openid, b.formID(1))
	b.deposit(t, victim, b.formID(2))
	id := want[api.Campaign](t, b.call(t, "POST", base+"/campaigns", b.admin, `{"message":{"template":"`+legacyID+`","page":"pages/a?id=1"},"start":true}`), 201).ID
	b.until(t, id, ended)
	session := b.session(t, appID, openid)
	report := func(credential, opens string) api.ReportAnswer {
		t.Helper()
		return want[api.ReportAnswer](t, b.call(t, "POST", base+"/reports", credential, `{"opens":[`+opens+`]}`), 200)
	}
	one := `{"message":"` + id + `","age_ms":1000,"nonce":"n"}`
	for i, expect := range []api.OpenAnswer{{Accepted: 1}, {Duplicate: 1}} {
		got := report(session, one)
		if diff := cmp.Diff(api.ReportAnswer{Items: []api.ItemAnswer{}, Opens: &expect}, got); diff != "" {
			t.Errorf("report %d: %s", i, diff)
		}
	}
	junk := `5, {"message":7}, {"message":"x"}, {}, null, {"message":"` + id + `","age_ms":-1}, {"message":"01JDAAAAAAAAAAAAAAAAAA9999"}`
	if got := report(session, junk); *got.Opens != (api.OpenAnswer{Ignored: 7}) {
		t.Errorf("junk: got %+v", got.Opens)
	}
	// Neither somebody who had no message nor another app's user is counted.
	if got := report(b.session(t, appID, "oSomebodyElse"), one); *got.Opens != (api.OpenAnswer{Ignored: 1}) {
		t.Errorf("somebody else: got %+v", got.Opens)
	}
	a := b.call(t, "POST", "/v1/apps/"+otherApp+"/reports", b.session(t, otherApp, openid), `{"opens":[`+one+`]}`)
	if got := want[api.ReportAnswer](t, a, 200); *got.Opens != (api.OpenAnswer{Ignored: 1}) {
		t.Errorf("another app: got %+v", got.Opens)
	}
	at := b.clock.now().Add(-1e9)
	if p := want[api.Campaign](t, b.call(t, "GET", base+"/campaigns/"+id, b.admin, ""), 200).Progress; p.Opened != 1 || p.Outcomes["accepted"] != 2 {
		t.Errorf("got %+v", p)
	}
	for _, d := range want[api.Deliveries](t, b.call(t, "GET", base+"/campaigns/"+id+"/deliveries", b.admin, ""), 200).Deliveries {
		if d.OpenedAt.Equal(at) != (d.OpenID == openid) {
			t.Errorf("%s was opened at %v", d.OpenID, d.OpenedAt)
		}
	}
	u := want[api.User](t, b.call(t, "GET", base+"/users/"+openid, b.admin, ""), 200)
	if len(u.Recent) != 1 || u.Recent[0].Delivery == nil || !u.Recent[0].Delivery.OpenedAt.Equal(at) {
		t.Errorf("got %+v", u.Recent)
	}
}

func TestAReportSaysItemsOrOpens(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	session := b.session(t, appID, openid)
	got := b.call(t, "POST", base+"/reports", session, `{"items":[]}`)
	if got.status != 200 || strings.Contains(got.body, "opens") {
		t.Errorf("no opens: got %d %s", got.status, got.body)
	}
	mixed := b.call(t, "POST", base+"/reports", session, `{"items":[5,{"type":"form","form_id":"`+code(1)+`"}],"opens":[{"message":"x"}]}`)
	if a := want[api.ReportAnswer](t, mixed, 200); a.Accepted != 1 || a.Refused != 1 || a.Opens == nil || a.Opens.Ignored != 1 {
		t.Errorf("got %+v", a)
	}
	wantProblem(t, b.call(t, "POST", base+"/reports", session, `{"nonce":"n"}`), api.NumInvalid, "body.items")
	if a := b.call(t, "POST", base+"/reports", session, `{"items":[],"opens":7}`); a.status != 400 {
		t.Errorf("opens that are no list: got %d %s", a.status, a.body)
	}
	many := strings.TrimSuffix(strings.Repeat("{},", 101), ",")
	wantProblem(t, b.call(t, "POST", base+"/reports", session, `{"opens":[`+many+`]}`), api.NumInvalid, "body.opens")
}
