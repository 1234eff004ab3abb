package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/minapush/minapush/store/redisstore/redistest"
)

// wire is the way from one node to Redis, which can be made bad.
type wire struct {
	t     *testing.T
	proxy *toxiproxy.Proxy
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	log := zerolog.Nop()
	proxy := toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), log), "redis", "127.0.0.1:0", to)
	must(t, proxy.Start())
	t.Cleanup(proxy.Stop)
	return &wire{t, proxy}
}

func (w *wire) addr() string { return w.proxy.Listen }

// spoil puts a toxic on one direction of the wire: "upstream" is towards Redis.
func (w *wire) spoil(kind, direction string, attributes map[string]int) {
	w.t.Helper()
	body, err := json.Marshal(map[string]any{"name": kind + direction, "type": kind, "stream": direction, "attributes": attributes})
	must(w.t, err)
	_, err = w.proxy.Toxics.AddToxicJson(strings.NewReader(string(body)))
	must(w.t, err)
}

// cut breaks every connection, and every new one. The port stays ours: another process might take it meanwhile.
func (w *wire) cut() {
	for _, direction := range []string{"upstream", "downstream"} {
		w.spoil("reset_peer", direction, map[string]int{"timeout": 0})
	}
}

// heal takes all toxics away.
func (w *wire) heal(ctx context.Context) { w.proxy.Toxics.ResetToxics(ctx) }

// TestNodesFaultsOfTheNetwork has two nodes on one Redis through a broadcast while the way of one of them to Redis is slow, cut for
// longer than its leases last, or lets nothing through in one direction. Nobody has two messages, no permit is lost, the broadcast
// ends without help, and the node that was cut off works again.
func TestNodesFaultsOfTheNetwork(t *testing.T) {
	if testing.Short() {
		t.Skip("a run of a minute; make test has it")
	}
	t.Parallel()
	for _, fault := range []struct {
		name  string
		alone bool // there is no other node to take over
		spoil func(w *wire)
	}{
		{"latency", false, func(w *wire) { w.spoil("latency", "downstream", map[string]int{"latency": 300, "jitter": 100}) }},
		{"cut", false, (*wire).cut},
		{"cut of the only node", true, (*wire).cut},
		{"silence towards Redis", false, func(w *wire) { w.spoil("timeout", "upstream", map[string]int{"timeout": 0}) }},
		{"silence from Redis", false, func(w *wire) { w.spoil("timeout", "downstream", map[string]int{"timeout": 0}) }},
	} {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			networkRound(t, fault.alone, fault.spoil)
		})
	}
}

func networkRound(t *testing.T, alone bool, spoil func(*wire)) {
	random := seeded(t)
	f := newFleet(t, fleetSize(t, 15_000)/3)
	server := redistest.One(t, "appendfsync everysec")
	w := newWire(t, server.Addr())
	far := f.start("far", "redis://"+w.addr())
	near := far
	if !alone {
		near = f.start("near", "redis://"+server.Addr())
	}
	f.found(near, max(500, len(f.users)/10))
	list := f.broadcast(near)
	f.untilAccepted(t.Context(), int64(len(f.users)*(10+random.IntN(30))/100))
	spoil(w)
	t.Logf("spoilt after %d of %d", f.accepted(), len(f.users))
	sleepFor(t.Context(), pastLease)
	t.Logf("healed after %d of %d", f.accepted(), len(f.users))
	w.heal(t.Context())
	for _, b := range list {
		f.finished(near, b, 5*time.Minute)
	}
	if !poll(t.Context(), time.Minute, func() bool { _, err := far.client.Ready(t.Context()); return err == nil }) {
		t.Error("the node that was cut off does not work again")
	}
	sums := f.check(far, list, false)
	t.Log(sums)
	f.checkStore("redis://"+server.Addr(), list)
}
