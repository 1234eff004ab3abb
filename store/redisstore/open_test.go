package redisstore

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/redisstore/redistest"
)

// wantOpen tries to open and wants an error of a kind that says something.
func wantOpen(t *testing.T, cfg Config, kind minapush.Kind, says string) {
	t.Helper()
	s, err := Open(t.Context(), cfg)
	if err == nil {
		_ = s.Close()
		t.Fatalf("it opened; want %v", kind)
	}
	if !errors.Is(err, kind) || !strings.Contains(err.Error(), says) {
		t.Errorf("got %v: %v; want %v, saying %q", minapush.KindOf(err), err, kind, says)
	}
}

func TestAConfigurationThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	here := []string{"127.0.0.1:1"}
	for field, cfg := range map[string]Config{
		"addresses":     {},
		"prefix":        {Addresses: here, Prefix: "a{b}"},
		"db":            {Addresses: here, DB: -1},
		"wait_replicas": {Addresses: here, WaitReplicas: -2},
	} {
		_, err := Open(t.Context(), cfg)
		var e *minapush.Error
		if !errors.As(err, &e) || e.Kind != minapush.Invalid || e.Field != field {
			t.Errorf("%s: got %v", field, err)
		}
	}
}

func TestAServerThatIsNotThereIsUnavailable(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	wantOpen(t, Config{Addresses: []string{addr}, Timeout: time.Second}, minapush.Unavailable, addr)
}

func TestAReplicaIsRefused(t *testing.T) {
	t.Parallel()
	master := redistest.One(t)
	host, port, _ := strings.Cut(master.Addr(), ":")
	replica := redistest.One(t, "replicaof "+host+" "+port)
	wantOpen(t, Config{Addresses: []string{replica.Addr()}, Timeout: 5 * time.Second}, minapush.Invalid, "replica")
}

func TestAnOldServerIsTooOld(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"6.0.16": true, "5.0.7": true, "6.2.0": false, "7.2.4": false, "8.0": false, "": false, "x": false} {
		err := checkFacts([]Facts{{Version: text, Role: "master"}})
		if got := errors.Is(err, minapush.Invalid); got != want {
			t.Errorf("version %q: got %v", text, err)
		}
	}
}

func TestDataOfAnotherOrOfANewerReleaseIsLeftAlone(t *testing.T) {
	t.Parallel()
	server := redistest.One(t)
	for prefix, c := range map[string]struct{ text, says string }{
		"other": {"something else", "not a minapush store"},
		"newer": {marker + "2", "format 2, this binary knows up to 1"},
	} {
		if _, err := server.Do("SET", prefix+":format", c.text); err != nil {
			t.Fatal(err)
		}
		before, err := server.Do("DBSIZE")
		if err != nil {
			t.Fatal(err)
		}
		wantOpen(t, Config{Addresses: []string{server.Addr()}, Prefix: prefix}, minapush.Invalid, c.says)
		if after, err := server.Do("DBSIZE"); err != nil || after != before {
			t.Errorf("there were %s keys and are %s, %v", before, after, err)
		}
		if is, _ := server.Do("GET", prefix+":format"); is != c.text {
			t.Errorf("the marker is now %q", is)
		}
	}
}

func TestValuesOfANewerReleaseAreRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	server := redistest.One(t)
	s := openAt(t, newPrefix(), server.Addr())
	defer s.Close()
	sh := minapush.Shard{App: 1}
	key := s.keys(sh).users()
	newer := "\x02what is to come"
	if _, err := server.Do("HSET", key, "u", newer); err != nil {
		t.Fatal(err)
	}
	_, err := s.User(t.Context(), sh, "u")
	if !errors.Is(err, minapush.Internal) || !strings.Contains(err.Error(), "newer release") {
		t.Errorf("user: %v", err)
	}
	_, err = s.Deposit(t.Context(), sh, "u", store.Deposit{Now: time.Unix(1, 0)})
	if !errors.Is(err, minapush.Internal) || !strings.Contains(err.Error(), "newer release") {
		t.Errorf("deposit: %v", err)
	}
	if is, _ := server.Do("HGET", key, "u"); is != newer {
		t.Errorf("it is now %q", is)
	}
	doc := s.documents("k")
	if _, err := server.Do("SET", doc.value("a"), newer); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"get": second(s.Get(t.Context(), "k", "a")), "put": second(s.Put(t.Context(), store.Document{Kind: "k", ID: "a"})),
		"delete": s.Delete(t.Context(), store.Document{Kind: "k", ID: "a", Version: 1}),
	} {
		if !errors.Is(err, minapush.Internal) || !strings.Contains(err.Error(), "newer release") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestAWrongPasswordIsUnauthorized(t *testing.T) {
	t.Parallel()
	server := redistest.One(t, "requirepass right", "user team on >secret ~* &* +@all", "user nobody on >x -@all")
	addr := []string{server.Addr()}
	wantOpen(t, Config{Addresses: addr}, minapush.Unauthorized, "password")
	wantOpen(t, Config{Addresses: addr, Password: "wrong"}, minapush.Unauthorized, "password")
	wantOpen(t, Config{Addresses: addr, Username: "team", Password: "wrong"}, minapush.Unauthorized, "password")
	wantOpen(t, Config{Addresses: addr, Username: "nobody", Password: "x"}, minapush.Unauthorized, "may not")
	for _, cfg := range []Config{{Addresses: addr, Password: "right"}, {Addresses: addr, Username: "team", Password: "secret"}} {
		s, err := Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		_ = s.Close()
	}
}

func TestWhatTheServerDoesNotTellIsTakenToBeWell(t *testing.T) {
	t.Parallel()
	server := redistest.One(t, "user app on >x ~* &* +@all -info -config -cluster -role -wait")
	s, err := Open(t.Context(), Config{Addresses: []string{server.Addr()}, Username: "app", Password: "x"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	all, err := s.Facts(t.Context())
	if err != nil || len(all) != 1 || all[0] != (Facts{Addr: server.Addr()}) {
		t.Errorf("facts %+v, %v; want none", all, err)
	}
	if _, err := s.Put(t.Context(), store.Document{Kind: "k", ID: "a"}); err != nil {
		t.Error(err)
	}
}

func TestFactsTellHowTheServerKeepsItsData(t *testing.T) {
	t.Parallel()
	server := redistest.One(t, "maxmemory 100mb", "maxmemory-policy allkeys-lru", "appendfsync everysec")
	s := openAt(t, newPrefix(), server.Addr())
	defer s.Close()
	all, err := s.Facts(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	f := all[0]
	if n, err := strconv.Atoi(f.UsedMemory); err != nil || n < 100_000 {
		t.Errorf("used memory %q", f.UsedMemory)
	}
	f.Version, f.UsedMemory = "", ""
	want := Facts{
		Addr: server.Addr(), Role: "master", Cluster: "0", Replicas: "0", AppendOnly: "1", Fsync: "everysec", Snapshots: "never",
		MaxMemory: "104857600", Eviction: "allkeys-lru",
	}
	if f != want {
		t.Errorf("got %+v, want %+v", f, want)
	}
}

func TestTheStoreSpeaksTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pool := certificate(t, dir)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	_, port, _ := strings.Cut(addr, ":")
	redistest.One(t, "tls-port "+port, "tls-cert-file "+filepath.Join(dir, "cert.pem"), "tls-key-file "+filepath.Join(dir, "key.pem"),
		"tls-auth-clients no")
	s, err := Open(t.Context(), Config{Addresses: []string{addr}, TLS: &tls.Config{RootCAs: pool}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), store.Document{Kind: "k", ID: "a"}); err != nil {
		t.Error(err)
	}
	_ = s.Close()
	wantOpen(t, Config{Addresses: []string{addr}, TLS: &tls.Config{}}, minapush.Unavailable, "certificate")
	wantOpen(t, Config{Addresses: []string{addr}, Timeout: time.Second}, minapush.Unavailable, "")
}

// certificate writes a certificate of 127.0.0.1 and its key into a directory.
func certificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	priv, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "EC PRIVATE KEY", Bytes: priv}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(cert)
	return pool
}

func TestStoresUnderDifferentPrefixesAreApart(t *testing.T) {
	t.Parallel()
	server := redistest.One(t)
	a, b := openAt(t, "a", server.Addr()), openAt(t, "a.b", server.Addr())
	defer a.Close()
	defer b.Close()
	sh := minapush.Shard{App: 1}
	if _, err := a.Deposit(t.Context(), sh, "u", store.Deposit{Now: time.Unix(1, 0)}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.User(t.Context(), sh, "u"); !errors.Is(err, minapush.NotFound) {
		t.Errorf("got %v", err)
	}
}

func TestADatabaseIsUsedByItsNumber(t *testing.T) {
	t.Parallel()
	server := redistest.One(t)
	s, err := Open(context.Background(), Config{Addresses: []string{server.Addr()}, DB: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if info, err := server.Do("INFO", "keyspace"); err != nil || !strings.Contains(info, "db3:keys=1,") || strings.Contains(info, "db0") {
		t.Errorf("%s, %v", info, err)
	}
}

func TestAClusterIsDownWhenNobodySaysOtherwise(t *testing.T) {
	t.Parallel()
	for states, want := range map[string]bool{"": false, "ok": false, "fail": true, "ok fail": false, "fail fail": true, "fail ok fail": false} {
		var all []Facts
		for state := range strings.FieldsSeq(states) {
			all = append(all, Facts{Role: "master", ClusterState: state})
		}
		if got := errors.Is(checkFacts(all), minapush.Unavailable); got != want {
			t.Errorf("%q: %v", states, got)
		}
	}
}

func TestClaimsWaitForReplicasWhereThereAreAny(t *testing.T) {
	t.Parallel()
	master := redistest.One(t, "user app on >x ~* &* +@all -wait", "user mute on >x ~* &* +@all -info -config -wait")
	host, port, _ := strings.Cut(master.Addr(), ":")
	wait := func(user string, configured int) int {
		t.Helper()
		cfg := Config{Addresses: []string{master.Addr()}, WaitReplicas: configured, Prefix: newPrefix()}
		if user != "" {
			cfg.Username, cfg.Password = user, "x"
		}
		s, err := Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		return s.WaitReplicas()
	}
	if n := wait("", FindOut); n != 0 {
		t.Errorf("without replicas it waits for %d", n)
	}
	linked(t, redistest.One(t, "replicaof "+host+" "+port))
	for name, c := range map[string]struct {
		user             string
		configured, want int
	}{
		"has one":                 {"", FindOut, 1},
		"told not to":             {"", 0, 0},
		"told to wait for two":    {"", 2, 2},
		"WAIT is refused":         {"app", FindOut, 0},
		"INFO is refused as well": {"mute", FindOut, 0},
	} {
		if n := wait(c.user, c.configured); n != c.want {
			t.Errorf("%s: waits for %d", name, n)
		}
	}
}

func TestAServerThatRefusesWhoIsInIsOutOfOrder(t *testing.T) {
	t.Parallel()
	server := redistest.One(t)
	s := openAt(t, newPrefix(), server.Addr())
	defer s.Close()
	if _, err := server.Do("ACL", "SETUSER", "default", "-@write"); err != nil {
		t.Fatal(err)
	}
	_, err := s.Put(t.Context(), store.Document{Kind: "k", ID: "a"})
	if !errors.Is(err, minapush.Unavailable) || !strings.Contains(err.Error(), "may not do this") {
		t.Errorf("got %v: %v", minapush.KindOf(err), err)
	}
}
