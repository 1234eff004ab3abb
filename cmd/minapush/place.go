package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/pebblestore"
	"github.com/minapush/minapush/store/redisstore"
)

// place is where everything is kept: what --store says.
type place struct {
	dir   string             // of the embedded store; empty: it is in Redis
	redis *redisstore.Config // nil: it is embedded
}

// storeForms are the forms of --store.
const storeForms = "pebble:DIR, redis://HOST:PORT or rediss://HOST:PORT"

// storeUsage is how flags that name a store are told.
const storeUsage = "pebble:DIR, or redis://[USER[:PASSWORD]@]HOST[:PORT][,HOST…][/DB][?prefix=NAME&wait-replicas=N], rediss:// for TLS; several hosts are one cluster"

// addPlace defines the flags that say where everything is kept.
func (s *settings) addPlace(flags *pflag.FlagSet) {
	flags.StringVar(&s.store, "store", "pebble:minapush-data", "where everything is kept: "+storeUsage)
	flags.StringVar(&s.passwordFile, "store-password-file", "", "file with the password of Redis, so that it need not stand in --store")
	flags.StringVar(&s.caFile, "store-ca-file", "", "file with the certificates (PEM) of who signed that of rediss:// (default: those that the system trusts)")
}

// parsePlace reads --store.
func parsePlace(s string) (place, error) {
	if dir, ok := strings.CutPrefix(s, "pebble:"); ok && dir != "" {
		return place{dir: dir}, nil
	}
	if isRedis(s) {
		cfg, err := redisstore.ParseURL(s)
		if err != nil {
			return place{}, fmt.Errorf("--store: %w", err)
		}
		return place{redis: &cfg}, nil
	}
	return place{}, errors.New("--store: must be " + storeForms) // it may hold a password: it is not repeated
}

func isRedis(s string) bool {
	return strings.HasPrefix(s, "redis://") || strings.HasPrefix(s, "rediss://")
}

// hidePassword is --store without a password.
func hidePassword(s string) string {
	p, err := parsePlace(s)
	switch {
	case err != nil:
		return "…" // the password may stand anywhere
	case p.redis == nil:
		return s
	}
	scheme, rest, _ := strings.Cut(s, "://")
	at := strings.LastIndexByte(rest, '@')
	if user, _, has := strings.Cut(rest[:max(at, 0)], ":"); has {
		return scheme + "://" + user + ":xxxxx" + rest[at:]
	}
	return s
}

// place is where the settings say that everything is kept, as far as they tell by themselves: no file is read.
func (s settings) place() (place, error) {
	p, err := parsePlace(s.store)
	switch {
	case err != nil:
	case p.redis == nil && cmp.Or(s.passwordFile, s.caFile) != "":
		err = errors.New("--store-password-file, --store-ca-file: go with a --store in Redis")
	case p.redis == nil:
	case s.keyFile == "":
		err = errors.New("--sealing-key-file: must be given with a --store in Redis, the same file on every node")
	case s.passwordFile != "" && p.redis.Password != "":
		err = errors.New("--store-password-file: --store has a password already")
	case s.caFile != "" && p.redis.TLS == nil:
		err = errors.New("--store-ca-file: goes with rediss:// only")
	}
	return p, err
}

// readFiles adds what the settings have in files.
func (p place) readFiles(s settings) error {
	return errors.Join(p.readPassword(s.passwordFile), p.readCA(s.caFile))
}

// readPassword takes the password from a file: its text without the end of the line.
func (p place) readPassword(path string) error {
	if path == "" {
		return nil
	}
	text, err := readSmall(path)
	if err != nil {
		return fmt.Errorf("--store-password-file: %w", err)
	}
	if p.redis.Password = strings.TrimRight(text, "\r\n"); p.redis.Password == "" {
		return fmt.Errorf("--store-password-file: %s is empty", path)
	}
	return nil
}

// readCA takes the certificates of authorities from a file.
func (p place) readCA(path string) error {
	if path == "" {
		return nil
	}
	text, err := readSmall(path)
	if err != nil {
		return fmt.Errorf("--store-ca-file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(text)) {
		return fmt.Errorf("--store-ca-file: %s holds no certificate in PEM", path)
	}
	p.redis.TLS = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}
	return nil
}

// readSmall reads a file of up to a MiB, which may be a pipe.
func readSmall(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 1<<20))
	return string(b), err
}

// opened is a store that is open.
type opened struct {
	store.Store
	// checkpoint copies the store while it is in use; nil: it cannot.
	checkpoint func(ctx context.Context, dir string) error
	// redis is the store if it is in Redis.
	redis *redisstore.Store
}

// open opens the store. Its error says, on one line, what somebody at the machine has to do.
func (p place) open(ctx context.Context, log *slog.Logger) (opened, error) {
	if p.redis != nil {
		cfg := *p.redis
		cfg.Logger = log
		st, err := redisstore.Open(ctx, cfg)
		return opened{Store: st, redis: st}, p.fault(err)
	}
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return opened{}, err
	}
	st, err := pebblestore.Open(filepath.Join(p.dir, "db"), pebblestore.Config{Logger: log})
	if err != nil {
		return opened{}, err
	}
	return opened{Store: st, checkpoint: st.Checkpoint}, nil
}
