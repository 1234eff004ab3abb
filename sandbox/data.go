package sandbox

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// notText stands for a value that is JSON but no string; no trimmed string equals it.
const notText = "\x00 "

// dataValue is one {"value": …}.
type dataValue struct {
	Value any `json:"value"`
}

// readData decodes the values once, whichever check asks first. It reports whether the data is an object of such.
func (j *judge) readData() bool {
	if j.data != nil {
		return true
	}
	raw := j.send.Data
	if len(raw) == 0 || raw[0] != '{' {
		return false
	}
	var fields map[string]dataValue
	if json.Unmarshal(raw, &fields) != nil {
		return false
	}
	j.data = make(map[string]string, len(fields))
	for key, field := range fields {
		switch v := field.Value.(type) {
		case nil:
			j.data[key] = ""
		case string:
			j.data[key] = strings.TrimSpace(v)
		default:
			j.data[key] = notText
			if j.legacy { // which has no types
				j.data[key] = fmt.Sprint(v)
			}
		}
	}
	return true
}

// checkData applies the rules of fact sheet §1.4.5: an object that has every key of the template, with a valid value each.
func (j *judge) checkData() int {
	if j.broken {
		return 0
	}
	if j.legacy {
		return j.checkLegacyData()
	}
	if !j.readData() {
		return j.refuseData("data must be an object")
	}
	if j.tmpl == nil {
		return 0
	}
	for _, key := range j.tmpl.keys {
		switch v := j.data[key.name]; {
		case v == "":
			return j.refuseData("data." + key.name + ".value is empty")
		case v == notText || !validValue(key.kind, v, j.tmpl.enums[key.name]):
			return j.refuseData("data." + key.name + ".value invalid")
		}
	}
	if j.sandbox.cfg.RefuseExtraKeys && len(j.data) > len(j.tmpl.keys) {
		for _, name := range slices.Sorted(maps.Keys(j.data)) {
			if !slices.ContainsFunc(j.tmpl.keys, func(k templateKey) bool { return k.name == name }) {
				return j.refuseData("data." + name + " invalid")
			}
		}
	}
	return 0
}

// checkLegacyData: the data may be empty and has no types, but it is an object (fact sheet §1.3.1).
func (j *judge) checkLegacyData() int {
	raw := j.send.Data
	if len(raw) == 0 || string(raw) == "null" || j.readData() {
		return 0
	}
	return codeJSON
}

func (j *judge) refuseData(problem string) int {
	j.msg = "argument invalid! " + problem
	return codeArgument
}
