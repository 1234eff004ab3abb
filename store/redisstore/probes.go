package redisstore

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/redis/rueidis"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store/record"
)

// probes are what deposit.lua looks for in a user's value: whatever of it may meet the permits that come.
type probes struct {
	live []string // of permits that are there
	gone []byte   // of those that are not, and of marks; 8 bytes each
	// times are when the live ones were taken that may pair with one that comes, and sections what is there too, then. Times of one
	// evidence are taken together, so that the script looks for two at most; what comes at once was mostly told of at once.
	times    []record.PairProbe
	sections []string // of which there are at most as many as the deposit adds
}

func (x *probes) add(p *minapush.Permit) {
	pair, marks := record.MarkProbes(p)
	x.gone = append(x.gone, marks...)
	if pair.Section != nil {
		x.pair(pair)
	}
	is, was := record.Probes(p)
	if is == nil {
		x.live = append(x.live, rueidis.BinaryString(was)) // it is the same for both
		return
	}
	x.live, x.gone = append(x.live, rueidis.BinaryString(is)), append(x.gone, was...)
}

func (x *probes) pair(p record.PairProbe) {
	if section := rueidis.BinaryString(p.Section); !slices.Contains(x.sections, section) {
		x.sections = append(x.sections, section)
	}
	i := slices.IndexFunc(x.times, func(t record.PairProbe) bool { return t.Evidence == p.Evidence })
	if i < 0 {
		x.times = append(x.times, p)
		return
	}
	t := &x.times[i]
	t.First, t.Last = min(t.First, p.First), max(t.Last, p.Last)
}

// packedTimes are the times as deposit.lua takes them.
func (x *probes) packedTimes() []byte {
	b := make([]byte, 0, 10*len(x.times))
	for _, t := range x.times {
		b = binary.BigEndian.AppendUint32(append(b, t.Evidence), t.First)
		b = binary.BigEndian.AppendUint32(b, t.Last)
		b = append(b, byte(bits.LeadingZeros32(t.First^t.Last)/8))
	}
	return b
}
