package redisstore

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/redisstore/redistest"
)

// forwarder is an address that leads to one server after the other, as the endpoint of a managed service does.
type forwarder struct {
	addr string
	to   atomic.Pointer[string]
	met  atomic.Int64 // connections
}

func newForwarder(t *testing.T, to string) *forwarder {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &forwarder{addr: l.Addr().String()}
	f.to.Store(&to)
	var wg sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		wg.Wait()
	})
	wg.Go(func() {
		for {
			front, err := l.Accept()
			if err != nil {
				return
			}
			f.met.Add(1)
			wg.Go(func() {
				defer front.Close()
				back, err := net.Dial("tcp", *f.to.Load())
				if err != nil {
					return
				}
				defer back.Close()
				wg.Go(func() {
					_, _ = io.Copy(front, back)
					_ = front.Close()
				})
				_, _ = io.Copy(back, front)
			})
		}
	})
	return f
}

func TestAnAddressThatLeadsToAnotherServerAfterAFailoverIsFollowed(t *testing.T) {
	t.Parallel()
	first, second := redistest.One(t, "appendfsync no"), redistest.One(t, "appendfsync no")
	f := newForwarder(t, first.Addr())
	s, err := Open(t.Context(), Config{Addresses: []string{f.addr}, Logger: testLog(t), lifetime: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	give(t, s, minapush.Shard{App: 1}, "u", 0, 1)
	to := second.Addr()
	f.to.Store(&to)
	host, port, _ := strings.Cut(to, ":")
	if _, err := first.Do("REPLICAOF", host, port); err != nil { // connections that are open still lead here, to what is now a replica
		t.Fatal(err)
	}
	again(t, func() error {
		_, err := s.Deposit(t.Context(), minapush.Shard{App: 1}, "w", store.Deposit{Now: testAt(0), Permits: []minapush.Permit{form(1)}})
		return err
	})
	if keys, err := second.Do("DBSIZE"); err != nil || keys == "0" {
		t.Errorf("the new master has %s keys, %v", keys, err)
	}
}

func TestConnectionsAreRenewedWithoutACallThatFails(t *testing.T) {
	t.Parallel()
	f := newForwarder(t, redistest.One(t, "appendfsync no").Addr())
	s, err := Open(t.Context(), Config{Addresses: []string{f.addr}, lifetime: 20 * time.Millisecond, Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	sh := minapush.Shard{App: 1}
	var calls sync.WaitGroup
	var deposited atomic.Int64
	for w := range 8 {
		calls.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 1))
			for i := 0; f.met.Load() < 40 && i < 100_000; i++ {
				permits := []minapush.Permit{form(w<<20 + i)}
				if _, err := s.Deposit(t.Context(), sh, storyUser(r.IntN(50)), store.Deposit{Now: testAt(0), Permits: permits, MaxPerSection: 60_000}); err != nil {
					t.Errorf("deposit: %v", err)
					return
				}
				deposited.Add(1)
			}
		})
	}
	calls.Wait()
	flow, err := s.Flow(t.Context(), sh)
	if err != nil || flow[minapush.FormID].Deposited != deposited.Load() {
		t.Errorf("%d deposits were acknowledged, %+v, %v", deposited.Load(), flow, err)
	}
	if n := f.met.Load(); n < 40 {
		t.Errorf("only %d connections", n)
	}
}

func TestWhatTheServerAnswersIsUnderstood(t *testing.T) {
	t.Parallel()
	s := openAt(t, newPrefix(), redistest.One(t, "appendfsync no").Addr())
	defer s.Close()
	for text, says := range map[string]string{
		"OOM command not allowed when used memory > 'maxmemory'.":                                           "out of memory",
		"READONLY You can't write against a read only replica.":                                             "replica",
		"MASTERDOWN Link with MASTER is down":                                                               "lost its master",
		"LOADING Redis is loading the dataset in memory":                                                    "loading",
		"CLUSTERDOWN Hash slot not served":                                                                  "down",
		"MOVED 1 127.0.0.1:1":                                                                               "moving slots",
		"TRYAGAIN Multiple keys request during rehashing of slot":                                           "moving slots",
		"BUSY Redis is busy running a script.":                                                              "busy",
		"MISCONF Errors writing to the AOF file: No space left on device":                                   "disk",
		"NOREPLICAS Not enough good replicas to write.":                                                     "replicas",
		"UNBLOCKED force unblock from blocking operation":                                                   "replica",
		"ERR max number of clients reached":                                                                 "clients",
		"ERR Error running script (call to f_1): @user_script:1: @user_script: 1: -OOM command not allowed": "out of memory", // as before 7
		"WRONGPASS invalid username-password pair or user is disabled.":                                     "user or the password",
		"NOAUTH Authentication required.":                                                                   "password",
		"NOPERM this user has no permissions to run the 'evalsha' command":                                  "may not",
	} {
		b := s.client.B()
		err := s.client.Do(t.Context(), b.Arbitrary("EVAL").Args("return redis.error_reply(ARGV[1])", "0", text).Build()).Error()
		if err == nil {
			t.Fatalf("%q was no error", text)
		}
		kind := minapush.Unavailable
		if strings.HasPrefix(text, "WRONGPASS") || strings.HasPrefix(text, "NO") && !strings.HasPrefix(text, "NOREPLICAS") {
			kind = minapush.Unauthorized
		}
		if err := understand("x", err); !errors.Is(err, kind) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: got %v: %v", text, minapush.KindOf(err), err)
		}
	}
}
