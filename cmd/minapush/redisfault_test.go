package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
	"github.com/minapush/minapush/sandbox"
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

func TestAStoreThatCannotBeUsedIsToldInOneLineAndLeftAlone(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "secret.key")
	server := redistest.One(t, "user team on >geheim ~* &* +@all", "user weak on >geheim ~* &* +@all -@write", "user none on >geheim -@all")
	onRedis(t, redisURL(server), key)
	_, err := server.Do("SET", "newer:format", "minapush store, format 9")
	must(t, err)
	_, err = server.Do("SET", "other:format", "ours")
	must(t, err)
	otherKey, noKey := filepath.Join(t.TempDir(), "secret.key"), filepath.Join(t.TempDir(), "secret.key")
	must(t, os.WriteFile(otherKey, []byte(strings.Repeat("ab", 32)), 0o600))
	host, port, _ := strings.Cut(server.Addr(), ":")
	replica := redistest.One(t, "replicaof "+host+" "+port)
	addr := server.Addr()
	before := dump(t, server)
	for name, c := range map[string]struct {
		store, key string
		status     int
		says       []string
	}{
		"wrong password":       {"redis://team:falsch@" + addr, key, exitConfig, []string{"WRONGPASS", "--store-password-file"}},
		"unknown user":         {"redis://who:geheim@" + addr, key, exitConfig, []string{"WRONGPASS"}},
		"password, but none":   {"redis://:geheim@" + addr, key, exitConfig, []string{"has no password", "leave the password out"}},
		"no rights":            {"redis://none:geheim@" + addr, key, exitConfig, []string{"may not do this", "rights"}},
		"may only read":        {"redis://weak:geheim@" + addr, key, exitConfig, []string{"may not do this", "rights"}},
		"no TLS there":         {"rediss://" + addr, key, 1, []string{"write redis://"}},
		"a replica":            {redisURL(replica), key, exitConfig, []string{"replica", "master"}},
		"a newer format":       {redisURL(server) + "?prefix=newer", key, exitConfig, []string{"format 9", "release"}},
		"somebody else's data": {redisURL(server) + "?prefix=other", key, exitConfig, []string{"prefix"}},
		"no such database":     {redisURL(server) + "/99", key, 1, []string{"no database of that number"}},
		"another sealing key":  {redisURL(server), otherKey, exitConfig, []string{"--sealing-key-file", "is not the key"}},
		"no sealing key":       {redisURL(server), noKey, exitConfig, []string{"--sealing-key-file", "is not there"}},
	} {
		status, stdout, stderr := command(t, nil, "serve", "--store", c.store, "--sealing-key-file", c.key, "--listen", "127.0.0.1:0")
		if status != c.status || stdout != "" {
			t.Errorf("%s: status %d, want %d: %s", name, status, c.status, stdout)
		}
		wantOneLine(t, name, stderr, c.says...)
	}
	if _, err := os.Stat(noKey); err == nil {
		t.Error("a key file was made for a store that was sealed with another")
	}
	if after := dump(t, server); !maps.Equal(before, after) {
		t.Errorf("data was touched: %d keys before, %d after", len(before), len(after))
	}
}

// wantOneLine wants an error that fits on a line, says what it should, and no password.
func wantOneLine(t *testing.T, name, stderr string, says ...string) {
	t.Helper()
	text := strings.TrimSpace(stderr)
	if !strings.HasPrefix(text, "minapush: ") || strings.Contains(text, "\n") || strings.Contains(text, "geheim") {
		t.Errorf("%s: want one line, got\n%s", name, stderr)
	}
	for _, part := range says {
		if !strings.Contains(text, part) {
			t.Errorf("%s: %q is not in: %s", name, part, text)
		}
	}
}

func TestTLSThatIsWrongIsToldAndAnAuthorityCanBeNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	selfSigned(t, dir)
	ports := freePort(t)
	server := redistest.One(t, "tls-port "+ports, "tls-cert-file "+filepath.Join(dir, "cert.pem"), "tls-key-file "+filepath.Join(dir, "key.pem"),
		"tls-auth-clients no", "requirepass geheim")
	addr, key, password := "127.0.0.1:"+ports, filepath.Join(dir, "secret.key"), filepath.Join(dir, "password")
	must(t, os.WriteFile(password, []byte("geheim\n"), 0o600))
	refused := func(store string, status int, says string) {
		t.Helper()
		got, _, stderr := command(t, nil, "serve", "--store", store, "--sealing-key-file", key, "--store-password-file", password)
		if got != status {
			t.Errorf("%s: status %d", store, got)
		}
		wantOneLine(t, store, stderr, says)
	}
	refused("rediss://"+addr, exitConfig, "--store-ca-file")
	refused("redis://"+addr, 1, "write rediss://")
	refused("rediss://"+server.Addr(), 1, "write redis://")
	_, err := assemble(t.Context(), settings{store: "rediss://" + addr, keyFile: key, passwordFile: password, caFile: key + "x"}, discard())
	if err == nil || !strings.Contains(err.Error(), "--store-ca-file") {
		t.Errorf("without the authority's file: %v", err)
	}
	sys, err := assemble(t.Context(), settings{store: "rediss://" + addr, keyFile: key, passwordFile: password, caFile: filepath.Join(dir, "cert.pem")}, discard())
	must(t, err)
	must(t, sys.store.Close())
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	must(t, err)
	return port
}

// selfSigned writes a certificate of 127.0.0.1 and its key into a folder.
func selfSigned(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	must(t, err)
	private, err := x509.MarshalECPrivateKey(key)
	must(t, err)
	for name, b := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "EC PRIVATE KEY", Bytes: private}} {
		must(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(b), 0o600))
	}
}

func TestAFullRedisIsToldAtTheStart(t *testing.T) {
	t.Parallel()
	server := redistest.One(t, "maxmemory-policy noeviction")
	key := filepath.Join(t.TempDir(), "secret.key")
	onRedis(t, redisURL(server), key)
	before := dump(t, server)
	_, err := server.Do("CONFIG", "SET", "maxmemory", "1mb")
	must(t, err)
	status, _, stderr := command(t, nil, "serve", "--store", redisURL(server), "--sealing-key-file", key)
	if status != 1 {
		t.Errorf("status %d", status)
	}
	wantOneLine(t, "full", stderr, "out of memory", "raise maxmemory")
	if !maps.Equal(before, dump(t, server)) {
		t.Error("data was touched")
	}
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
	_, err := s.CreateApp(s.t.Context(), api.NewApp{AppID: testApp, Secret: testSecret, BaseURL: "http://127.0.0.1:9", Shards: 8})
	must(s.t, err)
	s.takes("oFirst", 1)
}

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
	_, err = s.CreateApp(t.Context(), api.NewApp{AppID: testApp, Secret: testSecret, BaseURL: l.url(), Shards: 4})
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
