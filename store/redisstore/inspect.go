package redisstore

import (
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"

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
	// ClusterState is "ok" or "fail", and Slots how many of the 16384 slots are served, both as this server sees its cluster.
	ClusterState, Slots string
	// Replicas is how many follow it.
	Replicas string
	// AppendOnly is "0" or "1": whether it keeps a log of what it acknowledged. Fsync is when that is on disk: "always", "everysec", "no".
	AppendOnly, Fsync string
	// Snapshots is when it writes one of its whole memory (RDB), "3600 1 300 100", or "never".
	Snapshots string
	// MaxMemory is in bytes, "0" is no limit; UsedMemory is what counts against it. Eviction is what happens above it: anything but
	// "noeviction" loses permits.
	MaxMemory, UsedMemory, Eviction string
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

// facts asks all servers at a time. One that does not answer, as a cluster can do without some of its nodes, costs half of the time that
// a call has, and not all of it.
// ClusterDown tells whether every server that says anything about its cluster says that it is down, and returns one of them. A single
// one may merely be cut off from the others.
func ClusterDown(all []Facts) (says Facts, down bool) {
	for _, f := range all {
		switch f.ClusterState {
		case "ok":
			return f, false
		case "fail":
			says, down = f, true
		}
	}
	return says, down
}

func (s *Store) facts(ctx context.Context) ([]Facts, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout/2)
	defer cancel()
	nodes := s.client.Nodes()
	addrs := slices.Sorted(maps.Keys(nodes))
	found, errs := make([]Facts, len(addrs)), make([]error, len(addrs))
	var asked sync.WaitGroup
	for i, addr := range addrs {
		asked.Go(func() { found[i], errs[i] = factsOf(ctx, nodes[addr]) })
	}
	asked.Wait()
	var all []Facts
	answered := false
	for i, addr := range addrs {
		if errs[i] != nil {
			continue
		}
		answered, found[i].Addr = true, addr
		if found[i].Cluster == "1" && found[i].Role == "slave" {
			continue // it only follows one of the others
		}
		all = append(all, found[i])
	}
	if !answered {
		return nil, cmp.Or(errs...)
	}
	return all, nil
}

func factsOf(ctx context.Context, node rueidis.Client) (Facts, error) {
	var f Facts
	b := node.B()
	text, err := node.Do(ctx, b.Info().Build()).ToString()
	if err := tells(err); err != nil {
		return f, err
	}
	info := lines(text)
	f.Version, f.Role, f.Cluster, f.Replicas = info["redis_version"], info["role"], info["cluster_enabled"], info["connected_slaves"]
	f.AppendOnly, f.MaxMemory, f.Eviction = info["aof_enabled"], info["maxmemory"], info["maxmemory_policy"]
	f.UsedMemory = counts(info["used_memory"], info["mem_not_counted_for_evict"])
	fsync, _, err := config(ctx, node, "appendfsync")
	if err != nil {
		return f, err
	}
	f.Fsync = fsync
	save, told, err := config(ctx, node, "save")
	if err != nil {
		return f, err
	}
	if f.Snapshots = save; told && save == "" {
		f.Snapshots = "never"
	}
	if f.Cluster != "1" {
		return f, nil
	}
	text, err = node.Do(ctx, b.ClusterInfo().Build()).ToString()
	info = lines(text)
	f.ClusterState, f.Slots = info["cluster_state"], info["cluster_slots_ok"]
	return f, tells(err)
}

// config reads one setting of a server; told is false if it does not tell.
func config(ctx context.Context, node rueidis.Client, name string) (value string, told bool, err error) {
	pair, err := node.Do(ctx, node.B().ConfigGet().Parameter(name).Build()).AsStrSlice()
	if err != nil || len(pair) != 2 {
		return "", false, tells(err)
	}
	return pair[1], true, nil
}

// lines reads "name:value" lines.
func lines(text string) map[string]string {
	info := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[name] = value
		}
	}
	return info
}

// counts is how much memory counts against the limit: buffers of replicas and of the log do not.
func counts(used, without string) string {
	n, err := strconv.ParseUint(used, 10, 64)
	if err != nil {
		return ""
	}
	if not, err := strconv.ParseUint(without, 10, 64); err == nil && not < n {
		n -= not
	}
	return strconv.FormatUint(n, 10)
}

// findWait decides how many replicas claims wait for where the configuration leaves it open: 1 if a server has any and can wait for
// them, 0 if none has, or if it cannot be told. Once it is 1 it stays 1: what loses its last replica stops being sent.
func (s *Store) findWait(ctx context.Context, all []Facts) (int, error) {
	nodes := s.client.Nodes()
	for _, f := range all {
		node := nodes[f.Addr]
		if n, err := strconv.Atoi(f.Replicas); err != nil || n == 0 || node == nil {
			continue
		}
		err := node.Do(ctx, node.B().Wait().Numreplicas(0).Timeout(1).Build()).Error()
		if err == nil {
			return 1, nil
		}
		if _, refused := rueidis.IsRedisErr(err); !refused {
			return 0, err
		}
		s.log.Warn("redis has replicas, and does not allow WAIT: a fail-over can lose claims", "err", err)
		return 0, nil
	}
	return 0, nil
}

// WaitReplicas is how many replicas must have a claim before it is sent: as configured, or as found out when the store was opened.
func (s *Store) WaitReplicas() int { return s.wait }

// Explain says why a call failed in words that hold no addresses and no data; "" for what is not Redis' doing.
func Explain(err error) string {
	if err == nil {
		return ""
	}
	text := err.Error()
	for _, t := range told {
		if strings.Contains(text, t.part) {
			return t.text
		}
	}
	var lost net.Error
	switch {
	case strings.Contains(text, clusterDown):
		return clusterDown
	case errors.Is(err, context.DeadlineExceeded):
		return "Redis does not answer"
	case errors.As(err, &lost), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "Redis cannot be reached"
	}
	return ""
}

// tells lets a refusal pass: then the server does not tell. It is no refusal if nobody may do anything here.
func tells(err error) error {
	if e, ok := rueidis.IsRedisErr(err); ok && !strings.HasPrefix(e.Error(), "NOAUTH") && !strings.HasPrefix(e.Error(), "WRONGPASS") &&
		!strings.HasPrefix(e.Error(), "LOADING") {
		return nil
	}
	return err
}
