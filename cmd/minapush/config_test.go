package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// writeConfig writes a file and returns its path.
func writeConfig(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "minapush.yaml")
	must(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// printed is what config print says, by name.
func printed(t *testing.T, environ map[string]string, args ...string) map[string]setting {
	t.Helper()
	status, stdout, stderr := command(t, environ, append([]string{"config", "print", "--json"}, args...)...)
	if status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	var got struct{ Settings []setting }
	must(t, json.Unmarshal([]byte(stdout), &got))
	byName := map[string]setting{}
	for _, s := range got.Settings {
		byName[s.Name] = s
	}
	return byName
}

func TestEachSettingComesFromTheHighestLayerThatHasIt(t *testing.T) {
	t.Parallel()
	path := writeConfig(t, "# ours\nlisten: 127.0.0.1:1\nlisten-public: 127.0.0.1:2\nlog-level: warn\nusers: 500 # of demo\nscope: [read, push]\n")
	got := printed(t, map[string]string{"MINAPUSH_CONFIG": path, "MINAPUSH_LISTEN": "127.0.0.1:10", "MINAPUSH_LISTEN_PUBLIC": "127.0.0.1:20"},
		"--listen", "127.0.0.1:100")
	for name, want := range map[string]setting{
		"listen":        {Value: "127.0.0.1:100", From: fromFlag, Where: "--listen"},
		"listen-public": {Value: "127.0.0.1:20", From: fromEnvironment, Where: "MINAPUSH_LISTEN_PUBLIC"},
		"log-level":     {Value: "warn", From: fromFile, Where: path + ":4"},
		"base-path":     {From: fromDefault},
		"config":        {Value: path, From: fromEnvironment, Where: "MINAPUSH_CONFIG"},
	} {
		if want.Name = name; got[name] != want {
			t.Errorf("got %+v, want %+v", got[name], want)
		}
	}
	if _, strange := got["users"]; strange {
		t.Error("a setting of another command is shown as one of serve")
	}
}

func TestAFileCanEmptyWhatHasADefault(t *testing.T) {
	t.Parallel()
	got := printed(t, nil, "--config", writeConfig(t, `listen-public: ""`))
	if s := got["listen-public"]; s.Value != "" || s.From != fromFile {
		t.Errorf("got %+v", s)
	}
}

func TestTheFileServesARequiredFlag(t *testing.T) {
	t.Parallel()
	path := writeConfig(t, "template: T\nto: o\nvalue:\n  - thing1=a,b\n  - date2=c\nkey: k\nserver: http://127.0.0.1:1\n")
	_, _, stderr := command(t, nil, "push", "--app", "wx1", "--config", path)
	if !strings.Contains(stderr, "refused") { // it came as far as the server that is not there
		t.Errorf("got %s", stderr)
	}
}

func TestABadFileIsRefusedByKeyAndLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"listen: 127.0.0.1:1\nlistenn: x", ":2: listenn: is not a setting of any command"},
		{"listen_public: x", "did you mean listen-public?"},
		{"\n\nusers: many", `:3: users: must be a whole number, not "many"`},
		{"once: yes", `once: must be true or false`},
		{"latency: 5", "latency: must be a duration"},
		{"listen: [a, b]", "listen: must be one value, not a list"},
		{"listen:", "listen: has no value"},
		{"serve:\n  listen: x", "serve: must be one value"},
		{"value: [[a]]", "value: must be one value or a list of values"},
		{"listen: a:1\nlisten: b:1", ":2: listen: is given twice, first on line 1"},
		{"config: other.yaml", "config: is not a setting"},
		{"help: true", "help: is not a setting"},
		{"- a", "must be lines such as"},
		{"a: b: c", "mapping values are not allowed"},
		{"listen: x\n---\nlisten: y", "one document only"},
		{"a: &x [*x]", "must be one value"},
		{"listen: 7330", "--listen: must be host:port"},
		{"store: mysql://x", "--store: must be"},
		{"log-level: loud", "--log-level: must be"},
		{"base-path: push/", "--base-path: must look like"},
		{"keep-deliveries: 0", "--keep-deliveries: must be from 1"},
		{"keep-deliveries: 4000", "to 3650 days"},
	} {
		path := writeConfig(t, c.text)
		status, _, stderr := command(t, nil, "config", "check", path)
		if status == 0 || !strings.Contains(stderr, c.want) || !strings.Contains(stderr, path) {
			t.Errorf("%q: status %d, %s", c.text, status, stderr)
		}
	}
	for _, args := range [][]string{{"version", "--config", writeConfig(t, "users: many")}, {"version", "--config", "/nowhere.yaml"}} {
		if status, _, stderr := command(t, nil, args...); status == 0 {
			t.Errorf("%v is taken: %s", args, stderr)
		}
	}
}

func TestEveryProblemOfAFileIsToldAtOnce(t *testing.T) {
	t.Parallel()
	_, _, stderr := command(t, nil, "config", "check", writeConfig(t, "nope: 1\nusers: many\nlisten: [a]\n"))
	if got := strings.Count(strings.TrimSpace(stderr), "\n"); got != 2 {
		t.Errorf("got %s", stderr)
	}
}

func TestTheSampleIsAFileOfDefaults(t *testing.T) {
	t.Parallel()
	_, sample, _ := command(t, map[string]string{"MINAPUSH_CONFIG": "/nowhere.yaml"}, "config", "sample")
	if status, stdout, stderr := command(t, nil, "config", "check", writeConfig(t, sample)); status != 0 || !strings.Contains(stdout, "0 settings") {
		t.Errorf("as printed: %s%s", stdout, stderr)
	}
	live := regexp.MustCompile(`(?m)^#([a-z])`).ReplaceAllString(sample, "$1") // settings are "#key: value", comments "# text"
	path := writeConfig(t, live)
	if status, _, stderr := command(t, nil, "config", "check", path); status != 0 {
		t.Fatalf("with every setting on: %s", stderr)
	}
	defaults := printed(t, nil)
	for name, s := range printed(t, nil, "--config", path) {
		if name != configFlag && (s.From != fromFile || s.Value != defaults[name].Value) {
			t.Errorf("%s is %+v, its default %q", name, s, defaults[name].Value)
		}
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"redis://user:geheim@127.0.0.1:6379/0", "redis://:geheim@h:1", "redis://u:ge%zzheim geheim@h"} {
		if got := printed(t, nil, "--store", value)["store"].Value; strings.Contains(got, "geheim") || got == "" {
			t.Errorf("shown as %s", got)
		}
	}
	f := &pflag.Flag{Name: "key", Value: new(pflagText)}
	must(t, f.Value.Set("geheim"))
	if got := shown(f); got != "…" {
		t.Errorf("a key is shown as %s", got)
	}
}

type pflagText string

func (p *pflagText) String() string     { return string(*p) }
func (p *pflagText) Set(s string) error { *p = pflagText(s); return nil }
func (p *pflagText) Type() string       { return "string" }

func TestAFlagHasOneTypeWhateverTheCommand(t *testing.T) {
	t.Parallel()
	types := map[string]string{}
	everyFlag(newRoot(&env{}), func(f *pflag.Flag) {
		if have := types[f.Name]; have != "" && have != f.Value.Type() {
			t.Errorf("--%s is a %s and a %s: no file could hold it", f.Name, have, f.Value.Type())
		}
		types[f.Name] = f.Value.Type()
		if strings.ToLower(f.Name) != f.Name || strings.ContainsAny(f.Name, "_.") {
			t.Errorf("--%s: flags are lower case with dashes", f.Name)
		}
	})
}

func TestCompletionKnowsTheCommandsInEveryShell(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if status, stdout, stderr := command(t, nil, "completion", shell); status != 0 || !strings.Contains(stdout, "minapush") {
			t.Errorf("%s: %d %s", shell, status, stderr)
		}
	}
	// A file that is broken must not break the line that is being typed.
	environ := map[string]string{"MINAPUSH_CONFIG": "/nowhere.yaml", "MINAPUSH_NONSENSE": "1"}
	for args, want := range map[string]string{"con": "config", "config sam": "sample", "serve --log": "--log-level"} {
		status, stdout, stderr := command(t, environ, append([]string{cobra.ShellCompRequestCmd}, strings.Fields(args)...)...)
		if status != 0 || !strings.Contains(stdout, want) {
			t.Errorf("%s: %d %s %s", args, status, stdout, stderr)
		}
	}
}

func TestVersionTellsWhatTheBinaryIsMadeOf(t *testing.T) {
	t.Parallel()
	_, stdout, _ := command(t, nil, "version", "--json")
	var b build
	must(t, json.Unmarshal([]byte(stdout), &b))
	if b.Version != version || b.Go == "" || b.OS == "" || b.Arch == "" {
		t.Errorf("got %+v", b)
	}
	if _, stdout, _ := command(t, nil, "version"); stdout != "minapush "+version+"\n" {
		t.Errorf("got %q", stdout)
	}
}

func FuzzConfigFile(f *testing.F) {
	f.Add([]byte("listen: 127.0.0.1:1\nvalue: [a=b]\n"))
	f.Add([]byte("users: 1\nusers: 2"))
	f.Add([]byte("a: &x\n  - *x\n"))
	f.Add([]byte("\xef\xbb\xbflisten: x\n---\n..."))
	f.Add([]byte("!!binary x: {}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := parseConfig("f.yaml", b)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f.yaml:") {
				t.Errorf("%q does not name the file", err)
			}
			return
		}
		for _, e := range file.entries {
			if e.line < 1 || !e.list && len(e.values) != 1 {
				t.Errorf("entry %+v", e)
			}
		}
		_ = file.check(newRoot(&env{})) // must not panic
	})
}
