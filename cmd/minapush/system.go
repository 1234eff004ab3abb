package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/bank"
	"github.com/minapush/minapush/campaign"
	"github.com/minapush/minapush/collect"
	"github.com/minapush/minapush/delivery"
	"github.com/minapush/minapush/dispatch"
	"github.com/minapush/minapush/server"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/pebblestore"
	"github.com/minapush/minapush/wechat"
	"github.com/oklog/ulid/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// system is a whole minapush but for its listeners, wired in the order in which data flows.
type system struct {
	log        *slog.Logger
	store      store.Store
	accounts   *account.Accounts
	bank       *bank.Bank
	collector  *collect.Collector
	ledger     *delivery.Ledger
	wechat     *wechat.Client
	campaigns  *campaign.Campaigns
	dispatcher *dispatch.Dispatcher
	server     *server.Server
}

// settings are what a system needs to know.
type settings struct {
	store    string // "pebble:DIR"
	keyFile  string // defaults to DIR/secret.key
	basePath string
	// now is the clock of every part but the store, whose leases have their own; nil is time.Now. Tests move it.
	now func() time.Time
	// tune changes how sending goes, and wrap the store, for tests.
	tune func(*dispatch.Config)
	wrap func(store.Store) store.Store
}

// storeDir parses --store.
func storeDir(s string) (string, error) {
	dir, ok := strings.CutPrefix(s, "pebble:")
	if !ok || dir == "" {
		return "", fmt.Errorf("--store: must be pebble:DIR, not %q", s)
	}
	return dir, nil
}

// assemble opens the store and wires the rooms. The caller closes the system.
func assemble(s settings, log *slog.Logger) (*system, error) {
	dir, err := storeDir(s.store)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	st, err := pebblestore.Open(filepath.Join(dir, "db"), pebblestore.Config{Logger: log})
	if err != nil {
		return nil, err
	}
	var whole store.Store = st
	if s.wrap != nil {
		whole = s.wrap(st)
	}
	sys, err := wire(whole, dir, s, log)
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return sys, nil
}

func wire(st store.Store, dir string, s settings, log *slog.Logger) (*system, error) {
	keyFile := s.keyFile
	if keyFile == "" {
		keyFile = filepath.Join(dir, "secret.key")
	}
	key, err := account.LoadKeyFile(keyFile, true)
	if err != nil {
		return nil, err
	}
	sealer, err := account.OpenSealer(key)
	if err != nil {
		return nil, err
	}
	sys := &system{log: log, store: st}
	if sys.accounts, err = account.New(st, sealer, account.Config{Now: s.now}); err != nil {
		return nil, err
	}
	if err = sys.accounts.CheckSeal(context.Background()); err != nil {
		return nil, fmt.Errorf("key file %s: %w", keyFile, err)
	}
	if sys.bank, err = bank.New(st, bank.Config{Logger: log, Now: s.now}); err != nil {
		return nil, err
	}
	if sys.collector, err = collect.New(sys.bank, collect.Config{Now: s.now}); err != nil {
		return nil, err
	}
	sys.ledger = delivery.New(st)
	if sys.wechat, err = wechat.New(wechat.Config{Apps: sys.accounts, Cache: tokenCache{sys.accounts}, Logger: log, Now: s.now}); err != nil {
		return nil, err
	}
	sys.campaigns, err = campaign.New(st, sys.ledger, campaign.Config{
		NewID: newID, Logger: log, Now: s.now, Changed: func(minapush.AppID) { sys.dispatcher.Kick() },
	})
	if err != nil {
		return nil, err
	}
	sending := dispatch.Config{NewID: newID, Owner: randomName(), Logger: log, Now: s.now}
	if s.tune != nil {
		s.tune(&sending)
	}
	if sys.dispatcher, err = dispatch.New(sys.bank, sys.ledger, sys.campaigns, sys.accounts, sys.wechat, sending); err != nil {
		return nil, err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, part := range []interface{ Metrics() []prometheus.Collector }{sys.bank, sys.collector, sys.wechat, sys.dispatcher} {
		registry.MustRegister(part.Metrics()...)
	}
	sys.server, err = server.New(server.Parts{
		Accounts: sys.accounts, Bank: sys.bank, Collector: sys.collector, Campaigns: sys.campaigns, Ledger: sys.ledger,
		Dispatcher: sys.dispatcher, Sessions: sessions{sys.wechat}, Gatherer: registry,
		Ready: func(ctx context.Context) error { _, err := sys.accounts.Apps(ctx); return err },
	}, server.Config{BasePath: s.basePath, Version: version, Logger: log, Now: s.now})
	if err != nil {
		return nil, err
	}
	registry.MustRegister(sys.server.Metrics()...)
	return sys, nil
}

// run works until ctx ends, then stops in order: schedules and surveys first, then sending, which finishes what is in flight
// unless hard ends too.
func (sys *system) run(ctx, hard context.Context) error {
	var background sync.WaitGroup
	background.Go(func() {
		if err := sys.campaigns.Run(ctx, sys.accounts.Apps); err != nil && ctx.Err() == nil {
			sys.log.Error("schedules ended", "err", err)
		}
	})
	background.Go(func() {
		_ = sys.bank.Run(ctx, sys.accounts.Apps) // returns the end of ctx
	})
	err := sys.dispatcher.Run(ctx, hard)
	background.Wait()
	sys.wechat.CloseIdleConnections()
	return err
}

func newID() string { return ulid.Make().String() }

// randomName makes this process unlike any other.
func randomName() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// sessions gives the server the one thing it asks of WeChat.
type sessions struct{ c *wechat.Client }

func (s sessions) JSCode2Session(ctx context.Context, app minapush.AppID, code string) (minapush.OpenID, error) {
	got, err := s.c.JSCode2Session(ctx, app, code)
	return got.OpenID, err
}

// tokenCache keeps access tokens in the store, sealed, for all nodes.
type tokenCache struct{ a *account.Accounts }

func (t tokenCache) load(ctx context.Context, app minapush.AppID) (c wechat.CachedToken, version uint64, err error) {
	value, version, err := t.a.LoadToken(ctx, app)
	if err == nil && version > 0 {
		err = json.Unmarshal(value, &c)
	}
	return c, version, err
}

// Load returns what is stored.
func (t tokenCache) Load(ctx context.Context, app minapush.AppID) (wechat.CachedToken, error) {
	c, _, err := t.load(ctx, app)
	return c, err
}

// Store replaces old by next unless another node was first.
func (t tokenCache) Store(ctx context.Context, app minapush.AppID, old, next wechat.CachedToken) error {
	have, version, err := t.load(ctx, app)
	if err != nil {
		return err
	}
	if !have.Equal(old) {
		return minapush.Errorf(minapush.Conflict, "the access token of %s was changed meanwhile", app)
	}
	value, err := json.Marshal(next)
	if err != nil {
		return err
	}
	_, err = t.a.StoreToken(ctx, app, value, version)
	return err
}

// drainTime is how long the soft stop may take: longer than any send.
const drainTime = 20 * time.Second
