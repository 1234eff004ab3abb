package redisstore

import (
	"encoding/binary"
	"math"

	"github.com/minapush/minapush/store/record"
)

func appendString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// parser reads a value from the front. Once something is missing or wrong it is bad and gives only zeros.
type parser struct {
	b   []byte
	bad bool
}

func (p *parser) fail() {
	p.b, p.bad = nil, true
}

// end tells whether the value was read to its end, and was good.
func (p *parser) end() error {
	if p.bad || len(p.b) > 0 {
		return errCorrupt
	}
	return nil
}

func (p *parser) byte() byte {
	if len(p.b) == 0 {
		p.fail()
		return 0
	}
	c := p.b[0]
	p.b = p.b[1:]
	return c
}

func (p *parser) uint64() uint64 {
	if len(p.b) < 8 {
		p.fail()
		return 0
	}
	n := binary.BigEndian.Uint64(p.b)
	p.b = p.b[8:]
	return n
}

func (p *parser) uvarint(limit uint64) uint64 {
	n, size := binary.Uvarint(p.b)
	if size <= 0 || n > limit {
		p.fail()
		return 0
	}
	p.b = p.b[size:]
	return n
}

func (p *parser) varint() int64 {
	n, size := binary.Varint(p.b)
	if size <= 0 {
		p.fail()
		return 0
	}
	p.b = p.b[size:]
	return n
}

func (p *parser) string() string {
	n := p.uvarint(math.MaxInt32)
	if n > uint64(len(p.b)) {
		p.fail()
		return ""
	}
	s := string(p.b[:n])
	p.b = p.b[n:]
	return s
}

func (p *parser) id() string {
	s, rest, err := record.ReadID(p.b)
	if err != nil {
		p.fail()
		return ""
	}
	p.b = rest
	return s
}

// bytes reads what a string is written as, without a copy.
func (p *parser) bytes() []byte {
	n := p.uvarint(math.MaxInt32)
	if n > uint64(len(p.b)) {
		p.fail()
		return nil
	}
	b := p.b[:n:n]
	p.b = p.b[n:]
	return b
}
