package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/redisstore/redistest"
)

func form(i int) minapush.Permit {
	return minapush.Permit{
		Kind: minapush.FormID, Identity: fmt.Sprintf("%032x", i), TakenAt: testAt(0), ExpiresAt: testAt(minapush.CodeLife),
	}
}

func testAt(d time.Duration) time.Time { return time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC).Add(d) }

// give deposits permits from..from+n-1 to a user.
func give(t *testing.T, s *Store, sh minapush.Shard, o minapush.OpenID, from, n int) {
	t.Helper()
	d := store.Deposit{Now: testAt(0)}
	for i := range n {
		d.Permits = append(d.Permits, form(from+i))
	}
	if _, err := s.Deposit(t.Context(), sh, o, d); err != nil {
		t.Fatal(err)
	}
}

func testBatch(id string, limit int) store.Batch {
	return store.Batch{
		Campaign: id, Need: store.Need{Kind: minapush.LegacyTemplate, Template: "t"}, Started: testAt(time.Hour), Now: testAt(time.Hour), Limit: limit,
	}
}

func acquire(t *testing.T, s *Store, sh minapush.Shard) store.Lease {
	t.Helper()
	l, err := s.Acquire(t.Context(), sh, "node", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func refsOf(rows []minapush.Delivery) []store.Ref {
	refs := make([]store.Ref, len(rows))
	for i, d := range rows {
		refs[i] = store.RefOf(d)
	}
	return refs
}

func TestAServerOutOfMemorySaysSoAndKeepsItsData(t *testing.T) {
	t.Parallel()
	server := redistest.One(t, "maxmemory-policy noeviction")
	s := openAt(t, newPrefix(), server.Addr())
	defer s.Close()
	sh := minapush.Shard{App: 1}
	give(t, s, sh, "u", 0, 3)
	if _, err := server.Do("CONFIG", "SET", "maxmemory", "1mb"); err != nil {
		t.Fatal(err)
	}
	full := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, minapush.Unavailable) || !strings.Contains(err.Error(), "out of memory") {
			t.Errorf("%s: %v", what, err)
		}
	}
	full("deposit", second(s.Deposit(t.Context(), sh, "u", store.Deposit{Now: testAt(0), Permits: []minapush.Permit{form(9)}})))
	full("put profile", second(s.PutProfile(t.Context(), sh, "u", minapush.Profile{Tags: []string{"a"}}, testAt(0))))
	full("put", second(s.Put(t.Context(), store.Document{Kind: "k", ID: "a"})))
	full("acquire", second(s.Acquire(t.Context(), sh, "n", time.Minute)))
	if u, err := s.User(t.Context(), sh, "u"); err != nil || u.Counts.Available != 3 || u.Profile.Version != 0 {
		t.Errorf("user %+v, %v", u, err)
	}
	if flow, err := s.Flow(t.Context(), sh); err != nil || flow[minapush.FormID].Deposited != 3 {
		t.Errorf("flow %+v, %v", flow, err)
	}
	if _, err := server.Do("CONFIG", "SET", "maxmemory", "0"); err != nil {
		t.Fatal(err)
	}
	give(t, s, sh, "u", 9, 1)
}

func TestScriptsThatTheServerForgotAreToldAgain(t *testing.T) {
	t.Parallel()
	server := redistest.One(t)
	s := openAt(t, newPrefix(), server.Addr())
	defer s.Close()
	sh := minapush.Shard{App: 1}
	for i := range 3 {
		if _, err := server.Do("SCRIPT", "FLUSH"); err != nil {
			t.Fatal(err)
		}
		give(t, s, sh, "u", i, 1)
		if _, err := s.PutProfile(t.Context(), sh, "u", minapush.Profile{Version: uint64(i)}, testAt(0)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNoCallHangsOnAServerThatStandsStill(t *testing.T) {
	t.Parallel()
	server := redistest.One(t)
	s, err := Open(t.Context(), Config{Addresses: []string{server.Addr()}, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	sh := minapush.Shard{App: 1}
	give(t, s, sh, "u", 0, 1)
	if err := server.Pause(); err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func(context.Context) error{
		"deposit": func(ctx context.Context) error {
			return second(s.Deposit(ctx, sh, "u", store.Deposit{Now: testAt(0), Permits: []minapush.Permit{form(1)}}))
		},
		"user": func(ctx context.Context) error { return second(s.User(ctx, sh, "u")) },
		"put profile": func(ctx context.Context) error {
			return second(s.PutProfile(ctx, sh, "u", minapush.Profile{}, testAt(0)))
		},
		"put": func(ctx context.Context) error { return second(s.Put(ctx, store.Document{Kind: "k", ID: "a"})) },
	} {
		for _, limit := range []time.Duration{0, 100 * time.Millisecond} {
			ctx, cancel := t.Context(), context.CancelFunc(func() {})
			if limit > 0 {
				ctx, cancel = context.WithTimeout(ctx, limit)
			}
			began := time.Now()
			err := call(ctx)
			cancel()
			if !errors.Is(err, minapush.Unavailable) {
				t.Errorf("%s within %v: %v", name, limit, err)
			}
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("%s within %v took %v", name, limit, took)
			}
		}
	}
	if err := server.Resume(); err != nil {
		t.Fatal(err)
	}
	again(t, func() error { return second(s.User(t.Context(), sh, "u")) })
}

// again repeats what is unavailable until it is not, for a while.
func again(t *testing.T, call func() error) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for {
		err := call()
		if err == nil {
			return
		}
		if !errors.Is(err, minapush.Unavailable) || time.Now().After(deadline) {
			t.Fatal(err)
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func TestAServerThatWasKilledComesBackWithAllThatItAcknowledged(t *testing.T) {
	t.Parallel()
	server := redistest.One(t)
	s := openAt(t, newPrefix(), server.Addr())
	defer s.Close()
	sh := minapush.Shard{App: 1}
	give(t, s, sh, "u", 0, 2)
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := second(s.Deposit(ctx, sh, "u", store.Deposit{Now: testAt(0)})); !errors.Is(err, minapush.Unavailable) {
		t.Errorf("deposit: %v", err)
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	var u store.User
	again(t, func() (err error) {
		u, err = s.User(t.Context(), sh, "u")
		return err
	})
	if u.Counts.Available != 2 {
		t.Errorf("user %+v", u)
	}
}

func TestMarksAreNotToldBeforeTheReplicasHaveThem(t *testing.T) {
	t.Parallel()
	master := redistest.One(t)
	host, port, _ := strings.Cut(master.Addr(), ":")
	replica := redistest.One(t, "replicaof "+host+" "+port)
	linked(t, replica)
	s, err := Open(t.Context(), Config{Addresses: []string{master.Addr()}, WaitReplicas: 1, Timeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	sh := minapush.Shard{App: 1}
	for i := range 4 {
		give(t, s, sh, minapush.OpenID(fmt.Sprint("u", i)), 0, 2)
	}
	l := acquire(t, s, sh)
	rows := reserveAll(t, s, l, testBatch("c", 4))
	marked, err := s.Mark(t.Context(), l, refsOf(rows[:2]), testAt(time.Hour))
	if err != nil || !marked[0] || !marked[1] {
		t.Fatalf("marked %v, %v", marked, err)
	}
	push := func(id string) store.Ref {
		a, err := s.ReservePush(t.Context(), sh, store.Push{
			Batch: "push-20260301", ID: id, OpenID: "u9", Attempt: 1, Need: testBatch("", 0).Need, Now: testAt(time.Hour), Deadline: testAt(2 * time.Hour),
		})
		if err != nil || a.Status != store.PushReserved {
			t.Fatal(a, err)
		}
		return store.RefOf(a.Delivery)
	}
	give(t, s, sh, "u9", 0, 2)
	if err := s.MarkPush(t.Context(), sh, push("p1"), testAt(time.Hour), testAt(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RecoverPushes(t.Context(), sh, testAt(3*time.Hour)); err != nil {
		t.Fatal(err)
	}
	p2 := push("p2")
	if err := replica.Kill(); err != nil {
		t.Fatal(err)
	}
	unsure := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, minapush.Unavailable) {
			t.Errorf("%s without its replica: %v", what, err)
		}
	}
	unsure("mark", second(s.Mark(t.Context(), l, refsOf(rows[2:]), testAt(time.Hour))))
	unsure("mark push", s.MarkPush(t.Context(), sh, p2, testAt(time.Hour), testAt(2*time.Hour)))
	// What else there is to do waits for nobody.
	give(t, s, sh, "u", 0, 1)
}

// reserveAll reserves until nothing is left to reserve; it wants to be handed all in one.
func reserveAll(t *testing.T, s *Store, l store.Lease, b store.Batch) []minapush.Delivery {
	t.Helper()
	r, err := s.ReserveBatch(t.Context(), l, b)
	if err != nil {
		t.Fatal(err)
	}
	return r.Rows
}

// linked waits until a replica follows its master.
func linked(t *testing.T, replica *redistest.Server) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for time.Now().Before(deadline) {
		if info, err := replica.Do("INFO", "replication"); err == nil && strings.Contains(info, "master_link_status:up") {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	t.Fatal("the replica does not follow")
}

func TestAClusterGoesOnAfterAMasterWasKilled(t *testing.T) {
	t.Parallel()
	g := redistest.Cluster(t, 3, 1)
	s := openAt(t, newPrefix(), g.Addrs()...)
	defer s.Close()
	const shards = 24 // on all three
	for n := range uint32(shards) {
		give(t, s, minapush.Shard{App: 1, N: n}, "u", 0, 3)
	}
	synced(t, g)
	victim := g.Masters()[0]
	if err := victim.Kill(); err != nil {
		t.Fatal(err)
	}
	for n := range uint32(shards) {
		sh := minapush.Shard{App: 1, N: n}
		again(t, func() error {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			_, err := s.Deposit(ctx, sh, "u", store.Deposit{Now: testAt(0), Permits: []minapush.Permit{form(100)}})
			return err
		})
		if u, err := s.User(t.Context(), sh, "u"); err != nil || u.Counts.Available != 4 {
			t.Errorf("shard %d: %+v, %v", n, u.Counts, err)
		}
	}
	// Somebody who comes now needs only one node that lives.
	other := openAt(t, s.prefix, g.Addrs()...)
	defer other.Close()
	if _, err := other.User(t.Context(), minapush.Shard{App: 1}, "u"); err != nil {
		t.Error(err)
	}
	if err := victim.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := g.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestAClusterThatWasKilledWholeComesBackWithAllThatItAcknowledged(t *testing.T) {
	t.Parallel()
	g := redistest.Cluster(t, 3, 1)
	s := openAt(t, newPrefix(), g.Addrs()...)
	defer s.Close()
	var sum int64
	for n := range uint32(12) {
		give(t, s, minapush.Shard{App: 1, N: n}, "u", 0, int(n)+1)
		sum += int64(n) + 1
	}
	for _, server := range g.Servers {
		if err := server.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	for _, server := range g.Servers {
		if err := server.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n := range uint32(12) {
		var flow map[minapush.PermitKind]minapush.Counts
		again(t, func() (err error) {
			flow, err = s.Flow(t.Context(), minapush.Shard{App: 1, N: n})
			return err
		})
		sum -= flow[minapush.FormID].Deposited
	}
	if sum != 0 {
		t.Errorf("%d permits are lost", sum)
	}
}

// synced waits until the replicas have what their masters have.
func synced(t *testing.T, g *redistest.Group) {
	t.Helper()
	for _, m := range g.Masters() {
		again(t, func() error {
			info, err := m.Do("INFO", "replication")
			if err != nil {
				return err
			}
			_, offset, _ := strings.Cut(info, "master_repl_offset:")
			offset, _, _ = strings.Cut(offset, "\r")
			if !strings.Contains(info, ",offset="+offset+",") {
				return minapush.Errorf(minapush.Unavailable, "%s has no replica at %s: %s", m.Addr(), offset, info)
			}
			return nil
		})
	}
}
