package access

import (
	"math"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/widget"
	"github.com/godbus/dbus/v5"
)

// extremes are arguments that no honest reader sends, by their type in a signature.
var extremes = map[rune][]any{
	'i': {int32(0), int32(-1), int32(1), int32(math.MaxInt32), int32(math.MinInt32)},
	'u': {uint32(0), uint32(1), uint32(4), uint32(math.MaxUint32)},
	's': {"", "x", "\x00", spi + "Accessible", "Name", "Id"},
	'b': {true, false},
	'v': {dbus.MakeVariant(int32(7)), dbus.MakeVariant("x"), dbus.MakeVariant([]string{})},
}

func combinations(signature string) [][]any {
	all := [][]any{{}}
	for _, kind := range signature {
		var longer [][]any
		for _, start := range all {
			for _, value := range extremes[kind] {
				longer = append(longer, append(append([]any{}, start...), value))
			}
		}
		all = longer
	}
	return all
}

// TestEveryCallIsAnswered holds that no call of a reader, however odd, makes the program panic, and that what is answered can be sent.
func TestEveryCallIsAnswered(t *testing.T) {
	test.NewTempApp(t)
	text := Name(widget.NewEntry(), "Text")
	text.SetText("héllo wörld\nline")
	w := test.NewTempWindow(t, container.NewScroll(container.NewVBox(text, widget.NewPasswordEntry(), widget.NewLabel("label"), widget.NewProgressBar(),
		widget.NewCheck("check", nil), widget.NewSelect([]string{"a"}, nil))))
	s := newServer(New("Program", func() []fyne.Window { return []fyne.Window{w} }), func(f func()) { f() })
	answered := 0
	try := func(path dbus.ObjectPath, iface, name, signature string) {
		for _, args := range combinations(signature) {
			o, ok := s.LookupObject(path)
			if !ok {
				t.Fatalf("%s is not known", path)
			}
			i, ok := o.LookupInterface(iface)
			if !ok {
				t.Fatalf("%s is not known", iface)
			}
			m, ok := i.LookupMethod(name)
			if !ok {
				t.Fatalf("%s.%s is not known", iface, name)
			}
			decoded, err := m.(dbus.ArgumentDecoder).DecodeArguments(nil, "", nil, args)
			if err != nil {
				t.Fatalf("%s.%s(%v): %v", iface, name, args, err)
			}
			values, err := m.Call(decoded...)
			if err == nil {
				answered++
				dbus.SignatureOf(values...) // panics for what cannot be sent
			}
		}
	}
	look, _ := s.tree.Look()
	paths := []dbus.ObjectPath{prefix + "999999", prefix + "x", prefix + "-1"}
	for _, e := range look.By {
		paths = append(paths, s.path(e))
	}
	for _, path := range paths {
		for iface, f := range faces {
			for name, m := range f.methods {
				try(path, iface, name, m.in)
			}
		}
		try(path, "org.freedesktop.DBus.Properties", "Get", "ss")
		try(path, "org.freedesktop.DBus.Properties", "GetAll", "s")
		try(path, "org.freedesktop.DBus.Properties", "Set", "ssv")
	}
	try(cachePath, spi+"Cache", "GetItems", "")
	if answered < 1000 {
		t.Errorf("only %d calls were answered", answered)
	}
	if _, err := (&running{method: method{in: "i"}}).DecodeArguments(nil, "", nil, []any{"no number"}); err == nil {
		t.Error("an argument of a wrong type was taken")
	}
	for _, c := range []struct{ path, iface string }{{"/elsewhere", spi + "Accessible"}, {string(rootPath), "org.example"}, {string(cachePath), spi + "Accessible"}} {
		o, known := s.LookupObject(dbus.ObjectPath(c.path))
		if _, offered := o.LookupInterface(c.iface); known && offered {
			t.Errorf("%s at %s is known", c.iface, c.path)
		}
	}
}

// TestFloodOfCalls promises that a reader who asks without waiting for answers costs no more than a bounded number of them.
func TestFloodOfCalls(t *testing.T) {
	s := newServer(New("Program", func() []fyne.Window { return nil }), func(f func()) { f() })
	ask := func() error {
		o, _ := s.LookupObject(rootPath)
		i, _ := o.LookupInterface(spi + "Accessible")
		m, _ := i.LookupMethod("GetState")
		_, err := m.Call()
		return err
	}
	for range maxCalls {
		s.calls <- struct{}{} // calls that wait for the UI
	}
	if err := ask(); err != errBusy {
		t.Errorf("a call too many was answered with %v", err)
	}
	<-s.calls
	if err := ask(); err != nil {
		t.Errorf("a call was answered with %v when there was room again", err)
	}
}
