package audience

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/minapush/minapush"
)

// fields are what a word has that is written as an object: at most one value for each name.
type fields struct {
	path    string
	members []member
}

// shape says which names an object may have: any of some, and exactly one of others if there are any; and that in words.
type shape struct {
	any, one []string
	rule     string
}

// read reads an object of a shape.
func (s shape) read(path string, raw json.RawMessage) (fields, error) {
	all, ok := members(raw)
	if !ok {
		return fields{}, minapush.FieldError(path, "must be %s", s.rule)
	}
	ones := 0
	for i, m := range all {
		one := slices.Contains(s.one, m.name)
		if !one && !slices.Contains(s.any, m.name) {
			return fields{}, minapush.FieldError(join(path, clip(m.name)), "is not known here; %s is %s", lastWord(path), s.rule)
		}
		if slices.ContainsFunc(all[:i], func(b member) bool { return b.name == m.name }) {
			return fields{}, minapush.FieldError(join(path, m.name), "must be given once")
		}
		if one {
			ones++
		}
	}
	if len(s.one) > 0 && ones != 1 {
		return fields{}, minapush.FieldError(path, "must be %s", s.rule)
	}
	return fields{path: path, members: all}, nil
}

// get returns the value of a name, and its path; nil if there is none.
func (f fields) get(name string) (path string, raw json.RawMessage) {
	for _, m := range f.members {
		if m.name == name {
			return join(f.path, name), m.value
		}
	}
	return join(f.path, name), nil
}

// first returns the first of some names that there are.
func (f fields) first(names []string) (name, path string, raw json.RawMessage) {
	for _, name := range names {
		if path, raw := f.get(name); raw != nil {
			return name, path, raw
		}
	}
	return "", f.path, nil
}

// lastWord is the word in a path to which what stands below it belongs.
func lastWord(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }

// maxCount is the highest number that counts are compared with.
const maxCount = 1_000_000_000

// count reads a whole number from least to most.
func count(path string, raw json.RawMessage, least, most uint64) (int64, error) {
	n, err := strconv.ParseUint(string(raw), 10, 64)
	if err != nil || n < least || n > most {
		return 0, minapush.FieldError(path, "must be a whole number from %d to %d", least, most)
	}
	return int64(n), nil
}

// percent reads a percentage, in parts of a share.
func percent(path string, raw json.RawMessage) (uint64, error) {
	f, err := strconv.ParseFloat(string(raw), 64)
	parts := math.Round(f * sharePerPercent)
	if err != nil || !(f >= 0 && f <= 100) || parts/sharePerPercent != f {
		return 0, minapush.FieldError(path, "must be a number from 0 to 100 with at most 4 decimals")
	}
	return uint64(parts), nil
}
