package audience_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/store"
)

// FuzzTheReader holds that whatever comes in is read within its bounds, the same however it is cut up by the network, with lines that go
// up; and that CSV is understood as encoding/csv alone understands it.
func FuzzTheReader(f *testing.F) {
	for _, seed := range []string{
		"", "a,b\n1,2\n", "\uFEFFa\r\n\"x\n\ny\"\r\n\r\n2", `{"a":[1,{"b":null}]}` + "\n", "a\n\"", "a,a\n", "{\n}", "\xd0\xd5,b\n\x81\x30\x81\x30,1\n", "a\n\"x\"y\n\rz\n",
		strings.Repeat("[", 300), "\"a\n", "a\n" + strings.Repeat("x", 200) + "\n1\n", "a\n\r\r\n\r\n",
	} {
		f.Add([]byte(seed), false, false, int64(0))
		f.Add([]byte(seed), true, true, int64(7))
	}
	f.Fuzz(func(t *testing.T, in []byte, table, chinese bool, first int64) {
		s := audience.Source{Format: audience.NDJSON, FirstLine: max(first, 0) % 1e9, MaxRow: 128, MaxBytes: 1024}
		if table {
			s.Format = audience.CSV
		}
		if chinese {
			s.Charset = "gb18030"
		}
		got, end := read(t, bytes.NewReader(in), s)
		again, end2 := read(t, iotest.OneByteReader(bytes.NewReader(in)), s)
		if diff := cmp.Diff(got, again); diff != "" || fmt.Sprint(end) != fmt.Sprint(end2) {
			t.Fatalf("byte by byte it is another: %s, %v and %v", diff, end, end2)
		}
		var e *minapush.Error
		if end != nil && (!errors.As(end, &e) || e.Kind != minapush.Invalid) {
			t.Fatalf("ended by %v", end)
		}
		r, err := audience.NewReader(bytes.NewReader(in), s)
		must(t, err)
		var rows []audience.Row
		line, problems := max(s.FirstLine, 1)-1, 0
		for {
			row, err := r.Next()
			var p *audience.Problem
			if errors.As(err, &p) {
				row.Line, problems = p.Line, problems+1
			} else if err != nil {
				break
			}
			if row.Line <= line {
				t.Fatalf("line %d comes after %d", row.Line, line)
			}
			line = row.Line
			if p != nil {
				continue
			}
			rows = append(rows, row)
			if text, err := json.Marshal(row.Values); err != nil || !utf8.Valid(text) {
				t.Fatalf("%v cannot be written: %v", row.Values, err)
			}
		}
		if table && !chinese && end == nil && problems == 0 {
			asParsed(t, in, rows)
		}
	})
}

// asParsed compares rows with what encoding/csv makes of the whole.
func asParsed(t *testing.T, in []byte, rows []audience.Row) {
	all, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(in, []byte("\uFEFF")))).ReadAll()
	if err != nil || len(all) != len(rows) && len(all) != len(rows)+1 {
		t.Fatalf("%d rows, and encoding/csv finds %d records, %v", len(rows), len(all), err)
	}
	for i, row := range rows {
		for c, v := range all[i+1] {
			got, there := row.Values[strings.TrimSpace(all[0][c])]
			if there != (v != "") || there && got != v {
				t.Fatalf("row %d has %v, and encoding/csv finds %q", i, row.Values, all[i+1])
			}
		}
	}
}

// FuzzExpressions holds that whatever comes in is refused as Invalid or understood, within the bounds, and that what is understood is
// the opposite of its not.
func FuzzExpressions(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "null", `{"all":[{"seen_within":"7d"},{"not":{"tag":"vip"}}]}`, `{"any":[]}`, `{"attribute":{"name":"level","at_least":3}}`,
		`{"attribute":{"name":"city","one_of":["北京",1,true]}}`, `{"has_uid":true}`, `{"tag":"a","tag":"b"}`, `{"seen_within":"99999999999w"}`,
		strings.Repeat(`{"not":`, 9) + `{"has_uid":true}` + strings.Repeat("}", 9), ` { "not_seen_within" : "1s" } `, `{"tag":"\ud800"}`, `{"attribute":{"name":"n","is":1e999}}`,
		`{"all":[{"list":"A"},{"got":"B"},{"opened":"C"},{"got":"D"},{"list":"A"}]}`, `{"event":{"name":"vip","days":2,"time_zone":"America/Havana"}}`, `{"event":{"name":"vip","at_most":1}}`,
		`{"event":{"name":"vip","within":"1h"}}`, `{"event":{"ever":true,"name":"vip"}}`, `{"permits":{"at_least":1}}`, `{"permits":{"kind":"standing","template":"T","exactly":0}}`,
		`{"permits":{"last_expires_within":"24h"}}`, `{"permits":{"template":"T","ran_out_within":"3d"}}`, `{"share":{"from":0.5,"until":10,"salt":"x"}}`, `{"share":{"until":1e-4}}`,
	} {
		f.Add([]byte(seed), "vip", 3.0, int64(time.Hour))
	}
	f.Fuzz(func(t *testing.T, raw []byte, text string, number float64, ago int64) {
		e, err := audience.Parse(raw)
		if err != nil {
			var bad *minapush.Error
			if !errors.As(err, &bad) || bad.Kind != minapush.Invalid || bad.Err == nil {
				t.Fatalf("refused by %v", err)
			}
			if !utf8.ValidString(err.Error()) || len(err.Error()) > 2000 {
				t.Fatalf("refused in %d bytes: %q", len(err.Error()), err.Error())
			}
			return
		}
		if asks := e.Campaigns(); len(asks) > audience.MaxCampaigns {
			t.Fatalf("asks of %q", asks)
		}
		var any json.RawMessage
		if len(raw) > audience.MaxExpression || json.Unmarshal(raw, &any) != nil {
			t.Fatalf("understood %q", raw)
		}
		then := start.Add(-time.Duration(ago))
		u := with(holds(minapush.FormID, "", time.Duration(ago)), holds(minapush.Subscription, text, 0))
		u.OpenID, u.LastSeen, u.Events = minapush.OpenID(text), then, map[string]minapush.EventState{text: {Last: then, Count: ago}}
		u.Recent, u.Beside = []store.Recent{{At: then, Template: minapush.TemplateHash(text)}}, []store.Beside{{Listed: true}}
		u.Profile = minapush.Profile{
			UID: text, Tags: []string{text}, Attributes: map[string]minapush.Attribute{"level": {Kind: minapush.Number, Number: number}, "city": {Text: text}},
		}
		not, err := audience.Parse(fmt.Appendf(nil, `{"not":%s}`, raw))
		if err != nil {
			return // it is one too deep, or too long
		}
		for _, u := range []store.User{{}, u} {
			if e.Holds(&u, audience.Asked{Now: start}) == not.Holds(&u, audience.Asked{Now: start}) {
				t.Fatalf("%s and its not are both %v", raw, e.Holds(&u, audience.Asked{Now: start}))
			}
		}
	})
}

// FuzzUserRows holds that no row can make an import fail, and that every row is counted once.
func FuzzUserRows(f *testing.F) {
	for _, seed := range []string{
		`{"openid":"oA","uid":"7","tags":["a","a"],"attributes":{"x":1,"y":null},"opt_out":"all"}`, `{"openid":"uid:7"}`, `{"openid":7}`, `{"openid":"oA","tags":[1]}`,
		"openid,uid,tags,opt_out,level\noA,7,b|a||a,campaigns,007\n", "openid\nuid:\n", "x\n1\n", `{"openid":"oA","attributes":{"x":1e999}}`, `{"openid":"oA","uid":null,"tags":null,"attributes":null,"opt_out":null}`,
	} {
		f.Add([]byte(seed), strings.HasPrefix(seed, "{"))
	}
	f.Fuzz(func(t *testing.T, in []byte, objects bool) {
		b := setup(t)
		s := audience.Source{Format: audience.CSV}
		if objects {
			s.Format = audience.NDJSON
		}
		lines, end := read(t, bytes.NewReader(in), s)
		for range 2 {
			r, err := audience.NewReader(bytes.NewReader(in), s)
			must(t, err)
			sum, err := b.profiles.Import(b.ctx, b.app, r)
			if fmt.Sprint(err) != fmt.Sprint(end) {
				t.Fatalf("ended by %v, and the reader by %v", err, end)
			}
			if sum.Rows != int64(len(lines)) || sum.Rows != sum.Accepted+sum.Duplicate+sum.Refused || len(sum.Problems) != min(int(sum.Refused), audience.MaxProblems) {
				t.Fatalf("%d rows were counted as %+v", len(lines), sum)
			}
		}
	})
}
