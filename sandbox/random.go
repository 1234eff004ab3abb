package sandbox

import (
	"encoding/base64"
	"encoding/hex"
	"math/rand/v2"
	"sync"
	"time"
)

const urlSafe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// random guards the Config's generator and makes identifiers in WeChat's shapes.
type random struct {
	mu  sync.Mutex
	rng *rand.Rand
}

func (r *random) uint64() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rng.Uint64()
}

func (r *random) normal() float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rng.NormFloat64()
}

func (r *random) float() float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rng.Float64()
}

func (r *random) fill(b []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := 0; i < len(b); {
		for v, n := r.rng.Uint64(), 8; n > 0 && i < len(b); n-- {
			b[i] = byte(v)
			v >>= 8
			i++
		}
	}
}

// text is n characters of [A-Za-z0-9_-].
func (r *random) text(n int) string {
	b := make([]byte, n)
	r.fill(b)
	for i := range b {
		b[i] = urlSafe[b[i]&63]
	}
	return string(b)
}

// hex is n lower-case hex digits.
func (r *random) hex(n int) string {
	b := make([]byte, (n+1)/2)
	r.fill(b)
	return hex.EncodeToString(b)[:n]
}

// sessionKey is 16 bytes in base64, the shape of fact sheet §1.2.
func (r *random) sessionKey() string {
	var b [16]byte
	r.fill(b[:])
	return base64.StdEncoding.EncodeToString(b[:])
}

// msgID is a 19-digit number, always above 2^53 (fact sheet §1.4.1).
func (r *random) msgID() int64 {
	const low, span = 1_000_000_000_000_000_000, 8_000_000_000_000_000_000
	return low + int64(r.uint64()%span)
}

// prepayID is 36 characters: "wx", local day and time, hex digits (fact sheet §1.3.2).
func (r *random) prepayID(now time.Time) string {
	return "wx" + beijing(now).Format("02150405") + r.hex(26)
}

// rid is the trace id of an error: the first group is Unix time (fact sheet §1.0).
func (r *random) appendRID(b []byte, now time.Time) []byte {
	v := r.uint64()
	b = appendHex8(b, uint32(now.Unix()))
	b = append(b, '-')
	b = appendHex8(b, uint32(v>>32))
	b = append(b, '-')
	return appendHex8(b, uint32(v))
}

func appendHex8(b []byte, v uint32) []byte {
	const digits = "0123456789abcdef"
	for shift := 28; shift >= 0; shift -= 4 {
		b = append(b, digits[v>>shift&15])
	}
	return b
}
