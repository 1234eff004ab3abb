package redisstore

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// commands are all that is asked of a server, with the release of Redis that brought it. Managed services offer 6.2, so none may be newer,
// nor may an argument: HSET of many fields is of 4.0, LIMIT and WITHSCORES are as old as their commands, SET NX and PX are of 2.6.
var commands = map[string]string{
	"APPEND": "2.0", "CLUSTER INFO": "3.0", "CLUSTER SLOTS": "3.0", "CONFIG GET": "2.0", "DBSIZE": "1.0", "DEL": "1.0", "EVAL": "2.6", "EVALSHA": "2.6", "EXEC": "1.2", "EXISTS": "1.0", "GET": "1.0", "GETRANGE": "2.4",
	"HDEL": "2.0", "HEXISTS": "2.0", "HGET": "2.0", "HGETALL": "2.0", "HINCRBY": "2.0", "HKEYS": "2.0", "HLEN": "2.0", "HMGET": "2.0", "HSET": "4.0",
	"INCR": "1.0", "INFO": "1.0", "LRANGE": "1.0", "MGET": "1.0", "MULTI": "1.2", "PEXPIRE": "2.6", "PTTL": "2.6", "SADD": "1.0", "SCAN": "2.8", "SET": "2.6", "SMEMBERS": "1.0",
	"SREM": "1.0", "TIME": "2.6", "TYPE": "1.0", "UNLINK": "4.0", "UNWATCH": "2.2", "WAIT": "3.0", "WATCH": "2.2", "ZADD": "1.2", "ZCARD": "1.2", "ZRANGE": "1.2", "ZRANGEBYLEX": "2.8",
	"ZRANGEBYSCORE": "1.0", "ZREM": "1.2",
}

// ofTheClient is what rueidis asks by itself, as it is configured here: while it connects, to find out whether the connection still
// lives, and in a cluster. HELLO may fail.
var ofTheClient = map[string]string{
	"AUTH": "6.0", "HELLO": "6.0", "SELECT": "1.0", "PING": "1.0", "CLUSTER SLOTS": "3.0", "CLUSTER SHARDS": "7.0, where the server has it",
	"ASKING": "3.0", "QUIT": "1.0",
}

func TestNoCommandIsNewerThanRedis62(t *testing.T) {
	used := map[string]bool{}
	for _, file := range files(t, "scripts/*.lua") {
		text := read(t, file)
		calls := regexp.MustCompile(`redis\.p?call\('([A-Z]+)'`).FindAllStringSubmatch(text, -1)
		if n := strings.Count(text, "redis.call(") + strings.Count(text, "redis.pcall("); n != len(calls) {
			t.Errorf("%s calls a command whose name is not written out", file)
		}
		for _, c := range calls {
			used[c[1]] = true
		}
	}
	// Commands are built by methods of rueidis.Builder, which is called b, or B().
	built := regexp.MustCompile(`\b(?:B\(\)|b)\.([A-Z][A-Za-z]+)\(\)`)
	names := map[string]string{"ConfigGet": "CONFIG GET", "ClusterInfo": "CLUSTER INFO", "ClusterSlots": "CLUSTER SLOTS"}
	for _, file := range files(t, "*.go") {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, c := range built.FindAllStringSubmatch(read(t, file), -1) {
			name, ok := names[c[1]]
			if !ok {
				name = strings.ToUpper(c[1])
			}
			used[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(used)) {
		if _, ok := commands[name]; !ok {
			t.Errorf("%s is not in the list of commands: is it in Redis 6.2?", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(commands)) {
		if !used[name] {
			t.Errorf("%s is in the list of commands and not used", name)
		}
		if since := commands[name]; since > "6.2" {
			t.Errorf("%s is of Redis %s", name, since)
		}
	}
	if len(used) < 20 {
		t.Errorf("found only %v: does this test still see them?", used)
	}
}

func TestEveryScriptSaysWhatItTakesAndReturns(t *testing.T) {
	list := files(t, "scripts/*.lua")
	if len(list) < 5 {
		t.Fatalf("only %v", list)
	}
	for _, file := range list {
		head, _, _ := strings.Cut(read(t, file), "\nlocal")
		for _, word := range []string{"KEYS", "ARGV", "Returns"} {
			if !strings.Contains(head, word) {
				t.Errorf("%s does not say %s", file, word)
			}
		}
		if strings.Contains(read(t, file), "redis.call('TIME'") && file != "scripts/rate.lua" {
			t.Errorf("%s asks for the time: leases end by themselves, all else goes by the caller's clock", file)
		}
	}
}

// seenCommands compares what a server says that it was asked to the list.
func seenCommands(t *testing.T, info string) {
	t.Helper()
	also := map[string]bool{"ROLE": true, "KEYS": true, "DEL": true, "FLUSHALL": true} // of the tests themselves
	for line := range strings.Lines(info) {
		name, _, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "cmdstat_"), ":")
		if !ok || !strings.HasPrefix(line, "cmdstat_") {
			continue
		}
		name = strings.ToUpper(strings.ReplaceAll(name, "|", " "))
		if commands[name] == "" && ofTheClient[name] == "" && !also[name] {
			t.Errorf("the server was asked %s", name)
		}
	}
}

func files(t *testing.T, pattern string) []string {
	t.Helper()
	list, err := filepath.Glob(pattern)
	if err != nil || len(list) == 0 {
		t.Fatalf("%s: %v, %v", pattern, list, err)
	}
	return list
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
