package redisstore

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/record"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// once is an idempotency key as it is stored.
type once struct {
	fingerprint uint64
	forget      int64 // milliseconds; the key is not known any more from then on
	batch, push string
}

func (v once) append(dst []byte) []byte {
	dst = append(dst, valueV1)
	dst = binary.BigEndian.AppendUint64(dst, uint64(v.forget))
	dst = binary.BigEndian.AppendUint64(dst, v.fingerprint)
	return record.AppendID(record.AppendID(dst, v.batch), v.push)
}

func readOnce(b []byte) (once, error) {
	if err := checkFormat(b); err != nil {
		return once{}, err
	}
	p := parser{b: b[1:]}
	v := once{forget: int64(p.uint64()), fingerprint: p.uint64()}
	v.batch, v.push = p.id(), p.id()
	return v, p.end()
}

// settledPush is one push of a user among those of a batch.
type settledPush struct {
	push string
	row  []byte
}

// appendPushes writes the settled pushes of one user.
func appendPushes(dst []byte, list []settledPush) []byte {
	dst = append(dst, valueV1)
	for _, e := range list {
		dst = record.AppendID(dst, e.push)
		dst = append(binary.AppendUvarint(dst, uint64(len(e.row))), e.row...)
	}
	return dst
}

// readPushes reads what appendPushes wrote, or nothing.
func readPushes(b []byte) ([]settledPush, error) {
	if len(b) == 0 {
		return nil, nil
	}
	if err := checkFormat(b); err != nil {
		return nil, err
	}
	var list []settledPush
	p := parser{b: b[1:]}
	for len(p.b) > 0 {
		e := settledPush{push: p.id()}
		e.row = []byte(p.string())
		list = append(list, e)
	}
	return list, p.end()
}

// appendListed appends the values of a listed user, by name.
func appendListed(dst []byte, values map[string]string) []byte {
	dst = append(dst, valueV1)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		dst = appendString(appendString(dst, name), values[name])
	}
	return dst
}

// readListed reads what appendListed wrote; nil if there are none.
func readListed(b []byte) (map[string]string, error) {
	if err := checkFormat(b); err != nil {
		return nil, err
	}
	p := parser{b: b[1:]}
	var values map[string]string
	for len(p.b) > 0 {
		if values == nil {
			values = map[string]string{}
		}
		name := p.string()
		values[name] = p.string()
	}
	return values, p.end()
}

// The fields of a shard's counters: the number of the kind and a letter; beside them the generation of the users, and what
// each write moves: see newVersion.
const (
	flowLetters     = "dsxevz" // deposited, spent, dead, expired, evicted, erased: as flowCounts has them
	generationField = "g"
	writesField     = "w"
)

// versionFields are the counters of which every write to a shard changes one. A deposit moves what was deposited of a kind anyway, and
// counts as a write only if it does not.
var versionFields = [...]string{writesField, "1d", "2d", "3d"}

func flowCounts(c *minapush.Counts) [len(flowLetters)]*int64 {
	return [...]*int64{&c.Deposited, &c.Spent, &c.Dead, &c.Expired, &c.Evicted, &c.Erased}
}

// eachFlow calls f for each counter that is moved.
func eachFlow(f *record.Flow, each func(field string, by int64)) {
	for k := range f {
		for i, n := range flowCounts(&f[k]) {
			if *n != 0 {
				each(string([]byte{'0' + byte(k), flowLetters[i]}), *n)
			}
		}
	}
}

// readFlow reads the counters of a shard.
func readFlow(fields map[string]string) (map[minapush.PermitKind]minapush.Counts, error) {
	flows := map[minapush.PermitKind]minapush.Counts{}
	for field, value := range fields {
		if field == generationField || field == writesField {
			continue
		}
		n, err := strconv.ParseInt(value, 10, 64)
		i := -1
		if len(field) == 2 {
			i = slices.Index([]byte(flowLetters), field[1])
		}
		if err != nil || i < 0 {
			return nil, errCorrupt
		}
		c := flows[minapush.PermitKind(field[0]-'0')]
		*flowCounts(&c)[i] = n
		flows[minapush.PermitKind(field[0]-'0')] = c
	}
	return flows, nil
}

// readDocument reads what put.lua stores.
func readDocument(b []byte, kind, id string) (store.Document, error) {
	if err := checkFormat(b); err != nil {
		return store.Document{}, err
	}
	p := parser{b: b[1:]}
	d := store.Document{Kind: kind, ID: id, Version: p.uint64()}
	if p.bad {
		return store.Document{}, errCorrupt
	}
	d.Value = append([]byte{}, p.b...)
	return d, nil
}

// userHead is the length of what stands in front of a user's record: format (1), stamp (4), state (1), sections (1), largest (2).
//
// The stamp is another one after each change: a step that read it knows whether the user is still the same. State counts the deltas
// behind the full frame, has bit 6 if the record remembers permits that are gone, and bit 7 while the user is being erased. Sections and largest are bounds: there may be fewer sections,
// and fewer permits in each, than they say, never more. By them deposit.lua knows that a permit more breaks no limit.
const (
	userHead      = 9
	stampEnd      = 5
	userRemembers = 0x40
	userErasing   = 0x80
)

// appendUser writes a user.
func appendUser(dst []byte, r *record.Record, stamp uint32) []byte {
	state := bit(r.Erasing, userErasing) | bit(r.Remembers(), userRemembers)
	sections, largest := r.Sections()
	dst = binary.BigEndian.AppendUint32(append(dst, valueV1), stamp)
	dst = append(dst, state, byte(min(sections, math.MaxUint8)))
	dst = binary.BigEndian.AppendUint16(dst, uint16(min(largest, math.MaxUint16)))
	return r.Append(dst)
}

// readUser decodes a user. The record refers to b.
func readUser(b []byte, r *record.Record) error {
	if err := checkFormat(b); err != nil {
		return err
	}
	if len(b) < userHead {
		return errCorrupt
	}
	return r.Decode(b[userHead:])
}

// stampOf is the stamp of a user that is there.
func stampOf(b []byte) uint32 {
	if len(b) < stampEnd {
		return 0
	}
	return binary.BigEndian.Uint32(b[1:])
}
