package store

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"math/bits"
	"slices"
	"time"

	"github.com/minapush/minapush"
)

// Digest is a checksum over entries in any order: the sum, modulo 2²⁵⁶, of the SHA-256 of each in its portable form, which
// docs/storage.md describes. Two are the same if they are ==.
type Digest [4]uint64

// String is the digest in 64 hexadecimal digits.
func (d Digest) String() string {
	var b [32]byte
	for i, n := range d {
		binary.BigEndian.PutUint64(b[8*i:], n)
	}
	return hex.EncodeToString(b[:])
}

func (d *Digest) add(entry []byte) {
	h := sha256.Sum256(entry)
	var carry uint64
	for i := 3; i >= 0; i-- {
		d[i], carry = bits.Add64(d[i], binary.BigEndian.Uint64(h[8*i:]), carry)
	}
}

// Contents counts what is in pieces, and has their checksums. It is for one goroutine.
type Contents struct {
	Users, Documents, Places, UIDs, Keys int64
	// Permits sums the uses of the users that there are.
	Permits minapush.Counts
	// Rows counts the rows by outcome.
	Rows [len(minapush.Outcomes) + 1]int64

	anyLayout bool
	digests   map[minapush.Shard]*Digest
	flows     map[uint32]map[minapush.PermitKind]minapush.Counts
	tallies   map[appBatch]*minapush.Tally
	buf       []byte
}

type appBatch struct {
	app   uint32
	batch string
}

// NewContents makes Contents of nothing. With anyLayout the checksums are those of whole apps, and the same over however many shards the
// users are spread: where the walks of campaigns stand is not in them.
func NewContents(anyLayout bool) *Contents {
	return &Contents{
		anyLayout: anyLayout, digests: map[minapush.Shard]*Digest{},
		flows: map[uint32]map[minapush.PermitKind]minapush.Counts{}, tallies: map[appBatch]*minapush.Tally{},
	}
}

// AllRows counts the rows of every outcome.
func (c *Contents) AllRows() (n int64) {
	for _, of := range c.Rows {
		n += of
	}
	return n
}

// Digests are the checksums by shard; those of the documents are under the zero Shard, and with anyLayout those of an app under its
// shard 0.
func (c *Contents) Digests() map[minapush.Shard]Digest {
	all := map[minapush.Shard]Digest{}
	for s, d := range c.digests {
		all[s] = *d
	}
	sums := &Contents{digests: map[minapush.Shard]*Digest{}} // of what was only summed until now
	for app, flow := range c.flows {
		sums.addFlow(sums.of(minapush.Shard{App: app}), flow)
	}
	for at, t := range c.tallies {
		sums.addBatch(sums.of(minapush.Shard{App: at.app}), CopiedBatch{Batch: at.batch, Tally: *t})
	}
	for s, d := range sums.digests {
		sum, carry := all[s], uint64(0)
		for i := 3; i >= 0; i-- {
			sum[i], carry = bits.Add64(sum[i], d[i], carry)
		}
		all[s] = sum
	}
	for s, d := range all {
		if d == (Digest{}) {
			delete(all, s) // a shard of nothing but empty counters
		}
	}
	return all
}

func (c *Contents) of(s minapush.Shard) *Digest {
	if c.anyLayout {
		s.N = 0
	}
	d := c.digests[s]
	if d == nil {
		d = new(Digest)
		c.digests[s] = d
	}
	return d
}

// Add counts a piece.
func (c *Contents) Add(p Piece) {
	d := c.of(p.Shard)
	for i := range p.Users {
		u := &p.Users[i]
		c.Users++
		c.Permits = c.Permits.Add(u.Counts)
		d.add(c.entry('u').text(string(u.OpenID)).text(string(u.Record)).done(c))
	}
	for i := range p.Rows {
		w := &p.Rows[i]
		c.Rows[min(int(w.Outcome), len(c.Rows)-1)]++
		d.add(c.entry('r').row(w).done(c))
	}
	for _, k := range p.Keys {
		c.Keys++
		d.add(c.entry('i').text(string(k.OpenID)).text(k.Key).number(int64(k.Fingerprint)).text(k.Batch).text(k.Push).time(k.Until).done(c))
	}
	for _, l := range p.Places {
		c.Places++
		d.add(c.entry('l').text(l.Campaign).text(string(l.OpenID)).texts(l.Values).done(c))
	}
	for _, x := range p.UIDs {
		c.UIDs++
		d.add(c.entry('x').text(x.UID).text(string(x.OpenID)).done(c))
	}
	c.addSums(d, p)
	for _, m := range p.Documents {
		c.Documents++
		c.of(minapush.Shard{}).add(c.entry('m').text(m.Kind).text(m.ID).number(int64(m.Version)).text(string(m.Value)).done(c))
	}
}

func (c *Contents) addSums(d *Digest, p Piece) {
	for _, b := range p.Batches {
		if !c.anyLayout {
			c.addBatch(d, b)
			continue
		}
		at := appBatch{p.Shard.App, b.Batch}
		if c.tallies[at] == nil {
			c.tallies[at] = &minapush.Tally{}
		}
		c.tallies[at].Merge(b.Tally)
	}
	switch {
	case p.Flow == nil:
	case !c.anyLayout:
		c.addFlow(d, p.Flow)
	default:
		addFlows(c.flows, p.Shard.App, p.Flow)
	}
}

func addFlows(sums map[uint32]map[minapush.PermitKind]minapush.Counts, app uint32, flow map[minapush.PermitKind]minapush.Counts) {
	if sums[app] == nil {
		sums[app] = map[minapush.PermitKind]minapush.Counts{}
	}
	for kind, n := range flow {
		sums[app][kind] = sums[app][kind].Add(n)
	}
}

func (c *Contents) addBatch(d *Digest, b CopiedBatch) {
	t := &b.Tally
	e := c.entry('c').text(b.Batch).text(string(b.Cursor)).flag(b.Done)
	e = e.number(t.Examined).number(t.Waiting).number(t.Held).number(t.Sending).number(t.Suspected).number(t.Opened)
	e = e.number(t.Delivered).number(t.Undelivered)
	for _, o := range minapush.Outcomes {
		for _, reason := range slices.Sorted(maps.Keys(t.By[o])) {
			if n := t.By[o][reason]; n != 0 {
				e = e.number(int64(o)).text(reason).number(n)
			}
		}
	}
	d.add(e.done(c))
}

func (c *Contents) addFlow(d *Digest, flow map[minapush.PermitKind]minapush.Counts) {
	for _, kind := range minapush.PermitKinds {
		n := flow[kind]
		if n == (minapush.Counts{}) {
			continue
		}
		e := c.entry('n').number(int64(kind)).number(n.Deposited).number(n.Spent).number(n.Dead)
		d.add(e.number(n.Expired).number(n.Evicted).number(n.Erased).done(c))
	}
}

// Same tells whether two contents count the same and have the same checksums.
func (c *Contents) Same(d *Contents) bool {
	return c.Users == d.Users && c.Documents == d.Documents && c.Places == d.Places && c.UIDs == d.UIDs && c.Keys == d.Keys &&
		c.Permits == d.Permits && c.Rows == d.Rows && maps.Equal(c.Digests(), d.Digests())
}

// portable is an entry in its portable form.
type portable []byte

// entry begins an entry in memory that done takes back.
func (c *Contents) entry(sort byte) portable { return append(portable(c.buf[:0]), sort) }

func (p portable) done(c *Contents) []byte {
	c.buf = p
	return p
}

func (p portable) text(s string) portable {
	return append(binary.AppendUvarint(p, uint64(len(s))), s...)
}

func (p portable) number(n int64) portable { return binary.AppendVarint(p, n) }

func (p portable) flag(set bool) portable {
	if set {
		return append(p, 1)
	}
	return append(p, 0)
}

// time is in milliseconds, 0 being none.
func (p portable) time(t time.Time) portable {
	if t.IsZero() {
		return p.number(0)
	}
	return p.number(t.UnixMilli())
}

func (p portable) texts(values map[string]string) portable {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		p = p.text(name).text(values[name])
	}
	return p
}

func (p portable) row(w *CopiedRow) portable {
	p = p.text(w.Batch).text(string(w.OpenID)).text(w.Push).number(int64(w.State)).number(int64(w.Outcome)).text(w.Reason)
	p = p.number(int64(w.Errcode)).number(w.MsgID).number(int64(w.Attempt)).number(int64(w.Tries)).text(w.Key)
	p = p.flag(w.Resend).flag(w.Maybe).flag(w.AtLeastOnce)
	p = p.time(w.NotBefore).time(w.Deadline).time(w.ReservedAt).time(w.SettledAt).time(w.SuspectedAt).time(w.OpenedAt)
	p = p.number(int64(w.Confirmed)).time(w.ConfirmedAt).text(w.ConfirmStatus)
	x := &w.Permit
	if x.Kind == 0 {
		return p
	}
	p = p.number(int64(x.Kind)).text(x.Template).text(x.Identity).number(int64(x.Uses)).time(x.TakenAt).time(x.ExpiresAt)
	return p.number(int64(x.Source)).number(int64(x.Evidence))
}
