package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/rueidis"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store/record"
)

// told says how answers of the server are understood, by how they begin. In scripts of Redis before 7 the answer of a command is quoted
// within another, so they are looked for anywhere in it.
var told = []struct {
	part string
	kind minapush.Kind
	text string
}{
	{"OOM command not allowed", minapush.Unavailable, "Redis is out of memory: raise maxmemory, or free some"},
	{"READONLY ", minapush.Unavailable, "this Redis is a replica"},
	{"MASTERDOWN ", minapush.Unavailable, "this Redis is a replica that has lost its master"},
	{"LOADING ", minapush.Unavailable, "Redis is loading its data"},
	{"CLUSTERDOWN ", minapush.Unavailable, clusterDown},
	{"MOVED ", minapush.Unavailable, "the Redis Cluster is moving slots"},
	{"ASK ", minapush.Unavailable, "the Redis Cluster is moving slots"},
	{"TRYAGAIN ", minapush.Unavailable, "the Redis Cluster is moving slots"},
	{"BUSY ", minapush.Unavailable, "Redis is busy with a script"},
	{"MISCONF ", minapush.Unavailable, "Redis cannot write to its disk"},
	{"NOREPLICAS ", minapush.Unavailable, "Redis has too few replicas to write"},
	{"UNBLOCKED ", minapush.Unavailable, "Redis became a replica"},
	{"max number of clients", minapush.Unavailable, "Redis has too many clients"},
	{"unknown command", minapush.Unavailable, "this Redis does not know, or does not allow, what minapush needs"},
	{"SELECT is not allowed", minapush.Unavailable, "a Redis Cluster has no other database than 0"},
	{"DB index is out of range", minapush.Unavailable, "this Redis has no database of that number"},
	{"WRONGPASS ", minapush.Unauthorized, "Redis refuses the user or the password"},
	{"NOAUTH ", minapush.Unauthorized, "Redis asks for a password"},
	{"NOPERM ", minapush.Unauthorized, "the Redis user may not do this"},
	{"executing the script can't", minapush.Unauthorized, "the Redis user may not do this"},
	{"ACL failure in script", minapush.Unauthorized, "the Redis user may not do this"},
	{"invalid password", minapush.Unauthorized, "Redis refuses the password"},
	{"without any password configured", minapush.Unauthorized, "Redis has no password, but one is configured here"},
}

// interpret is understand for a store that is open. A server that refuses it now is at fault, not whoever calls: what was asked has not
// happened, and can be asked again once the server is put right.
func interpret(op string, err error) error {
	err = understand(op, err)
	var e *minapush.Error
	if errors.As(err, &e) && e.Kind == minapush.Unauthorized {
		return &minapush.Error{Kind: minapush.Unavailable, Op: e.Op, Err: e.Err}
	}
	return err
}

// understand turns errors of the client, of the server and of codecs into kinds. Nil and errors that are ours already pass.
func understand(op string, err error) error {
	var ours *minapush.Error
	var version *record.VersionError
	var format errFormat
	switch {
	case err == nil:
		return nil
	case errors.As(err, &ours):
		return ours
	case errors.Is(err, record.ErrCorrupt), errors.Is(err, errCorrupt):
		return &minapush.Error{Kind: minapush.Internal, Op: op, Err: err}
	case errors.As(err, &version), errors.As(err, &format):
		return &minapush.Error{Kind: minapush.Internal, Op: op, Err: fmt.Errorf("a newer release wrote this: %w", err)}
	}
	if e, ok := rueidis.IsRedisErr(err); ok {
		return answer(op, e)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("no answer of Redis in time: %w", err)
	}
	return &minapush.Error{Kind: minapush.Unavailable, Op: op, Err: err}
}

// answer understands an error that the server answered.
func answer(op string, e *rueidis.RedisError) error {
	text := e.Error()
	for _, t := range told {
		if strings.Contains(text, t.part) {
			return &minapush.Error{Kind: t.kind, Op: op, Err: fmt.Errorf("%s: %w", t.text, e)}
		}
	}
	if strings.Contains(text, "minapush format ") {
		return &minapush.Error{Kind: minapush.Internal, Op: op, Err: fmt.Errorf("a newer release wrote this: %w", e)}
	}
	return &minapush.Error{Kind: minapush.Internal, Op: op, Err: e}
}
