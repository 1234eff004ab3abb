package redisstore

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/redis/rueidis"
)

// Facts are what a server tells of itself, for people who look after it. An empty text is: it does not tell, as managed services may
// not.
type Facts struct {
	// Addr is where it is.
	Addr string
	// Version is that of Redis, or of what Valkey is compatible with: "7.0.15".
	Version string
	// Role is "master" or "slave".
	Role string
	// Cluster is "0" or "1".
	Cluster string
	// Replicas is how many follow it.
	Replicas string
	// AppendOnly is "0" or "1": whether it keeps a log of what it acknowledged. Fsync is when that is on disk: "always", "everysec", "no".
	AppendOnly, Fsync string
	// MaxMemory is in bytes, "0" is no limit. Eviction is what happens above it: anything but "noeviction" loses permits.
	MaxMemory, Eviction string
}

// Facts asks the server about itself; in a cluster every master, in the order of their addresses. Errors: Unavailable, Unauthorized.
func (s *Store) Facts(ctx context.Context) ([]Facts, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	ctx, cancel := s.bound(ctx)
	defer cancel()
	all, err := s.facts(ctx)
	return all, interpret("ask Redis about itself", err)
}

func (s *Store) facts(ctx context.Context) ([]Facts, error) {
	nodes := s.client.Nodes()
	var all []Facts
	var first error
	answered := false
	for _, addr := range slices.Sorted(maps.Keys(nodes)) {
		f, err := factsOf(ctx, nodes[addr])
		if err != nil {
			first = cmp.Or(first, err)
			continue // a cluster can do without some of its nodes
		}
		f.Addr, answered = addr, true
		if f.Cluster == "1" && f.Role == "slave" {
			continue // it only follows one of the others
		}
		all = append(all, f)
	}
	if !answered {
		return nil, first
	}
	return all, nil
}

func factsOf(ctx context.Context, node rueidis.Client) (Facts, error) {
	var f Facts
	info := map[string]string{}
	b := node.B()
	text, err := node.Do(ctx, b.Info().Build()).ToString()
	if err := tells(err); err != nil {
		return f, err
	}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[name] = value
		}
	}
	f.Version, f.Role, f.Cluster, f.Replicas = info["redis_version"], info["role"], info["cluster_enabled"], info["connected_slaves"]
	f.AppendOnly, f.MaxMemory, f.Eviction = info["aof_enabled"], info["maxmemory"], info["maxmemory_policy"]
	pair, err := node.Do(ctx, b.ConfigGet().Parameter("appendfsync").Build()).AsStrSlice()
	if err := tells(err); err != nil {
		return f, err
	}
	if len(pair) == 2 {
		f.Fsync = pair[1]
	}
	return f, nil
}

// tells lets a refusal pass: then the server does not tell. It is no refusal if nobody may do anything here.
func tells(err error) error {
	if e, ok := rueidis.IsRedisErr(err); ok && !strings.HasPrefix(e.Error(), "NOAUTH") && !strings.HasPrefix(e.Error(), "WRONGPASS") &&
		!strings.HasPrefix(e.Error(), "LOADING") {
		return nil
	}
	return err
}
