package server_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/server"
)

// code is a form id.
func code(n int) string { return fmt.Sprintf("%032x", n) }

func TestAReportIsAnsweredItemByItem(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	session := b.session(t, appID, openid)
	items := []api.ReportItem{
		{Type: "form", FormID: code(1), AgeMS: 5},
		{Type: "form", FormID: code(1)},
		{Type: "form", FormID: "the formId is a mock one"},
		{Type: "subscribe", Template: tmplID, Result: "accept", Nonce: "n1"},
		{Type: "subscribe", Template: tmplID, Result: "reject", Nonce: "n2"},
		{Type: "pay"},
	}
	body, _ := json.Marshal(api.Report{Items: items})
	got := want[api.ReportAnswer](t, b.call(t, "POST", base+"/reports", session, string(body)), 200)
	var text []string
	for i, it := range got.Items {
		if it.Index != i {
			t.Errorf("item %d has index %d", i, it.Index)
		}
		line := it.Status
		if it.Reason != nil {
			line += " " + it.Reason.Code + " " + it.Field
		}
		text = append(text, line)
	}
	wantText := "accepted|duplicate|refused mock_code items[2].form_id|accepted|refused user_rejected items[4]|refused unknown_type items[5].type"
	if strings.Join(text, "|") != wantText {
		t.Errorf("got  %s\nwant %s", strings.Join(text, "|"), wantText)
	}
	if got.Accepted != 2 || got.Duplicate != 1 || got.Refused != 3 || got.Evicted != 0 {
		t.Errorf("got sums %+v", got)
	}
	again := want[api.ReportAnswer](t, b.call(t, "POST", base+"/reports", session, string(body)), 200)
	if again.Accepted != 0 || again.Duplicate != 3 {
		t.Errorf("repeated: got %+v", again)
	}
	u := want[api.User](t, b.call(t, "GET", base+"/users/"+openid, b.admin, ""), 200)
	if len(u.Permits) != 2 || u.Permits[0].Evidence != "client" {
		t.Errorf("got permits %+v", u.Permits)
	}
}

func TestARelayNamesTheUser(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	relay := b.key(t, appID, account.ScopeReport)
	n := 0
	report := func(named, header string) answer {
		n++
		body := `{"items":[{"type":"form","form_id":"` + code(n) + `"}]}`
		if named != "" {
			body = `{"openid":"` + named + `",` + body[1:]
		}
		if header == "" {
			return b.call(t, "POST", base+"/reports", relay, body)
		}
		return b.call(t, "POST", base+"/reports", relay, body, api.OpenIDHeader, header)
	}
	for _, a := range []answer{report(openid, ""), report("", openid), report(openid, openid)} {
		if got := want[api.ReportAnswer](t, a, 200); got.Accepted != 1 {
			t.Errorf("got %+v", got)
		}
	}
	wantProblem(t, report("", ""), api.NumInvalid, "body.openid")
	wantProblem(t, report(victim, openid), api.NumInvalid, "body.openid")
	wantProblem(t, report("", "a b"), api.NumInvalid, "header."+api.OpenIDHeader)
	wantProblem(t, b.call(t, "GET", base+"/users/"+victim, b.admin, ""), api.NumNotFound, "")
}

func TestASessionNeverReportsForSomebodyElse(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	session := b.session(t, appID, openid)
	item := `"items":[{"type":"form","form_id":"` + code(1) + `"}]`
	wantProblem(t, b.call(t, "POST", base+"/reports", session, `{"openid":"`+victim+`",`+item+`}`), api.NumForbidden, "")
	wantProblem(t, b.call(t, "POST", base+"/reports", session, `{`+item+`}`, api.OpenIDHeader, victim), api.NumForbidden, "")
	wantProblem(t, b.call(t, "POST", base+"/reports", session, `{"openId":"`+victim+`","formIds":"[]"}`), api.NumForbidden, "")
	wantProblem(t, b.call(t, "GET", base+"/users/"+victim, b.admin, ""), api.NumNotFound, "")
	got := want[api.ReportAnswer](t, b.call(t, "POST", base+"/reports", session, `{"openid":"`+openid+`",`+item+`}`), 200)
	if got.Accepted != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestTheRecipesUploadIsTaken(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	relay := b.key(t, appID, account.ScopeReport)
	ids := fmt.Sprintf(`[{"formId":"%s","expire":1},{"formId":"undefined"},"%s"]`, code(1), code(2))
	body, _ := json.Marshal(api.RecipeReport{OpenID: openid, FormIDs: ids})
	got := want[api.ReportAnswer](t, b.call(t, "POST", base+"/reports", relay, string(body)), 200)
	if got.Accepted != 2 || got.Refused != 1 || got.Items[1].Field != "formIds[1].formId" {
		t.Errorf("got %+v", got)
	}
	for _, c := range []struct{ body, location string }{
		{`{"openId":"` + openid + `","formIds":"{}"}`, "body.formIds"},
		{`{"openId":"` + openid + `","formIds":5}`, "body.formIds"},
		{`{"openId":"a b","formIds":"[]"}`, "body.openId"},
		{`{"formIds":"[]"}`, "body.openId"},
	} {
		wantProblem(t, b.call(t, "POST", base+"/reports", relay, c.body), api.NumInvalid, c.location)
	}
}

func TestUnknownFieldsOfAReportAreCountedAndIgnored(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	body := `{"sdk":"9.9","openid":"` + openid + `","items":[{"type":"form","form_id":"` + code(1) + `","colour":"red"}]}`
	if got := want[api.ReportAnswer](t, b.call(t, "POST", base+"/reports", b.admin, body), 200); got.Accepted != 1 {
		t.Errorf("got %+v", got)
	}
	if text := b.call(t, "GET", "/metrics", "", "").body; !strings.Contains(text, "minapush_server_unknown_field_reports_total 1") {
		t.Error("the report is not counted")
	}
}

func TestABrokenItemIsRefusedAlone(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	body := `{"openid":"` + openid + `","items":[{"type":"form","form_id":"` + code(1) + `","age_ms":"12"},7,null,{"type":"form","form_id":"` + code(2) + `"},` +
		`{"type":"form","form_id":"` + code(3) + `","age_ms":1e400}]}`
	got := want[api.ReportAnswer](t, b.call(t, "POST", base+"/reports", b.admin, body), 200)
	if got.Accepted != 1 || got.Refused != 4 || got.Items[3].Status != "accepted" {
		t.Fatalf("got %+v", got)
	}
	for _, i := range []int{0, 1, 4} {
		if it := got.Items[i]; it.Reason == nil || it.Reason.Code != "not_an_item" || it.Field != fmt.Sprintf("items[%d]", i) {
			t.Errorf("item %d: got %+v", i, it)
		}
	}
	both := `{"openid":"` + openid + `","items":[7],"formIds":"[]"}`
	if got := want[api.ReportAnswer](t, b.call(t, "POST", base+"/reports", b.admin, both), 200); len(got.Items) != 0 {
		t.Errorf("got %+v", got)
	}
	for _, c := range []struct{ body, location string }{
		{`{"openid":"` + openid + `"}`, "body.items"},
		{`{"openid":"` + openid + `","items":[7],"formIds":"nonsense"}`, "body.formIds"},
		{`{"openid":"` + openid + `","items":null}`, "body.items"},
		{`{"openid":"` + openid + `","items":{}}`, "body.items"},
		{`{"openid":7,"items":[]}`, "body.openid"},
		{`{"openid":7,"items":[7]}`, "body.openid"},
		{`{"openid":"` + openid + `","nonce":1,"items":[]}`, "body.nonce"},
	} {
		wantProblem(t, b.call(t, "POST", base+"/reports", b.admin, c.body), api.NumInvalid, c.location)
	}
}

func TestAFloodOfReportsOfOneUserIsThrottled(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ *server.Parts, c *server.Config) { c.ReportsPerMinute = 3 }).withApp(t)
	session := b.session(t, appID, openid)
	flood := func(credential, o string) answer {
		return b.call(t, "POST", base+"/reports", credential, `{"openid":"`+o+`","items":[]}`)
	}
	for range 3 {
		want[api.ReportAnswer](t, flood(session, openid), 200)
	}
	a := flood(session, openid)
	p := wantProblem(t, a, api.NumTooManyReports, "")
	if a.header.Get("Retry-After") != "20" || p.Code != api.Throttled {
		t.Errorf("got Retry-After %q, %+v", a.header.Get("Retry-After"), p)
	}
	wantProblem(t, flood(b.admin, openid), api.NumTooManyReports, "") // a relay does not get round it
	want[api.ReportAnswer](t, flood(b.admin, victim), 200)            // and others are not held up
	b.clock.add(20 * time.Second)
	want[api.ReportAnswer](t, flood(session, openid), 200)
	wantProblem(t, flood(session, openid), api.NumTooManyReports, "")
	b.clock.add(3 * time.Minute)
	for range 3 {
		want[api.ReportAnswer](t, flood(session, openid), 200)
	}
}
