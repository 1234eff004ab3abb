package main

import (
	"strings"
	"testing"

	"github.com/minapush/minapush/store/redisstore"
)

// goodRedis is a master that is as it should be.
func goodRedis(change func(*redisstore.Facts)) redisstore.Facts {
	f := redisstore.Facts{
		Addr: "h:1", Version: "7.0.15", Role: "master", Cluster: "0", Replicas: "1", AppendOnly: "1", Fsync: "everysec", Snapshots: "3600 1",
		MaxMemory: "1000", UsedMemory: "100", Eviction: "noeviction",
	}
	if change != nil {
		change(&f)
	}
	return f
}

func TestRedisIsJudgedByWhatItTells(t *testing.T) {
	t.Parallel()
	alone := func(f *redisstore.Facts) { f.Replicas = "0" }
	silent := func(f *redisstore.Facts) { *f = redisstore.Facts{Addr: f.Addr} }
	slots := func(state, n string) func(*redisstore.Facts) {
		return func(f *redisstore.Facts) { f.Cluster, f.ClusterState, f.Slots = "1", state, n }
	}
	for name, c := range map[string]struct {
		change []func(*redisstore.Facts) // one a server
		wait   int
		step   string
		want   string
	}{
		"good":             {[]func(*redisstore.Facts){nil}, 1, "redis", "ok redis_ok"},
		"too old":          {[]func(*redisstore.Facts){func(f *redisstore.Facts) { f.Version = "6.0.9" }}, 1, "redis", "failed redis_old"},
		"a new major":      {[]func(*redisstore.Facts){func(f *redisstore.Facts) { f.Version = "10.0" }}, 1, "redis", "ok redis_ok"},
		"a replica":        {[]func(*redisstore.Facts){func(f *redisstore.Facts) { f.Role = "slave" }}, 1, "redis", "failed redis_replica"},
		"silent":           {[]func(*redisstore.Facts){silent}, 0, "redis", "skipped redis_unknown"},
		"no cluster":       {[]func(*redisstore.Facts){nil}, 0, "redis_cluster", ""},
		"AOF each second":  {[]func(*redisstore.Facts){nil}, 0, "redis_disk", "ok redis_fsync_second"},
		"AOF always":       {[]func(*redisstore.Facts){func(f *redisstore.Facts) { f.Fsync = "always" }}, 0, "redis_disk", "ok redis_fsync_always"},
		"AOF whenever":     {[]func(*redisstore.Facts){func(f *redisstore.Facts) { f.Fsync = "no" }}, 0, "redis_disk", "warning redis_fsync_no"},
		"AOF, CONFIG not":  {[]func(*redisstore.Facts){func(f *redisstore.Facts) { f.Fsync = "" }}, 0, "redis_disk", "ok redis_aof"},
		"snapshots only":   {[]func(*redisstore.Facts){func(f *redisstore.Facts) { f.AppendOnly = "0" }}, 0, "redis_disk", "warning redis_snapshots"},
		"no disk":          {[]func(*redisstore.Facts){func(f *redisstore.Facts) { f.AppendOnly, f.Snapshots = "0", "never" }}, 0, "redis_disk", "failed redis_forgets"},
		"disk, silent":     {[]func(*redisstore.Facts){silent}, 0, "redis_disk", "skipped redis_disk_unknown"},
		"the worst of two": {[]func(*redisstore.Facts){nil, func(f *redisstore.Facts) { f.Fsync = "no" }}, 0, "redis_disk", "warning redis_fsync_no"},
		"room":             {[]func(*redisstore.Facts){nil}, 0, "redis_memory", "ok redis_room"},
		"nearly full":      {[]func(*redisstore.Facts){func(f *redisstore.Facts) { f.UsedMemory = "950" }}, 0, "redis_memory", "warning redis_nearly_full"},
		"full":             {[]func(*redisstore.Facts){func(f *redisstore.Facts) { f.UsedMemory = "1000" }}, 0, "redis_memory", "failed redis_full"},
		"evicts":           {[]func(*redisstore.Facts){func(f *redisstore.Facts) { f.Eviction = "volatile-lru" }}, 0, "redis_memory", "failed redis_evicts"},
		"would evict, but has no limit": {
			[]func(*redisstore.Facts){func(f *redisstore.Facts) { f.Eviction, f.MaxMemory = "allkeys-lru", "0" }}, 0, "redis_memory", "ok redis_no_limit",
		},
		"limit, use not told":    {[]func(*redisstore.Facts){func(f *redisstore.Facts) { f.UsedMemory = "" }}, 0, "redis_memory", "ok redis_limit"},
		"memory, silent":         {[]func(*redisstore.Facts){silent}, 0, "redis_memory", "skipped redis_memory_unknown"},
		"waits":                  {[]func(*redisstore.Facts){nil}, 1, "redis_replicas", "ok redis_waits"},
		"does not wait":          {[]func(*redisstore.Facts){nil}, 0, "redis_replicas", "warning redis_no_wait"},
		"single":                 {[]func(*redisstore.Facts){alone}, 0, "redis_replicas", "ok redis_single"},
		"alone":                  {[]func(*redisstore.Facts){alone}, 1, "redis_replicas", "failed redis_alone"},
		"one of two alone":       {[]func(*redisstore.Facts){nil, alone}, 1, "redis_replicas", "failed redis_alone"},
		"replicas, silent":       {[]func(*redisstore.Facts){silent}, 0, "redis_replicas", "skipped redis_replicas_unknown"},
		"waits, silent":          {[]func(*redisstore.Facts){silent}, 1, "redis_replicas", "skipped redis_waits_unknown"},
		"cluster":                {[]func(*redisstore.Facts){slots("ok", "16384")}, 1, "redis_cluster", "ok redis_cluster_ok"},
		"cluster down":           {[]func(*redisstore.Facts){slots("fail", "10000")}, 1, "redis_cluster", "failed redis_cluster_down"},
		"cluster with a gap":     {[]func(*redisstore.Facts){slots("ok", "10000")}, 1, "redis_cluster", "failed redis_cluster_gap"},
		"cluster, silent":        {[]func(*redisstore.Facts){slots("", "")}, 1, "redis_cluster", "skipped redis_cluster_unknown"},
		"one is cut off":         {[]func(*redisstore.Facts){slots("fail", "1"), slots("ok", "16384")}, 1, "redis_cluster", "ok redis_cluster_ok"},
		"nobody says, one is so": {[]func(*redisstore.Facts){silent, func(f *redisstore.Facts) { f.Role = "slave" }}, 0, "redis", "failed redis_replica"},
	} {
		var all []redisstore.Facts
		for _, change := range c.change {
			all = append(all, goodRedis(change))
		}
		got := ""
		for _, s := range judgeRedis(all, c.wait) {
			if s.Step == c.step {
				got = s.Status + " " + s.Reason.Code
				for l := range []language{english, chinese} {
					if text, todo := language(l).advise(s, ""); strings.Contains(text+todo, "…") || (s.Status == stepFailed) && todo == "" {
						t.Errorf("%s: said as %q, %q", name, text, todo)
					}
				}
			}
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
