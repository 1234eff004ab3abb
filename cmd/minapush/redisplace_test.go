package main

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const geheim = "geheim"

func TestNoErrorOfAStoreRepeatsItsPassword(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key, file := filepath.Join(dir, "secret.key"), filepath.Join(dir, "password")
	must(t, os.WriteFile(file, []byte(geheim+"\n"), 0o600))
	for store, want := range map[string]string{
		"redis://:geheim@127.0.0.1:1":                     "connection refused",
		"redis://u:geheim@127.0.0.1:1,127.0.0.1:2":        "connection refused",
		"rediss://:geheim@127.0.0.1:1":                    "connection refused",
		"redis://:a/geheim@h:1":                           "%2F",
		"redis://:a?geheim@h:1":                           "%3F",
		"redis://:a#geheim@h:1":                           "%23",
		"redis://user:geheim":                             "HOST:PORT",
		"redis://u:geheim@h:port":                         "HOST:PORT",
		"redis://u:geheim@h:1/x":                          "number as its database",
		"redis://u:geheim@h:1/?wait-replicas=-1":          "wait-replicas",
		"redis://u:geheim@h:1/?prefx=a":                   `no parameter "prefx"`,
		"redis://u:ge%zzheim geheim@h":                    "%XX",
		"redis://u:geheim@127.0.0.1:1?prefix=a{b}":        "prefix",
		"mysql://u:geheim@h":                              "--store: must be",
		"redis:/u:geheim@h":                               "--store: must be",
		"redis://u:geheim@127.0.0.1:1|password":           "has a password already",
		"redis://u@127.0.0.1:1|password":                  "connection refused",
		"pebble:" + filepath.Join(dir, "p") + "|password": "go with a --store in Redis",
		"redis://127.0.0.1:1|ca":                          "goes with rediss://",
		"rediss://127.0.0.1:1|ca":                         "no certificate in PEM",
		"redis://127.0.0.1:1|nothing":                     "no such file",
	} {
		store, with, _ := strings.Cut(store, "|")
		args := []string{"serve", "--store", store, "--sealing-key-file", key}
		switch with {
		case "password":
			args = append(args, "--store-password-file", file)
		case "ca":
			args = append(args, "--store-ca-file", file)
		case "nothing":
			args = append(args, "--store-password-file", filepath.Join(dir, "nowhere"))
		}
		status, stdout, stderr := command(t, nil, args...)
		if status == 0 || !strings.Contains(stderr, want) || strings.Count(strings.TrimSpace(stderr), "\n") != 0 {
			t.Errorf("%s: status %d, want %q in one line, got\n%s", store, status, want, stderr)
		}
		_, shown, _ := command(t, nil, "config", "print", "--store", store)
		if strings.Contains(stdout+stderr+shown, geheim) {
			t.Errorf("%s: its password is told: %s%s%s", store, stdout, stderr, shown)
		}
	}
	if left, err := filepath.Glob(key + "*"); err != nil || len(left) > 0 {
		t.Errorf("key files were made: %v %v", left, err)
	}
}

func TestConfigPrintShowsWhereRedisIs(t *testing.T) {
	t.Parallel()
	for store, want := range map[string]string{
		"redis://h:1":                                  "redis://h:1",
		"redis://team@h:1/2?prefix=a":                  "redis://team@h:1/2?prefix=a",
		"redis://team:x@h:1,i:2":                       "redis://team:xxxxx@h:1,i:2",
		"rediss://:x%40y@h:1/?wait-replicas=1":         "rediss://:xxxxx@h:1/?wait-replicas=1",
		"redis://" + url.QueryEscape("a@b") + ":x@h:1": "redis://a%40b:xxxxx@h:1",
	} {
		if got := printed(t, nil, "--store", store)["store"].Value; got != want {
			t.Errorf("%s is shown as %s", store, got)
		}
	}
}

func TestConfigCheckWantsWhatAStoreInRedisNeeds(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"store: redis://h:1": "--sealing-key-file: must be given",
		"store: redis://:x@h:1\nsealing-key-file: k\nstore-password-file: p": "--store-password-file",
		"store: redis://h:1\nsealing-key-file: k\nstore-ca-file: p":          "--store-ca-file",
		"store: pebble:d\nstore-ca-file: p":                                  "--store-ca-file",
	} {
		if status, _, stderr := command(t, nil, "config", "check", writeConfig(t, text)); status == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%s: %d %s", text, status, stderr)
		}
	}
	good := writeConfig(t, "store: rediss://u@h:1,i:2\nsealing-key-file: k\nstore-password-file: /run/secrets/p\nstore-ca-file: /etc/ca.pem\n")
	if status, _, stderr := command(t, nil, "config", "check", good); status != 0 {
		t.Error(stderr)
	}
}

// FuzzStorePlace: whatever --store says, neither an error nor what is shown of it holds the password.
func FuzzStorePlace(f *testing.F) {
	for _, s := range []string{"redis://u:PASSWORT@h:1", "rediss://:PASSWORT@[::1]:1,b/3?prefix=x&wait-replicas=2", "redis://u:PASSWORT", "redis://u:a/PASSWORT@h",
		"redis://u:a@PASSWORT@h", "redis://u:%PASSWORT@h", "redis://h?PASSWORT@x", "redis://u:PASSWORT@h/#"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePlace(s)
		if !isRedis(s) {
			return
		}
		// The password as it was written, where there is a way to tell.
		_, rest, _ := strings.Cut(s, "://")
		user, _, _ := strings.Cut(rest, "/")
		at := strings.LastIndexByte(user, '@')
		_, password, has := strings.Cut(user[:max(at, 0)], ":")
		if !has || len(password) < 6 || strings.Contains("redis://:xxxxx@", password) {
			return
		}
		without := strings.Replace(s, ":"+password+"@", ":@", 1)
		if strings.Contains(without, password) {
			return // it stands elsewhere as well
		}
		if shown := hidePassword(s); strings.Contains(shown, password) {
			t.Errorf("%q is shown as %q", s, shown)
		}
		switch {
		case err != nil && strings.Contains(err.Error(), password) && !strings.Contains(fixedTexts, password):
			t.Errorf("%q: %v", s, err)
		case err == nil && len(p.redis.Addresses) == 0:
			t.Errorf("%q has no address", s)
		}
	})
}

// fixedTexts is what errors of --store say anyway.
const fixedTexts = "--store: invalid store: must have / ? # and @ in a password written as %2F %3F %23 %40 HOST:PORT redis:// rediss:// USER:PASSWORD@ " +
	"special characters of a password as %XX hosts as HOST or with commas between them"
