package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/sandbox"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/redisstore/redistest"
)

// mortal is the store as a node sees it that may die: from then on nothing that it does reaches anybody.
type mortal struct {
	store.Store
	dead *atomic.Bool
}

func (m mortal) Get(ctx context.Context, kind, id string) (store.Document, error) {
	if m.dead.Load() {
		return store.Document{}, minapush.Unavailable
	}
	return m.Store.Get(ctx, kind, id)
}

func (m mortal) Put(ctx context.Context, d store.Document) (uint64, error) {
	if m.dead.Load() {
		return 0, minapush.Unavailable
	}
	return m.Store.Put(ctx, d)
}

// TestNodesFetchOneToken has three nodes on one Redis that all need an access token. One of them asks WeChat, and dies before it has
// stored the answer: the others wait as long as its claim lasts, and then one of them asks, for all.
func TestNodesFetchOneToken(t *testing.T) {
	t.Parallel()
	sb, err := sandbox.New(sandbox.Config{})
	must(t, err)
	_, err = sb.AddApp(sandbox.App{AppID: testApp, Secret: testSecret})
	must(t, err)
	asked, answer := make(chan struct{}), make(chan struct{})
	var calls atomic.Int64
	weixin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == sandbox.PathStableToken && calls.Add(1) == 1 {
			close(asked)
			<-answer
		}
		sb.ServeHTTP(w, r)
	}))
	t.Cleanup(weixin.Close)
	release := sync.OnceFunc(func() { close(answer) })
	t.Cleanup(release)

	var offset atomic.Int64
	var dead atomic.Bool
	s := settings{
		store: redisURL(redistest.One(t)), keyFile: filepath.Join(t.TempDir(), "secret.key"),
		now: func() time.Time { return time.Now().Add(time.Duration(offset.Load())) },
	}
	var nodes []*system
	for i := range 3 {
		if s.wrap = nil; i == 0 {
			s.wrap = func(st store.Store) store.Store { return mortal{st, &dead} }
		}
		sys, err := assemble(t.Context(), s, discard())
		must(t, err)
		t.Cleanup(func() { must(t, sys.store.Close()) })
		nodes = append(nodes, sys)
	}
	_, err = nodes[1].accounts.CreateApp(t.Context(), minapush.App{ID: testApp, BaseURL: weixin.URL}, testSecret)
	must(t, err)

	var first sync.WaitGroup
	first.Go(func() { _, _ = nodes[0].wechat.Templates(t.Context(), testApp) }) // whatever it gets, nobody hears of it
	<-asked                                                                     // it holds the claim
	dead.Store(true)
	var others sync.WaitGroup
	for range 5 {
		for _, sys := range nodes[1:] {
			others.Go(func() {
				if _, err := sys.wechat.Templates(t.Context(), testApp); err != nil {
					t.Error(err)
				}
			})
		}
	}
	sleepFor(t.Context(), 500*time.Millisecond) // some looks at the claim of the one that is gone
	if n := calls.Load(); n != 1 {
		t.Errorf("%d tokens were asked for while one node had the claim", n)
	}
	offset.Store(int64(time.Minute)) // its claim has lapsed
	others.Wait()
	release()
	first.Wait()
	if n := calls.Load(); n != 2 {
		t.Errorf("%d tokens were asked for, by one node that died and by one for all", n)
	}
	for _, sys := range nodes[1:] {
		value, version, err := sys.accounts.LoadToken(t.Context(), testApp)
		if err != nil || version == 0 || len(value) == 0 {
			t.Errorf("no token is stored: %d %v", version, err)
		}
	}
}
