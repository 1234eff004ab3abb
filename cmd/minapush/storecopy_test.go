package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
	"github.com/minapush/minapush/sandbox"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/pebblestore"
	"github.com/minapush/minapush/store/redisstore/redistest"
	"github.com/minapush/minapush/store/storetest"
)

// copyOf runs store copy and wants it to succeed.
func copyOf(t *testing.T, args ...string) copied {
	t.Helper()
	status, stdout, stderr := command(t, nil, append([]string{"store", "copy", "--json"}, args...)...)
	if status != 0 {
		t.Fatalf("store copy %v: status %d: %s%s", args, status, stdout, stderr)
	}
	var got copied
	must(t, json.Unmarshal([]byte(stdout), &got))
	if !got.Same || len(got.Sums) == 0 {
		t.Fatalf("store copy %v: %+v", args, got)
	}
	for _, s := range got.Sums {
		if s.From != s.To {
			t.Errorf("checksums differ: %+v", s)
		}
	}
	return got
}

// A process is killed in the middle of a broadcast on the embedded store, everything is copied to Redis, and the broadcast ends there.
func TestABroadcastThatWasKilledGoesOnInRedisAfterACopyAndReachesNobodyTwice(t *testing.T) {
	t.Parallel()
	const users = 1500
	server := redistest.One(t)
	sb, err := sandbox.New(sandbox.Config{MessagesPerUser: 4, Latency: sandbox.Latency{Median: 15 * time.Millisecond, P99: 40 * time.Millisecond}})
	must(t, err)
	_, err = sb.AddApp(sandbox.App{AppID: testApp, Secret: testSecret})
	must(t, err)
	_, err = sb.AddTemplate(testApp, sandbox.Template{ID: oneTimeT, Type: sandbox.OneTime, Keys: []string{"thing1"}})
	must(t, err)
	_, err = sb.AddTemplate(testApp, sandbox.Template{ID: legacyT, Type: sandbox.Legacy, Keys: []string{"keyword1"}})
	must(t, err)
	w := newKillWorld(t, sb, users, 2)
	ctx := t.Context()
	m := api.Message{Template: oneTimeT, Page: "pages/copied", Values: map[string]string{"thing1": "签到提醒"}}
	days := []string{minapush.PushBatch(time.Now())}
	push, err := w.process.client.Push(ctx, testApp, api.NewPush{OpenID: w.openids[0], Message: api.Message{Template: legacyT, Page: "pages/push", Values: map[string]string{"keyword1": "a"}}}, "the-key")
	must(t, err)
	days = append(days, minapush.PushBatch(time.Now()))
	c, err := w.process.client.CreateCampaign(ctx, testApp, api.NewCampaign{Message: m, Start: true}, "")
	must(t, err)
	deadline := time.Now().Add(time.Minute)
	for {
		got, err := w.process.client.Campaign(ctx, testApp, c.ID)
		must(t, err)
		if got.Progress.Outcomes["accepted"] >= users/5 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the broadcast does not move: %+v", got.Progress)
		}
	}
	w.process.kill(t)
	w.untilHeardOut(t)
	before, err := sb.CountsByPage(testApp, oneTimeT, m.Page)
	must(t, err)
	if len(before) >= users {
		t.Fatal("it was over before it was killed")
	}

	at := "redis://" + server.Addr()
	from := "pebble:" + w.dir
	status, _, stderr := command(t, nil, "store", "copy", from, at, "--shards", "16")
	if status != 1 || !strings.Contains(stderr, c.ID) || !strings.Contains(stderr, "have begun and not ended") {
		t.Fatalf("other shards while a campaign is under way: status %d: %s", status, stderr)
	}
	if got := copyOf(t, from, at); got.Read.Users != users || got.Read.Documents == 0 {
		t.Fatalf("%+v", got)
	}
	p := startServing(t, w.dir, at, "--sealing-key-file", filepath.Join(w.dir, "secret.key"))
	app, err := p.client.App(ctx, testApp)
	must(t, err)
	if !app.Stopped || app.StoppedWhy.Code != copiedCode {
		t.Fatalf("the copy is not stopped: %+v", app.StoppedWhy)
	}
	env := map[string]string{"MINAPUSH_SERVER": p.url, "MINAPUSH_KEY": mustKey(t, w.dir)}
	status, _, stderr = command(t, env, "apps", "go", testApp)
	if status != 1 || !strings.Contains(stderr, "copied from another store") || !strings.Contains(stderr, c.ID) {
		t.Fatalf("it asks for nothing: status %d: %s", status, stderr)
	}
	if n, err := sb.CountsByPage(testApp, oneTimeT, m.Page); err != nil || fmt.Sprint(n) != fmt.Sprint(before) {
		t.Fatalf("messages went out before it was let go: %v", err)
	}
	if status, _, stderr = command(t, env, "apps", "go", testApp, "--yes"); status != 0 {
		t.Fatal(stderr)
	}
	again, err := p.client.Push(ctx, testApp, api.NewPush{OpenID: w.openids[0], Message: api.Message{Template: legacyT, Page: "pages/push", Values: map[string]string{"keyword1": "a"}}}, "the-key")
	if err != nil || again.Push != push.Push || !again.Replayed || again.Outcome != push.Outcome {
		t.Errorf("the idempotency key is not known: %+v, %+v, %v", push, again, err)
	}
	w.process = p
	end := untilFinished(t, p.client, c.ID)
	unknown := end.Progress.Outcomes["unknown"]
	if !adds(end.Progress) || end.Progress.Audience != users || unknown > 128 {
		t.Errorf("the sum does not close: %+v", end.Progress)
	}
	received, err := sb.CountsByPage(testApp, oneTimeT, m.Page)
	must(t, err)
	for openid, n := range received {
		if n > 1 {
			t.Errorf("%s got %d messages", openid, n)
		}
	}
	if n := int64(len(received)); n < users-unknown {
		t.Errorf("%d of %d users were reached, %d are unknown", n, users, unknown)
	}
	t.Logf("killed after %d of %d messages; %d unknown", len(before), users, unknown)

	// And back again, over other shards, now that it has ended.
	must(t, p.cmd.Process.Signal(os.Interrupt))
	if err := p.cmd.Wait(); err != nil {
		t.Fatalf("SIGINT: %v", err)
	}
	home := t.TempDir()
	copyOf(t, at, "pebble:"+home, "--shards", "16")
	st, err := pebblestore.Open(filepath.Join(home, "db"), pebblestore.Config{})
	must(t, err)
	defer st.Close()
	storetest.MustCheck(t, st, storetest.Scope{
		Apps: []minapush.App{{Number: 1, Shards: 16}}, Batches: map[uint32][]string{1: append(slices.Compact(days), c.ID)},
	})
	got, err := st.Progress(ctx, 1, 16, c.ID)
	must(t, err)
	if got.ShardsDone != 16 || got.Tally.Count(minapush.Accepted) != end.Progress.Outcomes["accepted"] {
		t.Errorf("over 16 shards: %+v", got)
	}
}

func mustKey(t *testing.T, dir string) string {
	t.Helper()
	key, err := readKey(dir)
	must(t, err)
	return key
}

func untilFinished(t *testing.T, c *client.Client, id string) api.Campaign {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for {
		got, err := c.Campaign(t.Context(), testApp, id)
		must(t, err)
		if got.State == "finished" {
			return got
		}
		if time.Now().After(deadline) {
			t.Fatalf("it does not end: %s %+v %+v", got.State, got.Why, got.Progress)
		}
	}
}

// smallStore is an embedded store with a few users, that nobody serves.
func smallStore(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, sandbox.Config{}, nil)
	for _, o := range w.users(20) {
		w.subscribe(o, 2)
	}
	w.close()
	return w
}

func TestACopyIsRefusedWhereItWouldDoHarm(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	w.subscribe(w.users(1)[0], 1)
	other := "pebble:" + t.TempDir()
	refused := func(want string, args ...string) {
		t.Helper()
		status, stdout, stderr := command(t, nil, append([]string{"store", "copy"}, args...)...)
		if status != 1 || !strings.Contains(stderr, want) || stdout != "" {
			t.Errorf("store copy %v: status %d, want %q: %s%s", args, status, want, stdout, stderr)
		}
	}
	here := w.settings.store
	refused("stop it first", here, other)
	w.close()
	refused("there is no store in", "pebble:"+t.TempDir(), other)
	refused("--shards: must be 1 to", here, other, "--shards", "0")
	refused("TO: must be pebble:DIR", here, "mysql://x")
	refused("FROM: a password", here, other, "--from-password-file", "x")
	copyOf(t, here, other)
	refused("there is a store already", here, other)
	if files, err := os.ReadDir(strings.TrimPrefix(other, "pebble:")); err != nil || len(files) != 1 {
		t.Errorf("%v, %v", files, err)
	}
}

func TestAnUnfinishedCopyIsRefusedByServeAndByTheNextCopy(t *testing.T) {
	t.Parallel()
	w := smallStore(t)
	dir := t.TempDir()
	st, err := pebblestore.Open(filepath.Join(dir, "db"), pebblestore.Config{})
	must(t, err)
	_, err = store.BeginCopy(t.Context(), st, "from somewhere")
	must(t, err)
	must(t, st.Import(t.Context(), []store.Piece{{Documents: []store.Document{{Kind: "k", ID: "1", Version: 7, Value: []byte("v")}}}}, time.Now()))
	must(t, st.Close())
	for _, args := range [][]string{
		{"serve", "--store", "pebble:" + dir, "--listen", "127.0.0.1:0"}, {"store", "copy", w.settings.store, "pebble:" + dir},
		{"store", "copy", "pebble:" + dir, "pebble:" + t.TempDir()},
	} {
		status, _, stderr := command(t, nil, args...)
		if status == 0 || !strings.Contains(stderr, "unfinished copy (from somewhere)") || !strings.Contains(stderr, "empty it") {
			t.Errorf("%v: status %d: %s", args, status, stderr)
		}
	}
}

func TestWhatRedisIsUsedForIsNotCopied(t *testing.T) {
	t.Parallel()
	w := smallStore(t)
	server := redistest.One(t, "appendfsync no")
	at := "redis://" + server.Addr()
	copyOf(t, w.settings.store, at)
	if _, err := server.Do("SET", "minapush:{1:3}:l", "1:somebody", "PX", "600000"); err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	status, _, stderr := command(t, nil, "store", "copy", at, "pebble:"+to)
	if status != 1 || !strings.Contains(stderr, "leased by somebody") || !strings.Contains(stderr, "Stop every node") {
		t.Errorf("status %d: %s", status, stderr)
	}
	if files, err := os.ReadDir(to); err != nil || len(files) != 0 {
		t.Errorf("something was written: %v, %v", files, err)
	}
	if _, err := server.Do("DEL", "minapush:{1:3}:l"); err != nil {
		t.Fatal(err)
	}
	copyOf(t, at, "pebble:"+to)
	if _, err := server.Do("FLUSHALL"); err != nil {
		t.Fatal(err)
	}
	copyOf(t, "pebble:"+to, at+"?prefix=other")
}

func TestACopyTellsWhatItDidInBothLanguages(t *testing.T) {
	t.Parallel()
	w := smallStore(t)
	for lang, want := range map[string][]string{
		"en": {"Checksums that are the same", "Every app is stopped", "apps go " + testApp, "key file", "available", "compared: 20 of 20 users"},
		"zh": {"两侧一致的校验和", "均已停止发送", "apps go " + testApp, "封存密钥", "可推次数", "已核对 20 / 20"},
	} {
		status, stdout, stderr := command(t, map[string]string{"MINAPUSH_LANG": lang}, "store", "copy", w.settings.store, "pebble:"+t.TempDir())
		if status != 0 {
			t.Fatalf("status %d: %s%s", status, stdout, stderr)
		}
		for _, part := range want {
			if !strings.Contains(stdout+stderr, part) {
				t.Errorf("%s: %q is not said:\n%s%s", lang, part, stdout, stderr)
			}
		}
	}
}

// A copied store keeps its secrets, its API keys and whoever opted out, and says that it is stopped.
func TestACopiedStoreIsServedWithTheSameKeys(t *testing.T) {
	t.Parallel()
	w := smallStore(t)
	dir := t.TempDir()
	copyOf(t, w.settings.store, "pebble:"+dir)
	status, _, stderr := command(t, nil, "serve", "--store", "pebble:"+dir, "--listen", "127.0.0.1:0", "--listen-public", "")
	if status == 0 || !strings.Contains(stderr, "key") {
		t.Errorf("it was served without its key: %s", stderr)
	}
	must(t, os.RemoveAll(filepath.Join(dir, "secret.key")))
	w.copyKeys(dir, "secret.key", "admin.key")
	r := w.elsewhere(dir)
	status, stdout, stderr := r.minapush("apps", "list")
	if status != 0 || !strings.Contains(stdout, "copied from another store of 20") {
		t.Errorf("apps list: %s%s", stdout, stderr)
	}
	if status, _, stderr = r.minapush("apps", "go", testApp, "--yes"); status != 0 {
		t.Fatal(stderr)
	}
	fresh := r.users(1)[0]
	r.subscribe(fresh, 1)
	if got := r.push(fresh, oneTimeMessage("pages/new")); got.Outcome != "accepted" {
		t.Errorf("a push: %+v", got) // its AppSecret was there
	}
	r.check()
}

// A large store is copied to Redis and back; MINAPUSH_TEST_ROWS makes it a hundred thousand users.
func TestALoadOfUsersIsCopiedToRedisAndBack(t *testing.T) {
	t.Parallel()
	users := 3000
	if n, err := strconv.Atoi(os.Getenv("MINAPUSH_TEST_ROWS")); err == nil && n > users {
		users = min(n, 100_000)
	}
	w := newWorld(t, sandbox.Config{}, nil)
	shards := 64
	_, err := w.client.CreateApp(t.Context(), api.NewApp{AppID: "wxcopied000000000", Secret: "s", BaseURL: w.wechat, Shards: shards, Guards: noGuards()})
	must(t, err)
	fill(t, w.sys.store, minapush.App{Number: 2, Shards: shards}, users)
	w.close()
	server := redistest.One(t, "appendfsync no")
	at, back := "redis://"+server.Addr(), t.TempDir()
	start := time.Now()
	there := copyOf(t, w.settings.store, at)
	took := time.Since(start)
	start = time.Now()
	home := copyOf(t, at, "pebble:"+back)
	t.Logf("%d users: %.1f s to Redis, %.1f s back", users, took.Seconds(), time.Since(start).Seconds())
	if there.Read.Users < int64(users) || there.Read.Uses["available"] < int64(users)*10 {
		t.Errorf("%+v", there.Read)
	}
	for i := range there.Sums {
		if there.Sums[i].Of == "shard" && there.Sums[i].To != home.Sums[i].To {
			t.Errorf("it did not come back as it went: %+v, %+v", there.Sums[i], home.Sums[i])
		}
	}
}

// fill gives users ten permits each.
func fill(t *testing.T, st store.Store, app minapush.App, users int) {
	t.Helper()
	ctx, now := t.Context(), time.Now()
	work := make(chan int)
	done := make(chan error, 64)
	for range cap(done) {
		go func() {
			var first error
			for i := range work {
				o := minapush.OpenID(fmt.Sprintf("o%027d", i))
				d := store.Deposit{Now: now}
				for k := range 10 {
					d.Permits = append(d.Permits, minapush.Permit{
						Kind: minapush.FormID, Identity: fmt.Sprintf("%032x", i*10+k), Uses: 1, TakenAt: now, ExpiresAt: now.Add(minapush.CodeLife),
					})
				}
				if _, err := st.Deposit(ctx, app.Shard(o), o, d); err != nil {
					first = err
				}
			}
			done <- first
		}()
	}
	for i := range users {
		work <- i
	}
	close(work)
	for range cap(done) {
		must(t, <-done)
	}
}

// Redis is full in the middle of a copy: it says so, what is there is marked, and FROM is as it was.
func TestACopyThatRunsOutOfMemoryLeavesAMarkedStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	fill(t, w.sys.store, minapush.App{Number: 1, Shards: 8}, 12_000)
	w.close()
	server := redistest.One(t, "appendfsync no")
	info, err := server.Do("INFO", "memory")
	must(t, err)
	_, rest, _ := strings.Cut(info, "used_memory:")
	number, _, _ := strings.Cut(rest, "\r")
	used, err := strconv.ParseInt(number, 10, 64)
	must(t, err)
	_, err = server.Do("CONFIG", "SET", "maxmemory", strconv.FormatInt(used+2_000_000, 10))
	must(t, err)
	at := "redis://" + server.Addr()
	status, stdout, stderr := command(t, nil, "store", "copy", w.settings.store, at)
	if status != 1 || stdout != "" || !strings.Contains(stderr, "out of memory") || !strings.Contains(stderr, "unfinished copy") {
		t.Fatalf("status %d: %s%s", status, stdout, stderr)
	}
	_, err = server.Do("CONFIG", "SET", "maxmemory", "0")
	must(t, err)
	status, _, stderr = command(t, nil, "serve", "--store", at, "--sealing-key-file", filepath.Join(w.dir(), "secret.key"), "--listen", "127.0.0.1:0")
	if status == 0 || !strings.Contains(stderr, "unfinished copy") {
		t.Errorf("serve: status %d: %s", status, stderr)
	}
	copyOf(t, w.settings.store, at+"?prefix=again")
}
