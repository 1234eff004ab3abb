package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush/store/redisstore/redistest"
)

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
