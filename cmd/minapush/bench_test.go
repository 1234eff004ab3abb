package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush/bench"
)

// benchEnv is a world in which the test binary is the program, so that bench can start processes of it.
func benchEnv(stdout io.Writer) *env {
	return &env{
		getenv: func(string) string { return "" }, stdout: stdout, stderr: io.Discard,
		environ: func() []string { return append(os.Environ(), "MINAPUSH_TEST_PROGRAM=1") },
	}
}

func TestEveryRowOfBenchIsMeasured(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	report, err := bench.Run(t.Context(), benchEnv(io.Discard).benchProgram(t.Context()), bench.Config{
		Dir: dir, Users: 1000, Permits: 2000, RedisUsers: 200, FilterUsers: 300, Seconds: 0.02, Rounds: 2, InFlight: 16, DemoUsers: 20,
	})
	must(t, err)
	if len(report.Rows) != len(bench.RowIDs()) || report.Seconds <= 0 || report.Began.IsZero() {
		t.Errorf("%+v", report)
	}
	if m := report.Machine; m.Cores < 1 || m.Kernel == "" || m.Filesystem == "" || m.Go == "" || m.OS == "" || m.Memory == 0 {
		t.Errorf("machine %+v", m)
	}
	for i, r := range report.Rows {
		if r.Skipped == bench.NeedsRedis {
			continue
		}
		if r.ID != bench.RowIDs()[i] || r.Error != "" || r.Skipped != "" || r.Figure <= 0 || r.Unit == "" || len(r.Rounds) == 0 {
			t.Errorf("%+v", r)
		}
		if (r.Limit == nil) != (r.Ratio == nil) || (r.Limit == nil) != (r.LimitUnit == "") {
			t.Errorf("%s: limit %v, ratio %v, in %q", r.ID, r.Limit, r.Ratio, r.LimitUnit)
		}
		aimless := r.Target == (bench.Target{})
		if (r.Reached == nil) != (r.Unjudged != "" || aimless) || aimless && r.ID != "redis-wait" && r.ID != "redis-recipe-now" {
			t.Errorf("%s: reached %v, unjudged %q", r.ID, r.Reached, r.Unjudged)
		}
		for _, l := range []language{english, chinese} {
			if how := l.benchHow(r); how == "" || strings.ContainsAny(how, "{}") {
				t.Errorf("%s is measured how? %q", r.ID, how)
			}
			for i, said := range []string{l.say("bench." + r.ID), l.benchFigure(r.Figure, r.Unit), l.benchTarget(r), l.benchReached(r)} {
				if said == "" && (i < 2 || !aimless) || strings.Contains(said, "bench.") {
					t.Errorf("%s is not in words: %q", r.ID, said)
				}
			}
		}
	}
	hasEveryField(t, report)
	left, err := os.ReadDir(dir)
	must(t, err)
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// hasEveryField looks at the JSON, as a reader of --json does.
func hasEveryField(t *testing.T, report bench.Report) {
	t.Helper()
	text, err := json.Marshal(report)
	must(t, err)
	var read struct {
		Machine map[string]any
		Rows    []map[string]any
	}
	must(t, json.Unmarshal(text, &read))
	for _, name := range []string{"cores", "kernel", "filesystem", "go", "os", "gomaxprocs", "memory_bytes", "processor"} {
		if _, ok := read.Machine[name]; !ok {
			t.Errorf("the machine has no %q", name)
		}
	}
	for _, row := range read.Rows {
		for _, name := range []string{"id", "figure", "unit", "limit", "ratio", "target", "reached", "how", "sizes", "rounds"} {
			if _, ok := row[name]; !ok {
				t.Errorf("row %v has no %q", row["id"], name)
			}
		}
	}
}

func TestBenchPrintsATableInBothLanguagesAndJSON(t *testing.T) {
	t.Parallel()
	args := []string{"bench", "--rows", "claim-settle,disk", "--quick", "--users", "100", "--permits", "100", "--dir", t.TempDir()}
	for lang, want := range map[string][]string{
		"en": {"claim and settle", "≤ 45 bytes", "one permit of each of 100 users", "│ yes "},
		"zh": {"预占与结算", "≤ 45 字节", "100 个用户每人一张凭证", "达标"},
	} {
		status, stdout, stderr := command(t, map[string]string{"MINAPUSH_LANG": lang}, args...)
		if status != 0 {
			t.Fatalf("status %d: %s", status, stderr)
		}
		for _, text := range want {
			if !strings.Contains(stdout, text) {
				t.Errorf("%q is not in\n%s", text, stdout)
			}
		}
	}
	status, stdout, stderr := command(t, nil, append(args, "--json")...)
	var report bench.Report
	if err := json.Unmarshal([]byte(stdout), &report); status != 0 || err != nil || len(report.Rows) != 2 || report.Rows[0].How == "" {
		t.Errorf("status %d, %v, %s\n%s", status, err, stderr, stdout)
	}
}

func TestBenchRefusesBadSizes(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		`"colect"`: {"--rows", "colect"}, "users": {"--users", "1"}, "seconds": {"--seconds", "-1"}, "/nowhere": {"--dir", "/nowhere"},
	} {
		if status, _, stderr := command(t, nil, append([]string{"bench"}, args...)...); status == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%v: status %d, %q does not name %s", args, status, stderr, want)
		}
	}
}

func TestEverySentenceOfBenchIsInBothLanguages(t *testing.T) {
	t.Parallel()
	for _, id := range bench.RowIDs() {
		if s := benchSentences[id]; s[english] == "" || s[chinese] == "" {
			t.Errorf("%s: %q", id, s)
		}
	}
	if len(benchSentences) != len(bench.RowIDs()) {
		t.Errorf("%d sentences for %d rows", len(benchSentences), len(bench.RowIDs()))
	}
}

func TestAProcessOfBenchEndsWithItsParent(t *testing.T) {
	t.Parallel()
	cmd := benchEnv(io.Discard).benchProgram(t.Context()).Command(t.Context(), bench.ChildCommand)
	stdin, err := cmd.StdinPipe()
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	_, err = io.WriteString(stdin, `{"do":"write","dir":"`+t.TempDir()+`","users":10,"permits":1}`)
	must(t, err)
	if _, err := stdout.Read(make([]byte, 1)); err != nil { // it has filled the store and writes on
		t.Fatal(err)
	}
	must(t, stdin.Close())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if exit := new(exec.ExitError); !errors.As(err, &exit) {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Error("it outlives its parent")
		_ = cmd.Process.Kill()
	}
}
