package record

import (
	"encoding/binary"
	"strings"
)

// id is a batch or push id in its packed form: an empty one is a 0 byte, a ULID a 1 byte and its 16 bytes, any other its length
// plus one as a uvarint and its bytes. The form of an id is unique, so that equal bytes are equal ids.
type id []byte

const (
	ulidText  = 26
	ulidSize  = 16
	crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
)

// AppendID appends the packed form of a batch or push id.
func AppendID(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, 0)
	}
	var raw [ulidSize]byte
	if packULID(&raw, s) {
		return append(append(dst, 1), raw[:]...)
	}
	// A string of one byte would have the length 2, which leaves 0 and 1 to the forms above.
	return append(binary.AppendUvarint(dst, uint64(len(s))+1), s...)
}

// ReadID reads a packed id and returns what follows it. Errors: ErrCorrupt.
func ReadID(b []byte) (s string, rest []byte, err error) {
	p, rest, err := readID(b)
	return p.String(), rest, err
}

func packID(s string) id { return AppendID(nil, s) }

func readID(b []byte) (id, []byte, error) {
	n, size := binary.Uvarint(b)
	switch {
	case size <= 0 || size > 1 && b[size-1] == 0: // an id has one form only
		return nil, nil, ErrCorrupt
	case n == 0:
		return b[:1:1], b[1:], nil
	case n == 1 && len(b) >= 1+ulidSize:
		return b[: 1+ulidSize : 1+ulidSize], b[1+ulidSize:], nil
	case n == 1 || n-1 > uint64(len(b)-size):
		return nil, nil, ErrCorrupt
	}
	end := size + int(n-1)
	return b[:end:end], b[end:], nil
}

func (p id) isEmpty() bool { return len(p) == 0 || p[0] == 0 }

// String is the id as it was given.
func (p id) String() string {
	var buf [ulidText]byte
	return string(p.appendText(buf[:0]))
}

func (p id) appendText(dst []byte) []byte {
	n, size := binary.Uvarint(p)
	if n == 1 {
		return appendULID(dst, p[1:])
	}
	return append(dst, p[max(size, 0):]...)
}

// packULID packs the 26 Crockford digits of a ULID in upper case. Other writings of the same number are left alone: they would not
// come back as they were.
func packULID(dst *[ulidSize]byte, s string) bool {
	if len(s) != ulidText || s[0] > '7' {
		return false
	}
	var hi, lo uint64 // 128 bits
	for i := range ulidText {
		v := strings.IndexByte(crockford, s[i])
		if v < 0 {
			return false
		}
		hi = hi<<5 | lo>>59
		lo = lo<<5 | uint64(v)
	}
	binary.BigEndian.PutUint64(dst[:8], hi)
	binary.BigEndian.PutUint64(dst[8:], lo)
	return true
}

func appendULID(dst, b []byte) []byte {
	hi, lo := binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
	var s [ulidText]byte
	for i := ulidText - 1; i >= 0; i-- {
		s[i] = crockford[lo&31]
		lo = lo>>5 | hi<<59
		hi >>= 5
	}
	return append(dst, s[:]...)
}
