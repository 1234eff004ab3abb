package server_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush/api"
)

// rowAttacks are streams that are no rows, or rows that are no good: refused as a whole, or alone with line and field.
func rowAttacks(t *testing.T, x *target, s sample) (list []attack) {
	if s.rows == "" {
		return nil
	}
	if x.bomb == "" {
		x.bomb = bomb(t)
	}
	ndjson, csv := []string{"Content-Type", api.NDJSONType}, []string{"Content-Type", api.CSVType}
	for _, ct := range []string{"application/json", "text/plain", "text/csv; charset=utf-16", "multipart/form-data; boundary=x", ";"} {
		list = append(list, attack{name: "type " + ct, headers: []string{"Content-Type", ct}, number: api.NumContentType})
	}
	for _, encoding := range []string{"gzip", "br", "deflate, gzip"} { // a bomb is not unpacked
		a := attack{name: "a " + encoding + " bomb", body: x.bomb, headers: append([]string{"Content-Encoding", encoding}, csv...), number: api.NumContentType}
		list = append(list, a)
	}
	list = append(list,
		attack{name: "over the limit", body: strings.Repeat("{}\n", 2<<20), headers: ndjson, number: api.NumTooLarge},
		attack{name: "100 000 columns", body: strings.Repeat("a,", 100_000) + "b\n", headers: csv, number: api.NumInvalid, location: "body"},
		attack{name: "300 columns", body: "openid" + columns(300) + "\n" + openid + strings.Repeat(",x", 300) + "\n", headers: csv, number: api.NumInvalid, location: "body"},
		attack{name: "a name of 100 KiB", body: strings.Repeat("a", 100<<10) + "\nx\n", headers: csv, number: api.NumInvalid, location: "body"},
		attack{name: "a quote without end", body: "openid\n\"" + strings.Repeat("x\n", 1<<20), headers: csv, number: api.NumInvalid, location: "body"},
		attack{name: "names twice", body: "openid,openid\na,b\n", headers: csv, number: api.NumInvalid, location: "body"},
		attack{name: "no openid", body: "name\nx\n", headers: csv, row: "*"},
		attack{name: "commas only", body: "openid,tags\n" + strings.Repeat(strings.Repeat(",", 60_000)+"\n", 60), headers: csv, row: "*"},
		attack{name: "NULs", body: "\x00\x00\n\x00\n", headers: ndjson, row: "*"},
		attack{name: "a packed body that says it is plain", body: x.bomb, headers: ndjson, row: "*"},
	)
	for name, row := range map[string]string{
		"half a row": `{"openid":"` + openid + `"`, "a list": `["` + openid + `"]`, "a text": `"x"`, "a number": "1", "two values": `{}{}`, "empty": `{}`,
		"unknown field": `{"openid":"` + openid + `","no_such":1}`, "invalid UTF-8": "{\"openid\":\"\xff\xfe\"}", "deep": strings.Repeat("[", 60_000),
		"a row over the limit": `{"openid":"` + strings.Repeat("x", 70<<10) + `"}`, "a number as openid": `{"openid":7}`,
		"a list as openid": `{"openid":["` + openid + `"]}`, "newline": `{"openid":"a\nb"}`, "NUL": `{"openid":"a\u0000b"}`, "Chinese": `{"openid":"用户"}`,
		"1 KiB": `{"openid":"` + strings.Repeat("x", 1024) + `"}`, "braces": `{"openid":"{ } :"}`, "uid of nobody": `{"openid":"uid:nobody"}`,
		"uid with NUL": `{"openid":"uid:\u0000"}`,
	} {
		list = append(list, attack{name: "row " + name, body: row + "\n", headers: ndjson, row: "*"})
		if name == "newline" || name == "unknown field" || name == "half a row" {
			list = append(list, attack{name: "10 000 rows " + name, body: strings.Repeat(row+"\n", 10_000), headers: ndjson, row: "*"})
		}
	}
	return list
}

func columns(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ",c%d", i)
	}
	return b.String()
}

// bomb is 64 MiB of one letter, packed.
func bomb(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	block := bytes.Repeat([]byte("a"), 1<<20)
	for range 64 {
		_, err := z.Write(block)
		must(t, err)
	}
	must(t, z.Close())
	return b.String()
}

// timeAttacks are times that cannot be: before the user's birth, or after ours.
func timeAttacks(t *testing.T, x *target, s sample) (list []attack) {
	far := []string{"9999-12-31T23:59:59Z", "0001-01-01T00:00:01Z", x.clock.now().AddDate(10, 0, 0).Format(time.RFC3339)}
	item := func(path, format string, values ...any) {
		if !strings.HasSuffix(s.path, path) {
			return
		}
		for _, v := range values {
			text := fmt.Sprintf(format, v)
			a := attack{name: text, body: `{"openid":"` + openid + `","items":[` + text + `]}`}
			list = append(list, a)
		}
	}
	ages := []any{-1, -5, math.MinInt64, math.MaxInt64, int64(8 * 24 * time.Hour / time.Millisecond), int64(1e15)}
	item("/reports", `{"type":"form","form_id":"`+code(50)+`","age_ms":%d}`, ages...)
	item("/reports", `{"type":"subscribe","template":"`+tmplID+`","result":"accept","nonce":"t1","age_ms":%d}`, ages...)
	item("/permits", `{"kind":"pay","prepay_id":"wx20261122000000000000000000000000","age_ms":%d}`, ages...)
	for i := range list {
		list[i].row = itemRefused
	}
	if strings.HasSuffix(s.path, "/permits") {
		for _, at := range far {
			body := `{"openid":"` + openid + `","items":[{"kind":"pay","prepay_id":"wx20261122000000000000000000000000","paid_at":"` + at + `"}]}`
			list = append(list, attack{name: "paid at " + at, body: body, row: itemRefused})
		}
	}
	for _, at := range append(far, "now", "", "2026-13-45T00:00:00Z", "1e9") {
		const message = `"message":{"template":"` + tmplID + `","values":{"thing1":"x"}}`
		switch {
		case strings.HasSuffix(s.path, "/spent"):
			list = append(list, timeAttack(`{"openid":"`+openid+`","template":"`+tmplID+`","sent_at":"`+at+`"}`, "sent_at", at))
		case strings.HasSuffix(s.path, "/campaigns") && s.method == "POST":
			if at != far[0] && at != far[2] {
				list = append(list, timeAttack(`{`+message+`,"latest_send":"`+at+`"}`, "latest_send", at))
			}
		case strings.HasSuffix(s.path, "/schedules") && s.method == "POST":
			if at != far[0] && at != far[2] {
				list = append(list, timeAttack(`{`+message+`,"at":"`+at+`"}`, "at", at), timeAttack(`{`+message+`,"cron":"0 20 * * *","until":"`+at+`"}`, "until", at))
			}
		case strings.HasSuffix(s.path, "/permits/import"):
			if at == "" {
				continue
			}
			row := `{"openid":"` + openid + `","kind":"form","code":"` + code(51) + `","taken_at":"` + at + `"}`
			list = append(list, attack{name: "taken at " + at, body: row, row: "taken_at"})
		}
	}
	return list
}

// itemRefused stands for a report or deposit whose one item is refused.
const itemRefused = "items"

func timeAttack(body, field, at string) attack {
	return attack{name: field + " " + at, body: body, number: api.NumInvalid, location: "body." + field}
}
