package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/sandbox"
	"github.com/minapush/minapush/store/redisstore/redistest"
)

func TestDoctorTellsHowRedisKeepsWhatItIsGiven(t *testing.T) {
	t.Parallel()
	server := redistest.One(t, "appendonly no", `save ""`, "maxmemory 500mb", "maxmemory-policy allkeys-lru")
	key := filepath.Join(t.TempDir(), "secret.key")
	s := serveRedis(t, redisURL(server), key)
	s.makeApp()
	for step, want := range map[string]string{
		"redis": "redis_ok", "redis_disk": "redis_forgets", "redis_memory": "redis_evicts", "redis_replicas": "redis_single", "store": "store_ok",
	} {
		if found := stepNamed(t, s.redisSteps(key), step); found.Reason.Code != want && found.Reason.Code != "store_slow" {
			t.Errorf("%s: %+v %+v", step, found, found.Reason)
		}
	}
	if log := s.logged(); !strings.Contains(log, "keeps nothing on disk") || !strings.Contains(log, "set maxmemory-policy noeviction") {
		t.Errorf("at the start it says only\n%s", log)
	}
	for lang, want := range map[string]string{"en": "keeps nothing on disk", "zh": "没有任何持久化"} {
		_, stdout, _ := command(t, map[string]string{"MINAPUSH_LANG": lang}, "doctor", "--server", s.url, "--key", s.admin)
		if !strings.Contains(stdout, want) {
			t.Errorf("%s: %s", lang, stdout)
		}
	}
	status, _, stderr := command(t, nil, "backup", filepath.Join(t.TempDir(), "b.tar"), "--server", s.url, "--key", s.admin)
	if status == 0 || !strings.Contains(stderr, "docs/operating.md") {
		t.Errorf("backup: %d %s", status, stderr)
	}
}

func TestWhatRedisMayNotBeAskedIsNoError(t *testing.T) {
	t.Parallel()
	server := redistest.One(t, "user app on >x ~minapush:* &* +@all -info -config -cluster -role -wait -client -hello")
	key := filepath.Join(t.TempDir(), "secret.key")
	store := "redis://app:x@" + server.Addr()
	s := serveRedis(t, store, key)
	s.makeApp()
	s.untilReady(200, "ready")
	for _, found := range s.redisSteps(key) {
		if strings.HasPrefix(found.Step, "redis") && found.Status != stepSkipped {
			t.Errorf("%+v %+v", found, found.Reason)
		}
	}
	if strings.Contains(s.logged(), "WARN") {
		t.Errorf("it warns:\n%s", s.logged())
	}
}

// TestTheRightsThatTheDocumentNamesAreEnough runs a server as the user that docs/operating.md makes, up to a message.
func TestTheRightsThatTheDocumentNamesAreEnough(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../docs/operating.md")
	must(t, err)
	_, line, ok := strings.Cut(string(doc), "ACL SETUSER minapush ")
	line, _, _ = strings.Cut(line, "\n")
	if !ok || !strings.Contains(line, ">PASSWORD") {
		t.Fatalf("%q", line)
	}
	server := redistest.One(t, "user minapush "+strings.Replace(line, ">PASSWORD", ">geheim", 1))
	key := filepath.Join(t.TempDir(), "secret.key")
	sb, err := sandbox.New(sandbox.Config{})
	must(t, err)
	_, err = sb.AddApp(sandbox.App{AppID: testApp, Secret: testSecret})
	must(t, err)
	_, err = sb.AddTemplate(testApp, sandbox.Template{ID: oneTimeT, Type: sandbox.OneTime, Keys: []string{"thing1"}})
	must(t, err)
	l, err := listen("127.0.0.1:0", sb, discard())
	must(t, err)
	go func() { _ = l.serve() }()
	t.Cleanup(func() { l.shut(0) })
	users, err := sb.AddUsers(testApp, 30)
	must(t, err)
	s := serveRedis(t, "redis://minapush:geheim@"+server.Addr(), key)
	_, err = s.CreateApp(t.Context(), api.NewApp{AppID: testApp, Secret: testSecret, BaseURL: l.url(), Shards: 4, Guards: noGuards()})
	must(t, err)
	_, err = s.PutTemplate(t.Context(), testApp, api.Template{ID: oneTimeT, Kind: "one_time", Keys: []api.TemplateKey{{Key: "thing1"}}})
	must(t, err)
	for i, u := range users {
		must(t, sb.Subscribe(testApp, u, oneTimeT, 1))
		_, err := s.Report(t.Context(), testApp, api.Report{OpenID: u, Items: []api.ReportItem{{Type: "subscribe", Template: oneTimeT, Result: "accept", Nonce: fmt.Sprint(i)}}})
		must(t, err)
	}
	c, err := s.CreateCampaign(t.Context(), testApp, api.NewCampaign{Message: oneTimeMessage("p"), Start: true}, "")
	must(t, err)
	deadline := time.Now().Add(90 * time.Second)
	for {
		got, err := s.Campaign(t.Context(), testApp, c.ID)
		must(t, err)
		if got.State == "finished" {
			if got.Progress.Outcomes["accepted"] != 30 {
				t.Errorf("%+v", got.Progress)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v\n%s", got, s.logged())
		}
		<-time.After(20 * time.Millisecond)
	}
	_, err = s.EraseUser(t.Context(), testApp, users[0])
	must(t, err)
	for _, found := range s.redisSteps(key) {
		if strings.HasPrefix(found.Step, "redis") && found.Status != stepOK {
			t.Errorf("%+v %+v", found, found.Reason)
		}
	}
	if log := s.logged(); strings.Contains(log, "NOPERM") || strings.Contains(log, "may not do this") || strings.Contains(log, "geheim") {
		t.Errorf("the log says\n%s", log)
	}
}
