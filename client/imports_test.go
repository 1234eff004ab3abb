package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
)

// counting answers an import as if every row were accepted.
func counting(tr *transport) func(try int) (*http.Response, error) {
	return func(try int) (*http.Response, error) {
		rows := strings.Count(tr.bodies[try-1], "\n")
		return reply(200, fmt.Sprintf(`{"rows":%d,"accepted":%d,"problems":[]}`, rows, rows)), nil
	}
}

func lines(n int) string { return strings.Repeat("{}\n", n) }

func TestAnImportIsSentInParts(t *testing.T) {
	t.Parallel()
	tr := &transport{}
	tr.answer = counting(tr)
	var seen []client.Progress
	got, err := over(t, tr).ImportPermits(t.Context(), app, "2026/11 a", strings.NewReader(lines(5)), client.Rows{
		PartRows: 2, Progress: func(p client.Progress) { seen = append(seen, p) },
	})
	if err != nil {
		t.Fatal(err)
	}
	want := client.Imported{ID: "2026/11 a", ImportAnswer: api.ImportAnswer{Rows: 5, Accepted: 5, Problems: []api.RowProblem{}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for i, uri := range []string{"import_id=2026%2F11+a", "first_line=3&import_id=2026%2F11+a", "first_line=5&import_id=2026%2F11+a"} {
		r := tr.asked[i]
		if got := r.Method + " " + r.URL.RequestURI(); got != "POST /base/v1/apps/"+app+"/permits/import?"+uri {
			t.Errorf("part %d: got %s", i, got)
		}
		if got := r.Header.Get("Content-Type"); got != "application/x-ndjson" {
			t.Errorf("part %d: got Content-Type %q", i, got)
		}
	}
	if got := strings.Join(tr.bodies, "|"); got != lines(2)+"|"+lines(2)+"|"+lines(1) {
		t.Errorf("got bodies %q", got)
	}
	if len(seen) != 3 || seen[1].Rows != 4 || seen[1].Bytes != 12 || seen[2].Accepted != 5 || seen[2].Bytes != 15 {
		t.Errorf("got progress %+v", seen)
	}
}

func TestAnImportOfCSVSaysItsCharset(t *testing.T) {
	t.Parallel()
	tr := &transport{}
	tr.answer = counting(tr)
	table := "openid,tags\no1,\xc4\xe3\xba\xc3\no2,\xff\n" // 你好 in GB18030, and what is nothing
	got, err := over(t, tr).ImportUsers(t.Context(), app, strings.NewReader(table), client.Rows{Type: api.CSVType, Charset: "GB18030", PartRows: 1})
	if err != nil || got.Rows != 4 {
		t.Fatalf("got %+v, %v", got, err)
	}
	if got := tr.asked[1].Method + " " + tr.asked[1].URL.RequestURI(); got != "POST /base/v1/apps/"+app+"/users/import?first_line=3" {
		t.Errorf("got %s", got)
	}
	if got := tr.asked[1].Header.Get("Content-Type"); got != "text/csv; charset=gb18030" {
		t.Errorf("got Content-Type %q", got)
	}
	if diff := cmp.Diff([]string{"openid,tags\no1,\xc4\xe3\xba\xc3\n", "openid,tags\no2,\xff\n"}, tr.bodies); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAListIsFilledAndCounted(t *testing.T) {
	t.Parallel()
	tr := &transport{answer: func(try int) (*http.Response, error) {
		return reply(200, []string{
			`{"rows":2,"added":1,"duplicate":1,"refused":0,"problems":[],"listed":11}`,
			`{"rows":1,"added":0,"duplicate":0,"refused":1,"problems":[{"line":3,"field":"openid","message":"must be given"}],"listed":11}`,
		}[try-1]), nil
	}}
	var last client.Progress
	got, err := over(t, tr).FillAudience(t.Context(), app, "c/1", strings.NewReader(lines(3)), client.Rows{PartRows: 2, Progress: func(p client.Progress) { last = p }})
	want := api.ListAnswer{Rows: 3, Added: 1, Duplicate: 1, Refused: 1, Listed: 11, Problems: []api.RowProblem{{Line: 3, Field: "openid", Message: "must be given"}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if got := tr.asked[1].Method + " " + tr.asked[1].URL.RequestURI(); got != "PUT /base/v1/apps/"+app+"/campaigns/c%2F1/audience?first_line=3" {
		t.Errorf("got %s", got)
	}
	if last.Accepted != 1 || last.Refused != 1 || last.Bytes != 9 || len(last.LastRefused) != 1 {
		t.Errorf("got progress %+v", last)
	}
}

func TestEachPartIsSentUntilItIsAnswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{}
		count := counting(tr)
		tr.answer = func(try int) (*http.Response, error) {
			switch try {
			case 2:
				return nil, errors.New("connection reset")
			case 3:
				return reply(503, `{"code":"unavailable","number":50301}`), nil
			case 4:
				return reply(502, "<html>", "Content-Type", "text/html"), nil
			case 5:
				return reply(408, `{"code":"invalid","number":40801}`), nil
			case 6:
				return reply(429, busy, "Retry-After", "9"), nil
			}
			return count(try)
		}
		got, err := over(t, tr).ImportPermits(t.Context(), app, "", strings.NewReader("1\n2\n3\n"), client.Rows{PartRows: 1})
		if err != nil || got.Accepted != 3 {
			t.Fatalf("got %+v, %v", got, err)
		}
		if got := strings.Join(tr.bodies, ""); got != "1\n2\n2\n2\n2\n2\n2\n3\n" {
			t.Errorf("got bodies %q", got)
		}
		for _, r := range tr.asked {
			if id := r.URL.Query().Get("import_id"); id != got.ID || len(id) < 20 {
				t.Errorf("got import id %q, want %q", id, got.ID)
			}
		}
		if waited := tr.at[6].Sub(tr.at[5]); waited != 9*time.Second {
			t.Errorf("waited %v, want 9s", waited)
		}
	})
}

func TestAnImportGivesUpAfterItsTriesAndTellsHowFarItCame(t *testing.T) {
	t.Parallel()
	for tries, want := range map[int]int{0: client.DefaultPartTries, 1: 1, 3: 3} {
		synctest.Test(t, func(t *testing.T) {
			tr := &transport{}
			tr.answer = func(try int) (*http.Response, error) {
				if try == 1 {
					return reply(200, `{"rows":2,"accepted":2,"problems":[]}`), nil
				}
				return reply(503, `{"code":"unavailable","number":50301,"title":"Not now"}`), nil
			}
			begun := time.Now()
			got, err := over(t, tr).ImportPermits(t.Context(), app, "mine", strings.NewReader(lines(4)), client.Rows{PartRows: 2, Tries: tries})
			if !errors.Is(err, api.Unavailable) || !strings.Contains(err.Error(), "rows from line 3 on") {
				t.Errorf("got %v", err)
			}
			if got.ID != "mine" || got.Accepted != 2 || len(tr.asked) != 1+want {
				t.Errorf("got %+v after %d calls, want %d", got, len(tr.asked), 1+want)
			}
			if tries == 0 && time.Since(begun) < time.Minute {
				t.Errorf("given up after %v", time.Since(begun))
			}
		})
	}
}

func TestWhatWillNotChangeEndsAnImportAtOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status, number int
		code           api.Code
	}{{404, api.NumNotFound, api.NotFound}, {400, api.NumInvalid, api.Invalid}, {409, api.NumConflict, api.Conflict}, {401, api.NumBadCredentials, api.Unauthorized}} {
		tr := &transport{answer: func(int) (*http.Response, error) {
			return reply(c.status, fmt.Sprintf(`{"code":%q,"number":%d}`, c.code, c.number)), nil
		}}
		if _, err := over(t, tr).ImportUsers(t.Context(), app, strings.NewReader(""), client.Rows{}); !errors.Is(err, c.code) || len(tr.asked) != 1 {
			t.Errorf("got %v after %d calls, want %s", err, len(tr.asked), c.code)
		}
	}
}

func TestTheContextEndsAnImport(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		tr := &transport{answer: func(int) (*http.Response, error) { return reply(429, busy, "Retry-After", "20"), nil }}
		begun := time.Now()
		_, err := over(t, tr).ImportUsers(ctx, app, strings.NewReader(lines(1)), client.Rows{})
		if err == nil || time.Since(begun) != time.Second || len(tr.asked) != 1 {
			t.Errorf("got %v after %v and %d calls", err, time.Since(begun), len(tr.asked))
		}
	})
}

func TestProblemsAreGatheredUpToTheirLimit(t *testing.T) {
	t.Parallel()
	tr := &transport{}
	tr.answer = func(int) (*http.Response, error) {
		var a api.ImportAnswer
		for line := range int64(40) {
			a.Problems = append(a.Problems, api.RowProblem{Line: line})
		}
		a.Rows, a.Refused = 40, 40
		body, _ := json.Marshal(a)
		return reply(200, string(body)), nil
	}
	got, err := over(t, tr).ImportUsers(t.Context(), app, strings.NewReader(lines(3)), client.Rows{PartRows: 1})
	if err != nil || len(got.Problems) != api.MaxRowProblems || got.Refused != 120 {
		t.Errorf("got %d problems of %d refused, %v", len(got.Problems), got.Refused, err)
	}
}

func TestRowsThatCannotWorkAreRefusedBeforeTheyAreSent(t *testing.T) {
	t.Parallel()
	tr := &transport{answer: func(int) (*http.Response, error) { return nil, errors.New("asked") }}
	for name, rows := range map[string]client.Rows{
		"Rows.Type": {Type: "application/json"}, "Rows.Charset": {Type: api.CSVType, Charset: "utf-16"}, "of CSV, gb18030": {Charset: "gb18030"},
		"PartRows": {PartRows: -1}, "PartBytes": {PartBytes: -1}, "Tries": {Tries: -1},
	} {
		if _, err := over(t, tr).ImportUsers(t.Context(), app, strings.NewReader(""), rows); err == nil || !strings.Contains(err.Error(), name) || len(tr.asked) > 0 {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// endless is a source of n rows that is never held whole.
type endless struct {
	row  []byte
	left int
	rest []byte
}

func (e *endless) Read(p []byte) (int, error) {
	if len(e.rest) == 0 {
		if e.left == 0 {
			return 0, io.EOF
		}
		e.left, e.rest = e.left-1, e.row
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

// drop counts rows and keeps none.
type drop struct {
	rows int
	most uint64
}

func (d *drop) RoundTrip(r *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(r.Body)
	rows := bytes.Count(body, []byte("\n"))
	d.rows += rows
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	d.most = max(d.most, m.HeapAlloc)
	return reply(200, fmt.Sprintf(`{"rows":%d,"accepted":%d,"problems":[]}`, rows, rows)), nil
}

// It must not run beside other tests: it looks at the memory of the whole process.
func TestMemoryDoesNotGrowWithAnImport(t *testing.T) {
	row := []byte(`{"openid":"o` + strings.Repeat("0", 26) + `","kind":"subscribe","template":"` + strings.Repeat("t", 43) + `"}` + "\n")
	peak := func(rows int) uint64 {
		d := &drop{}
		c, err := client.New("http://push.example.com", "k", client.Config{HTTPClient: &http.Client{Transport: d}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.ImportPermits(t.Context(), app, "", &endless{row: row, left: rows}, client.Rows{})
		if err != nil || got.Accepted != int64(rows) || d.rows != rows {
			t.Fatalf("got %+v, %v", got, err)
		}
		return d.most
	}
	few, many := peak(20_000), peak(600_000)
	if many > few+few/2+4<<20 {
		t.Errorf("at most %d bytes with 600000 rows, %d with 20000", many, few)
	}
}
