// Local starts real redis-server processes on free ports of this machine, to try minapush on: one server, or with -cluster a cluster of six,
// three masters with a replica each. It prints what --store takes, and ends what it started when it is interrupted. Nothing is kept.
// This program may change at any release.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/minapush/minapush/store/redisstore/redistest"
)

func main() {
	cluster := flag.Bool("cluster", false, "start a cluster of six")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) //arch:allow the one of the program
	defer stop()
	if err := run(ctx, *cluster); err != nil {
		fmt.Fprintln(os.Stderr, "local:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, cluster bool) error {
	dir, err := os.MkdirTemp("", "minapush-redis-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	addrs, end, err := start(ctx, dir, cluster)
	if err != nil {
		return err
	}
	defer end()
	fmt.Printf("minapush serve --sealing-key-file secret.key --store redis://%s\n", strings.Join(addrs, ","))
	fmt.Println("interrupt to end; nothing is kept")
	<-ctx.Done()
	return nil
}

func start(ctx context.Context, dir string, cluster bool) (addrs []string, end func(), err error) {
	if cluster {
		g, err := redistest.Form(ctx, dir, 3, 1)
		if err != nil {
			return nil, nil, err
		}
		return g.Addrs(), g.Stop, nil
	}
	s, err := redistest.Start(ctx, dir)
	if err != nil {
		return nil, nil, err
	}
	return []string{s.Addr()}, func() { _ = s.Stop() }, nil
}
