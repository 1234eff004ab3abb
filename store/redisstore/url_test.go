package redisstore

import (
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/minapush/minapush"
)

func TestAURLSaysWhereTheStoreIs(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Config{
		"redis://h":                                  {Addresses: []string{"h:6379"}},
		"redis://127.0.0.1:7000/":                    {Addresses: []string{"127.0.0.1:7000"}},
		"redis://[::1]:7000/2":                       {Addresses: []string{"[::1]:7000"}, DB: 2},
		"redis://[::1]":                              {Addresses: []string{"[::1]:6379"}},
		"redis://a,b:7001,c?prefix=x.y":              {Addresses: []string{"a:6379", "b:7001", "c:6379"}, Prefix: "x.y"},
		"redis://:p%40ss%2F%3F%23@h":                 {Addresses: []string{"h:6379"}, Password: "p@ss/?#"},
		"redis://u:p@h:1?wait-replicas=0":            {Addresses: []string{"h:1"}, Username: "u", Password: "p"},
		"redis://u@h?wait-replicas=2&prefix=team-a_": {Addresses: []string{"h:6379"}, Username: "u", WaitReplicas: 2, Prefix: "team-a_"},
	} {
		got, err := ParseURL(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if !strings.Contains(text, "wait-replicas") {
			want.WaitReplicas = FindOut
		}
		want.setDefaults()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", text, got, want)
		}
	}
}

func TestAURLThatSaysTooLittleOrTooMuchIsRefusedAndKeepsItsSecret(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certificate(t, dir)
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	none := filepath.Join(dir, "none.pem")
	for text, says := range map[string]string{
		"":                           "redis:// or rediss://",
		"http://h":                   "redis:// or rediss://",
		"redis:///0":                 "HOST or HOST:PORT",
		"redis://a,,b":               "HOST or HOST:PORT",
		"redis://h:0":                "HOST or HOST:PORT",
		"redis://h:65536":            "HOST or HOST:PORT",
		"redis://h/x":                "number as its database",
		"redis://h/-1":               "number as its database",
		"redis://h?prefix={a}":       "prefix",
		"redis://h?wait-replicas=-1": "wait-replicas",
		"redis://h?wait-replicas=x":  "wait-replicas",
		"redis://h?wait-replicas=1&prefix=a&prefix=b": "each parameter once",
		"redis://h?tls-insecure=1":                    "no parameter",
		"redis://u:secret@h?timeout=1s":               "no parameter",
		"redis://u:secret%zz@h":                       "%XX",
		"redis://u:secret/x@h":                        "%2F",
		"redis://u:secret#x@h":                        "%2",
		"redis://h?ca=" + cert:                        "rediss://",
		"redis://h?server-name=x":                     "rediss://",
		"rediss://h?ca=":                              "a value for ca",
		"rediss://h?ca=" + none:                       "can be read as ca",
		"rediss://h?ca=" + key:                        "certificates (PEM)",
		"rediss://h?cert=" + cert:                     "cert and key together",
		"rediss://h?key=" + key:                       "cert and key together",
		"rediss://h?cert=" + cert + "&key=" + cert:    "cert and key",
		"rediss://h?cert=" + none + "&key=" + key:     "cert and key",
	} {
		_, err := ParseURL(text)
		var e *minapush.Error
		if !errors.As(err, &e) || e.Kind != minapush.Invalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: got %v, want Invalid, saying %q", text, err, says)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the password is in %v", text, err)
		}
	}
}

func TestAURLSaysHowTLSIsSpoken(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pool := certificate(t, dir)
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	cfg, err := ParseURL("rediss://h?ca=" + cert + "&cert=" + cert + "&key=" + key + "&server-name=redis.example")
	if err != nil {
		t.Fatal(err)
	}
	if c := cfg.TLS; c.ServerName != "redis.example" || !c.RootCAs.Equal(pool) || len(c.Certificates) != 1 || c.InsecureSkipVerify {
		t.Errorf("got %+v", c)
	}
	cfg, err = ParseURL("rediss://h")
	if err != nil || cfg.TLS == nil || cfg.TLS.RootCAs != nil || cfg.TLS.InsecureSkipVerify {
		t.Errorf("got %+v, %v", cfg.TLS, err)
	}
}

func FuzzURL(f *testing.F) {
	for _, s := range []string{
		"redis://h", "redis://u:p@a:1,[::1]:2/3?prefix=x&wait-replicas=1", "rediss://h?server-name=x", "redis://@/", "redis://:@,?#", "rediss://h?ca=/",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "ca=") || strings.Contains(text, "cert=") || strings.Contains(text, "key=") {
			t.Skip("it may name any file")
		}
		cfg, err := ParseURL(text)
		if err != nil {
			if minapush.KindOf(err) != minapush.Invalid {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if err := cfg.validate(); err != nil || (cfg.TLS != nil) != strings.HasPrefix(text, "rediss://") {
			t.Fatalf("%q gave %+v, %v", text, cfg, err)
		}
		if cfg.TLS != nil && cfg.TLS.InsecureSkipVerify {
			t.Fatalf("%q trusts everybody", text)
		}
		for _, a := range cfg.Addresses {
			if again, err := ParseURL("redis://" + a); err != nil || again.Addresses[0] != a {
				t.Fatalf("%q gave the address %q, which is no address: %v", text, a, err)
			}
		}
	})
}
