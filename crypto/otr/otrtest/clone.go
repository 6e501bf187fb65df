package otrtest

import (
	"crypto/cipher"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strconv"
	"time"
	"unsafe"

	"github.com/sotto-im/sotto/crypto/otr"
)

// Clone returns a deep copy of a network, with its parties, clock and randomness: what is done to one of the two is
// not seen in the other, and what is done to both comes out the same. Tap and Wire are not copied. The parties must be
// as NewParty made them, but for Policy and MaxSize.
func (n *Network) Clone() *Network {
	clock := *n.Clock
	c := &Network{Clock: &clock}
	for _, p := range n.Left {
		c.Left = append(c.Left, p.Clone(&clock))
	}
	for _, p := range n.Right {
		c.Right = append(c.Right, p.Clone(&clock))
	}
	return c
}

// Clone returns a deep copy of p that goes by another clock. See [Network.Clone].
func (p *Party) Clone(clock *Clock) *Party {
	source := *p.Config.Rand.(*rand.ChaCha8)
	config := *p.Config
	config.Rand, config.Time = &source, clock.Now
	c := &Party{Name: p.Name, Config: &config}
	copied := copier{place(reflect.ValueOf(p.Config)): reflect.ValueOf(&config)}
	c.Conversation = copied.value(reflect.ValueOf(p.Conversation)).Interface().(*otr.Conversation)
	for _, packet := range p.Packets {
		packet.From = c
		c.Packets = append(c.Packets, packet)
	}
	c.Told = append(c.Told, p.Told...)
	return c
}

// Snapshot returns everything that p holds as text, its randomness included: two parties with equal snapshots go on in
// the same way.
func (p *Party) Snapshot() string {
	b := new(dumper).append([]byte(Snapshot(p.Conversation)), reflect.ValueOf(p.Config.Rand))
	for _, packet := range p.Packets {
		b = strconv.AppendQuote(b, packet.Body)
	}
	return string(b)
}

// A copier makes deep copies, unexported fields included. It maps each pointer that it met to its copy, so that what
// was shared is shared again.
type copier map[pointed]reflect.Value

// pointed is what a pointer points to. The type tells a struct from its first field.
type pointed struct {
	typ reflect.Type
	at  unsafe.Pointer
}

func place(v reflect.Value) pointed { return pointed{v.Type(), v.UnsafePointer()} }

// immutable are the types of pointers and interfaces whose values may be shared with a copy.
var immutable = map[reflect.Type]bool{
	reflect.TypeFor[cipher.Block]():    true,
	reflect.TypeFor[*otr.PrivateKey](): true,
	reflect.TypeFor[*time.Location]():  true,
}

// value returns a copy of v.
func (c copier) value(v reflect.Value) reflect.Value {
	fresh := reflect.New(v.Type()).Elem()
	fresh.Set(v)
	c.deepen(fresh)
	return fresh
}

// deepen makes a deep copy of v, which can be addressed and is a shallow one.
func (c copier) deepen(v reflect.Value) {
	if flat(v.Type()) {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || immutable[v.Type()] {
			return
		}
		at := place(v)
		if copied, met := c[at]; met {
			v.Set(copied)
			return
		}
		copied := reflect.New(v.Type().Elem())
		copied.Elem().Set(v.Elem())
		c[at] = copied
		v.Set(copied)
		c.deepen(copied.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Field(i)
			c.deepen(reflect.NewAt(f.Type(), unsafe.Pointer(f.UnsafeAddr())).Elem())
		}
	case reflect.Array:
		for i := range v.Len() {
			c.deepen(v.Index(i))
		}
	case reflect.Slice:
		if v.IsNil() {
			return
		}
		copied := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(copied, v)
		v.Set(copied)
		if flat(v.Type().Elem()) {
			return
		}
		for i := range v.Len() {
			c.deepen(v.Index(i))
		}
	case reflect.Map:
		if v.IsNil() {
			return
		}
		copied := reflect.MakeMapWithSize(v.Type(), v.Len())
		for _, k := range v.MapKeys() {
			copied.SetMapIndex(c.value(k), c.value(v.MapIndex(k)))
		}
		v.Set(copied)
	case reflect.Interface:
		if !v.IsNil() && !immutable[v.Type()] {
			v.Set(c.value(v.Elem()))
		}
	default:
		panic(fmt.Sprintf("otrtest: cannot copy a %v", v.Type()))
	}
}

// flat says whether a copy of a value of type t shares nothing with it.
func flat(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return false
	case reflect.Array:
		return flat(t.Elem())
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			return true
		}
		for i := range t.NumField() {
			if !flat(t.Field(i).Type) {
				return false
			}
		}
	}
	return true
}
