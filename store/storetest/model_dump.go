package storetest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Dump is all that the model keeps, but for leases, as text in a fixed order: it is the same before and after a call that changed
// nothing. What is empty is left out, since the model makes room for what it is merely asked for.
func (m *Model) Dump() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out strings.Builder
	dump(&out, "", reflect.ValueOf(m.data).Elem())
	return out.String()
}

// dump writes a line for each value that is not zero, below the path that leads to it.
func dump(out *strings.Builder, path string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			dump(out, path, v.Elem())
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			dumpLeaf(out, path, v)
			return
		}
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; !derived(name) {
				dump(out, path+"."+name, v.Field(i))
			}
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(fmt.Sprintf("%#v", a), fmt.Sprintf("%#v", b)) })
		for _, k := range keys {
			dump(out, fmt.Sprintf("%s[%#v]", path, k), v.MapIndex(k))
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			dumpLeaf(out, path, v)
			return
		}
		for i := range v.Len() {
			dump(out, fmt.Sprintf("%s[%d]", path, i), v.Index(i))
		}
	default:
		dumpLeaf(out, path, v)
	}
}

// derived tells fields that say nothing of what is kept: leases, and orders made of the keys of a map when somebody asked for them.
func derived(field string) bool {
	return strings.HasPrefix(field, "lease") || field == "order" || field == "sorted"
}

func dumpLeaf(out *strings.Builder, path string, v reflect.Value) {
	if !v.IsZero() {
		fmt.Fprintf(out, "%s = %q\n", path, fmt.Sprint(v))
	}
}
