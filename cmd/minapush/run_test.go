package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// command runs the program with arguments and an environment of its own, and returns what it printed.
func command(t *testing.T, environ map[string]string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	e := &env{stdout: &out, stderr: &errs, getenv: func(k string) string { return environ[k] }, environ: func() []string {
		var list []string
		for k, v := range environ {
			list = append(list, k+"="+v)
		}
		return list
	}}
	status = runIn(t.Context(), e, args)
	return status, out.String(), errs.String()
}

func TestAnUnknownVariableIsRefusedByName(t *testing.T) {
	status, _, stderr := command(t, map[string]string{"MINAPUSH_LISTENN": "x"}, "version")
	if status == 0 || !strings.Contains(stderr, "MINAPUSH_LISTENN") {
		t.Errorf("status %d: %s", status, stderr)
	}
	if status, _, stderr := command(t, map[string]string{"MINAPUSH_LANG": "zh", "MINAPUSH_KEY": "k"}, "version"); status != 0 {
		t.Errorf("known variables: %s", stderr)
	}
}

func TestFlagsGoOverTheEnvironment(t *testing.T) {
	e := &env{getenv: func(k string) string {
		return map[string]string{"MINAPUSH_STORE": "pebble:/env", "MINAPUSH_LISTEN": "127.0.0.1:1"}[k]
	}, environ: func() []string { return nil }}
	root := newRoot(e)
	serve, _, err := root.Find([]string{"serve"})
	must(t, err)
	serve.RunE = func(*cobra.Command, []string) error { return nil }
	root.SetArgs([]string{"serve", "--store", "pebble:/flag"})
	must(t, root.ExecuteContext(context.Background()))
	if got := serve.Flag("store").Value.String(); got != "pebble:/flag" {
		t.Errorf("store %s", got)
	}
	if got := serve.Flag("listen").Value.String(); got != "127.0.0.1:1" {
		t.Errorf("listen %s", got)
	}
}

func TestBadInputNamesTheFlag(t *testing.T) {
	for want, args := range map[string][]string{
		"--store":       {"serve", "--store", "redis://x"},
		"--log-level":   {"serve", "--log-level", "loud"},
		"--users":       {"demo", "--users", "1"},
		"--value":       {"push", "--to", "o", "--template", "T", "--value", "nothing", "--key", "k"},
		"--start-at":    {"campaign", "create", "--template", "T", "--start-at", "tomorrow", "--key", "k"},
		"API key":       {"apps", "list", "--key-file", "/nowhere/admin.key"},
		`"template"`:    {"push", "--to", "o"},
		"unknown flag":  {"serve", "--nope"},
		"unknown comma": {"sreve"},
	} {
		status, _, stderr := command(t, nil, args...)
		if status == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%v: status %d, %q does not name %s", args, status, stderr, want)
		}
	}
}

func TestReasonsAreSaidInBothLanguages(t *testing.T) {
	for _, l := range []language{english, chinese} {
		for _, code := range []string{"no_permit", "too_late", "cancelled", "crash", "43101", "41030", "refusal_storm", "wrong_app", "not_sent"} {
			if text := l.reason(code); text == code || text == "" {
				t.Errorf("%s is not said in language %d", code, l)
			}
		}
	}
	for name, w := range words {
		if w[0] == "" || w[1] == "" {
			t.Errorf("%s lacks a language", name)
		}
	}
}

func TestTheDemoEndsWithEverySumClosed(t *testing.T) {
	if testing.Short() {
		t.Skip("make test has it")
	}
	status, stdout, stderr := command(t, map[string]string{"MINAPUSH_LANG": "zh"}, "demo", "--once", "--users", "500")
	if status != 0 || strings.Contains(stdout, words["open"][1]) || strings.Count(stdout, words["closes"][1]) != 4 || !strings.Contains(stdout, "/phone/?app="+demoAppID) ||
		!strings.Contains(stdout, "已受理的消息中: 已送达 ") {
		t.Errorf("status %d\n%s\n%s", status, stdout, stderr)
	}
}

// TestBenchDoesNotMeasureTheStoreOfTheServer: MINAPUSH_STORE, or the file's store, may be set where bench is tried.
func TestBenchDoesNotMeasureTheStoreOfTheServer(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"": {"bench", "--config", writeConfig(t, "store: redis://the-server:6379\nusers: 100\n")}, "redis://empty:6379": {"bench", "--store", "redis://empty:6379"},
	} {
		e := &env{getenv: func(k string) string { return map[string]string{"MINAPUSH_STORE": "pebble:/data"}[k] }, environ: func() []string { return nil }}
		root := newRoot(e)
		cmd, _, err := root.Find(args)
		must(t, err)
		cmd.RunE = func(*cobra.Command, []string) error { return nil }
		root.SetArgs(args)
		must(t, root.ExecuteContext(t.Context()))
		if got := cmd.Flag("store").Value.String(); got != want {
			t.Errorf("%v: store %q", args, got)
		}
	}
}
