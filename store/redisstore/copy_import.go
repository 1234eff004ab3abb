package redisstore

import (
	"context"
	"encoding/binary"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/record"
)

// Import implements store.Copyable. It writes with plain commands, many together: nobody else is there.
func (s *Store) Import(ctx context.Context, pieces []store.Piece, now time.Time) error {
	in := &importing{s: s, now: now, grown: map[string]map[string][]byte{}}
	for i := range pieces {
		if err := in.piece(&pieces[i]); err != nil {
			return interpret("import", err)
		}
	}
	if err := in.grow(ctx); err != nil {
		return err
	}
	for i := range pieces {
		if err := in.kinds(ctx, pieces[i].Kinds); err != nil {
			return err
		}
	}
	return in.write(ctx)
}

// importing gathers what is to be written.
type importing struct {
	s    *Store
	now  time.Time
	cmds rueidis.Commands
	// grown is what comes to the end of fields of hashes, by key and field: rows that share one.
	grown map[string]map[string][]byte
}

func (in *importing) add(cmd rueidis.Completed) { in.cmds = append(in.cmds, cmd) }

func (in *importing) piece(p *store.Piece) error {
	k, b := in.s.keys(p.Shard), in.s.client.B()
	if err := in.users(k, p.Users); err != nil {
		return err
	}
	in.rows(k, p.Rows)
	in.once(k, p.Keys)
	for _, x := range p.Places {
		in.add(b.Hset().Key(k.list(x.Campaign)).FieldValue().
			FieldValue(string(x.OpenID), rueidis.BinaryString(appendListed(nil, x.Values))).Build())
		in.add(b.Sadd().Key(k.batches()).Member(x.Campaign).Build())
	}
	for _, x := range p.UIDs {
		in.add(b.Hset().Key(k.uids()).FieldValue().FieldValue(x.UID, string(append([]byte{valueV1}, x.OpenID...))).Build())
	}
	for i := range p.Batches {
		in.batch(k, &p.Batches[i])
	}
	if len(p.Flow) > 0 {
		if err := in.flow(k, p.Flow); err != nil {
			return err
		}
	}
	for _, d := range p.Documents {
		m := in.s.documents(d.Kind)
		value := binary.BigEndian.AppendUint64([]byte{valueV1}, d.Version)
		in.add(b.Set().Key(m.value(d.ID)).Value(rueidis.BinaryString(append(value, d.Value...))).Build())
		in.add(b.Zadd().Key(m.ids()).ScoreMember().ScoreMember(0, d.ID).Build())
	}
	return nil
}

// users writes users, each with a stamp of its own.
func (in *importing) users(k shardKeys, users []store.CopiedUser) error {
	if len(users) == 0 {
		return nil
	}
	b := in.s.client.B()
	set := b.Hset().Key(k.users()).FieldValue()
	var r record.Record
	for i := range users {
		if err := r.Decode(users[i].Record); err != nil {
			return err
		}
		set = set.FieldValue(string(users[i].OpenID), rueidis.BinaryString(appendUser(nil, &r, in.s.newStamp())))
	}
	in.add(set.Build())
	in.add(b.Hincrby().Key(k.counters()).Field(generationField).Increment(int64(len(users))).Build())
	in.add(b.Hincrby().Key(k.counters()).Field(writesField).Increment(1).Build())
	return nil
}

// rows writes rows where step.put would.
func (in *importing) rows(k shardKeys, rows []store.CopiedRow) {
	b := in.s.client.B()
	batches, tails := map[string]bool{}, map[string][]byte{}
	for i := range rows {
		c := &rows[i]
		w := row{Delivery: c.Delivery, Maybe: c.Maybe, AtLeastOnce: c.AtLeastOnce, SuspectedAt: c.SuspectedAt, Key: c.Key}
		value := w.append(nil)
		batches[w.Batch] = true
		switch {
		case w.State == minapush.Waiting:
			in.add(b.Hset().Key(k.queue(w.Batch)).FieldValue().FieldValue(string(w.OpenID), rueidis.BinaryString(value)).Build())
			due, _ := strconv.ParseFloat(score(w.NotBefore), 64) // of digits
			in.add(b.Zadd().Key(k.order(w.Batch)).ScoreMember().ScoreMember(due, string(w.OpenID)).Build())
		case w.State != minapush.Settled && w.Push != "":
			field := pushField(w.Batch, w.Push, w.OpenID)
			in.add(b.Hset().Key(k.hand()).FieldValue().FieldValue(field, rueidis.BinaryString(value)).Build())
			end, _ := strconv.ParseFloat(score(w.Deadline), 64)
			in.add(b.Zadd().Key(k.deadlines()).ScoreMember().ScoreMember(end, field).Build())
		case w.State != minapush.Settled:
			field := handField(w.Batch, bucketOf(w.OpenID))
			in.append(k.hand(), field, func(dst []byte) []byte { return appendPacked(dst, w.OpenID, value) })
		case w.Push != "":
			in.append(k.pushes(w.Batch), string(w.OpenID), func(dst []byte) []byte {
				return append(dst, appendPushes(nil, []settledPush{{w.Push, value}})[1:]...)
			})
		default:
			key := k.settled(w.Batch, bucketOf(w.OpenID))
			tails[key] = appendPacked(tails[key], w.OpenID, value)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(tails)) {
		in.add(b.Append().Key(key).Value(rueidis.BinaryString(tails[key])).Build())
	}
	if len(batches) > 0 {
		in.add(b.Sadd().Key(k.batches()).Member(slices.Sorted(maps.Keys(batches))...).Build())
	}
}

// append puts something at the end of a field of a hash.
func (in *importing) append(key, field string, write func(dst []byte) []byte) {
	if in.grown[key] == nil {
		in.grown[key] = map[string][]byte{}
	}
	in.grown[key][field] = write(in.grown[key][field])
}

// grow reads what fields are that something comes to the end of.
func (in *importing) grow(ctx context.Context) error {
	b := in.s.client.B()
	for _, key := range slices.Sorted(maps.Keys(in.grown)) {
		for fields := range slices.Chunk(slices.Sorted(maps.Keys(in.grown[key])), pieceEntries) {
			err := in.s.read(ctx, func(ctx context.Context) error {
				values, err := in.s.client.Do(ctx, b.Hmget().Key(key).Field(fields...).Build()).ToArray()
				if err != nil {
					return err
				}
				set := b.Hset().Key(key).FieldValue()
				for i, m := range values {
					is, err := bytesOf(m)
					if err != nil {
						return err
					}
					if is == nil {
						is = []byte{valueV1}
					}
					whole := append(slices.Clip(is), in.grown[key][fields[i]]...)
					set = set.FieldValue(fields[i], rueidis.BinaryString(whole))
				}
				in.add(set.Build())
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// once writes idempotency keys. All of a user come together, and the server lets them end a while after the last of them.
func (in *importing) once(k shardKeys, keys []store.CopiedKey) {
	b := in.s.client.B()
	lives := map[string]time.Duration{}
	for _, x := range keys {
		v := once{fingerprint: x.Fingerprint, forget: millis(x.Until), batch: x.Batch, push: x.Push}
		key := k.once(x.OpenID)
		in.add(b.Hset().Key(key).FieldValue().FieldValue(x.Key, rueidis.BinaryString(v.append(nil))).Build())
		lives[key] = max(lives[key], max(x.Until.Sub(in.now), 0)+onceSlack)
	}
	for _, key := range slices.Sorted(maps.Keys(lives)) {
		in.add(b.Pexpire().Key(key).Milliseconds(lives[key].Milliseconds()).Build())
	}
}

// batch writes the progress of a batch. It is there even if it says nothing: then a walk has begun, and lists are closed.
func (in *importing) batch(k shardKeys, p *store.CopiedBatch) {
	set := in.s.client.B().Hset().Key(k.progress(p.Batch)).FieldValue().FieldValue(fieldExamined, itoa(p.Tally.Examined))
	if p.Cursor != "" {
		set = set.FieldValue(fieldCursor, string(p.Cursor))
	}
	if p.Done {
		set = set.FieldValue(fieldDone, "1")
	}
	for state, n := range map[minapush.DeliveryState]int64{
		minapush.Waiting: p.Tally.Waiting, minapush.HeldState: p.Tally.Held, minapush.Sending: p.Tally.Sending,
		minapush.Suspected: p.Tally.Suspected,
	} {
		if n != 0 {
			set = set.FieldValue(pendingFields[state], itoa(n))
		}
	}
	for field, n := range map[string]int64{
		fieldOpened: p.Tally.Opened, fieldDelivered: p.Tally.Delivered, fieldUndelivered: p.Tally.Undelivered,
	} {
		if n != 0 {
			set = set.FieldValue(field, itoa(n))
		}
	}
	for _, o := range minapush.Outcomes {
		for reason, n := range p.Tally.By[o] {
			set = set.FieldValue(string('0'+rune(o))+reason, itoa(n))
		}
	}
	in.add(set.Build())
}

func (in *importing) flow(k shardKeys, flow map[minapush.PermitKind]minapush.Counts) error {
	var f record.Flow
	for kind, n := range flow {
		if int(kind) >= len(f) {
			return errCorrupt
		}
		f[kind] = n
	}
	set := in.s.client.B().Hset().Key(k.counters()).FieldValue()
	n := 0
	eachFlow(&f, func(field string, by int64) {
		set = set.FieldValue(field, itoa(by))
		n++
	})
	if n > 0 {
		in.add(set.Build())
	}
	return nil
}

// kinds raises the last versions of kinds.
func (in *importing) kinds(ctx context.Context, kinds []store.CopiedKind) error {
	b := in.s.client.B()
	for _, x := range kinds {
		key := in.s.documents(x.Kind).version()
		err := in.s.read(ctx, func(ctx context.Context) error {
			is, err := in.s.client.Do(ctx, b.Get().Key(key).Build()).AsUint64()
			if rueidis.IsRedisNil(err) {
				err = nil
			}
			if err == nil && is < x.Version {
				in.add(b.Set().Key(key).Value(strconv.FormatUint(x.Version, 10)).Build())
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// commandsAtOnce is how many commands are on their way at a time.
const commandsAtOnce = 1000

func (in *importing) write(ctx context.Context) error {
	for page := range slices.Chunk(in.cmds, commandsAtOnce) {
		err := in.s.read(ctx, func(ctx context.Context) error {
			for _, r := range in.s.client.DoMulti(ctx, page...) {
				if err := r.Error(); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
