package server_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/server"
)

// fuzzed sends a request that may be of any form and fails the test if it is a fault of the server.
func (b *bundle) fuzzed(t *testing.T, s sample, query, body string, headers http.Header) answer {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), s.method, s.path, strings.NewReader(body))
	r.URL.RawQuery, r.Header = query, headers
	a := serve(b.server.Private(), r)
	if a.status >= 500 && a.status != 503 { // the dispatcher may not be up yet
		t.Fatalf("%s?%q %q %v: %d %s\n%s", s.name(), query, body, headers, a.status, a.body, b.log)
	}
	if a.status >= 400 && a.header.Get("Content-Type") != api.ProblemType {
		t.Fatalf("%s?%q %q %v: %d %s is no problem", s.name(), query, body, headers, a.status, a.body)
	}
	return a
}

// kept is a server for all runs of a fuzz target, since making one takes longer than the run. It sends nothing.
type kept struct {
	*bundle
	list string // the path of a campaign that waits for its list
}

func (k *kept) up(t *testing.T, tune ...func(*server.Parts, *server.Config)) *kept {
	t.Helper()
	if k.bundle != nil {
		return k
	}
	k.bundle = setup(t, tune...)
	k.addApps(t)
	k.deposit(t, openid, k.formID(1), k.subscription(1))
	k.session(t, appID, openid) // it makes the key of all sessions
	k.list = base + "/campaigns/" + want[api.Campaign](t, k.call(t, "POST", base+"/campaigns", k.admin,
		`{"message":{"template":"`+tmplID+`","values":{"thing1":"{{name}}"}},"audience":{"list":true}}`), 201).ID
	return k
}

func FuzzNoQueryIsAFaultOfTheServer(f *testing.F) {
	for i, s := range samples() {
		if s.method == "GET" || s.rows != "" {
			f.Add(i, "limit=1&cursor=x")
		}
	}
	for _, query := range []string{
		"cursor=%00", "cursor=0", "cursor=AAAA&limit=1000", "limit=-1", "first_line=9007199254740992", "import_id=a%23", "outcome=failed&limit=5",
		"fresh=true", "a=%zz", ";", "cursor=0.oUser0000000000000000000001", "cursor=3%2Fo", "&&=&", "limit=1&limit=2", "dry_run=1",
	} {
		f.Add(7, query)
		f.Add(15, query)
		f.Add(29, query)
	}
	var k kept
	f.Fuzz(func(t *testing.T, i int, query string) {
		calls := samples()
		s := calls[max(i, -i)%len(calls)]
		if max(i, -i) < 0 || s.method != "GET" && s.rows == "" {
			return
		}
		b := k.up(t)
		h := http.Header{"Authorization": {"Bearer " + b.credential(t, s)}, "Content-Type": {s.rows}}
		before := b.model.Dump()
		a := b.fuzzed(t, s, query, s.body, h)
		if after := b.model.Dump(); a.status >= 400 && before != after {
			t.Fatalf("%s?%q: %d %s, and something changed:\n%s", s.name(), query, a.status, a.body, difference(before, after))
		}
	})
}

func FuzzNoStreamIsAFaultOfTheServer(f *testing.F) {
	for _, row := range []string{
		`{"openid":"o","kind":"form","code":"` + aCode + `"}`, "openid,kind,code\no,form," + aCode, `{"openid":"uid:u1","values":{"name":"\u0000"}}`,
		"openid,tags,attributes\n\"o\"\"x\",a|b|,{}\n", "\xef\xbb\xbfopenid\r\n\r\no\r\n", "openid\n\"o", `{"openid":"o","attributes":{"a":1e999}}`,
		"\xc4\xe3\xba\xc3,openid\n\xc4\xe3\xba\xc3,o\n", strings.Repeat("[", 5000), strings.Repeat(",", 500), "\x1f\x8b\x08",
	} {
		for _, kind := range []string{api.NDJSONType, api.CSVType, api.CSVType + "; charset=gb18030"} {
			f.Add(0, kind, row)
			f.Add(1, kind, row)
			f.Add(2, kind, row)
		}
	}
	var k kept
	f.Fuzz(func(t *testing.T, i int, kind, body string) {
		var streams []sample
		for _, s := range samples() {
			if s.rows != "" {
				streams = append(streams, s)
			}
		}
		s := streams[uint(i)%uint(len(streams))]
		b := k.up(t, func(_ *server.Parts, c *server.Config) { c.MaxStream = 64 << 10 })
		s.path = strings.Replace(s.path, base+"/campaigns/C1", b.list, 1)
		a := b.fuzzed(t, s, "", body, http.Header{"Authorization": {"Bearer " + b.admin}, "Content-Type": {kind}})
		if a.status != 200 {
			return
		}
		var got struct {
			Rows, Accepted, Added, Duplicate, Refused int64
			Problems                                  []api.RowProblem
		}
		if err := json.Unmarshal([]byte(a.body), &got); err != nil || got.Rows != got.Accepted+got.Added+got.Duplicate+got.Refused {
			t.Fatalf("%s %q %q: %v, the sum of %s does not close", s.name(), kind, body, err, a.body)
		}
		if (got.Refused == 0) != (len(got.Problems) == 0) {
			t.Fatalf("%s %q %q: %d refused, named are %v", s.name(), kind, body, got.Refused, got.Problems)
		}
	})
}

func FuzzNoCredentialIsMadeUp(f *testing.F) {
	for _, header := range []string{
		"", "Bearer", "Bearer ", "bearer x", "Basic eDp5", "Bearer a.b.c", "Bearer ..", "Bearer mpk_first_x", "Bearer eyJhbGciOiJub25lIn0.e30.", "Bearer\tx", "Bearer  x y",
		"Bearer eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJtaW5hcHVzaCIsInN1YiI6Im8iLCJhdWQiOiJ3eDAxMjM0NTY3ODlhYmNkZWYifQ.AAAA", "Bearer mpk__", "Bearer \x00", strings.Repeat("Bearer ", 500),
	} {
		f.Add(header)
	}
	var k kept
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header = http.Header{"Authorization": {header}}
		credential, err := server.BearerOf(r)
		if (err == nil) != (credential != "") || strings.TrimSpace(credential) != credential || !strings.HasSuffix(strings.TrimSpace(header), credential) {
			t.Fatalf("%q: got %q, %v", header, credential, err)
		}
		b := k.up(t)
		before := b.model.Dump()
		for _, s := range samples() {
			if s.open || strings.Contains(header, b.admin) {
				continue
			}
			a := b.fuzzed(t, s, "", s.body, http.Header{"Authorization": {header}, "Content-Type": {s.rows}})
			if a.status != http.StatusUnauthorized {
				t.Fatalf("%s with %q: got %d %s", s.name(), header, a.status, a.body)
			}
		}
		if after := b.model.Dump(); before != after {
			t.Fatalf("%q: something changed:\n%s", header, difference(before, after))
		}
	})
}
