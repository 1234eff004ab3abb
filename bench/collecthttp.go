package bench

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"sync/atomic"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/store"
)

// collectHTTP is reports through the whole server, as a team's backend relays them: an API key, 64 connections, 3 new form ids each for
// a user at random, durable before the answer. Its limit is the same server on the same connections while its store forgets deposits.
func collectHTTP(ctx context.Context, b *bench) (res Result, err error) {
	res = Result{Unit: CallsPerSecond, LimitUnit: CallsPerSecond, Target: Target{RatioAtLeast: 0.45}}
	users := b.timedUsers()
	dir, done, err := b.place()
	if err != nil {
		return res, err
	}
	defer done()
	var books *forgetful
	w, err := b.start(ctx, dir, minapush.App{ID: appID}, func(st store.Store) store.Store {
		books = &forgetful{Store: st}
		return books
	})
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, w.stop()) }()
	if err := fill(ctx, w.sys.Store, w.app, users, permitsPerUser); err != nil {
		return res, err
	}
	_, key, err := w.sys.Accounts.CreateKey(ctx, account.Key{Name: "bench", App: appID, Scopes: []account.Scope{account.ScopeReport}})
	if err != nil {
		return res, err
	}
	url, hangUp, err := b.program.Listen(w.sys.Handler)
	if err != nil {
		return res, err
	}
	defer hangUp()
	call, closeAll, err := reporters(ctx, url, key, users)
	if err != nil {
		return res, err
	}
	defer closeAll()
	with := func(off bool) func(context.Context) (float64, error) {
		return func(ctx context.Context) (float64, error) {
			books.on.Store(off)
			return rate(ctx, b.piece(), collectWriters, call)
		}
	}
	rounds, err := b.interleave(ctx, with(true), with(false))
	res.sum(rounds)
	res.Sizes = map[string]float64{
		"users": float64(users), "permits_per_user": permitsPerUser, "permits_per_call": perCollect, "connections": collectWriters,
		"seconds": b.Seconds, "rounds": float64(b.Rounds),
	}
	return res, err
}

// forgetful is a store that, while on is set, answers deposits without keeping them.
type forgetful struct {
	store.Store
	on atomic.Bool
}

// Deposit calls every permit new.
func (f *forgetful) Deposit(ctx context.Context, s minapush.Shard, o minapush.OpenID, d store.Deposit) (store.Deposited, error) {
	if f.on.Load() {
		return store.Deposited{Items: make([]store.Accepted, len(d.Permits))}, nil
	}
	return f.Store.Deposit(ctx, s, o, d)
}

// reporters opens the connections and returns what makes a worker of each, for any number of pieces.
func reporters(ctx context.Context, url, key string, users int) (worker func(*rand.Rand) (func(context.Context) error, error), closeAll func(), err error) {
	conns := make([]*connection, collectWriters)
	closeAll = func() {
		for _, c := range conns {
			c.close()
		}
	}
	for i := range conns {
		if conns[i], err = dial(ctx, url, "/v1/apps/"+appID+"/reports", key); err != nil {
			closeAll()
			return nil, nil, err
		}
	}
	var next atomic.Int64
	return func(r *rand.Rand) (func(context.Context) error, error) {
		c := conns[int(next.Add(1)-1)%len(conns)] // rate asks for as many workers as there are connections
		var body []byte
		return func(context.Context) error {
			body = appendReport(body[:0], r, openID(r.IntN(users)))
			return c.post(body, accepted)
		}, nil
	}, closeAll, nil
}

// accepted is what every answer must hold, so that nothing but whole reports is counted.
var accepted = []byte(`"accepted":` + strconv.Itoa(perCollect))

// appendReport writes what the SDK sends after three taps.
func appendReport(dst []byte, r *rand.Rand, o minapush.OpenID) []byte {
	dst = append(append(append(dst, `{"openid":"`...), o...), `","items":[`...)
	for i := range perCollect {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendCode(append(dst, `{"type":"form","form_id":"`...), r)
		dst = append(dst, `","age_ms":1200,"source":"pages/index/index"}`...)
	}
	return append(dst, "]}"...)
}
