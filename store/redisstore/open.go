package redisstore

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/minapush/minapush"
)

// format is the newest format of the store that this release knows, and the one that it writes.
const format = 1

// marker is what the format key says, but for the number.
const marker = "minapush store, format "

const clusterDown = "the Redis Cluster is down"

// oldest is the oldest Redis that knows all that is asked of it.
var oldest = [2]int{6, 2}

// checkServer refuses a server that cannot serve, and data that is not ours, before anything is written. What a managed server does
// not tell is taken to be well.
func (s *Store) checkServer(ctx context.Context) error {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	all, err := s.facts(ctx)
	if err != nil {
		return err
	}
	if err := checkFacts(all); err != nil {
		return err
	}
	if s.wait == FindOut {
		if s.wait, err = s.findWait(ctx, all); err != nil {
			return err
		}
	}
	return s.checkFormat(ctx)
}

// checkFacts refuses a server that cannot serve.
func checkFacts(all []Facts) error {
	for _, f := range all {
		if f.Role == "slave" {
			return minapush.Errorf(minapush.Invalid, "this Redis is a replica: minapush needs the master, or the addresses of a cluster")
		}
		if major, minor, ok := versionOf(f.Version); ok && (major < oldest[0] || major == oldest[0] && minor < oldest[1]) {
			return minapush.Errorf(minapush.Invalid, "Redis %s is too old: minapush needs %d.%d or newer", f.Version, oldest[0], oldest[1])
		}
	}
	if f, down := ClusterDown(all); down {
		return minapush.Errorf(minapush.Unavailable, clusterDown+": %s says that %s of 16384 slots are served", f.Addr, f.Slots)
	}
	return nil
}

// checkFormat looks for the marker, and writes it where there is none.
func (s *Store) checkFormat(ctx context.Context) error {
	text, err := s.client.Do(ctx, s.client.B().Get().Key(s.formatKey()).Build()).ToString()
	if rueidis.IsRedisNil(err) {
		b := s.client.B()
		err = s.client.Do(ctx, b.Set().Key(s.formatKey()).Value(marker+strconv.Itoa(format)).Nx().Build()).Error()
		if err == nil {
			return nil
		}
		if !rueidis.IsRedisNil(err) {
			return err
		}
		text, err = s.client.Do(ctx, b.Get().Key(s.formatKey()).Build()).ToString() // somebody was first
	}
	if err != nil {
		return err
	}
	number, ours := strings.CutPrefix(text, marker)
	found, err := strconv.Atoi(number)
	if !ours || err != nil {
		return minapush.Errorf(minapush.Invalid, "the keys of prefix %q are not a minapush store: %s says something else", s.prefix, s.formatKey())
	}
	if found > format {
		return minapush.Errorf(minapush.Invalid, "the store under prefix %q has format %d, this binary knows up to %d", s.prefix, found, format)
	}
	return nil
}

// versionOf reads "7.0.15".
func versionOf(text string) (major, minor int, ok bool) {
	n, err := fmt.Sscanf(text, "%d.%d", &major, &minor)
	return major, minor, n == 2 && err == nil
}

func isAuth(e *rueidis.RedisError) bool {
	return minapush.KindOf(answer("", e)) == minapush.Unauthorized
}
