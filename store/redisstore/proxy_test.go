package redisstore

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/redisstore/redistest"
	"github.com/minapush/minapush/store/storetest"
)

// proxy is what managed services put in front of their servers: one address, RESP2 only, and commands that it will not hear of.
type proxy struct {
	addr    string
	back    string
	refused []string

	mu   sync.Mutex
	seen map[string]bool
}

func newProxy(t *testing.T, back string, refused ...string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: l.Addr().String(), back: back, refused: refused, seen: map[string]bool{}}
	var wg sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		wg.Wait()
	})
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { _ = p.serve(c) })
		}
	})
	return p
}

// serve takes one command after the other, and passes it on or refuses it.
func (p *proxy) serve(front net.Conn) error {
	defer front.Close()
	back, err := net.Dial("tcp", p.back)
	if err != nil {
		return err
	}
	defer back.Close()
	in, out := bufio.NewReader(front), bufio.NewReader(back)
	for {
		words, raw, err := readCommand(in)
		if err != nil {
			return err
		}
		name := strings.ToUpper(words[0])
		p.mu.Lock()
		p.seen[name] = true
		p.mu.Unlock()
		if slices.Contains(p.refused, name) {
			if _, err := fmt.Fprintf(front, "-ERR unknown command '%s'\r\n", words[0]); err != nil {
				return err
			}
			continue
		}
		if _, err := back.Write(raw); err != nil {
			return err
		}
		reply, err := readRaw(out, nil)
		if err != nil {
			return err
		}
		if _, err := front.Write(reply); err != nil {
			return err
		}
	}
}

func readCommand(r *bufio.Reader) (words []string, raw []byte, err error) {
	raw, err = readRaw(r, nil)
	if err != nil {
		return nil, nil, err
	}
	parts := strings.Split(string(raw), "\r\n")
	for i := 2; i < len(parts); i += 2 {
		words = append(words, parts[i])
	}
	if len(words) == 0 {
		return nil, nil, errors.New("no command")
	}
	return words, raw, nil
}

// readRaw reads one value of RESP2 as it is.
func readRaw(r *bufio.Reader, raw []byte) ([]byte, error) {
	line, err := r.ReadBytes('\n')
	raw = append(raw, line...)
	if err != nil {
		return raw, err
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(line[1:])))
	switch line[0] {
	case '+', '-', ':':
		return raw, nil
	case '$':
		if n < 0 {
			return raw, nil
		}
		b := make([]byte, n+2)
		_, err := io.ReadFull(r, b)
		return append(raw, b...), err
	case '*':
		for range n {
			if raw, err = readRaw(r, raw); err != nil {
				return raw, err
			}
		}
		return raw, nil
	}
	return raw, fmt.Errorf("%q is not RESP2", line)
}

// refusedByProxies is what managed services may not allow.
var refusedByProxies = []string{"CLUSTER", "HELLO", "INFO", "CONFIG", "WAIT", "ROLE", "CLIENT", "COMMAND", "SCRIPT"}

func TestStoreKeepsTheContractBehindAProxy(t *testing.T) {
	t.Parallel()
	// Without MULTI what follows it would be done at once, whatever the others wrote.
	p := newProxy(t, redistest.One(t, "appendfsync no").Addr(), append([]string{"MULTI"}, refusedByProxies...)...)
	storetest.Run(t, storetest.Backend{
		Open: func(tb testing.TB, _ func() time.Time) store.Store {
			s := openAt(tb, newPrefix(), p.addr)
			s.watchFrom = 1
			return s
		},
		ExpireLeases:  expireLeases,
		LeasesSurvive: true,
	})
}

func TestAServerThatDoesNotWaitForReplicasIsNotTakenForOneThatDid(t *testing.T) {
	t.Parallel()
	p := newProxy(t, redistest.One(t).Addr(), refusedByProxies...)
	s, err := Open(t.Context(), Config{Addresses: []string{p.addr}, WaitReplicas: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	l := acquire(t, s, minapush.Shard{App: 1})
	give(t, s, l.Shard, "v", 0, 1)
	rows := reserveAll(t, s, l, testBatch("c2", 5))
	_, err = s.Mark(t.Context(), l, refsOf(rows), testAt(time.Hour))
	if !errors.Is(err, minapush.Unavailable) || !strings.Contains(err.Error(), "WAIT") {
		t.Errorf("mark where WAIT is refused: %v", err)
	}
	if facts, err := s.Facts(t.Context()); err != nil || len(facts) != 1 || facts[0].Version != "" {
		t.Errorf("facts %+v, %v", facts, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.seen["EVALSHA"] || !p.seen["INFO"] || !p.seen["WAIT"] {
		t.Errorf("the proxy saw %v", p.seen)
	}
}
