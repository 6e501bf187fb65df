package access

import (
	"reflect"
	"runtime"
	"sync"
	"weak"

	"fyne.io/fyne/v2"
)

// A Pointer is a widget as its constructor returns it.
type Pointer[T any] interface {
	*T
	fyne.CanvasObject
}

// Name gives a widget the name people would ask for, where it has none (an entry, a button that shows only an icon) or a poor one,
// and returns the widget. The name is forgotten with the widget.
func Name[T any, P Pointer[T]](object P, name string) P {
	about(object, func(n *note) { n.name = name })
	return object
}

// Describe adds a longer explanation to a widget and returns it.
func Describe[T any, P Pointer[T]](object P, help string) P {
	about(object, func(n *note) { n.help = help })
	return object
}

// Secret marks an entry whose text is never to be told, whether it shows dots or not, and returns it. Password entries of Fyne are
// secret without it.
func Secret[T any, P Pointer[T]](object P) P {
	about(object, func(n *note) { n.secret = true })
	return object
}

// note is what was said about a widget from outside.
type note struct {
	name, help string
	secret     bool
	same       func(fyne.CanvasObject) bool // is it still this object that lives at the address?
}

// notes are kept by address, without keeping the widget alive, and by type, because a struct and the widget it embeds share their
// address. A cleanup may come late, when another widget already lives there: therefore same.
var notes = struct {
	sync.Mutex
	of map[whose]*note
}{of: map[whose]*note{}}

type whose struct {
	address uintptr
	kind    reflect.Type
}

func key(object fyne.CanvasObject) (whose, bool) {
	v := reflect.ValueOf(object)
	if v.Kind() != reflect.Pointer {
		return whose{}, false
	}
	return whose{v.Pointer(), v.Type()}, true
}

func about[T any, P Pointer[T]](object P, change func(*note)) {
	notes.Lock()
	defer notes.Unlock()
	k, _ := key(object)
	if n := notes.of[k]; n != nil && n.same(object) {
		change(n)
		return
	}
	w := weak.Make((*T)(object))
	n := &note{same: func(o fyne.CanvasObject) bool {
		p, ok := o.(P)
		return ok && (*T)(p) == w.Value()
	}}
	change(n)
	notes.of[k] = n
	runtime.AddCleanup((*T)(object), forget, forgotten{k, n})
}

type forgotten struct {
	whose whose
	note  *note
}

func forget(f forgotten) {
	notes.Lock()
	defer notes.Unlock()
	if notes.of[f.whose] == f.note {
		delete(notes.of, f.whose)
	}
}

// said is what was said about an object, or the empty note.
func said(object fyne.CanvasObject) note {
	k, ok := key(object)
	if !ok {
		return note{}
	}
	notes.Lock()
	defer notes.Unlock()
	if n := notes.of[k]; n != nil && n.same(object) {
		return *n
	}
	return note{}
}
