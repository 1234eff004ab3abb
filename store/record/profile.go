package record

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"

	"github.com/minapush/minapush"
)

// A record keeps its profile as the bytes that it is stored in, since hardly any step looks into one: the opt-out (1 byte), the version
// (uvarint), the uid, the tags, and the attributes by name. An empty profile section stands for a user of whom nothing was told.

// What an attribute is, and how its value is stored.
const (
	attributeText   = iota
	attributeNumber // 8 bytes of a float64
	attributeWhole  // a number without a fraction, as a varint
	attributeFalse
	attributeTrue
)

// OptOut is what the user asked not to be sent. It reads nothing of the profile but its first byte.
func (r *Record) OptOut() minapush.OptOut {
	if len(r.profile) == 0 {
		return minapush.OptOutNone
	}
	return minapush.OptOut(r.profile[0])
}

// ProfileVersion counts the changes of the profile; 0: there is none yet.
func (r *Record) ProfileVersion() uint64 {
	if len(r.profile) == 0 {
		return 0
	}
	version, _ := binary.Uvarint(r.profile[1:])
	return version
}

// SetProfile replaces the profile, which must be valid. The version is the caller's to raise: a profile of version 0 is none.
func (r *Record) SetProfile(p minapush.Profile) {
	r.profile = nil
	if p.Version != 0 {
		r.profile = appendProfile(nil, p)
	}
}

// Profile reads what the team told of the user. Errors: ErrCorrupt.
func (r *Record) Profile() (minapush.Profile, error) {
	var v View
	err := v.readProfile(r)
	return v.Profile, err
}

func appendProfile(dst []byte, p minapush.Profile) []byte {
	dst = binary.AppendUvarint(append(dst, byte(p.OptOut)), p.Version)
	dst = appendText(dst, p.UID)
	dst = binary.AppendUvarint(dst, uint64(len(p.Tags)))
	for _, tag := range p.Tags {
		dst = appendText(dst, tag)
	}
	dst = binary.AppendUvarint(dst, uint64(len(p.Attributes)))
	for _, name := range slices.Sorted(maps.Keys(p.Attributes)) {
		dst = appendAttribute(appendText(dst, name), p.Attributes[name])
	}
	return dst
}

func appendAttribute(dst []byte, a minapush.Attribute) []byte {
	switch a.Kind {
	case minapush.Number:
		if whole := int64(a.Number); math.Float64bits(float64(whole)) == math.Float64bits(a.Number) {
			return binary.AppendVarint(append(dst, attributeWhole), whole)
		}
		return binary.BigEndian.AppendUint64(append(dst, attributeNumber), math.Float64bits(a.Number))
	case minapush.Flag:
		if a.Number != 0 {
			return append(dst, attributeTrue)
		}
		return append(dst, attributeFalse)
	}
	return appendText(append(dst, attributeText), a.Text)
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}
