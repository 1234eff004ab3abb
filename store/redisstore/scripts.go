package redisstore

import (
	"context"
	"crypto/sha1" // Redis names scripts by it
	"embed"
	"encoding/hex"

	"github.com/redis/rueidis"
)

//go:embed scripts/*.lua
var scriptFiles embed.FS

// script is one of scripts/, called by its hash. A server that does not know it, being new, or of a release before this one, is given
// its text.
type script struct {
	text, hash string
	// looks tells that it changes nothing, and may be repeated when a connection breaks.
	looks bool
}

// scripts are all of them.
type scripts struct {
	commit, deposit, reserve, rows, row, beside, forget, acquire, renew, put, delete, rate script
}

func loadScripts() (*scripts, error) {
	var s scripts
	for name, at := range map[string]*script{
		"commit": &s.commit, "deposit": &s.deposit, "reserve": &s.reserve, "rows": &s.rows, "row": &s.row, "beside": &s.beside,
		"forget": &s.forget, "acquire": &s.acquire, "renew": &s.renew, "put": &s.put, "delete": &s.delete,
		"rate": &s.rate,
	} {
		text, err := scriptFiles.ReadFile("scripts/" + name + ".lua")
		if err != nil {
			return nil, err
		}
		sum := sha1.Sum(text)
		*at = script{text: string(text), hash: hex.EncodeToString(sum[:])}
	}
	s.reserve.looks, s.rows.looks, s.row.looks, s.beside.looks = true, true, true, true
	return &s, nil
}

// doer is a connection, or all that there are.
type doer interface {
	B() rueidis.Builder
	Do(context.Context, rueidis.Completed) rueidis.RedisResult
}

// conn is a doer of several commands at a time.
type conn interface {
	doer
	DoMulti(context.Context, ...rueidis.Completed) []rueidis.RedisResult
}

// run runs a script.
func (c *script) run(ctx context.Context, on doer, keys, args []string) (rueidis.RedisMessage, error) {
	cmd := on.B().Evalsha().Sha1(c.hash).Numkeys(int64(len(keys))).Key(keys...).Arg(args...).Build()
	m, err := on.Do(ctx, c.mayRepeat(cmd)).ToMessage()
	if e, ok := rueidis.IsRedisErr(err); ok && e.IsNoScript() {
		cmd = on.B().Eval().Script(c.text).Numkeys(int64(len(keys))).Key(keys...).Arg(args...).Build()
		m, err = on.Do(ctx, c.mayRepeat(cmd)).ToMessage()
	}
	return m, err
}

func (c *script) mayRepeat(cmd rueidis.Completed) rueidis.Completed {
	if c.looks {
		return cmd.ToRetryable()
	}
	return cmd
}
