package otrtest

import (
	"crypto/cipher"
	"encoding/hex"
	"reflect"
	"slices"
	"strconv"
	"sync"

	"github.com/sotto-im/sotto/crypto/otr"
)

// Snapshot returns everything that a Conversation holds, but its Config, when it was last called, and what is in fields
// with the names except, as text: two snapshots are equal if the conversations are deeply equal.
func Snapshot(c *otr.Conversation, except ...string) string {
	d := dumper{except: append(except, "now")}
	return string(d.append(make([]byte, 0, 16<<10), reflect.ValueOf(c).Elem()))
}

// A dumper writes values. Millions of cases depend on it, so it does without package fmt.
type dumper struct {
	except []string
}

func (d *dumper) append(b []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.Pointer:
		if v.Type() == reflect.TypeFor[*otr.Config]() || v.IsNil() {
			return append(b, '-')
		}
		return d.append(b, v.Elem())
	case reflect.Struct:
		b = append(b, '{')
		for i, name := range names(v.Type()) {
			if slices.Contains(d.except, name) {
				continue
			}
			b = d.append(append(append(b, name...), ':'), v.Field(i))
		}
		return append(b, '}')
	case reflect.Map:
		entries := make([]string, 0, v.Len())
		for _, k := range v.MapKeys() {
			entries = append(entries, string(d.append(d.append(nil, k), v.MapIndex(k))))
		}
		slices.Sort(entries)
		for _, e := range entries {
			b = append(append(b, e...), ' ')
		}
		return append(b, ']')
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 && v.CanAddr() {
			return append(hex.AppendEncode(b, v.Bytes()), ' ')
		}
		b = append(b, '[')
		for i := range v.Len() {
			b = d.append(b, v.Index(i))
		}
		return append(b, ']')
	case reflect.Interface:
		if v.IsNil() {
			return append(b, '-')
		}
		if v.Type() == reflect.TypeFor[cipher.Block]() {
			return append(b, "set "...) // follows from its key
		}
		return d.append(b, v.Elem())
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr, reflect.Uint:
		return append(strconv.AppendUint(b, v.Uint(), 16), ' ')
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return append(strconv.AppendInt(b, v.Int(), 10), ' ')
	case reflect.String:
		return append(strconv.AppendQuote(b, v.String()), ' ')
	case reflect.Bool:
		return append(strconv.AppendBool(b, v.Bool()), ' ')
	}
	panic("otrtest: cannot take a snapshot of " + v.Type().String())
}

// fieldNames are the names of the fields of each type of struct that was met.
var fieldNames sync.Map

func names(t reflect.Type) []string {
	if known, ok := fieldNames.Load(t); ok {
		return known.([]string)
	}
	var list []string
	for i := range t.NumField() {
		list = append(list, t.Field(i).Name)
	}
	fieldNames.Store(t, list)
	return list
}
