package audience

import (
	"hash/fnv"
	"math/bits"

	"github.com/minapush/minapush"
)

// share is a part of all openids: those whose place, from 0 to shareParts, is in a range.
type share struct {
	seed        uint64
	from, until uint64
}

// shareParts is how finely users are told apart: a part is 0.0001 percent.
const shareParts = 100 * sharePerPercent

// sharePerPercent is as many parts as four decimals of a percent tell.
const sharePerPercent = 10_000

// newShare makes a share of the parts from <= place < until.
func newShare(salt string, from, until uint64) *share {
	h := fnv.New64a()
	_, _ = h.Write([]byte(salt)) // it never fails
	return &share{seed: mix(h.Sum64()), from: from, until: until}
}

// has tells whether an openid is in the share. Who is in a share may never change: FNV-1a from a seed made of the salt, mixed, since FNV
// alone leaves short names close to each other. Openids lie in shards by a hash without a seed, so a share has its part of each shard.
func (s *share) has(o minapush.OpenID) bool {
	x := s.seed
	for i := range len(o) {
		x = (x ^ uint64(o[i])) * 0x100000001b3
	}
	place, _ := bits.Mul64(mix(x), shareParts)
	return s.from <= place && place < s.until
}

// mix spreads every bit over all others (the finalizer of MurmurHash3).
func mix(x uint64) uint64 {
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
