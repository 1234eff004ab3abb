package redisstore

import (
	"context"

	"github.com/redis/rueidis"
)

// A step on many rows has a connection of its own, on which it watches the lease and the counters of the shard before it reads anything.
// Every write to the shard moves a counter, so if neither was touched until EXEC, all is still as it was read, and plain commands write
// what the step changed. That is what commit.lua does, for half the work of the server: to hand some hundred users to Lua and back costs
// it more than to write them. If something was touched, or the server or a proxy before it will not have it, commit.lua is asked.

// watchFrom is from how many rows on a step watches.
const watchFrom = versionFrom

// watch begins to watch the shard, for a step on so many rows, and reads its version and lease. Where that is refused the step goes on
// without.
func (st *step) watch(ctx context.Context, rows int) error {
	if rows < st.s.watchFrom {
		return nil
	}
	on, release := st.s.client.Dedicate()
	lease, counters := st.keys.lease(), st.keys.counters()
	b := on.B()
	if !st.s.transacts.Load() {
		// Where MULTI is refused the commands after it would be done one by one: so it is tried with one that changes nothing.
		for _, a := range on.DoMulti(ctx, b.Multi().Build(), b.Get().Key(lease).Build(), b.Exec().Build()) {
			if err := a.Error(); err != nil && !rueidis.IsRedisNil(err) {
				unwatch(ctx, on)
				release()
				return nil
			}
		}
		st.s.transacts.Store(true)
	}
	answers := on.DoMulti(ctx, b.Watch().Key(lease, counters).Build(), b.Get().Key(lease).Build(),
		b.Hmget().Key(counters).Field(versionFields[:]...).Build())
	for _, a := range answers {
		err := a.Error()
		if _, refused := rueidis.IsRedisErr(err); refused && !rueidis.IsRedisNil(err) {
			unwatch(ctx, on)
			release()
			return nil
		}
		if err != nil && !rueidis.IsRedisNil(err) {
			release()
			return err
		}
	}
	st.on, st.release, st.watching = on, release, true
	m, err := answers[2].ToMessage()
	if err != nil {
		return err
	}
	st.reads++
	held, _ := answers[1].ToString()
	st.leaseSeen = held == st.lease
	return st.sawVersion(m)
}

// unwatch makes a connection fit for others. If it cannot, it is closed.
func unwatch(ctx context.Context, on rueidis.DedicatedClient) {
	if on.Do(ctx, on.B().Unwatch().Build()).Error() != nil {
		on.Close()
	}
}

// done gives the step's connection back.
func (st *step) done(ctx context.Context) {
	if st.release == nil {
		return
	}
	if st.watching {
		ctx, cancel := st.s.writing(ctx)
		unwatch(ctx, st.on.(rueidis.DedicatedClient))
		cancel()
	}
	st.release()
}

// exec writes what the step changed, if nothing that it watches was touched. It answers moved if that is not so, or if a command was
// refused: then nothing is changed, and commit.lua is to find out, and to say, what there is.
func (st *step) exec(ctx context.Context, c *commit, fence bool) (int, error) {
	b := st.on.B()
	cmds := append(make(rueidis.Commands, 0, 64), b.Multi().Build())
	for i := range c.ops {
		if cmds = c.ops[i].commands(b, cmds); cmds == nil {
			return moved, nil
		}
	}
	cmds = append(cmds, b.Exec().Build())
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	ctx, cancel := st.s.writing(ctx)
	defer cancel()
	st.watching = false
	answers := st.on.DoMulti(ctx, cmds...)
	did, err := answers[len(answers)-1].ToArray()
	if _, refused := rueidis.IsRedisErr(err); refused || rueidis.IsRedisNil(err) {
		return moved, nil
	}
	for i := 0; i < len(did) && err == nil; i++ {
		err = did[i].Error()
	}
	if err == nil && fence {
		err = st.s.waitReplicas(ctx, st.on)
	}
	return written, err
}

// commands are an operation of commit.lua as plain commands; nil if there are none for it.
func (o *operation) commands(b rueidis.Builder, list rueidis.Commands) rueidis.Commands {
	add := func(c rueidis.Completed) { list = append(list, c) }
	switch o.letter {
	case "h":
		set := b.Hset().Key(o.key).FieldValue()
		for i := 0; i < len(o.args); i += 2 {
			set = set.FieldValue(o.args[i], o.args[i+1])
		}
		add(set.Build())
	case "d":
		add(b.Hdel().Key(o.key).Field(o.args...).Build())
	case "i":
		for i := 0; i < len(o.args); i += 2 {
			add(b.Arbitrary("HINCRBY").Keys(o.key).Args(o.args[i], o.args[i+1]).Build())
		}
	case "a":
		add(b.Sadd().Key(o.key).Member(o.args...).Build())
	case "r":
		add(b.Srem().Key(o.key).Member(o.args...).Build())
	case "z":
		add(b.Arbitrary("ZADD").Keys(o.key).Args(o.args...).Build())
	case "y":
		add(b.Zrem().Key(o.key).Member(o.args...).Build())
	case "p":
		add(b.Append().Key(o.key).Value(o.args[0]).Build())
	case "s":
		add(b.Set().Key(o.key).Value(o.args[0]).Build())
	case "u":
		add(b.Unlink().Key(o.key).Build())
	default:
		return nil
	}
	return list
}
