package redisstore

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/minapush/minapush/store/redisstore/redistest"
)

// dump writes all keys of a server: a line for each key with its type and whether it ends by itself, then its values.
func dump(t *testing.T, server *redistest.Server) []byte {
	t.Helper()
	ask := func(args ...string) string {
		answer, err := server.Do(args...)
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	read := map[string][]string{
		"string": {"GET"}, "hash": {"HGETALL"}, "set": {"SMEMBERS"}, "zset": {"ZRANGE", "0", "-1", "WITHSCORES"},
	}
	c := openAt(t, fixturePrefix, server.Addr())
	defer c.Close()
	var out bytes.Buffer
	keys := strings.Split(ask("KEYS", "*"), "\n")
	slices.Sort(keys)
	for _, key := range keys {
		kind, lives := ask("TYPE", key), "for ever"
		if ask("PTTL", key) != "-1" {
			lives = "for a time"
		}
		fmt.Fprintf(&out, "key %s %s %s\n", strconv.QuoteToASCII(key), kind, lives)
		cmd := c.client.B().Arbitrary(read[kind][0]).Keys(key).Args(read[kind][1:]...).Build()
		var values []string
		var err error
		if r := c.client.Do(t.Context(), cmd); kind == "string" {
			values = make([]string, 1)
			values[0], err = r.ToString()
		} else {
			values, err = r.AsStrSlice()
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			fmt.Fprintf(&out, "\t%s\n", strconv.QuoteToASCII(v))
		}
	}
	return out.Bytes()
}

// load puts a fixture into a server. What ended by itself ends in an hour.
func load(t *testing.T, server *redistest.Server, file string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write := map[string]string{"string": "SET", "hash": "HSET", "set": "SADD", "zset": "ZADD"}
	var args []string
	kind, lives := "", ""
	do := func(args ...string) {
		if _, err := server.Do(args...); err != nil {
			t.Fatal(err)
		}
	}
	flush := func() {
		if len(args) == 0 {
			return
		}
		values := args[2:]
		for i := 0; kind == "zset" && i+1 < len(values); i += 2 { // ZRANGE tells member, score; ZADD wants score, member
			values[i], values[i+1] = values[i+1], values[i]
		}
		do(args...)
		if lives == "for a time" {
			do("PEXPIRE", args[1], "3600000")
		}
	}
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		text, head := strings.CutPrefix(lines.Text(), "key ")
		if !head {
			v, err := strconv.Unquote(strings.TrimSpace(text))
			if err != nil {
				t.Fatal(err)
			}
			args = append(args, v)
			continue
		}
		flush()
		quoted, err := strconv.QuotedPrefix(text)
		if err != nil {
			t.Fatal(err)
		}
		key, _ := strconv.Unquote(quoted)
		kind, lives, _ = strings.Cut(strings.TrimSpace(text[len(quoted):]), " ")
		args = []string{write[kind], key}
	}
	flush()
}
