package record

import (
	"bytes"
	"encoding/binary"

	"github.com/minapush/minapush"
)

// identity tells a permit from others of its kind: a code of 32 hex digits as its 16 bytes, any other code as it is, and what is
// not a code as its hash, since nothing but the comparison is ever needed of it.
type identity struct {
	form identityForm
	raw  [16]byte
	text []byte
}

type identityForm uint8

const (
	hashed identityForm = iota
	rawCode
	textCode
)

const (
	hashSize = 8
	rawSize  = 16
	// shortMark begins the short form of an identity that is kept as its hash: the mark and the hash in hex.
	shortMark = '~'
	shortSize = 1 + 2*hashSize
)

// identityOf packs the identity that somebody gave a permit. A short form stands for what it is short for, so that what came out of
// one record goes into another, or back, as the same.
func identityOf(p *minapush.Permit) identity {
	if id, ok := storedIdentity(p); ok {
		return id
	}
	return hashIdentity(identityHash(p.Kind, []byte(p.Template), []byte(p.Identity)))
}

// storedIdentity packs the identity of a permit that came out of a record, where what is not a code is in its short form. It tells
// whether it can be one.
func storedIdentity(p *minapush.Permit) (identity, bool) {
	if p.Kind.HasCode() {
		return codeIdentity(p.Identity), true
	}
	if len(p.Identity) != shortSize || p.Identity[0] != shortMark {
		return identity{}, false
	}
	var id identity
	for i := range hashSize {
		hi, lo := nibbles[p.Identity[1+2*i]], nibbles[p.Identity[2+2*i]]
		if hi|lo == noDigit {
			return identity{}, false
		}
		id.raw[i] = hi<<4 | lo
	}
	return id, true
}

func codeIdentity(code string) identity {
	id := identity{form: rawCode}
	if unhex(&id.raw, code) {
		return id
	}
	return identity{form: textCode, text: []byte(code)}
}

func hashIdentity(h uint64) identity {
	var id identity
	binary.BigEndian.PutUint64(id.raw[:], h)
	return id
}

// unhex packs 32 lower-case hex digits. Upper-case ones are left alone: they would not come back as they were.
func unhex(dst *[rawSize]byte, s string) bool {
	if len(s) != 2*rawSize {
		return false
	}
	for i := range dst {
		hi, lo := nibbles[s[2*i]], nibbles[s[2*i+1]]
		if hi|lo == noDigit {
			return false
		}
		dst[i] = hi<<4 | lo
	}
	return true
}

// noDigit is all bits, so that it shows in what it is or-ed with.
const noDigit = 0xFF

// nibbles is what each byte stands for as a lower-case hex digit.
var nibbles = func() (table [256]byte) {
	for c := range table {
		table[c] = noDigit
	}
	for i, c := range []byte("0123456789abcdef") {
		table[c] = byte(i)
	}
	return table
}()

func (d *identity) equal(e *identity) bool {
	return d.form == e.form && d.raw == e.raw && bytes.Equal(d.text, e.text)
}

// compare orders identities as the strings that they stand for.
func (d *identity) compare(e *identity) int {
	if d.form == e.form && d.form != textCode {
		return bytes.Compare(d.raw[:], e.raw[:])
	}
	var a, b [2 * rawSize]byte
	return bytes.Compare(d.appendText(a[:0]), e.appendText(b[:0]))
}

func (d *identity) appendText(dst []byte) []byte {
	switch d.form {
	case rawCode:
		return appendHex(dst, d.raw[:])
	case textCode:
		return append(dst, d.text...)
	}
	return appendHex(append(dst, shortMark), d.raw[:hashSize])
}

// appendHex appends the lower-case hex digits of b, of which the length is a multiple of 4. It makes eight at a time: a walk over users does
// hardly anything more often.
func appendHex(dst, b []byte) []byte {
	const each = 0x0101010101010101
	for ; len(b) >= 4; b = b[4:] {
		x := uint64(binary.BigEndian.Uint32(b))
		x = (x<<16 | x) & 0x0000FFFF0000FFFF
		x = (x<<8 | x) & 0x00FF00FF00FF00FF
		x = (x<<4 | x) & (0x0F * each) // one nibble a byte
		letters := (x + 6*each) >> 4 & each
		dst = binary.BigEndian.AppendUint64(dst, x+'0'*each+letters*('a'-'0'-10))
	}
	return dst
}

// textSize is how long the text is that appendText appends.
func (d *identity) textSize() int {
	switch d.form {
	case rawCode:
		return 2 * rawSize
	case textCode:
		return len(d.text)
	}
	return shortSize
}

// String is the code, or the short form.
func (d *identity) String() string {
	var buf [2 * rawSize]byte
	return string(d.appendText(buf[:0]))
}

// hash is what a tombstone keeps of the identity.
func (d *identity) hash(k minapush.PermitKind) uint64 {
	if d.form == hashed {
		return binary.BigEndian.Uint64(d.raw[:])
	}
	var buf [2 * rawSize]byte
	return identityHash(k, nil, d.appendText(buf[:0]))
}

// identityHash is a 64-bit hash of what makes a permit unlike others of its user; codes are unlike whatever their template. Stored
// data depends on it: it may never change.
func identityHash(k minapush.PermitKind, template, identity []byte) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	h = (h ^ uint64(k)) * prime
	if !k.HasCode() {
		h = (h ^ uint64(len(template))) * prime // so that no template and identity run into each other
		for _, c := range template {
			h = (h ^ uint64(c)) * prime
		}
	}
	for _, c := range identity {
		h = (h ^ uint64(c)) * prime
	}
	h ^= h >> 33 // FNV leaves its low bits weak for short input
	h *= 0xff51afd7ed558ccd
	return h ^ h>>33
}
