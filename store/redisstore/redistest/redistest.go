// Package redistest runs real redis-server processes on loopback for as long as a test needs them: one server, or a whole cluster,
// each in a directory and on ports of its own. It kills them by their process ids, starts them again over what they left, and stops
// only what it started: a server ends with the process that started it, however that ends.
//
// It uses the redis-server and redis-cli that the machine has. Without them a test is skipped, or fails if the environment variable
// MINAPUSH_TEST_REQUIRE_REDIS is set. It is for tests and never part of the binary. This package may change at any release.
package redistest

import (
	"context"
	"os"
	"os/exec"
	"time"
)

// TB is what is used of testing.TB.
type TB interface {
	Helper()
	Cleanup(func())
	Logf(format string, args ...any)
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
	TempDir() string
}

// Require is the environment variable that makes a missing redis-server a failure.
const Require = "MINAPUSH_TEST_REQUIRE_REDIS"

// patience is how long a server, or a cluster, may take to be ready. Machines that run tests can be slow.
const patience = 90 * time.Second

// One starts a server that ends with the test. Lines are added to its configuration: "maxmemory 8mb".
func One(tb TB, lines ...string) *Server {
	tb.Helper()
	need(tb)
	ctx, cancel := context.WithTimeout(context.Background(), patience) //arch:allow a bound of its own
	defer cancel()
	s, err := Start(ctx, tb.TempDir(), lines...)
	if err != nil {
		tb.Fatalf("%v", err)
	}
	tb.Cleanup(func() { _ = s.Stop() })
	return s
}

// Cluster starts a cluster that ends with the test, of so many masters (at least 3) with so many replicas each, and waits until every
// node says that all is well and every replica follows its master.
func Cluster(tb TB, masters, replicas int, lines ...string) *Group {
	tb.Helper()
	need(tb)
	ctx, cancel := context.WithTimeout(context.Background(), patience) //arch:allow a bound of its own
	defer cancel()
	g, err := Form(ctx, tb.TempDir(), masters, replicas, lines...)
	if err != nil {
		tb.Fatalf("%v", err)
	}
	tb.Cleanup(g.Stop)
	return g
}

// need skips the test if there is nothing to start.
func need(tb TB) {
	tb.Helper()
	for _, name := range []string{server, cli} {
		if _, err := exec.LookPath(name); err == nil {
			continue
		}
		if os.Getenv(Require) != "" {
			tb.Fatalf("%s is not on this machine, and %s is set", name, Require)
		}
		tb.Skipf("SKIPPED, NOTHING WAS TESTED: %s is not on this machine (set %s to make this a failure)", name, Require)
	}
}

const (
	server = "redis-server"
	cli    = "redis-cli"
)
