package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/sandbox"
)

const signedInLately = `{"event":{"name":"checkin","within":"1d"}}`

// chinese runs a command for somebody who reads Chinese.
func (w *world) chinese(args ...string) (status int, stdout, stderr string) {
	w.t.Helper()
	return command(w.t, map[string]string{"MINAPUSH_SERVER": w.url, "MINAPUSH_KEY": w.adminKey(), "MINAPUSH_LANG": "zh"}, args...)
}

func TestAnAudienceIsCountedAndSampledByCommand(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	users := w.users(4)
	for _, o := range users[:3] {
		w.subscribe(o, 1)
	}
	if status, stdout, stderr := w.minapush("users", "event", users[0], "checkin"); status != 0 || !strings.Contains(stdout, "checkin  noted") {
		t.Errorf("status %d: %s%s", status, stdout, stderr)
	}
	_, err := w.client.SetOptOut(t.Context(), testApp, users[1], "campaigns")
	must(t, err)
	not := `{"not":` + signedInLately + `}`
	status, stdout, stderr := w.minapush("audience", "count", "--where", not, "--template", oneTimeT)
	if status != 0 {
		t.Fatal(stderr)
	}
	for name, cells := range map[string][]string{
		"of all users": {"3"}, "it holds for": {"2", "66.7 %"}, "opted out": {"1", "50.0 %"}, "reachable now": {"1", "50.0 %"},
	} {
		if line := lineWith(stdout, name); !holdsAll(line, cells) {
			t.Errorf("%q does not say %v", line, cells)
		}
	}
	_, stdout, _ = w.chinese("audience", "count", "--where", "@"+file(t, "who.json", not))
	wantAll(t, stdout, "目标人群", "符合条件", "其中已退订")
	if strings.Contains(stdout, "可触达") {
		t.Errorf("without a template it says who is reachable:\n%s", stdout)
	}
	var got api.AudienceLine
	status, stdout, stderr = w.minapush("audience", "sample", "--where", not, "--n", "1", "--json")
	must(t, json.Unmarshal([]byte(stdout), &got))
	if status != 0 || stderr != "" || got.Matched != 2 || len(got.Sample) != 1 || !slices.Contains(users[1:3], got.Sample[0]) {
		t.Errorf("status %d: %s%s", status, stdout, stderr)
	}
	_, stdout, _ = w.minapush("audience", "sample")
	wantAll(t, stdout, users[:3]...)
}

// lineWith is the line of a text that has a word.
func lineWith(text, word string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, word) {
			return line
		}
	}
	return ""
}

func holdsAll(line string, parts []string) bool {
	return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line, " "+part+" ") })
}

func TestBadAudiencesAreNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	for want, args := range map[string][]string{
		"--where: must be JSON":   {"audience", "count", "--where", "{tag: vip}"},
		"no such file":            {"audience", "count", "--where", "@/nowhere.json"},
		"all[0].tagg":             {"audience", "count", "--where", `{"all":[{"tagg":"vip"}]}`},
		"sample":                  {"audience", "sample", "--n", "101"},
		"template":                {"audience", "count", "--template", "unknown"},
		"--at: must be a time":    {"users", "event", "oUser", "checkin", "--at", "yesterday"},
		"nobody has this uid":     {"users", "event", "uid:nobody", "checkin"},
		"not the name of an even": {"users", "event", "oUser", "no name"},
	} {
		status, stdout, stderr := w.minapush(args...)
		if status == 0 || !strings.Contains(stdout+stderr, want) {
			t.Errorf("%v: status %d, %q does not say %s", args, status, stdout+stderr, want)
		}
	}
}

func TestAPassThatBreaksEndsItsLineAndTheCommand(t *testing.T) {
	t.Parallel()
	var errs bytes.Buffer
	r := &remote{e: &env{stderr: &errs, getenv: func(string) string { return "" }}}
	broken := errors.New("the connection broke")
	_, err := r.ask(func(progress func(api.AudienceLine)) (api.AudienceLine, error) {
		progress(api.AudienceLine{Walked: 1200, Matched: 30, ShardsDone: 1, Shards: 8})
		return api.AudienceLine{}, broken
	})
	if !errors.Is(err, broken) || errs.String() != "  30 of 1,200 users looked at\n" {
		t.Errorf("%v, %q", err, errs.String())
	}
	errs.Reset()
	r.asJSON = true
	if _, err = r.ask(func(progress func(api.AudienceLine)) (api.AudienceLine, error) {
		progress(api.AudienceLine{Shards: 8})
		return api.AudienceLine{Done: true}, nil
	}); err != nil || errs.Len() > 0 {
		t.Errorf("%v, %q", err, errs.String())
	}
}
