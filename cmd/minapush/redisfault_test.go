package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/store/redisstore/redistest"
)

func TestAFullRedisIsToldWhileItIsFull(t *testing.T) {
	t.Parallel()
	server := redistest.One(t, "maxmemory-policy noeviction")
	s := serveRedis(t, redisURL(server), filepath.Join(t.TempDir(), "secret.key"))
	s.makeApp()
	s.untilReady(200, "ready")
	_, err := server.Do("CONFIG", "SET", "maxmemory", "1mb")
	must(t, err)
	s.untilReady(503, "Redis is out of memory")
	before := dump(t, server)
	s.refuses()
	if got := s.ask("GET", "/v1/apps/"+testApp+"/users/oFirst", ""); got.status != 200 {
		t.Errorf("reading: %+v", got)
	}
	if !maps.Equal(before, dump(t, server)) {
		t.Error("data was touched")
	}
	_, err = server.Do("CONFIG", "SET", "maxmemory", "0")
	must(t, err)
	s.untilReady(200, "ready")
	s.takes("oSecond", 2)
}

func TestAPasswordThatWasChangedIsNotTheCallersFault(t *testing.T) {
	t.Parallel()
	server := redistest.One(t, "user watch on >w ~* &* +@all")
	s := serveRedis(t, redisURL(server), filepath.Join(t.TempDir(), "secret.key"))
	s.makeApp()
	_, err := server.Do("CONFIG", "SET", "requirepass", "geheim")
	must(t, err)
	// Who is connected stays so, until the connection breaks.
	must(t, server.Pause())
	s.untilReady(503, "")
	must(t, server.Resume())
	must(t, dropClients(t, server, "watch", "w"))
	s.untilReady(503, "Redis asks for a password")
	s.refuses()
	if got := s.ask("GET", "/v1/apps/"+testApp, ""); got.status != 503 {
		t.Errorf("a call with a good key: %+v", got)
	}
	must(t, commandsAs(t, server, "watch", "w", "CONFIG SET requirepass \"\""))
	s.untilReady(200, "ready")
	s.takes("oSecond", 2)
}

// dropClients breaks every connection to a server.
func dropClients(t *testing.T, server *redistest.Server, user, password string) error {
	t.Helper()
	return commandsAs(t, server, user, password, "CLIENT KILL TYPE normal SKIPME yes")
}

// commandsAs sends inline commands as a user.
func commandsAs(t *testing.T, server *redistest.Server, user, password string, commands ...string) error {
	t.Helper()
	c, err := net.DialTimeout("tcp", server.Addr(), 10*time.Second)
	must(t, err)
	defer c.Close()
	r := bufio.NewReader(c)
	for _, line := range append([]string{"AUTH " + user + " " + password}, commands...) {
		if _, err := io.WriteString(c, line+"\r\n"); err != nil {
			return err
		}
		if got, err := r.ReadString('\n'); err != nil || strings.HasPrefix(got, "-") {
			return fmt.Errorf("%s: %s %w", line, got, err)
		}
	}
	return nil
}

func TestReadinessDoesNotHangOnARedisThatStandsStill(t *testing.T) {
	t.Parallel()
	server := redistest.One(t)
	s := serveRedis(t, redisURL(server), filepath.Join(t.TempDir(), "secret.key"))
	s.makeApp()
	must(t, server.Pause())
	s.untilReady(503, "Redis does not answer")
	answers := make(chan answer, 20)
	for range cap(answers) {
		go func() { answers <- s.ask("GET", "/readyz", "") }()
	}
	for range cap(answers) {
		if got := <-answers; got.status != 503 {
			t.Errorf("got %+v", got)
		}
	}
	s.refuses()
	must(t, server.Resume())
	s.untilReady(200, "ready")
	s.takes("oSecond", 2)
}

func TestAClusterWithoutAMasterIsToldAtTheStartAndWhileItLasts(t *testing.T) {
	t.Parallel()
	g := redistest.Cluster(t, 3, 0)
	key := filepath.Join(t.TempDir(), "secret.key")
	s := serveRedis(t, redisURL(g.Servers...), key)
	s.makeApp()
	s.untilReady(200, "ready")
	must(t, g.Servers[2].Kill())
	s.untilReady(503, "the Redis Cluster is down")
	s.refuses()
	before := dump(t, g.Servers[:2]...)
	status, _, stderr := command(t, nil, "serve", "--store", redisURL(g.Servers...), "--sealing-key-file", key, "--log-level", "error")
	if status != 1 {
		t.Errorf("status %d", status)
	}
	wantOneLine(t, "cluster", stderr, "the Redis Cluster is down", "redis-cli --cluster check")
	if !maps.Equal(before, dump(t, g.Servers[:2]...)) {
		t.Error("data was touched")
	}
	must(t, g.Servers[2].Restart(t.Context()))
	must(t, g.Ready(t.Context()))
	s.untilReady(200, "ready")
	for n := range 8 {
		s.takes(fmt.Sprint("oAfter", n), 10+n)
	}
}

func TestTheLastReplicaThatGoesStopsSendingAndNothingElse(t *testing.T) {
	t.Parallel()
	master := redistest.One(t)
	host, port, _ := strings.Cut(master.Addr(), ":")
	replica := redistest.One(t, "replicaof "+host+" "+port)
	deadline := time.Now().Add(time.Minute)
	for {
		if info, err := master.Do("INFO", "replication"); err == nil && strings.Contains(info, "state=online") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the replica does not follow")
		}
		<-time.After(10 * time.Millisecond)
	}
	key := filepath.Join(t.TempDir(), "secret.key")
	s := serveRedis(t, redisURL(master), key)
	s.makeApp()
	var h api.Health
	must(t, json.Unmarshal([]byte(s.untilReady(200, "ready").body), &h))
	if h.Limited != "" {
		t.Errorf("limited: %s", h.Limited)
	}
	must(t, replica.Kill())
	s.untilReady(200, "bring the replicas back, or restart with wait-replicas=0")
	s.takes("oSecond", 2)
	steps := s.redisSteps(key)
	if found := stepNamed(t, steps, "redis_replicas"); found.Status != stepFailed || found.Reason.Code != "redis_alone" {
		t.Errorf("doctor: %+v", found)
	}
	if !strings.Contains(s.logged(), "sending stands still") {
		t.Error("it is not logged")
	}
	must(t, replica.Restart(t.Context()))
	deadline = time.Now().Add(90 * time.Second)
	for strings.Contains(s.untilReady(200, "ready").body, "limited") {
		if time.Now().After(deadline) {
			t.Fatal("it stays limited")
		}
		<-time.After(50 * time.Millisecond)
	}
}

// TestARightThatTheRateNeedsIsToldWhereverOneLooks takes TIME from the rights: everything is taken in, and nothing is sent at a pace.
func TestARightThatTheRateNeedsIsToldWhereverOneLooks(t *testing.T) {
	t.Parallel()
	server := redistest.One(t, "user app on >geheim ~minapush:* &* +@all -time")
	key := filepath.Join(t.TempDir(), "secret.key")
	s := serveRedis(t, "redis://app:geheim@"+server.Addr(), key)
	s.makeApp()
	_, err := s.PutTemplate(t.Context(), testApp, api.Template{ID: legacyT, Kind: "legacy"})
	must(t, err)
	c, err := s.CreateCampaign(t.Context(), testApp, api.NewCampaign{Message: legacyMessage("p"), Start: true}, "")
	must(t, err)
	s.untilReady(200, "gives out no tokens of the rate: the Redis user may not do this")
	if log := s.logged(); !strings.Contains(log, "gives out no tokens") || strings.Contains(log, "geheim") {
		t.Errorf("the log says\n%s", log)
	}
	_, stdout, stderr := command(t, nil, "campaign", "show", c.ID, "--app", testApp, "--server", s.url, "--key", s.admin)
	if !strings.Contains(stdout, "gives out no tokens") {
		t.Errorf("campaign show: %s%s", stdout, stderr)
	}
	_, err = server.Do("ACL", "SETUSER", "app", "+time")
	must(t, err)
	deadline := time.Now().Add(90 * time.Second)
	for strings.Contains(s.untilReady(200, "ready").body, "limited") {
		if time.Now().After(deadline) {
			t.Fatal("it stays limited")
		}
		<-time.After(50 * time.Millisecond)
	}
}
