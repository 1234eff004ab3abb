package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store/redisstore/redistest"
)

// TestARedisThatWasBroughtBackSendsNothingUntilItIsLetGo follows docs/operating.md: a store that came from a copy is
// stopped before a server runs on it.
func TestARedisThatWasBroughtBackSendsNothingUntilItIsLetGo(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "secret.key")
	server := redistest.One(t)
	store := redisURL(server)
	onRedis(t, store, key)
	sys, err := assemble(t.Context(), settings{store: store, keyFile: key}, discard())
	must(t, err)
	_, err = sys.accounts.CreateApp(t.Context(), minapush.App{ID: testApp}, testSecret)
	must(t, err)
	must(t, sys.store.Close())
	status, stdout, stderr := command(t, map[string]string{"MINAPUSH_LANG": "zh"}, "restore", "--store", store, "--sealing-key-file", key, "--taken-at", "2026-03-01T03:00:00+08:00")
	if status != 0 || !strings.Contains(stdout, testApp) || !strings.Contains(stdout, "minapush serve --store") {
		t.Fatalf("status %d: %s%s", status, stdout, stderr)
	}
	s := serveRedis(t, store, key)
	app, err := s.App(t.Context(), testApp)
	must(t, err)
	if app.StoppedWhy == nil || app.StoppedWhy.Code != restoredCode || app.StoppedWhy.Params["at"] != "2026-02-28T19:00:00Z" {
		t.Fatalf("stopped: %+v", app.StoppedWhy)
	}
	if got := s.ask("POST", "/v1/apps/"+testApp+"/pushes", `{"openid":"oFirst","message":{"template":"T","values":{"thing1":"a"}}}`); got.status == 200 {
		t.Errorf("a push goes through: %+v", got)
	}
	if status, _, stderr := command(t, nil, "apps", "go", testApp, "--yes", "--server", s.url, "--key", s.admin); status != 0 || !strings.Contains(stderr, "may be sent again") {
		t.Errorf("apps go: %d %s", status, stderr)
	}
	app, err = s.App(t.Context(), testApp)
	if must(t, err); app.StoppedWhy != nil {
		t.Errorf("still stopped: %+v", app.StoppedWhy)
	}
}

func TestRestoreWantsWhatGoesWithItsStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key := filepath.Join(dir, "secret.key")
	must(t, os.WriteFile(key, []byte(strings.Repeat("5c", 32)), 0o600))
	empty := redisURL(redistest.One(t))
	at := "2026-03-01T03:00:00Z"
	for want, args := range map[string][]string{
		"FILE: must be given":                   {"--store", "pebble:" + dir + "/x"},
		"--taken-at: goes with":                 {"f.tar", "--store", "pebble:" + dir + "/x", "--taken-at", at},
		"FILE: goes with":                       {"f.tar", "--store", empty, "--sealing-key-file", key, "--taken-at", at},
		"--taken-at: must be given":             {"--store", empty, "--sealing-key-file", key},
		"--taken-at: must look like":            {"--store", empty, "--sealing-key-file", key, "--taken-at", "yesterday"},
		"--sealing-key-file: must be given":     {"--store", empty, "--taken-at", at},
		"--sealing-key-file: key file":          {"--store", empty, "--sealing-key-file", key + "x", "--taken-at", at},
		"there is no minapush store":            {"--store", empty, "--sealing-key-file", key, "--taken-at", at},
		"connection refused":                    {"--store", "redis://:geheim@127.0.0.1:1", "--sealing-key-file", key, "--taken-at", at},
		"--store: must be pebble:DIR, redis://": {"f.tar", "--store", "mysql://:geheim@h"},
	} {
		status, _, stderr := command(t, nil, append([]string{"restore"}, args...)...)
		if status == 0 || !strings.Contains(stderr, want) || strings.Contains(stderr, "geheim") {
			t.Errorf("%v: %d %s", args, status, stderr)
		}
	}
}
