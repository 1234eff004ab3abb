package redisstore

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store/redisstore/redistest"
)

// readLists reads all lists of a pattern as EachList hands them over, and what is no list by its type.
func readLists(t *testing.T, cfg Config, pattern string) (lists map[string][]string, others map[string]string, err error) {
	t.Helper()
	cfg.Timeout = 30 * time.Second
	lists, others = map[string][]string{}, map[string]string{}
	err = EachList(t.Context(), cfg, pattern, func(p ListPage) error {
		if p.Type != "" {
			others[p.Key] = p.Type
			return nil
		}
		if p.First != int64(len(lists[p.Key])) {
			t.Errorf("%s: a page begins at %d after %d elements", p.Key, p.First, len(lists[p.Key]))
		}
		if p.Seen > p.Keys || p.Keys == 0 {
			t.Errorf("%d of %d keys were looked at", p.Seen, p.Keys)
		}
		lists[p.Key] = append(lists[p.Key], p.Elements...)
		return nil
	})
	return lists, others, err
}

// do asks the server that has the key.
func do(t *testing.T, s *redistest.Server, servers []*redistest.Server, args ...string) string {
	t.Helper()
	got, err := s.Do(args...)
	if err != nil && strings.HasPrefix(err.Error(), "MOVED ") {
		_, to, _ := strings.Cut(strings.TrimPrefix(err.Error(), "MOVED "), " ")
		for _, other := range servers {
			if other.Addr() == to {
				got, err = other.Do(args...)
			}
		}
	}
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return got
}

func TestEveryListOfAPatternIsReadWholeFromOneServerAndFromACluster(t *testing.T) {
	t.Parallel()
	one := redistest.One(t, steady[0])
	group := redistest.Cluster(t, 3, 1, steady...)
	for name, servers := range map[string][]*redistest.Server{"one": {one}, "cluster": group.Servers} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := map[string][]string{}
			for i := range 300 {
				key := fmt.Sprintf("mina:openid:o%d", i)
				long := []int{1, 2, 7}[i%3]
				if i == 0 {
					long = 2*listPage + 1
				}
				if i == 1 {
					long = listPage
				}
				for e := range long {
					want[key] = append(want[key], fmt.Sprintf("%d\x00\xff{}", e))
				}
				do(t, servers[0], servers, append([]string{"RPUSH", key}, want[key]...)...)
			}
			do(t, servers[0], servers, "SET", "mina:openid:text", "1")
			do(t, servers[0], servers, "RPUSH", "mina:other", "1")
			before := digests(t, servers)
			lists, others, err := readLists(t, Config{Addresses: []string{servers[0].Addr()}}, "mina:openid:*")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, lists); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(map[string]string{"mina:openid:text": "string"}, others); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if after := digests(t, servers); after != before {
				t.Errorf("the data was %s, is %s", before, after)
			}
			for _, s := range servers {
				info, err := s.Do("INFO", "commandstats")
				if err != nil {
					t.Fatal(err)
				}
				for _, write := range []string{"cmdstat_set:", "cmdstat_eval", "cmdstat_del", "cmdstat_expire"} {
					if strings.Contains(strings.ReplaceAll(info, "cmdstat_set:calls=1,", ""), write) {
						t.Errorf("%s was asked to write: %s", s.Addr(), write)
					}
				}
			}
		})
	}
}

// digests is a fingerprint of all that the servers have.
func digests(t *testing.T, servers []*redistest.Server) string {
	t.Helper()
	var all []string
	for _, s := range servers {
		if role, err := s.Do("ROLE"); err != nil || !strings.HasPrefix(role, "master") {
			continue
		}
		keys, err := s.Do("KEYS", "*")
		if err != nil {
			t.Fatal(err)
		}
		for key := range strings.Lines(keys) {
			dump, err := s.Do("DUMP", strings.TrimSpace(key))
			if err != nil {
				t.Fatal(err)
			}
			ttl, err := s.Do("PTTL", strings.TrimSpace(key))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, strings.TrimSpace(key)+" "+ttl+" "+strconv.Quote(dump))
		}
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

func TestAReadingUserNeedsNoMoreThanToRead(t *testing.T) {
	t.Parallel()
	one := redistest.One(t, steady[0], "user reader on >pw ~mina:* +scan +type +lrange +dbsize")
	do(t, one, nil, "RPUSH", "mina:openid:o1", "a")
	cfg := Config{Addresses: []string{one.Addr()}, Username: "reader", Password: "pw"}
	if lists, _, err := readLists(t, cfg, "mina:openid:*"); err != nil || len(lists) != 1 {
		t.Errorf("%d lists, %v", len(lists), err)
	}
	if _, _, err := readLists(t, cfg, "other:*"); minapush.KindOf(err) != minapush.Unauthorized {
		t.Errorf("keys that it may not read: %v", err)
	}
	cfg.Password = "wrong"
	if _, _, err := readLists(t, cfg, "mina:*"); minapush.KindOf(err) != minapush.Unauthorized {
		t.Errorf("a wrong password: %v", err)
	}
}

func TestANodeOfAClusterIsNotTakenForAllOfIt(t *testing.T) {
	t.Parallel()
	group := redistest.Cluster(t, 3, 0, append([]string{"user reader on >pw ~mina:* +scan +type +lrange +dbsize"}, steady...)...)
	cfg := Config{Addresses: []string{group.Servers[0].Addr()}, Username: "reader", Password: "pw"}
	_, _, err := readLists(t, cfg, "mina:openid:*")
	if minapush.KindOf(err) != minapush.Unauthorized || !strings.Contains(err.Error(), "cluster|slots") {
		t.Errorf("got %v", err)
	}
	for _, s := range group.Servers {
		if _, err := s.Do("ACL", "SETUSER", "reader", "+cluster|slots"); err != nil {
			t.Fatal(err)
		}
	}
	do(t, group.Servers[0], group.Servers, "RPUSH", "mina:openid:o1", "a")
	if lists, _, err := readLists(t, cfg, "mina:openid:*"); err != nil || len(lists) != 1 {
		t.Errorf("%d lists, %v", len(lists), err)
	}
}

func TestReadingListsEndsWithItsReader(t *testing.T) {
	t.Parallel()
	one := redistest.One(t, steady[0])
	for i := range 3 {
		do(t, one, nil, "RPUSH", fmt.Sprintf("l:%d", i), "a")
	}
	enough, calls := errors.New("enough"), 0
	err := EachList(t.Context(), Config{Addresses: []string{one.Addr()}}, "l:*", func(ListPage) error { calls++; return enough })
	if !errors.Is(err, enough) || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	_ = l.Close()
	if _, _, err := readLists(t, Config{Addresses: []string{nobody}}, "l:*"); minapush.KindOf(err) != minapush.Unavailable {
		t.Errorf("where nobody listens: %v", err)
	}
}
