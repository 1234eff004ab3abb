package bench

import (
	"context"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store/redisstore/redistest"
)

// redisRows need no program.
var redisRows = []string{"claim-settle", "redis-collect", "redis-claim", "redis-wait", "redis-memory"}

func TestTheRowsOnRedisAreMeasuredOnAServerThatTheRunStarts(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("SKIPPED, NOTHING WAS TESTED: no redis-server")
	}
	cfg := tiny(t, redisRows...)
	cfg.Fsync = "no"
	report, err := Run(t.Context(), Program{}, cfg)
	must(t, err)
	for _, r := range report.Rows {
		if r.Error != "" || r.Skipped != "" || r.Figure <= 0 || r.Limit == nil || *r.Limit <= 0 || r.Notes[noteAOF] != "no" ||
			!strings.Contains(r.Notes[noteServer], ".") {
			t.Errorf("%+v", r)
		}
	}
}

func TestTheRowsOnRedisLeaveNothingInSomebodyElsesServer(t *testing.T) {
	t.Parallel()
	for name, lines := range map[string][]string{"open": nil, "with a password": {"requirepass secret"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.One(t, append(lines, "appendfsync no")...)
			cfg := tiny(t, redisRows...)
			rpush := "redis-benchmark"
			if cfg.Store = "redis://" + server.Addr() + "?wait-replicas=0"; lines != nil {
				cfg.Store, rpush = "redis://:secret@"+server.Addr()+"?wait-replicas=0", rpushLoop // its password would be seen
			} else if _, err := exec.LookPath(rpush); err != nil {
				rpush = rpushLoop
			}
			report, err := Run(t.Context(), Program{}, cfg)
			must(t, err)
			for _, r := range report.Rows {
				if r.ID == "redis-wait" {
					if r.Skipped != NeedsReplica {
						t.Errorf("%+v", r)
					}
					continue
				}
				if r.Error != "" || r.Skipped != "" || r.Limit == nil || r.Notes[noteAOF] != "no" {
					t.Errorf("%+v", r)
				}
				if r.ID == "redis-collect" && r.Notes[noteRPush] != rpush {
					t.Errorf("RPUSH was done by %s, want %s", r.Notes[noteRPush], rpush)
				}
			}
			r, err := (&bench{Config: cfg}).connectRedis(t.Context()) // it takes only an empty database
			must(t, err)
			r.close()
		})
	}
}

func TestADatabaseWithKeysIsRefusedAndLeftAsItIs(t *testing.T) {
	t.Parallel()
	server := redistest.One(t, "appendfsync no")
	_, err := server.Do("SET", "theirs", "1")
	must(t, err)
	cfg := tiny(t, "redis-collect")
	cfg.Store = "redis://" + server.Addr()
	_, err = Run(t.Context(), Program{}, cfg)
	var e *minapush.Error
	if !errors.As(err, &e) || e.Kind != minapush.Invalid || e.Field != "store" {
		t.Errorf("got %v", err)
	}
	if keys, err := server.Do("KEYS", "*"); err != nil || keys != "theirs" {
		t.Errorf("the keys are %q, %v", keys, err)
	}
}

func TestAnInterruptedRowOnRedisLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	server := redistest.One(t, "appendfsync no")
	cfg := tiny(t, "redis-collect")
	cfg.Store, cfg.Seconds = "redis://"+server.Addr(), 60
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cfg.Began = func(string, int, int) { time.AfterFunc(300*time.Millisecond, cancel) }
	if _, err := Run(ctx, Program{}, cfg); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	if n, err := server.Do("DBSIZE"); err != nil || n != "0" {
		t.Errorf("%s keys are left, %v", n, err)
	}
}

func TestWithoutRedisItsRowsAreSkippedAndSaySo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	report, err := Run(t.Context(), Program{}, tiny(t, append(slices.Clone(redisRows), "disk")...))
	must(t, err)
	for _, r := range report.Rows {
		switch r.ID {
		case "disk":
			if r.Error != "" || r.Skipped != "" {
				t.Errorf("%+v", r)
			}
		case "claim-settle":
			if r.Figure <= 0 || r.Limit != nil || r.Missing != NeedsRedis || r.Unjudged != NeedsRedis || r.Reached != nil {
				t.Errorf("claim-settle has a figure and no limit: %+v", r)
			}
		default:
			if r.Skipped != NeedsRedis || r.Error != "" || r.Reached != nil {
				t.Errorf("%+v", r)
			}
		}
	}
}

func TestTheRecipeTakesTheFirstCodeThatIsGoodAndTrims(t *testing.T) {
	t.Parallel()
	server := redistest.One(t, "appendfsync no")
	cfg := tiny(t)
	cfg.Store = "redis://" + server.Addr()
	r, err := (&bench{Config: cfg}).connectRedis(t.Context())
	must(t, err)
	defer r.close()
	users := madeUp(3)
	c, err := r.recipeOf(t.Context(), "x", users, 4)
	must(t, err)
	length := func(o minapush.OpenID) string {
		n, err := server.Do("LLEN", c.key(o))
		must(t, err)
		return n
	}
	first, err := server.Do("LINDEX", c.key(users[0]), "0")
	must(t, err)
	if !strings.HasPrefix(first, `{"formId":"`) || length(users[0]) != "4" {
		t.Errorf("%s of %s records", first, length(users[0]))
	}
	_, err = server.Do("LSET", c.key(users[1]), "0", `{"formId":"0","expire":1}`) // long gone
	must(t, err)
	var sent []minapush.OpenID
	send := func(_ context.Context, o minapush.OpenID) error {
		sent = append(sent, o)
		return nil
	}
	now := time.Now().UnixMilli()
	for _, o := range users[:2] {
		must(t, c.serve(t.Context(), o, now, send))
	}
	if length(users[0]) != "3" || length(users[1]) != "2" || length(users[2]) != "4" || !slices.Equal(sent, users[:2]) {
		t.Errorf("left %s, %s, %s; sent to %v", length(users[0]), length(users[1]), length(users[2]), sent)
	}
	for range 2 {
		must(t, c.serve(t.Context(), users[1], now, send))
	}
	if err := c.serve(t.Context(), users[1], now, send); err == nil {
		t.Error("somebody without codes was served")
	}
}
