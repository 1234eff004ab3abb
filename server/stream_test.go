package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/server"
)

const importUsers = base + "/users/import"

// rows sends rows to a call.
func (b *bundle) rows(t *testing.T, method, path, kind, body string) answer {
	t.Helper()
	return b.call(t, method, path, b.admin, body, "Content-Type", kind)
}

// tagsOf are those that a user has.
func (b *bundle) tagsOf(t *testing.T, o string) string {
	t.Helper()
	return fmt.Sprint(want[api.User](t, b.call(t, "GET", users+o, b.admin, ""), 200).Profile.Tags)
}

func TestRowsAreReadInEveryForm(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	chinese, err := simplifiedchinese.GB18030.NewEncoder().String("openid,tags\noC,北京\n")
	must(t, err)
	for _, c := range []struct{ kind, body, user, tags string }{
		{api.NDJSONType, "{\"openid\":\"oA\",\"tags\":[\"a\",\"b\"]}\n\n", "oA", "[a b]"},
		{api.NDJSONType + "; charset=UTF-8", `{"openid":"oA2","tags":["北京"]}`, "oA2", "[北京]"},
		{api.CSVType, "\ufeffopenid,tags\r\noB,a|b\r\n", "oB", "[a b]"},
		{api.CSVType + "; charset=utf-8; header=present", "openid,tags\noB2,x\n", "oB2", "[x]"},
		{api.CSVType + "; charset=GB18030", chinese, "oC", "[北京]"},
	} {
		got := want[api.ImportAnswer](t, b.rows(t, "POST", importUsers, c.kind, c.body), 200)
		if got.Rows != 1 || got.Accepted != 1 || got.Problems == nil || len(got.Problems) != 0 {
			t.Errorf("%s: got %+v", c.kind, got)
		}
		if tags := b.tagsOf(t, c.user); tags != c.tags {
			t.Errorf("%s: got tags %s, want %s", c.kind, tags, c.tags)
		}
	}
}

func TestRowsOfAnotherTypeAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	before := b.snapshot(t)
	const row = `{"openid":"oA","tags":["a"]}`
	for _, kind := range []string{
		"", "application/json", "text/plain", ";", "multipart/form-data", "text/csv; charset=latin1", api.NDJSONType + "; charset=gb18030",
		"application/x-www-form-urlencoded",
	} {
		p := wantProblem(t, b.rows(t, "POST", importUsers, kind, row), api.NumContentType, "")
		if !strings.Contains(p.Detail, api.NDJSONType) || !strings.Contains(p.Detail, api.CSVType) {
			t.Errorf("%s: the detail %q does not say what is taken", kind, p.Detail)
		}
	}
	a := b.call(t, "POST", importUsers, b.admin, row, "Content-Type", api.NDJSONType, "Content-Encoding", "gzip")
	wantProblem(t, a, api.NumContentType, "")
	if after := b.snapshot(t); before != after {
		t.Errorf("something changed:\n%s\n%s", before, after)
	}
}

func TestABadRowIsRefusedAloneAndNamed(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	body := "{\"openid\":\"oA\",\"tags\":[\"a\"]}\nnot JSON\n{\"openid\":\"oB\",\"opt_out\":\"maybe\"}\n{\"openid\":\"a b\"}\n{\"openid\":\"oC\",\"tags\":[\"c\"]}\n"
	for first, lines := range map[string]string{"": "2 3 4", "?first_line=1001": "1002 1003 1004"} {
		got := want[api.ImportAnswer](t, b.rows(t, "POST", importUsers+first, api.NDJSONType, body), 200)
		if got.Rows != 5 || got.Refused != 3 || got.Accepted+got.Duplicate != 2 || len(got.Problems) != 3 {
			t.Fatalf("got %+v", got)
		}
		if at := fmt.Sprint(got.Problems[0].Line, got.Problems[1].Line, got.Problems[2].Line); at != lines {
			t.Errorf("first_line %q: got lines %s, want %s", first, at, lines)
		}
	}
	if b.tagsOf(t, "oA") != "[a]" || b.tagsOf(t, "oC") != "[c]" {
		t.Error("the good rows are missing")
	}
	bad := strings.Repeat("no\n", 500)
	if got := want[api.ImportAnswer](t, b.rows(t, "POST", importUsers, api.NDJSONType, bad), 200); got.Refused != 500 || len(got.Problems) != api.MaxRowProblems {
		t.Errorf("got %d refused, %d named", got.Refused, len(got.Problems))
	}
	for _, n := range []string{"0", "-1", "x", "99999999999999999999"} {
		wantProblem(t, b.rows(t, "POST", importUsers+"?first_line="+n, api.NDJSONType, body), api.NumInvalid, "query.first_line")
	}
}

func TestRowsThatAreNoTableAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	before := b.snapshot(t)
	for _, body := range []string{"openid,openid\nx,y\n", "openid,\"unclosed\n" + strings.Repeat("x", 100)} {
		a := b.rows(t, "POST", importUsers, api.CSVType, body)
		if p := want[api.Problem](t, a, 400); p.Number != api.NumInvalid || len(p.Errors) != 1 || !strings.HasPrefix(p.Errors[0].Location, "body") {
			t.Errorf("%q: got %+v", body, p)
		}
	}
	if after := b.snapshot(t); before != after {
		t.Errorf("something changed:\n%s\n%s", before, after)
	}
}

func TestAStreamOverTheLimitIsCutOff(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ *server.Parts, c *server.Config) { c.MaxStream = 4096 }).withApp(t)
	row := `{"openid":"oA","tags":["a"]}` + "\n"
	long := strings.Repeat(row, 4096/len(row)+1)
	wantProblem(t, b.rows(t, "POST", importUsers, api.NDJSONType, long), api.NumTooLarge, "") // its length is told
	wantProblem(t, b.call(t, "GET", users+"oA", b.admin, ""), api.NumNotFound, "")

	r := httptest.NewRequestWithContext(t.Context(), "POST", importUsers, io.MultiReader(strings.NewReader(long))) // it is not
	r.Header.Set("Authorization", "Bearer "+b.admin)
	r.Header.Set("Content-Type", api.NDJSONType)
	w := httptest.NewRecorder()
	b.server.Private().ServeHTTP(w, r)
	p := wantProblem(t, answer{w.Code, w.Header(), w.Body.String()}, api.NumTooLarge, "")
	if !strings.Contains(p.Detail, "4096") || !strings.Contains(p.Detail, "stay") {
		t.Errorf("got detail %q", p.Detail)
	}
}

func TestAStreamThatBreaksOffIsMalformed(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	body := io.MultiReader(strings.NewReader("{\"openid\":\"oA\",\"tags\":[\"a\"]}\n"), iotest.ErrReader(io.ErrUnexpectedEOF))
	r := httptest.NewRequestWithContext(t.Context(), "POST", importUsers, body)
	r.Header.Set("Authorization", "Bearer "+b.admin)
	r.Header.Set("Content-Type", api.NDJSONType)
	w := httptest.NewRecorder()
	b.server.Private().ServeHTTP(w, r)
	wantProblem(t, answer{w.Code, w.Header(), w.Body.String()}, api.NumMalformed, "")
}

// live serves the private handler on a socket, with the times of a listener that is in a hurry.
func (b *bundle) live(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(b.server.Private())
	s.Config.ReadTimeout, s.Config.WriteTimeout = 300*time.Millisecond, 300*time.Millisecond
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// drip sends a body piece by piece with pauses and returns the answer.
func (b *bundle) drip(t *testing.T, s *httptest.Server, path string, pause time.Duration, pieces ...string) answer {
	t.Helper()
	body, w := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer w.Close()
		for _, piece := range pieces {
			if _, err := io.WriteString(w, piece); err != nil {
				return
			}
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
		}
	}()
	defer func() { cancel(); _ = body.Close(); <-done }()
	r, err := http.NewRequestWithContext(ctx, "POST", s.URL+path, body)
	must(t, err)
	r.Header.Set("Authorization", "Bearer "+b.admin)
	r.Header.Set("Content-Type", api.NDJSONType)
	resp, err := s.Client().Do(r)
	must(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(t, err)
	return answer{resp.StatusCode, resp.Header, string(text)}
}

func TestABodyMayTakeLongIfItGetsOn(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ *server.Parts, c *server.Config) { c.StreamIdle = 2 * time.Second }).withApp(t)
	var pieces []string
	for i := range 8 { // much longer than the listener's times, and than its own idle time in sum
		pieces = append(pieces, fmt.Sprintf("{\"openid\":\"oD%d\",", i), "\"tags\":[\"a\"]}\n")
	}
	a := b.drip(t, b.live(t), importUsers, 150*time.Millisecond, pieces...)
	if got := want[api.ImportAnswer](t, a, 200); got.Accepted != 8 {
		t.Errorf("got %+v", got)
	}
}

func TestABodyThatStandsStillIsCutOff(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ *server.Parts, c *server.Config) { c.StreamIdle = 150 * time.Millisecond }).withApp(t)
	for name, pieces := range map[string][]string{
		"silent":           {"{\"openid\":\"oS\",\"tags\":[\"a\"]}\n", ""},
		"never ends a row": append([]string{"{\"openid\":\"oS\",\"tags\":[\"a\"]}\n", "{"}, strings.Split(strings.Repeat(" ", 100), "")...),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pause := map[bool]time.Duration{true: 2 * time.Second, false: 40 * time.Millisecond}[name == "silent"]
			wantProblem(t, b.drip(t, b.live(t), importUsers, pause, pieces...), api.NumSlowBody, "")
		})
	}
}

func TestAStreamIsBoundedAsAWhole(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ *server.Parts, c *server.Config) { c.StreamTimeout = 200 * time.Millisecond }).withApp(t)
	var pieces []string
	for range 60 {
		pieces = append(pieces, "{\"openid\":\"oE\",\"tags\":[\"a\"]}\n")
	}
	wantProblem(t, b.drip(t, b.live(t), importUsers, 30*time.Millisecond, pieces...), api.NumSlowBody, "")
}

func TestACallerWhoIsNotLetInSendsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	s := b.live(t)
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	must(t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n", importUsers, api.NDJSONType)
	must(t, err)
	line, err := bufio.NewReader(conn).ReadString('\n')
	must(t, err)
	if !strings.HasPrefix(line, "HTTP/1.1 401") {
		t.Errorf("got %q, want 401 without 100", line)
	}
}

func TestABodyThatIsNotToldToItsEndIsTooSlow(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	before := b.model.Dump()
	s := httptest.NewUnstartedServer(b.server.Private())
	s.Config.ReadTimeout = 200 * time.Millisecond
	s.Start()
	t.Cleanup(s.Close)
	for _, path := range []string{base + "/reports", base + "/permits", base + "/session"} {
		conn, err := net.Dial("tcp", s.Listener.Addr().String())
		must(t, err)
		defer conn.Close()
		_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 100\r\n\r\n{", path, b.admin)
		must(t, err)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		must(t, err)
		text, err := io.ReadAll(resp.Body)
		must(t, err)
		wantProblem(t, answer{resp.StatusCode, resp.Header, string(text)}, api.NumSlowBody, "")
	}
	if log := b.log.String(); strings.Contains(log, "level=ERROR") {
		t.Errorf("logged %s", log)
	}
	if after := b.model.Dump(); before != after {
		t.Errorf("something changed:\n%s", difference(before, after))
	}
}
