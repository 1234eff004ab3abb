package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/bank"
	"github.com/minapush/minapush/campaign"
	"github.com/minapush/minapush/collect"
	"github.com/minapush/minapush/console"
	"github.com/minapush/minapush/delivery"
	"github.com/minapush/minapush/dispatch"
	"github.com/minapush/minapush/server"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/redisstore"
	"github.com/minapush/minapush/wechat"
	"github.com/oklog/ulid/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// system is a whole minapush but for its listeners, wired in the order in which data flows.
type system struct {
	log        *slog.Logger
	place      place
	dir        string // of the embedded store; empty: there is none
	now        func() time.Time
	store      store.Store
	checkpoint func(ctx context.Context, dir string) error // copies the store; nil: it cannot
	redis      *redisstore.Store                           // the store if it is in Redis
	accounts   *account.Accounts
	bank       *bank.Bank
	collector  *collect.Collector
	ledger     *delivery.Ledger
	wechat     *wechat.Client
	passOn     *http.Transport // carries what WeChat pushes and is for others
	profiles   *audience.Profiles
	campaigns  *campaign.Campaigns
	dispatcher *dispatch.Dispatcher
	server     *server.Server
	console    *console.Console
}

// settings are what a system needs to know.
type settings struct {
	store   string // as of --store
	keyFile string // of an embedded store defaults to DIR/secret.key
	// files with Redis' password and the authority of its certificate; empty: none
	passwordFile, caFile string
	basePath             string
	// consoleHTTPS tells that browsers reach the console by https only.
	consoleHTTPS bool
	limits       limits
	// keepDays is for how many days rows are kept; 0 means the default of package campaign.
	keepDays int
	// now is the clock of every part but the store, whose leases have their own; nil is time.Now. Tests move it.
	now func() time.Time
	// tune changes how sending goes, for tests, and wrap the store, for tests and bench.
	tune func(*dispatch.Config)
	wrap func(store.Store) store.Store
}

// storeDir is the folder of an embedded store.
func storeDir(s string) (string, error) {
	at, err := parsePlace(s)
	if err == nil && at.dir == "" {
		err = errors.New("--store: must be pebble:DIR here")
	}
	return at.dir, err
}

// assemble opens the store and wires the rooms. The caller closes the system.
func assemble(ctx context.Context, s settings, log *slog.Logger) (*system, error) {
	at, err := s.place()
	if err == nil {
		err = at.readFiles(s)
	}
	if err != nil {
		return nil, err
	}
	st, err := at.open(ctx, log)
	if err != nil {
		return nil, err
	}
	var whole store.Store = st
	if s.wrap != nil {
		whole = s.wrap(st)
	}
	sys := &system{log: log, place: at, dir: at.dir, now: s.now, store: whole, checkpoint: st.checkpoint, redis: st.redis}
	if at.dir != "" {
		if err := removeStaleCopies(at.dir); err != nil {
			log.Warn("copies left by an earlier backup not removed", "dir", at.dir, "err", err)
		}
	}
	if err := sys.wire(ctx, s); err != nil {
		return nil, errors.Join(at.refused(err), st.Close())
	}
	return sys, nil
}

// wire makes the rooms.
func (sys *system) wire(ctx context.Context, s settings) error {
	st, log := sys.store, sys.log
	if err := store.CheckWhole(ctx, st); err != nil {
		return err
	}
	if sys.now == nil {
		sys.now = time.Now
	}
	keyFile := sealingKeyFile(s.keyFile, sys.dir)
	sealer, made, err := loadSealer(ctx, st, keyFile)
	if err != nil {
		return err
	}
	if sys.accounts, err = account.New(st, sealer, account.Config{Now: s.now}); err != nil {
		return err
	}
	if err = sys.checkSeal(ctx, keyFile, made); err != nil {
		return err
	}
	ready := newReadiness(sys)
	if err = ready.atStart(ctx); err != nil {
		return err
	}
	if sys.bank, err = bank.New(st, bank.Config{Logger: log, Now: s.now}); err != nil {
		return err
	}
	sys.ledger = delivery.New(st)
	if sys.profiles, err = audience.New(st, audience.Config{Now: s.now}); err != nil {
		return err
	}
	if sys.collector, err = collect.New(sys.bank, sys.ledger, collect.Config{
		Now: s.now, Templates: sys.accounts, Receipts: sys.ledger, People: sys.profiles, Stopper: stopper{sys},
	}); err != nil {
		return err
	}
	if sys.wechat, err = wechat.New(wechat.Config{Apps: sys.accounts, Cache: tokenCache{sys.accounts}, Logger: log, Now: s.now}); err != nil {
		return err
	}
	sys.campaigns, err = campaign.New(st, sys.ledger, sys.profiles, campaign.Config{
		NewID: idsBy(sys.now), Logger: log, Now: s.now, Keep: time.Duration(s.keepDays) * oneDay, Changed: func(minapush.AppID) { sys.dispatcher.Kick() },
		Template: sys.accounts.Template,
	})
	if err != nil {
		return err
	}
	sys.passOn = wechat.NewTransport(maxPassedOn)
	sending := dispatch.Config{NewID: idsBy(sys.now), Owner: randomName(), Logger: log, Now: s.now}
	if s.tune != nil {
		s.tune(&sending)
	}
	if sys.dispatcher, err = dispatch.New(sys.bank, sys.ledger, sys.campaigns, sys.accounts, sys.wechat, sending); err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, part := range []interface{ Metrics() []prometheus.Collector }{sys.bank, sys.collector, sys.wechat, sys.dispatcher} {
		registry.MustRegister(part.Metrics()...)
	}
	sys.server, err = server.New(server.Parts{
		Accounts: sys.accounts, Profiles: sys.profiles, Bank: sys.bank, Collector: sys.collector, Campaigns: sys.campaigns,
		Ledger: sys.ledger, Dispatcher: sys.dispatcher, Counter: audience.NewCounter(st, sys.now), Platform: platform{sys.wechat}, Gatherer: registry,
		Backup: sys.backup, Events: eventReader{s.now}, PassOn: sys.passOn,
		Checker: &checker{store: st, redis: sys.redis, accounts: sys.accounts, wechat: sys.wechat, dispatcher: sys.dispatcher},
		Ready:   ready.check, Limited: ready.limited,
	}, s.limits.apply(server.Config{BasePath: s.basePath, Version: version, Logger: log, Now: s.now}))
	if err != nil {
		return err
	}
	registry.MustRegister(sys.server.Metrics()...)
	return sys.wireConsole(s)
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
	// What the last answers added to the daybook came after the bank had written it.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
	defer cancel()
	if err := sys.collector.Flush(last); err != nil {
		sys.log.Warn("odd events not written at the end: the last second's are lost", "err", err)
	}
	if err := sys.bank.Flush(last); err != nil {
		sys.log.Warn("daybook not written at the end: the last seconds are lost", "err", err)
	}
	sys.wechat.CloseIdleConnections()
	sys.passOn.CloseIdleConnections()
	return err
}

func newID() string { return ulid.Make().String() }

// idsBy makes ids by a clock: those of pushes tell which day's they are.
func idsBy(now func() time.Time) func() string {
	return func() string { return ulid.MustNew(ulid.Timestamp(now()), ulid.DefaultEntropy()).String() }
}

// randomName makes this process unlike any other.
func randomName() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// platform gives the server what it asks of WeChat itself.
type platform struct{ *wechat.Client }

func (p platform) JSCode2Session(ctx context.Context, app minapush.AppID, code string) (minapush.OpenID, error) {
	got, err := p.Client.JSCode2Session(ctx, app, code)
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

// flushTime is how long the daybook may take at the end.
const flushTime = 5 * time.Second

// drainTime is how long the soft stop may take: longer than any send.
const drainTime = 20 * time.Second
