package client_test

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/bank"
	"github.com/minapush/minapush/campaign"
	"github.com/minapush/minapush/collect"
	"github.com/minapush/minapush/delivery"
	"github.com/minapush/minapush/dispatch"
	"github.com/minapush/minapush/sandbox"
	"github.com/minapush/minapush/server"
	"github.com/minapush/minapush/store/pebblestore"
	"github.com/minapush/minapush/wechat"
)

const (
	// signIn is the id of the examples' template, whose one placeholder is thing1.
	signIn = "sign-in-reminder"
	secret = "simulated-secret"
)

// world is a minapush server on a store of its own, over a simulator of WeChat, with one app that has one template. The examples call
// it as they would call any server.
type world struct {
	URL string
	// Key is an admin key for every app.
	Key string
	// WeChat lets an example play its users.
	WeChat *sandbox.Sandbox

	stop []func() // in the order of the ending
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

// serveExample starts a server.
func serveExample() *world {
	w := &world{WeChat: must(sandbox.New(sandbox.Config{}))}
	must(w.WeChat.AddApp(sandbox.App{AppID: app, Secret: secret}))
	must(w.WeChat.AddTemplate(app, sandbox.Template{ID: signIn, Title: "签到提醒", Type: sandbox.OneTime, Keys: []string{"thing1"}}))
	dir := must(os.MkdirTemp("", "minapush-example"))
	st := must(pebblestore.Open(dir, pebblestore.Config{}))
	accounts := must(account.New(st, must(account.OpenSealer(bytes.Repeat([]byte{7}, account.KeySize))), account.Config{}))
	key, _, err := accounts.EnsureAdminKey(context.Background(), nil)
	check(err)
	w.Key = key
	ctx := context.Background()
	must(accounts.CreateApp(ctx, minapush.App{ID: app, Name: "Coffee", Shards: 4, Rate: minapush.Unlimited}, secret))
	check(accounts.PutTemplate(ctx, app, minapush.Template{
		ID: signIn, Kind: minapush.OneTimeTemplate, Title: "签到提醒", Keys: []minapush.TemplateKey{{Key: "thing1"}},
	}))
	parts, run := rooms(st, accounts, w.WeChat)
	srv := httptest.NewServer(must(server.New(parts, server.Config{})).Private())
	w.URL = srv.URL
	w.stop = []func(){srv.Close, run(), func() { check(st.Close()) }, func() { check(os.RemoveAll(dir)) }}
	return w
}

// rooms wires a server's parts. run starts what works in the background, and returns what ends it.
func rooms(st *pebblestore.Store, accounts *account.Accounts, platform *sandbox.Sandbox) (parts server.Parts, run func() (stop func())) {
	w := must(wechat.New(wechat.Config{Apps: accounts, Transport: platform}))
	b, ledger, profiles := must(bank.New(st, bank.Config{})), delivery.New(st), must(audience.New(st, audience.Config{}))
	newID := func() string { return ulid.Make().String() }
	var dispatcher *dispatch.Dispatcher
	campaigns := must(campaign.New(st, ledger, profiles, campaign.Config{NewID: newID, Changed: func(minapush.AppID) { dispatcher.Kick() }}))
	dispatcher = must(dispatch.New(b, ledger, campaigns, accounts, w, dispatch.Config{NewID: newID, Owner: "example"}))
	parts = server.Parts{
		Accounts: accounts, Profiles: profiles, Bank: b, Collector: must(collect.New(b, ledger, collect.Config{})), Campaigns: campaigns,
		Ledger: ledger, Dispatcher: dispatcher, Counter: audience.NewCounter(st, time.Now), Platform: platformOf{w}, Backup: backupOf(st),
	}
	return parts, func() func() {
		ctx, cancel := context.WithCancel(context.Background())
		var background sync.WaitGroup
		background.Go(func() { _ = dispatcher.Run(ctx, ctx) })
		background.Go(func() { _ = campaigns.Run(ctx, accounts.Apps) })
		return func() {
			cancel()
			background.Wait()
		}
	}
}

// backupOf writes a checkpoint of a store as a tar.
func backupOf(st *pebblestore.Store) func(ctx context.Context, w io.Writer) error {
	return func(ctx context.Context, w io.Writer) error {
		dir, err := os.MkdirTemp("", "minapush-example")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if err := st.Checkpoint(ctx, filepath.Join(dir, "db")); err != nil {
			return err
		}
		t := tar.NewWriter(w)
		if err := t.AddFS(os.DirFS(dir)); err != nil {
			return err
		}
		return t.Close()
	}
}

type platformOf struct{ *wechat.Client }

func (p platformOf) JSCode2Session(ctx context.Context, app minapush.AppID, code string) (minapush.OpenID, error) {
	got, err := p.Client.JSCode2Session(ctx, app, code)
	return got.OpenID, err
}

// Close stops the server.
func (w *world) Close() {
	for _, stop := range w.stop {
		stop()
	}
}

// User is somebody who tapped "allow" n times.
func (w *world) User(openid string, n int) {
	must(w.WeChat.AddUser(app, openid))
	if n > 0 {
		check(w.WeChat.Subscribe(app, openid, signIn, n))
	}
}
