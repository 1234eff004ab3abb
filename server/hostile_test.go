package server_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/server"
)

// attack is one bad request for a call, and what must come of it.
type attack struct {
	name       string
	sample     sample
	public     bool   // for the public listener, not the private one
	path       string // instead of the sample's
	body       string // instead of the sample's
	credential string // instead of a good one; "-" is none
	headers    []string
	number     int    // of the problem; 0: any of status
	status     int    // 0: that of number
	location   string // where the problem is, or below; "": it names none
	row        string // the field of the first refused row, of a stream that is taken
}

// target is a server with something of everything to lose.
type target struct {
	*bundle
	expired, foreign string // sessions: one that is over, one of another app's user
	list             string // a campaign with a list that waits for its start
	schedule         string // one that is active
	before           string // the store as it was left; "": it has to be looked at again
	doc              openAPI
	bomb             string
}

func newTarget(t *testing.T) *target {
	t.Helper()
	b := setup(t, func(_ *server.Parts, c *server.Config) { c.MaxStream = 4 << 20 }).withApp(t)
	x := &target{bundle: b, expired: b.session(t, appID, openid)}
	b.clock.add(25 * time.Hour)
	b.awaitPushes(t)
	x.foreign = b.session(t, otherApp, openid)
	b.deposit(t, openid, b.formID(1), b.formID(2), b.subscription(1))
	b.deposit(t, victim, b.formID(3))
	want[api.Profile](t, b.call(t, "PUT", users+openid+"/profile", b.admin, `{"uid":"u1","tags":["vip"],"attributes":{"a":1}}`), 200)
	want[api.Scene](t, b.call(t, "PUT", base+"/scenes/home", b.admin, `{"templates":["`+tmplID+`"]}`), 200)
	x.list = want[api.Campaign](t, b.call(t, "POST", base+"/campaigns", b.admin,
		`{"message":{"template":"`+tmplID+`","values":{"thing1":"{{name}}"}},"audience":{"list":true}}`), 201).ID
	want[api.ListAnswer](t, b.rows(t, "PUT", base+"/campaigns/"+x.list+"/audience", api.NDJSONType,
		`{"openid":"`+openid+`","values":{"name":"x"}}`), 200)
	x.schedule = want[api.Schedule](t, b.call(t, "POST", base+"/schedules", b.admin,
		`{"message":{"template":"`+tmplID+`","values":{"thing1":"x"}},"cron":"0 20 * * *"}`), 201).ID
	want[api.UserEventsAnswer](t, b.call(t, "POST", base+"/events", b.admin, `{"events":[{"openid":"`+openid+`","name":"checkin"}]}`), 200)
	must(t, json.Unmarshal([]byte(b.call(t, "GET", "/openapi.json", "", "").body), &x.doc))
	return x
}

// try makes an attack and checks the answer, and that nothing that is stored changed.
func (x *target) try(t *testing.T, a attack) {
	t.Helper()
	s := a.sample
	path, body, credential := s.path, s.body, a.credential
	if a.path != "" {
		path = a.path
	}
	if a.body != "" {
		body = a.body
	}
	path = strings.ReplaceAll(strings.ReplaceAll(path, "/schedules/C1", "/schedules/"+x.schedule), "/C1", "/"+x.list)
	switch {
	case credential == "-" || credential == "" && s.open:
		credential = ""
	case credential == "":
		credential = x.credential(t, s)
	}
	h := x.server.Private()
	if a.public {
		h = x.server.Public()
	}
	before := x.before
	if before == "" {
		before = x.model.Dump()
	}
	got := send(t, h, s.method, path, credential, body, append(s.headers(), a.headers...)...)
	if x.before = x.model.Dump(); before != x.before {
		t.Errorf("%s: something changed:\n%s", a.name, difference(before, x.before))
	}
	switch {
	case a.row == itemRefused:
		p := want[api.ReportAnswer](t, got, 200)
		if p.Accepted+p.Duplicate+p.Evicted != 0 || p.Refused != 1 || p.Items[0].Reason == nil || !strings.HasPrefix(p.Items[0].Field, "items[0]") {
			t.Errorf("%s: got %s, want the item refused and named", a.name, got.body)
		}
		return
	case a.row != "":
		x.wantRefusedRow(t, a, got)
		return
	}
	status := a.status
	if status == 0 {
		status = a.number / 100
	}
	if got.status != status {
		t.Errorf("%s: got %d %.300s, want %d", a.name, got.status, got.body, status)
		return
	}
	var p api.Problem
	if err := json.Unmarshal([]byte(got.body), &p); err != nil || p.Code == "" || got.header.Get("Content-Type") != api.ProblemType {
		t.Errorf("%s: got %v, %.300s, want a problem", a.name, err, got.body)
		return
	}
	if a.number != 0 && p.Number != a.number {
		t.Errorf("%s: got problem %d %s, want %d", a.name, p.Number, p.Detail, a.number)
	}
	below := func(f api.FieldProblem) bool { return strings.HasPrefix(f.Location, a.location) && f.Message != "" }
	if (a.location == "" && len(p.Errors) > 0) || (a.location != "" && !slices.ContainsFunc(p.Errors, below)) {
		t.Errorf("%s: got errors %.300v, want one at %q", a.name, p.Errors, a.location)
	}
}

func (x *target) wantRefusedRow(t *testing.T, a attack, got answer) {
	t.Helper()
	var in struct {
		Accepted, Added, Refused int64
		Problems                 []api.RowProblem
	}
	if err := json.Unmarshal([]byte(got.body), &in); err != nil || got.status != 200 || in.Accepted+in.Added != 0 || in.Refused == 0 ||
		len(in.Problems) == 0 || in.Problems[0].Line < 1 || !strings.HasPrefix(in.Problems[0].Field, strings.TrimSuffix(a.row, "*")) {
		t.Errorf("%s: got %v, %d %.300s, want all rows refused at field %q", a.name, err, got.status, got.body, a.row)
	}
}

// difference lists the lines of two dumps that are in one only.
func difference(before, after string) string {
	lines := map[string]int{}
	for line := range strings.Lines(before) {
		lines["- "+line]++
	}
	for line := range strings.Lines(after) {
		if lines["- "+line]--; lines["- "+line] < 0 {
			lines["+ "+line]++
		}
	}
	maps.DeleteFunc(lines, func(_ string, n int) bool { return n <= 0 })
	return strings.Join(slices.Sorted(maps.Keys(lines)), "")
}

// TestBadInputIsRefusedNamedAndChangesNothing is the table of everything that callers should not send, over every call that takes it.
func TestBadInputIsRefusedNamedAndChangesNothing(t *testing.T) {
	t.Parallel()
	x := newTarget(t)
	total := 0
	for _, list := range []struct {
		name string
		of   func(t *testing.T, x *target, s sample) []attack
	}{
		{"credentials", credentialAttacks}, {"apps", appAttacks}, {"bodies", bodyAttacks}, {"fields", fieldAttacks},
		{"queries", queryAttacks}, {"users", userAttacks}, {"rows", rowAttacks}, {"times", timeAttacks},
	} {
		t.Run(list.name, func(t *testing.T) {
			n := 0
			for _, s := range samples() {
				attacks := list.of(t, x, s) // it may make keys
				x.before = ""
				for i, a := range attacks {
					if testing.Short() && i%4 != 0 {
						continue
					}
					a.name, a.sample, n = s.name()+": "+a.name, s, n+1
					x.try(t, a)
				}
			}
			if total += n; n < 5 {
				t.Errorf("only %d requests were tried", n)
			}
			t.Logf("%d requests", n)
		})
	}
	if total < 2000 && !testing.Short() {
		t.Errorf("only %d requests were tried", total)
	}
}

// credentialAttacks are requests without the right to make them.
func credentialAttacks(t *testing.T, x *target, s sample) (list []attack) {
	switch {
	case s.open:
		return nil
	case s.session || s.sessionToo:
		for name, token := range x.forgeries(t) {
			list = append(list, attack{name: name, credential: token, number: api.NumBadCredentials})
			list = append(list, attack{name: name + ", public", credential: token, public: true, number: api.NumBadCredentials})
		}
	default:
		for name, token := range x.forgeries(t) {
			list = append(list, attack{name: name, credential: token, number: api.NumBadCredentials})
		}
		list = append(list, attack{name: "a good session", credential: x.session(t, appID, openid), number: api.NumBadCredentials})
	}
	list = append(list, attack{name: "no credential", credential: "-", number: api.NumNoCredentials})
	if s.session {
		return append(list, attack{name: "a key", credential: x.admin, number: api.NumBadCredentials})
	}
	if s.path == "/v1/apps" && s.method == "GET" { // it lists what the key may read, if that is nothing
		return list
	}
	var poor []account.Scope
	for _, scope := range account.Scopes() {
		if scope != account.ScopeAdmin && !slices.Contains(s.scopes, scope) {
			poor = append(poor, scope)
		}
	}
	list = append(list, attack{name: "a key without the scope", credential: x.key(t, appID, poor...), number: api.NumForbidden})
	if strings.HasPrefix(s.path, base) {
		list = append(list, attack{name: "another app's key", credential: x.key(t, otherApp, account.ScopeAdmin), number: api.NumForbidden})
	}
	return list
}

// appAttacks are requests about apps that are not there.
func appAttacks(t *testing.T, x *target, s sample) (list []attack) {
	if !strings.HasPrefix(s.path, base) {
		return nil
	}
	want := attack{number: api.NumNotFound}
	if s.session {
		want = attack{number: api.NumBadCredentials} // the token is of an app that is
	}
	for _, id := range []string{"wxnobodyknowsthis1", "%00", "a%2Fb", "%FF", "%F0%9F%92%A9", strings.Repeat("x", 1024), "..%2F..", "%7B%7D"} {
		a := want
		a.name, a.path = "app "+clipped(id), strings.Replace(s.path, appID, id, 1)
		list = append(list, a)
	}
	return list
}

func clipped(s string) string { return fmt.Sprintf("%.40q", s) }

// bodyAttacks are bodies that are no good as a whole.
func bodyAttacks(t *testing.T, _ *target, s sample) (list []attack) {
	if s.body == "" || s.rows != "" {
		return nil
	}
	open := s.body[:len(s.body)-1]
	for name, body := range map[string]string{
		"half a body": open, "two values": s.body + s.body, "a form": "a=b&c=d", "XML": "<a/>", "HTML": "<!doctype html><p>", "NUL": "\x00",
		"invalid UTF-8": strings.Replace(s.body, `:"`, ":\"\xff\xc0\xaf", 1), "UTF-16": "\xff\xfe{\x00}\x00", "deep": strings.Repeat("[", 1<<19),
		"deep objects": strings.Repeat(`{"a":`, 1<<17), "white space": strings.Repeat(" \n", 1000), "NaN": `{"a":NaN}`,
		"gzip": "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\xaa\xae\x05\x00\x43\xbf\xa6\xa3\x02\x00\x00\x00",
	} {
		list = append(list, attack{name: name, body: body, number: api.NumMalformed})
	}
	for _, body := range []string{"[]", `"text"`, "12", "true", "null", "{}"} {
		if body == "{}" && !needsField(s) {
			continue
		}
		list = append(list, attack{name: "body " + body, body: body, status: http.StatusBadRequest, location: "body"})
	}
	list = append(list, attack{name: "over the limit", body: open + strings.Repeat(" ", api.MaxBody) + "}", number: api.NumTooLarge})
	for _, ct := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json; charset=gbk", ";"} {
		list = append(list, attack{name: "type " + ct, headers: []string{"Content-Type", ct}, number: api.NumContentType})
	}
	if !s.lenient {
		for _, field := range []string{"no_such_field", "__proto__", "用户"} {
			a := attack{name: "unknown field " + field, body: open + `,"` + field + `":1}`, number: api.NumUnknownField, location: "body." + field}
			list = append(list, a)
		}
	}
	return list
}

// needsField tells calls whose body has a field that must be there.
func needsField(s sample) bool {
	return !slices.ContainsFunc([]string{"PATCH " + base, "/profile", "/retry", "/checks", "/invitations", "/count", "/sample"}, func(end string) bool {
		return strings.HasSuffix(s.method+" "+s.path, end)
	})
}

// userAttacks are names of users that cannot be one, wherever a call takes one.
func userAttacks(t *testing.T, x *target, s sample) (list []attack) {
	for _, o := range []string{
		"", "a b", "a\nb", "a\r\nX: y", "\x00", "a\x00b", "\x7f", "用户", "é", strings.Repeat("x", 1024), "{ } :", "uid:", "uid:" + strings.Repeat("x", 1024),
		"uid:a\nb", "uid:\x00",
	} {
		quoted, err := json.Marshal(o)
		must(t, err)
		encoded := url.PathEscape(o)
		switch {
		case strings.Contains(s.path, "/users/"+openid):
			if o == "" { // another path
				continue
			}
			path := strings.Replace(s.path, "/users/"+openid, "/users/"+encoded, 1)
			list = append(list, attack{name: "user " + clipped(o), path: path, number: api.NumInvalid, location: "path.openid"})
		case s.rows != "" || !strings.HasPrefix(s.body, `{"openid":`): // the users of events are refused one by one
		case strings.HasSuffix(s.path, "/checks") && o == "": // it is optional
		default:
			body := strings.Replace(s.body, `"openid":"`+openid+`"`, `"openid":`+string(quoted), 1)
			list = append(list, attack{name: "user " + clipped(o), body: body, number: api.NumInvalid, location: "body.openid"})
		}
		if strings.HasSuffix(s.path, "/reports") && o != "" {
			headers := []string{api.OpenIDHeader, o}
			list = append(list, attack{name: "header " + clipped(o), body: `{"items":[]}`, headers: headers, number: api.NumInvalid, location: "header." + api.OpenIDHeader})
			recipe := `{"openId":` + string(quoted) + `,"formIds":"[]"}`
			list = append(list, attack{name: "recipe " + clipped(o), body: recipe, number: api.NumInvalid, location: "body.openId"})
		}
	}
	if s.path == users+openid+"/opt-out" || s.path == users+openid+"/profile" || s.path == users+openid {
		for _, raw := range []string{"%ff", "%c0%af", "%ED%A0%80", "%0a", "%20"} {
			path := strings.Replace(s.path, openid, raw, 1)
			list = append(list, attack{name: "raw " + raw, path: path, number: api.NumInvalid, location: "path.openid"})
		}
	}
	return append(list, x.strangers(t, s)...)
}

// strangers are names that are fine, of users of another app or of nobody: they get no further than to be unknown.
func (x *target) strangers(t *testing.T, s sample) (list []attack) {
	if s.method == "GET" && s.path == users+openid {
		for _, o := range []string{"a%2Fb", "..%2F..%2Fkeys", "%7B%7D:", "a%3Fb%23c", "%252e%252e", "oOfAnotherApp", "*", "%25", "uid:nobody"} {
			a := attack{name: "stranger " + o, path: users + o, number: api.NumNotFound}
			if o == "uid:nobody" {
				a.location = "path.openid"
			}
			list = append(list, a)
		}
	}
	if s.rows == "" && strings.HasPrefix(s.body, `{"openid":"`+openid) {
		body := strings.Replace(s.body, `"openid":"`+openid, `"openid":"uid:nobody`, 1)
		list = append(list, attack{name: "stranger's uid", body: body, number: api.NumNotFound, location: "body.openid"})
	}
	if s.session || strings.HasSuffix(s.path, "/reports") {
		return append(list, x.imposters(t, s)...)
	}
	return list
}

// imposters are users who name somebody else.
func (x *target) imposters(t *testing.T, s sample) (list []attack) {
	if s.session {
		return nil
	}
	session := x.session(t, appID, openid)
	item := `"items":[{"type":"form","form_id":"` + code(99) + `"}]`
	for name, a := range map[string]attack{
		"in the body":      {body: `{"openid":"` + victim + `",` + item + `}`},
		"in the header":    {body: `{` + item + `}`, headers: []string{api.OpenIDHeader, victim}},
		"as the recipe":    {body: `{"openId":"` + victim + `","formIds":"[\"` + code(99) + `\"]"}`},
		"twice":            {body: `{"openid":"` + openid + `","openid":"` + victim + `",` + item + `}`},
		"by uid":           {body: `{"openid":"uid:u1",` + item + `}`},
		"body, not header": {body: `{"openid":"` + victim + `",` + item + `}`, headers: []string{api.OpenIDHeader, openid}},
	} {
		a.name, a.credential, a.number = "a session of somebody else "+name, session, api.NumForbidden
		list = append(list, a)
		a.name, a.public = a.name+", public", true
		list = append(list, a)
	}
	return list
}
