package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
	"github.com/minapush/minapush/sandbox"
	"github.com/minapush/minapush/store/pebblestore"
	"github.com/minapush/minapush/store/storetest"
)

// minapush runs a command against the world's server, as an operator would.
func (w *world) minapush(args ...string) (status int, stdout, stderr string) {
	w.t.Helper()
	return command(w.t, map[string]string{"MINAPUSH_SERVER": w.url, "MINAPUSH_KEY": w.adminKey()}, args...)
}

// dir is the folder of the world's store.
func (w *world) dir() string {
	w.t.Helper()
	dir, err := storeDir(w.settings.store)
	must(w.t, err)
	return dir
}

// copyKeys puts the keys that an operator keeps apart from backups into another folder.
func (w *world) copyKeys(to string, names ...string) {
	w.t.Helper()
	for _, name := range names {
		b, err := os.ReadFile(filepath.Join(w.dir(), name))
		must(w.t, err)
		must(w.t, os.WriteFile(filepath.Join(to, name), b, 0o600))
	}
}

// elsewhere serves a store in another folder, with the same WeChat.
func (w *world) elsewhere(dir string) *world {
	w.t.Helper()
	other := &world{t: w.t, sandbox: w.sandbox, wechat: w.wechat, app: w.app, settings: settings{store: "pebble:" + dir, now: w.now}}
	other.start()
	w.t.Cleanup(other.close)
	return other
}

// outcomes lists the deliveries of a campaign by openid.
func (w *world) outcomes(id string) map[string]string {
	w.t.Helper()
	all := map[string]string{}
	for d, err := range w.client.Deliveries(w.t.Context(), testApp, id, "") {
		must(w.t, err)
		all[d.OpenID] = d.Outcome
	}
	return all
}

func TestABackupOfARunningBroadcastIsRestoredElsewhereAndSendsNothingTwiceThatItKnew(t *testing.T) {
	t.Parallel()
	const users = 300
	w, openids := slowWorld(t, users)
	for _, o := range openids { // so that WeChat would take a second message, if one came
		must(t, w.sandbox.Subscribe(testApp, o, oneTimeT, 1))
	}
	must(t, w.sandbox.SetLatency(sandbox.Latency{Median: 60 * time.Millisecond, P99: 90 * time.Millisecond}))
	m := oneTimeMessage("pages/backup")
	id := w.campaign(m)
	w.halfWay(id, 40)
	file := filepath.Join(t.TempDir(), "backup.tar")
	if status, _, stderr := w.minapush("backup", file); status != 0 {
		t.Fatalf("backup: status %d: %s", status, stderr)
	}
	w.halfWay(id, 80) // what comes after the backup, it cannot know
	w.close()
	before := w.received(m)

	dir := t.TempDir()
	w.copyKeys(dir, "secret.key", "admin.key")
	status, stdout, stderr := command(t, nil, "restore", file, "--store", "pebble:"+dir)
	if status != 0 || !strings.Contains(stdout, "apps go "+testApp) {
		t.Fatalf("restore: status %d: %s%s", status, stdout, stderr)
	}
	checkRestored(t, dir, id)
	must(t, w.sandbox.SetLatency(sandbox.Latency{}))
	r := w.elsewhere(dir)
	known := r.outcomes(id)
	accepted := 0
	for _, outcome := range known {
		if outcome == "accepted" {
			accepted++
		}
	}
	if accepted < 40 || accepted == users {
		t.Fatalf("the backup knows of %d messages: it was not taken in the middle", accepted)
	}
	r.wantStopped(id, m)
	r.letGo(id)
	r.finished(id)
	twice := 0
	for o, n := range r.received(m) {
		switch {
		case known[o] == "accepted" && n != before[o]:
			t.Errorf("%s got %d messages: the backup knew of its first", o, n)
		case n > 2:
			t.Errorf("%s got %d messages", o, n)
		case n == 2:
			twice++
		}
	}
	for o, outcome := range r.outcomes(id) {
		if n := r.received(m)[o]; outcome == "unknown" && n != before[o] {
			t.Errorf("%s is unknown, and got %d messages, %d before", o, n, before[o])
		}
	}
	t.Logf("the backup knew of %d of %d messages; %d users got a second one", accepted, len(before), twice)
	if twice > len(before)-accepted {
		t.Errorf("%d users got a second message, and the backup did not know of %d", twice, len(before)-accepted)
	}
	r.check(id)
}

// checkRestored proves the invariants on a restored store that nobody has served yet.
func checkRestored(t *testing.T, dir string, campaigns ...string) {
	t.Helper()
	st, err := pebblestore.Open(filepath.Join(dir, "db"), pebblestore.Config{})
	must(t, err)
	defer func() { must(t, st.Close()) }()
	app := minapush.App{Number: 1, Shards: 8}
	storetest.MustCheck(t, st, storetest.Scope{
		Apps: []minapush.App{app}, Batches: map[uint32][]string{1: append(campaigns, minapush.PushBatch(time.Now()))},
	})
}

// wantStopped wants that nothing is sent, neither by a push, nor by the campaign that was running, nor by a new one, and that it is said why.
func (w *world) wantStopped(id string, m api.Message) {
	w.t.Helper()
	ctx := w.t.Context()
	app, err := w.client.App(ctx, testApp)
	must(w.t, err)
	if !app.Stopped || app.StoppedWhy.Code != "restored" || app.StoppedWhy.Params["at"] == "" {
		w.t.Errorf("app %+v, why %+v", app, app.StoppedWhy)
	}
	sent := len(w.received(m))
	fresh := w.users(1)[0]
	w.subscribe(fresh, 1)
	var e *client.Error
	if _, err := w.client.Push(ctx, testApp, api.NewPush{OpenID: fresh, Message: m}, ""); !asClientError(err, &e) || e.Number != api.NumStopped {
		w.t.Errorf("a push: %v", err)
	}
	status, _, stderr := w.minapush("push", "--to", fresh, "--template", oneTimeT, "--value", "thing1=a")
	if status != 1 || !strings.Contains(stderr, "restored from a backup of 20") {
		w.t.Errorf("push: status %d: %s", status, stderr)
	}
	other := oneTimeMessage("pages/new")
	made := w.campaign(other)
	for _, one := range []string{id, made} {
		status, stdout, stderr := w.minapush("campaign", "show", one)
		if status != 0 || !strings.Contains(stdout, "restored from a backup of 20") {
			w.t.Errorf("campaign show: %s%s", stdout, stderr)
		}
	}
	got, err := w.client.Campaign(ctx, testApp, made)
	must(w.t, err)
	if n := len(w.received(m)); n != sent || len(w.received(other)) != 0 || got.Progress.Audience != 0 {
		w.t.Errorf("%d messages went out, %+v", n-sent, got.Progress)
	}
	_, err = w.client.CancelCampaign(ctx, testApp, made)
	must(w.t, err)
}

// letGo confirms that a restored app may send again.
func (w *world) letGo(id string) {
	w.t.Helper()
	status, _, stderr := w.minapush("apps", "go", testApp)
	if status != 1 || !strings.Contains(stderr, "may be sent again") || !strings.Contains(stderr, id) || !strings.Contains(stderr, "--yes") {
		w.t.Errorf("without --yes: status %d: %s", status, stderr)
	}
	if app, err := w.client.App(w.t.Context(), testApp); err != nil || !app.Stopped {
		w.t.Fatalf("it was let go without --yes: %v", err)
	}
	env := map[string]string{"MINAPUSH_SERVER": w.url, "MINAPUSH_KEY": w.adminKey(), "MINAPUSH_LANG": "zh"}
	status, stdout, stderr := command(w.t, env, "apps", "go", testApp, "--yes")
	if status != 0 || !strings.Contains(stderr, "可能会再次发送") || strings.Contains(stdout, "已停止发送") {
		w.t.Errorf("with --yes: status %d: %s%s", status, stdout, stderr)
	}
}

func TestARestoredStoreNeedsItsKeyOrItsSecretsAnew(t *testing.T) {
	t.Parallel()
	w, b := smallBackup(t)
	user := w.users(1)[0]
	root := t.TempDir()
	file, other := filepath.Join(root, "backup.tar"), filepath.Join(root, "other.key")
	must(t, os.WriteFile(file, b, 0o600))
	must(t, os.WriteFile(other, []byte(strings.Repeat("ab", 32)), 0o600))
	dir := filepath.Join(root, "store")
	for want, args := range map[string][]string{
		"not the sealing key of the backup": {"--sealing-key-file", other},
		"does not exist":                    {"--sealing-key-file", filepath.Join(root, "nowhere.key")},
	} {
		status, _, stderr := command(t, nil, append([]string{"restore", file, "--store", "pebble:" + dir}, args...)...)
		if _, err := os.Lstat(dir); status != 1 || !strings.Contains(stderr, want) || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%v: status %d: %s, %v", args, status, stderr, err)
		}
	}
	status, stdout, stderr := command(t, nil, "restore", file, "--store", "pebble:"+dir, "--json")
	var got restored
	must(t, json.Unmarshal([]byte(stdout), &got))
	if status != 0 || stderr != "" || got.SecretsKept || !slices.Equal(got.Apps, []string{testApp}) || got.TakenAt.IsZero() {
		t.Fatalf("status %d: %s %s", status, stdout, stderr)
	}
	status, _, stderr = command(t, nil, "restore", file, "--store", "pebble:"+dir)
	if status != 1 || !strings.Contains(stderr, "db exists") {
		t.Errorf("a second time: status %d: %s", status, stderr)
	}
	w.copyKeys(dir, "admin.key")
	r := w.elsewhere(dir)
	if _, err := r.sys.accounts.Secret(t.Context(), testApp); !errors.Is(err, minapush.NotFound) {
		t.Errorf("a secret without its key: %v", err)
	}
	secret := filepath.Join(root, "secret")
	must(t, os.WriteFile(secret, []byte(testSecret+"\n"), 0o600))
	if status, _, stderr := r.minapush("apps", "update", testApp, "--secret-file", secret); status != 0 {
		t.Fatal(stderr)
	}
	if status, _, stderr := r.minapush("apps", "go", testApp, "--yes"); status != 0 {
		t.Fatal(stderr)
	}
	r.subscribe(user, 1)
	if got := r.push(user, oneTimeMessage("pages/key")); got.Outcome != "accepted" {
		t.Errorf("with the secret: %+v", got)
	}
}

func TestAnAppThatWasStoppedBeforeSaysSoAfterTheRestore(t *testing.T) {
	t.Parallel()
	w, _ := smallBackup(t)
	_, err := w.client.StopApp(t.Context(), testApp, true)
	must(t, err)
	root := t.TempDir()
	file := filepath.Join(root, "backup.tar")
	if status, _, stderr := w.minapush("backup", file); status != 0 {
		t.Fatal(stderr)
	}
	key := filepath.Join(w.dir(), "secret.key")
	if status, _, stderr := command(t, nil, "restore", file, "--store", "pebble:"+root, "--sealing-key-file", key); status != 0 {
		t.Fatal(stderr)
	}
	w.copyKeys(root, "admin.key", "secret.key")
	status, stdout, stderr := w.elsewhere(root).minapush("apps", "list")
	if status != 0 || !strings.Contains(stdout, "it had been stopped before: by an operator") {
		t.Errorf("%s%s", stdout, stderr)
	}
}

func TestABackupReplacesNothingAndLeavesNoHalf(t *testing.T) {
	t.Parallel()
	w, _ := smallBackup(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "backup.tar")
	must(t, os.WriteFile(file, []byte("precious"), 0o600))
	content := func() string {
		b, err := os.ReadFile(file)
		must(t, err)
		return string(b)
	}
	if status, _, stderr := w.minapush("backup", file); status != 1 || !strings.Contains(stderr, "exists") || content() != "precious" {
		t.Errorf("status %d: %s", status, stderr)
	}
	if status, _, stderr := w.minapush("backup", filepath.Join(dir, "other.tar"), "--key", "mpk_wrong"); status != 1 {
		t.Errorf("with a wrong key: status %d: %s", status, stderr)
	}
	if status, _, stderr := w.minapush("backup", file, "--force"); status != 0 || content() == "precious" {
		t.Errorf("with --force: status %d: %s", status, stderr)
	}
	info, err := os.Stat(file)
	must(t, err)
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 || info.Mode().Perm() != 0o600 {
		t.Errorf("left %v, %v, mode %v", left, err, info.Mode())
	}
	status, stdout, stderr := w.minapush("backup", "-")
	if status != 0 || len(openArchive(t, []byte(stdout))) < 3 || !strings.Contains(stderr, "secret.key") {
		t.Errorf("to stdout: status %d: %s", status, stderr)
	}
}

// short takes some bytes and no more.
type short struct{ left int }

func (s *short) Write(p []byte) (int, error) {
	if s.left -= len(p); s.left < 0 {
		return 0, errors.New("the disk is full")
	}
	return len(p), nil
}

func TestCopiesAreRemovedAndNothingElse(t *testing.T) {
	t.Parallel()
	w, _ := smallBackup(t)
	if err := w.sys.backup(t.Context(), &short{left: 10_000}); err == nil {
		t.Error("a backup that could not be written is none")
	}
	dir := w.dir()
	for _, name := range []string{"backup-123.tmp", "backup-2026", "backups"} { // the first is what a kill leaves
		must(t, os.MkdirAll(filepath.Join(dir, name, "db"), 0o700))
	}
	must(t, os.WriteFile(filepath.Join(dir, "backup-7.tmp"), nil, 0o600))
	w.restart()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if want := []string{"admin.key", "backup-2026", "backup-7.tmp", "backups", "db", "secret.key"}; !slices.Equal(names, want) {
		t.Errorf("the folder has %v, want %v", names, want)
	}
}
