package client_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/client"
)

func TestATableIsCutWhereRowsEnd(t *testing.T) {
	t.Parallel()
	type parts = []client.Part
	for name, c := range map[string]struct {
		media, table string
		rows         int
		want         parts
	}{
		"nothing":                     {api.NDJSONType, "", 2, parts{{"", 1, true}}},
		"one row without a line end":  {api.NDJSONType, "{}", 2, parts{{"{}", 1, true}}},
		"exactly one part":            {api.NDJSONType, "1\n2\n", 2, parts{{"1\n2\n", 1, true}}},
		"two parts":                   {api.NDJSONType, "1\r\n2\n3", 2, parts{{"1\r\n2\n", 1, true}, {"3", 3, false}}},
		"quotes mean nothing in JSON": {api.NDJSONType, "\"1\n2\n\"3", 1, parts{{"\"1\n", 1, true}, {"2\n", 2, false}, {"\"3", 3, false}}},
		"blank lines are lines":       {api.NDJSONType, "1\n\n3\n", 2, parts{{"1\n\n", 1, true}, {"3\n", 3, false}}},
		"names alone":                 {api.CSVType, "a,b", 2, parts{{"a,b", 1, true}}},
		"names in each part":          {api.CSVType, "a\n1\n2\n3\n", 2, parts{{"a\n1\n2\n", 2, true}, {"a\n3\n", 4, false}}},
		"a row of several lines":      {api.CSVType, "a,b\n\"x\ny\",1\n\"p\"\"\n,\"\"q\",2\n3,4\n", 1, parts{{"a,b\n\"x\ny\",1\n", 2, true}, {"a,b\n\"p\"\"\n,\"\"q\",2\n", 4, false}, {"a,b\n3,4\n", 6, false}}},
		"names of several lines":      {api.CSVType, "\"a\nb\",c\r\n1,2\r\n3,4", 1, parts{{"\"a\nb\",c\r\n1,2\r\n", 3, true}, {"\"a\nb\",c\r\n3,4", 4, false}}},
		"blank lines before names":    {api.CSVType, "\n\r\na\n1\n2\n", 1, parts{{"\n\r\na\n1\n", 4, true}, {"\n\r\na\n2\n", 5, false}}},
		"a byte order mark":           {api.CSVType, "\ufeff\"a\nb\"\n1\n2\n", 1, parts{{"\ufeff\"a\nb\"\n1\n", 3, true}, {"\ufeff\"a\nb\"\n2\n", 4, false}}},
		"a mark and a blank line":     {api.CSVType, "\ufeff\r\na\n1\n2\n", 1, parts{{"\ufeff\r\na\n1\n", 3, true}, {"\ufeff\r\na\n2\n", 4, false}}},
		"a quote where none may be": {api.CSVType, "a,b\nx\"y,\"1\n2\",\"3\"\"\n\",4\n\"5\"6,\"\n7\n", 1, parts{
			{"a,b\nx\"y,\"1\n", 2, true}, {"a,b\n2\",\"3\"\"\n", 3, false}, {"a,b\n\",4\n\"5\"6,\"\n", 4, false}, {"a,b\n7\n", 6, false},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, r := range []io.Reader{strings.NewReader(c.table), iotest.OneByteReader(strings.NewReader(c.table)), iotest.DataErrReader(strings.NewReader(c.table))} {
				got, err := client.Split(r, client.Rows{Type: c.media, PartRows: c.rows})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestAPartEndsAtItsSizeAndHoldsARowAtLeast(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100)
	got, err := client.Split(strings.NewReader("names\n"+long+"\n"+long+"\n1\n2\n3\n"), client.Rows{Type: api.CSVType, PartBytes: 10})
	want := []client.Part{{"names\n" + long + "\n", 2, true}, {"names\n" + long + "\n", 3, false}, {"names\n1\n2\n", 4, false}, {"names\n3\n", 6, false}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestARowThatDoesNotEndIsNamedByItsLine(t *testing.T) {
	t.Parallel()
	endless := "a\n1\n\"" + strings.Repeat("no end\n", client.MaxRow/7+1)
	parts, err := client.Split(strings.NewReader(endless), client.Rows{Type: api.CSVType, PartRows: 1})
	if err == nil || !strings.Contains(err.Error(), "line 3: ") || len(parts) != 1 {
		t.Errorf("got %v after %d parts", err, len(parts))
	}
	long := strings.Repeat("x", client.MaxRow+1) + "\n"
	parts, err = client.Split(strings.NewReader("1\n"+long+"3\n"), client.Rows{})
	if err != nil || len(parts) != 1 || len(parts[0].Body) > client.MaxRow+10 || len(parts[0].Body) < api.MaxRow || !strings.HasSuffix(parts[0].Body, "x\n3\n") {
		t.Errorf("JSON: got %v", err)
	}
	fits := strings.Repeat("x", client.MaxRow-1) + "\n"
	if parts, err := client.Split(strings.NewReader(fits+fits), client.Rows{PartRows: 1}); err != nil || len(parts) != 2 || parts[1].Body != fits {
		t.Errorf("got %v after %d parts", err, len(parts))
	}
}

func TestAnErrorOfTheSourceIsTold(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk on fire")
	for _, before := range []string{"", "a", "a\n", "a\n1", "a\n1\n"} {
		_, err := client.Split(io.MultiReader(strings.NewReader(before), iotest.ErrReader(broken)), client.Rows{Type: api.CSVType, PartRows: 1})
		if !errors.Is(err, broken) {
			t.Errorf("after %q: got %v", before, err)
		}
	}
}

// Bytes of characters of several bytes must never look like those that rows and fields are cut at.
func TestGB18030HidesNoLineEndsAndNoQuotes(t *testing.T) {
	t.Parallel()
	encode := simplifiedchinese.GB18030.NewEncoder()
	seen := 0
	for r := rune(0x80); r <= utf8.MaxRune; r++ {
		b, err := encode.String(string(r))
		if err != nil || r == utf8.RuneError {
			continue
		}
		if seen++; strings.ContainsAny(b, "\n\r,\"") {
			t.Fatalf("%U is % x", r, b)
		}
	}
	if seen < 1_000_000 {
		t.Errorf("only %d characters were tried", seen)
	}
}

// read lists the rows of a table, or of a part of one, as the server reads them.
func read(t *testing.T, text string, s audience.Source) (rows []string, end error) {
	t.Helper()
	s.MaxRow = 1 << 20
	r, err := audience.NewReader(strings.NewReader(text), s)
	if err != nil {
		t.Fatal(err)
	}
	for {
		row, err := r.Next()
		var wrong *audience.Problem
		switch {
		case errors.Is(err, io.EOF):
			return rows, nil
		case errors.As(err, &wrong):
			rows = append(rows, wrong.Error())
		case err != nil:
			return rows, err
		default:
			rows = append(rows, fmt.Sprintf("line %d: %q", row.Line, row.Values))
		}
	}
}

// The server reads the parts of a table as it would read the whole: the same rows, the same problems, on the same lines.
func FuzzPartsAreReadAsTheWhole(f *testing.F) {
	for _, seed := range []string{
		"a,b\n1,2\n\"3\n\"\"4\",5\n", "\ufeff\"a\"\r\n\r\n1\r\n\"2\r\n3\"\r\n4", "a\n\"1\"2,\"\n3\n4\"\n,\"\n\n\"x", "\n\n\"",
		"a\n" + strings.Repeat("\"\n\",", 30), "{\"a\":\"b\"}\n\n{}\n[]\n{\"a\"", "\x84\x31\x95\x33\"a\nb\"\n\xc4\xe3\n\xff\n", "a\n\n\n1\n\n2",
	} {
		f.Add(seed, uint8(2), uint8(9), true, false)
		f.Add(seed, uint8(1), uint8(1), true, true)
		f.Add(seed, uint8(3), uint8(0), false, false)
	}
	f.Fuzz(func(t *testing.T, table string, rows, size uint8, isCSV, chinese bool) {
		how, source := client.Rows{PartRows: int(rows), PartBytes: int(size)}, audience.Source{Format: audience.NDJSON}
		if isCSV {
			how.Type, source.Format = api.CSVType, audience.CSV
		}
		if isCSV && chinese {
			how.Charset, source.Charset = "gb18030", "gb18030"
		}
		parts, err := client.Split(strings.NewReader(table), how)
		if err != nil {
			t.Fatal(err)
		}
		want, end := read(t, table, source)
		var got []string
		for _, p := range parts {
			if !p.First {
				source.FirstLine = p.Line
			}
			list, partEnd := read(t, p.Body, source)
			if fmt.Sprint(partEnd) != fmt.Sprint(end) {
				t.Fatalf("the part of line %d ends with %v, the whole with %v", p.Line, partEnd, end)
			}
			got = append(got, list...)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-whole +parts):\n%s", diff)
		}
	})
}
