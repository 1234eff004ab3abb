package server_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/server"
)

var rewrite = flag.Bool("rewrite", false, "write the golden answers anew; review the difference")

// golden is one file of api/testdata: a call and its answer. The files are played in their order against one server. {first},
// {second} and {third} in a path are the campaigns made before, {schedule} the last schedule.
type golden struct {
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	As      string            `json:"as,omitempty"`    // admin, session, nobody; absent: no credential
	After   string            `json:"after,omitempty"` // how far the clock moves before the call
	Headers map[string]string `json:"headers,omitempty"`
	// Until repeats a reading call until the answer's state is this.
	Until   string          `json:"until,omitempty"`
	Request json.RawMessage `json:"request,omitempty"`
	// Body is a request that is not JSON, as it is sent, and Text an answer that is not, as it is received.
	Body   string          `json:"body,omitempty"`
	Status int             `json:"status"`
	Answer json.RawMessage `json:"answer,omitempty"`
	Text   string          `json:"text,omitempty"`
}

func TestTheServerAnswersAsTheGoldenFilesSay(t *testing.T) {
	t.Parallel()
	// a pass over a few users has one line, however slow the machine is
	b := setup(t, func(_ *server.Parts, cfg *server.Config) { cfg.ProgressEvery = time.Hour })
	b.logins.templates = []minapush.Template{{ID: "bus-template", Kind: minapush.LongTermTemplate, Title: "到站提醒", Keys: []minapush.TemplateKey{
		{Key: "time1", Label: "到站时间", Type: "time"},
	}}}
	b.operators(t, "li", "wang")
	files, err := filepath.Glob("../api/testdata/*.json")
	must(t, err)
	if len(files) < 30 {
		t.Fatalf("found %d golden files", len(files))
	}
	slices.Sort(files)
	var campaigns []string
	var schedule string
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		var g golden
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		must(t, d.Decode(&g))
		path := strings.ReplaceAll(g.Path, "{schedule}", schedule)
		for i, name := range []string{"{first}", "{second}", "{third}"} {
			if i < len(campaigns) {
				path = strings.ReplaceAll(path, name, campaigns[i])
			}
		}
		if g.After != "" {
			d, err := time.ParseDuration(g.After)
			must(t, err)
			b.clock.add(d)
		}
		a := b.play(t, g, path)
		if !strings.Contains(a.header.Get("Content-Type"), "json") || a.header.Get("Content-Type") == api.NDJSONType {
			if *rewrite {
				g.Status, g.Text = a.status, a.body
				must(t, os.WriteFile(file, append(encode(t, g), '\n'), 0o644))
			} else if a.status != g.Status || a.body != g.Text {
				t.Errorf("%s: got %d %q, want %d %q", filepath.Base(file), a.status, a.body, g.Status, g.Text)
			}
			continue
		}
		plain := steady(t, a.body)
		if g.Method == http.MethodPost && strings.HasSuffix(path, "/schedules") {
			schedule, _ = plain.(map[string]any)["id"].(string)
		}
		if g.Method == http.MethodPost && strings.HasSuffix(path, "/campaigns") {
			id, ok := plain.(map[string]any)["id"].(string)
			if !ok {
				t.Fatalf("%s: got %d %s", filepath.Base(file), a.status, a.body)
			}
			campaigns = append(campaigns, id)
		}
		if *rewrite {
			g.Status, g.Answer = a.status, encode(t, plain)
			must(t, os.WriteFile(file, append(encode(t, g), '\n'), 0o644))
			continue
		}
		if a.status != g.Status {
			t.Errorf("%s: got status %d, want %d: %s", filepath.Base(file), a.status, g.Status, a.body)
		}
		if diff := cmp.Diff(steady(t, string(g.Answer)), plain); diff != "" {
			t.Errorf("%s (-want +got; -rewrite writes them anew):\n%s", filepath.Base(file), diff)
		}
	}
}

// play makes the call of a golden file, again while the dispatcher is not up yet or the state is not reached.
func (b *bundle) play(t *testing.T, g golden, path string) answer {
	t.Helper()
	var headers []string
	for name, value := range g.Headers {
		headers = append(headers, name, value)
	}
	var key string
	switch g.As {
	case "admin":
		key = b.admin
	case "session":
		key = b.session(t, appID, openid)
	case "nobody":
		key = "nobody"
	}
	var a answer
	for range 4000 {
		a = b.call(t, g.Method, path, key, g.Body+string(g.Request), headers...)
		starting := a.status == http.StatusServiceUnavailable && strings.Contains(a.body, "50301")
		if !starting && (g.Until == "" || strings.Contains(a.body, `"state":"`+g.Until+`"`)) {
			return a
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("%s %s: stays at %s", g.Method, path, a.body)
	return a
}

// steady decodes a body and replaces what chance decides.
func steady(t *testing.T, body string) any {
	t.Helper()
	if body == "" {
		return nil
	}
	var v any
	must(t, json.Unmarshal([]byte(body), &v))
	settle(v)
	return v
}

func settle(v any) {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			settle(one)
		}
	case map[string]any:
		for name, one := range v {
			switch {
			case name == "secret":
				v[name] = "mpk_01JDAAAAAAAAAAAAAAAAAAAAAA_0123456789012345678901234567890123456789012"
			case name == "session_token":
				v[name] = "header.payload.signature"
			case name == "path" && strings.Contains(fmt.Sprint(one), "?code="):
				v[name] = "/console/welcome?code=01234567890123456789012345678901"
			case name == "msgid":
				v[name] = "2944022981100519424"
			case name == "id" && v["scopes"] != nil && one != "first":
				v[name] = "01JDAAAAAAAAAAAAAAAAAAAAAA"
			}
			settle(one)
		}
	}
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	if v == nil {
		return nil
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	must(t, e.Encode(v))
	return bytes.TrimSpace(out.Bytes())
}
