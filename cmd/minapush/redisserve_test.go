package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
	"github.com/minapush/minapush/store/redisstore/redistest"
)

// redisURL is --store for a server.
func redisURL(servers ...*redistest.Server) string {
	var addrs []string
	for _, s := range servers {
		addrs = append(addrs, s.Addr())
	}
	return "redis://" + strings.Join(addrs, ",")
}

// onRedis opens a store as serve does, and closes it: afterwards it is sealed with the key file and has an admin key beside that.
func onRedis(t *testing.T, store, keyFile string) {
	t.Helper()
	sys, err := assemble(t.Context(), settings{store: store, keyFile: keyFile}, discard())
	must(t, err)
	must(t, sys.firstKey(t.Context(), settings{store: store, keyFile: keyFile}))
	must(t, sys.store.Close())
}

// dump is every key of servers with its value, but for those that end by themselves.
func dump(t *testing.T, servers ...*redistest.Server) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, s := range servers {
		keys, err := s.Do("KEYS", "*")
		must(t, err)
		for key := range strings.SplitSeq(keys, "\n") {
			if life, err := s.Do("PTTL", key); key == "" || err != nil || life != "-1" {
				continue
			}
			value, err := s.Do("DUMP", key)
			must(t, err)
			all[s.Addr()+" "+key] = value
		}
	}
	return all
}

// redisServe is a `minapush serve` of its own on Redis.
type redisServe struct {
	t     *testing.T
	url   string
	admin string
	log   string
	ended chan struct{}
	*client.Client
}

// serveRedis starts the program and waits until it answers. It must live until the end of the test.
func serveRedis(t *testing.T, store, keyFile string) *redisServe {
	t.Helper()
	s := &redisServe{t: t, log: filepath.Join(t.TempDir(), "log"), ended: make(chan struct{})}
	logFile, err := os.Create(s.log)
	must(t, err)
	cmd := exec.Command(os.Args[0], "serve", "--store", store, "--sealing-key-file", keyFile, "--listen", "127.0.0.1:0", "--listen-public", "")
	cmd.Env = append(os.Environ(), "MINAPUSH_TEST_PROGRAM=1")
	cmd.Stderr = logFile
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	urls := make(chan string, 1)
	go func() {
		defer close(s.ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if _, url, ok := strings.Cut(lines.Text(), "private"); ok {
				urls <- strings.TrimSpace(url)
			}
		}
		_ = cmd.Wait()
		_ = logFile.Close()
	}()
	t.Cleanup(func() {
		s.alive()
		_ = cmd.Process.Kill()
		<-s.ended
	})
	select {
	case s.url = <-urls:
	case <-s.ended:
		t.Fatalf("it did not start:\n%s", s.logged())
	}
	s.admin, err = readKey(filepath.Dir(keyFile))
	must(t, err)
	s.Client, err = client.New(s.url, s.admin, client.Config{Tries: 1})
	must(t, err)
	return s
}

func (s *redisServe) logged() string {
	b, _ := os.ReadFile(s.log)
	return string(b)
}

func (s *redisServe) alive() {
	select {
	case <-s.ended:
		s.t.Errorf("the process ended:\n%s", s.logged())
	default:
	}
}

// answer is what a call got.
type answer struct {
	status int
	retry  string
	body   string
}

func (s *redisServe) ask(method, path, body string) answer {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, s.url+path, strings.NewReader(body))
	must(s.t, err)
	r.Header.Set("Authorization", "Bearer "+s.admin)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	got, err := http.DefaultClient.Do(r)
	must(s.t, err)
	defer got.Body.Close()
	b, err := io.ReadAll(got.Body)
	must(s.t, err)
	return answer{got.StatusCode, got.Header.Get("Retry-After"), string(b)}
}

// report reports a permit of a user.
func (s *redisServe) report(openid string, n int) answer {
	s.t.Helper()
	return s.ask("POST", "/v1/apps/"+testApp+"/reports", fmt.Sprintf(`{"openid":%q,"items":[{"type":"form","form_id":"%032x"}]}`, openid, n))
}

// untilReady asks /readyz until it answers as wanted, and returns the answer.
func (s *redisServe) untilReady(status int, says string) answer {
	s.t.Helper()
	deadline := time.Now().Add(90 * time.Second)
	for {
		got := s.ask("GET", "/readyz", "")
		if got.status == status && strings.Contains(got.body, says) {
			if status == 503 && got.retry == "" {
				s.t.Errorf("no Retry-After: %+v", got)
			}
			return got
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("readyz: %+v, want %d saying %q", got, status, says)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// refuses wants reports to be refused for now, and untouched afterwards.
func (s *redisServe) refuses() {
	s.t.Helper()
	if got := s.report("oRefused", 77); got.status != 503 || got.retry == "" {
		s.t.Errorf("a report: %+v", got)
	}
}

func (s *redisServe) takes(openid string, n int) {
	s.t.Helper()
	if got := s.report(openid, n); got.status != 200 || !strings.Contains(got.body, `"accepted":1`) {
		s.t.Errorf("a report: %+v", got)
	}
}

func (s *redisServe) makeApp() {
	s.t.Helper()
	_, err := s.CreateApp(s.t.Context(), api.NewApp{AppID: testApp, Secret: testSecret, BaseURL: "http://127.0.0.1:9", Shards: 8, Guards: noGuards()})
	must(s.t, err)
	s.takes("oFirst", 1)
}

// redisSteps are the steps of doctor.
func (s *redisServe) redisSteps(keyFile string) []api.Check {
	s.t.Helper()
	_, stdout, stderr := command(s.t, nil, "doctor", "--json", "--server", s.url, "--key-file", filepath.Join(filepath.Dir(keyFile), "admin.key"))
	var d diagnosis
	if err := json.Unmarshal([]byte(stdout), &d); err != nil || len(d.Apps) != 1 {
		s.t.Fatalf("%v: %s%s", err, stdout, stderr)
	}
	return d.Apps[0].Steps
}
