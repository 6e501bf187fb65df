package otrtest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/sotto-im/sotto/crypto/otr"
)

// Snapshot returns everything that a Conversation holds, but its Config and the fields with the names except, as text:
// two snapshots are equal if the conversations are deeply equal.
func Snapshot(c *otr.Conversation, except ...string) string {
	var b strings.Builder
	v := reflect.ValueOf(c).Elem()
	for _, name := range except {
		if !v.FieldByName(name).IsValid() {
			panic("otrtest: a Conversation has no field " + name)
		}
	}
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if slices.Contains(except, name) {
			continue
		}
		b.WriteString(name + ":")
		dump(&b, v.Field(i))
	}
	return b.String()
}

func dump(b *strings.Builder, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.Type() == reflect.TypeFor[*otr.Config]() || v.IsNil() {
			b.WriteString("-")
			return
		}
		dump(b, v.Elem())
	case reflect.Struct:
		b.WriteString("{")
		for i := range v.NumField() {
			if v.Type().Field(i).Name == "cache" {
				continue
			}
			fmt.Fprintf(b, "%s:", v.Type().Field(i).Name)
			dump(b, v.Field(i))
		}
		b.WriteString("}")
	case reflect.Map:
		entries := make([]string, 0, v.Len())
		for _, k := range v.MapKeys() {
			var entry strings.Builder
			dump(&entry, k)
			dump(&entry, v.MapIndex(k))
			entries = append(entries, entry.String())
		}
		slices.Sort(entries)
		fmt.Fprintf(b, "%s", entries)
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 && v.CanAddr() {
			fmt.Fprintf(b, "%x ", v.Bytes())
			return
		}
		fmt.Fprintf(b, "%d[", v.Len())
		for i := range v.Len() {
			dump(b, v.Index(i))
		}
		b.WriteString("]")
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr, reflect.Uint:
		fmt.Fprintf(b, "%x ", v.Uint())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		fmt.Fprintf(b, "%d ", v.Int())
	case reflect.String:
		fmt.Fprintf(b, "%q ", v.String())
	case reflect.Bool:
		fmt.Fprintf(b, "%t ", v.Bool())
	default:
		panic("otrtest: cannot take a snapshot of " + v.Type().String())
	}
}
