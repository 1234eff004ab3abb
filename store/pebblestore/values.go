package pebblestore

import (
	"encoding/binary"
	"math"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/record"
)

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
	p := parser{b: b}
	if p.byte() != valueV1 {
		return once{}, errCorrupt
	}
	v := once{forget: int64(p.uint64()), fingerprint: p.uint64()}
	v.batch, v.push = p.id(), p.id()
	return v, p.end()
}

func appendFlow(dst []byte, f *record.Flow) []byte {
	dst = append(dst, valueV1)
	for k := range f {
		c := &f[k]
		if *c == (minapush.Counts{}) {
			continue
		}
		dst = append(dst, byte(k))
		for _, n := range flowCounts(c) {
			dst = binary.AppendUvarint(dst, uint64(*n))
		}
	}
	return dst
}

func readFlow(b []byte) (*record.Flow, error) {
	p := parser{b: b}
	if p.byte() != valueV1 {
		return nil, errCorrupt
	}
	f := new(record.Flow)
	for len(p.b) > 0 && !p.bad {
		k := int(p.byte())
		if k >= len(f) {
			return nil, errCorrupt
		}
		for _, n := range flowCounts(&f[k]) {
			*n = int64(p.uvarint(math.MaxInt64))
		}
	}
	return f, p.end()
}

func flowCounts(c *minapush.Counts) [6]*int64 {
	return [...]*int64{&c.Deposited, &c.Spent, &c.Dead, &c.Expired, &c.Evicted, &c.Erased}
}

func appendDocument(dst []byte, d store.Document) []byte {
	return append(binary.AppendUvarint(append(dst, valueV1), d.Version), d.Value...)
}

func readDocument(b []byte, kind, id string) (store.Document, error) {
	p := parser{b: b}
	if p.byte() != valueV1 {
		return store.Document{}, errCorrupt
	}
	d := store.Document{Kind: kind, ID: id, Version: p.uvarint(math.MaxUint64)}
	d.Value = append([]byte{}, p.b...)
	if p.bad {
		return store.Document{}, errCorrupt
	}
	return d, nil
}
