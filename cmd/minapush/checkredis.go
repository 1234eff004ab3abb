package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/store/redisstore"
)

// checkRedis judges the servers that the store is in.
func (in *inspection) checkRedis(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	all, err := in.redis.Facts(ctx)
	if err != nil {
		found := finding(stepFailed, "redis_lost", "error", err.Error())
		found.Step = "redis"
		in.steps = append(in.steps, found)
		return
	}
	in.steps = append(in.steps, judgeRedis(all, in.redis.WaitReplicas())...)
}

// judgeRedis says of each thing that matters how it is with the servers, the worst of them where they differ. wait is how many replicas
// claims wait for. What no server tells is skipped: it cannot be told.
func judgeRedis(all []redisstore.Facts, wait int) []api.Check {
	steps := []api.Check{
		worst("redis", all, judgeServer), worst("redis_disk", all, judgeDisk), worst("redis_memory", all, judgeMemory), judgeReplicas(all, wait),
	}
	if clustered(all) {
		steps = append(steps, judgeCluster(all))
	}
	return steps
}

func clustered(all []redisstore.Facts) bool { return len(all) > 0 && all[0].Cluster == "1" }

// ranks orders what steps come to, worst last.
var ranks = map[string]int{stepOK: 0, stepSkipped: 1, stepWarning: 2, stepFailed: 3}

// worst is the finding about the server that is worst off.
func worst(step string, all []redisstore.Facts, judge func(redisstore.Facts) api.Check) (found api.Check) {
	for i, f := range all {
		if next := judge(f); i == 0 || ranks[next.Status] > ranks[found.Status] {
			found = next
		}
	}
	found.Step = step
	return found
}

func judgeServer(f redisstore.Facts) api.Check {
	switch {
	case f.Role == "slave":
		return finding(stepFailed, "redis_replica", "address", f.Addr)
	case f.Version == "":
		return finding(stepSkipped, "redis_unknown", "address", f.Addr)
	case tooOld(f.Version):
		return finding(stepFailed, "redis_old", "address", f.Addr, "version", f.Version)
	}
	return finding(stepOK, "redis_ok", "address", f.Addr, "version", f.Version)
}

// tooOld tells versions before 6.2. One that cannot be read is believed to be new.
func tooOld(version string) bool {
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	a, err := strconv.Atoi(major)
	b, err2 := strconv.Atoi(minor)
	return err == nil && err2 == nil && (a < 6 || a == 6 && b < 2)
}

// judgeDisk says what is lost when the server, or its machine, stops.
func judgeDisk(f redisstore.Facts) api.Check {
	switch {
	case f.AppendOnly == "":
		return finding(stepSkipped, "redis_disk_unknown", "address", f.Addr)
	case f.AppendOnly == "0" && f.Snapshots == "never":
		return finding(stepFailed, "redis_forgets", "address", f.Addr)
	case f.AppendOnly == "0":
		return finding(stepWarning, "redis_snapshots", "address", f.Addr, "save", f.Snapshots)
	case f.Fsync == "":
		return finding(stepOK, "redis_aof", "address", f.Addr)
	case f.Fsync == "no":
		return finding(stepWarning, "redis_fsync_no", "address", f.Addr)
	case f.Fsync == "always":
		return finding(stepOK, "redis_fsync_always", "address", f.Addr)
	}
	return finding(stepOK, "redis_fsync_second", "address", f.Addr)
}

// nearlyFull is the part of maxmemory from which on it is worth a word.
const nearlyFull = 0.9

// judgeMemory says what happens when the memory is full, and how near that is.
func judgeMemory(f redisstore.Facts) api.Check {
	limit, err := strconv.ParseFloat(f.MaxMemory, 64)
	used, uerr := strconv.ParseFloat(f.UsedMemory, 64)
	switch {
	case err != nil || f.Eviction == "":
		return finding(stepSkipped, "redis_memory_unknown", "address", f.Addr)
	case limit == 0:
		return finding(stepOK, "redis_no_limit", "address", f.Addr, "used", sizeOf(used))
	case f.Eviction != "noeviction":
		return finding(stepFailed, "redis_evicts", "address", f.Addr, "policy", f.Eviction)
	case uerr != nil:
		return finding(stepOK, "redis_limit", "address", f.Addr, "most", sizeOf(limit))
	case used >= limit:
		return finding(stepFailed, "redis_full", "address", f.Addr, "used", sizeOf(used), "most", sizeOf(limit))
	case used >= nearlyFull*limit:
		return finding(stepWarning, "redis_nearly_full", "address", f.Addr, "used", sizeOf(used), "most", sizeOf(limit))
	}
	return finding(stepOK, "redis_room", "address", f.Addr, "used", sizeOf(used), "most", sizeOf(limit))
}

func sizeOf(bytes float64) string { return bytesText(int64(bytes)) }

// judgeReplicas says what a fail-over can lose.
func judgeReplicas(all []redisstore.Facts, wait int) (found api.Check) {
	with, told := 0, 0
	for _, f := range all {
		n, err := strconv.Atoi(f.Replicas)
		if err == nil {
			told++
		}
		if n > 0 {
			with++
		}
	}
	lone := lacking(all, wait)
	n := strconv.Itoa(wait)
	switch {
	case told == 0 && wait > 0:
		found = finding(stepSkipped, "redis_waits_unknown", "wait", n)
	case told == 0:
		found = finding(stepSkipped, "redis_replicas_unknown")
	case len(lone) > 0:
		found = finding(stepFailed, "redis_alone", "wait", n, "addresses", strings.Join(lone, " "))
	case wait > 0:
		found = finding(stepOK, "redis_waits", "wait", n)
	case with > 0:
		found = finding(stepWarning, "redis_no_wait")
	default:
		found = finding(stepOK, "redis_single")
	}
	found.Step = "redis_replicas"
	return found
}

// lacking are the addresses of servers that are known to have fewer replicas than claims wait for.
func lacking(all []redisstore.Facts, wait int) (addrs []string) {
	for _, f := range all {
		if n, err := strconv.Atoi(f.Replicas); err == nil && n < wait {
			addrs = append(addrs, f.Addr)
		}
	}
	return addrs
}

// judgeCluster says whether every user has a master.
func judgeCluster(all []redisstore.Facts) (found api.Check) {
	says, down := redisstore.ClusterDown(all)
	switch {
	case says.ClusterState == "" && !down:
		found = finding(stepSkipped, "redis_cluster_unknown")
	case down:
		found = finding(stepFailed, "redis_cluster_down", "slots", says.Slots)
	case says.Slots != "16384":
		found = finding(stepFailed, "redis_cluster_gap", "slots", says.Slots)
	default:
		found = finding(stepOK, "redis_cluster_ok", "masters", strconv.Itoa(len(all)))
	}
	found.Step = "redis_cluster"
	return found
}
