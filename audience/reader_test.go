package audience_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
)

// read reads a stream to its end: one line of text for each row and problem, and what ended it but for io.EOF.
func read(t testing.TB, in io.Reader, s audience.Source) (got []string, end error) {
	t.Helper()
	r, err := audience.NewReader(in, s)
	must(t, err)
	for {
		row, err := r.Next()
		var p *audience.Problem
		switch {
		case err == nil:
			values, err := json.Marshal(row.Values)
			must(t, err)
			got = append(got, fmt.Sprintf("%d %s", row.Line, values))
		case errors.As(err, &p):
			got = append(got, p.Error())
		case errors.Is(err, io.EOF):
			return got, nil
		default:
			if _, again := r.Next(); !errors.Is(again, err) {
				t.Fatalf("the end was %v and then %v", err, again)
			}
			return got, err
		}
	}
}

func TestRowsAreReadInOrderWithTheirLines(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		format audience.Format
		first  int64
		in     string
		want   []string
	}{
		"ndjson": {audience.NDJSON, 0, "{\"a\":1}\n\n  \r\n{\"a\":\"x\",\"b\":[true,null]}\r\n{\"a\":12345678901234567890}", []string{
			`1 {"a":1}`, `4 {"a":"x","b":[true,null]}`, `5 {"a":12345678901234567890}`,
		}},
		"part of ndjson": {audience.NDJSON, 100, "{}\n{}\n", []string{"100 {}", "101 {}"}},
		"what is no object": {audience.NDJSON, 0, "[]\n1\nnull\n{\"a\":1\n{\"a\":1}{}\n{a:1}\n{\"a\":\"\xff\"}\n{}\n", []string{
			"line 1: must be a JSON object", "line 2: must be a JSON object", "line 3: must be a JSON object",
			"line 4: must be a JSON object; it ends too early", "line 5: must be one JSON object and nothing else",
			"line 6: must be a JSON object: invalid character 'a' looking for beginning of object key string",
			"line 7: must be UTF-8", "8 {}",
		}},
		"csv": {audience.CSV, 0, "\uFEFF a ,b\r\n1,\r\n\r\n\"x, \"\"y\"\"\nz\",2\n\n3,4", []string{
			`2 {"a":"1"}`, `4 {"a":"x, \"y\"\nz","b":"2"}`, `7 {"a":"3","b":"4"}`,
		}},
		"part of csv":           {audience.CSV, 500_000, "a,b\n1,2\n3,4\n", []string{`500000 {"a":"1","b":"2"}`, `500001 {"a":"3","b":"4"}`}},
		"a part that is first":  {audience.CSV, 1, "a\n1\n", []string{`2 {"a":"1"}`}},
		"csv with empty values": {audience.CSV, 0, "a,b\n,\n", []string{`2 {}`}},
		"csv rows that are no good": {audience.CSV, 0, "a,b\n1\n1,2,3\nx\"y,1\n\"x\"y,1\n1,\xff\n1,2\n\"1,2\n", []string{
			"line 2: has 1 values, the first line names 2", "line 3: has 3 values, the first line names 2",
			`line 4: has a " in a value that does not begin with one`,
			`line 5: has a value whose " does not close, or that goes on behind it; a " inside is written twice`,
			"line 6: b: must be UTF-8", `7 {"a":"1","b":"2"}`,
			`line 8: has a value whose " does not close, or that goes on behind it; a " inside is written twice`,
		}},
		"nothing":     {audience.CSV, 0, "", nil},
		"only a bom":  {audience.NDJSON, 0, "\uFEFF", nil},
		"only names":  {audience.CSV, 0, "a,b", nil},
		"no bom here": {audience.CSV, 0, "a\n\uFEFFx\n", []string{"2 {\"a\":\"\uFEFFx\"}"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, in := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in)), iotest.DataErrReader(strings.NewReader(c.in))} {
				got, err := read(t, in, audience.Source{Format: c.format, FirstLine: c.first})
				must(t, err)
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestAStreamThatIsNoTableIsRefused(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"a name twice":       "openid, openid\n1,2\n",
		"an empty name":      "openid,,b\n",
		"another charset":    "openid,\xd0\xd5\xc3\xfb\n",
		"UTF-16":             "\xff\xfeo\x00p\x00\n\x00",
		"a quote in a name":  "open\"id,b\n",
		"a quote left open":  "openid,\"b\n",
		"too many columns":   strings.Repeat("a,", audience.MaxColumns) + "a\n",
		"a whitespace line ": "  \n1\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := read(t, strings.NewReader(in), audience.Source{Format: audience.CSV})
			wantField(t, err, "names")
			wantEqual(t, len(got), 0)
		})
	}
}

func TestASourceThatIsNotKnownIsRefused(t *testing.T) {
	t.Parallel()
	for field, s := range map[string]audience.Source{
		"format":     {Format: "xls"},
		"charset":    {Format: audience.CSV, Charset: "big5"},
		"first_line": {Format: audience.CSV, FirstLine: -1},
		"max_row":    {Format: audience.CSV, MaxRow: -1},
	} {
		_, err := audience.NewReader(nil, s)
		wantField(t, err, field)
	}
}

func TestChineseTablesOfOfficeProgramsAreRead(t *testing.T) {
	t.Parallel()
	const text = "openid,城市\noA,北京\noB,㐀𠀀\n"
	encoded, err := simplifiedchinese.GB18030.NewEncoder().String(text)
	must(t, err)
	want := []string{`2 {"openid":"oA","城市":"北京"}`, `3 {"openid":"oB","城市":"㐀𠀀"}`}
	for _, charset := range []string{"gb18030", "GB18030", "GBK"} {
		got, err := read(t, iotest.HalfReader(strings.NewReader(encoded)), audience.Source{Format: audience.CSV, Charset: charset})
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(charset, diff)
		}
	}
	got, err := read(t, strings.NewReader("a\n\xff\xff\n\xb1\xb1\n"), audience.Source{Format: audience.CSV, Charset: "gb18030"})
	must(t, err)
	if diff := cmp.Diff([]string{"line 2: a: must be GB18030", `3 {"a":"北"}`}, got); diff != "" {
		t.Error(diff)
	}
}

func TestALongObjectIsPassedOver(t *testing.T) {
	t.Parallel()
	long := `{"a":"` + strings.Repeat("x", 200_000) + `"}`
	got, err := read(t, strings.NewReader("{}\n"+long+"\n{}\n"+long), audience.Source{Format: audience.NDJSON})
	must(t, err)
	want := []string{"1 {}", "line 2: must have at most 65536 bytes", "3 {}", "line 4: must have at most 65536 bytes"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestALongCSVRowEndsTheReading(t *testing.T) {
	t.Parallel()
	got, err := read(t, strings.NewReader("a,b\n1,2\n3,\"4\n"+strings.Repeat("5,6\n", 20_000)), audience.Source{Format: audience.CSV})
	wantField(t, err, "body")
	wantEqual(t, len(got), 1)
	if !strings.Contains(err.Error(), "line 3") {
		t.Errorf("%v does not name the line", err)
	}
	got, err = read(t, strings.NewReader("a\n"+strings.Repeat("\n", 100_000)+"1\n"), audience.Source{Format: audience.CSV})
	must(t, err)
	wantEqual(t, fmt.Sprint(got), `[100002 {"a":"1"}]`)
}

func TestAStreamMayNotBeLongerThanItsBound(t *testing.T) {
	t.Parallel()
	for _, f := range []audience.Format{audience.NDJSON, audience.CSV} {
		got, err := read(t, strings.NewReader("{}\n{}\n{}\n"), audience.Source{Format: f, MaxBytes: 9})
		must(t, err)
		if len(got) < 2 {
			t.Errorf("%s: read %v", f, got)
		}
		_, err = read(t, strings.NewReader("{}\n{}\n{}\n"), audience.Source{Format: f, MaxBytes: 8})
		wantField(t, err, "body")
	}
}

func TestWhatTheReaderBelowSaysEndsTheReading(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	for _, c := range []struct {
		format audience.Format
		in     string
	}{
		{audience.NDJSON, "{\"a\":1}\n{\"a\":2}"}, {audience.CSV, "a,b\n1,2\n3,4"}, {audience.CSV, "a,b\n1,2\n3,\"4"}, {audience.CSV, "a,b\n1,2\nx\"y,"},
	} {
		got, err := read(t, io.MultiReader(strings.NewReader(c.in), iotest.ErrReader(broken)), audience.Source{Format: c.format})
		if !errors.Is(err, broken) || len(got) != 1 {
			t.Errorf("%q was read as %v, then %v", c.in, got, err)
		}
	}
	_, err := read(t, iotest.ErrReader(broken), audience.Source{Format: audience.CSV})
	wantEqual(t, err, broken)
}

// repeated is so many bytes of one text, over and over.
func repeated(text string, size int64) io.Reader {
	block := bytes.Repeat([]byte(text), 64<<10/len(text))
	return io.LimitReader(&loop{block: block}, size)
}

type loop struct {
	block []byte
	at    int
}

func (l *loop) Read(p []byte) (int, error) {
	n := copy(p, l.block[l.at:])
	l.at = (l.at + n) % len(l.block)
	return n, nil
}

// TestAGigabyteOfNothingCostsLittle is not parallel: it counts what the process allocates.
func TestAGigabyteOfNothingCostsLittle(t *testing.T) {
	const gigabyte = 1 << 30 / scale
	for name, c := range map[string]struct {
		in     string
		source audience.Source
		field  string // what ends it
		rows   int
	}{
		"one quoted cell":       {`"a",`, audience.Source{Format: audience.CSV}, "body", 0},
		"quotes":                {`"`, audience.Source{Format: audience.CSV}, "body", 0},
		"commas":                {",", audience.Source{Format: audience.CSV}, "body", 0},
		"empty lines":           {"\n", audience.Source{Format: audience.CSV, MaxBytes: 32 << 20 / scale}, "body", 0},
		"one line":              {`{"a":1,`, audience.Source{Format: audience.NDJSON}, "", 1},
		"brackets":              {`[`, audience.Source{Format: audience.NDJSON}, "", 1},
		"one line and more":     {`"`, audience.Source{Format: audience.NDJSON, MaxBytes: gigabyte - 1}, "body", 0},
		"quotes in GB18030":     {`"`, audience.Source{Format: audience.CSV, Charset: "gb18030"}, "body", 0},
		"a byte of half a rune": {"\x81", audience.Source{Format: audience.CSV, Charset: "gb18030"}, "body", 0},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		in := repeated(c.in, gigabyte)
		got, err := read(t, in, c.source)
		runtime.ReadMemStats(&after)
		var e *minapush.Error
		if c.field == "" && err != nil || c.field != "" && (!errors.As(err, &e) || e.Kind != minapush.Invalid || e.Field != c.field) || len(got) != c.rows {
			t.Errorf("%s: %d rows, then %v", name, len(got), err)
		}
		most := uint64(4 << 20)
		if c.in == "," { // a row of so many values takes the parser's tables
			most = 16 << 20
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > most {
			t.Errorf("%s: %d bytes were allocated", name, used)
		}
	}
}
