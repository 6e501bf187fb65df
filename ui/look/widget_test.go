package look

import (
	"math"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/test"

	"github.com/sotto-im/sotto/ui/access"
)

// dressed is an app of the test driver in our theme.
func dressed(t *testing.T) fyne.App {
	t.Helper()
	app := test.NewTempApp(t)
	app.Settings().SetTheme(Theme{Choice: Light})
	return app
}

func TestLockButtonSaysItsWord(t *testing.T) {
	dressed(t)
	opened := 0
	b := NewLockButton(LockQuestion, "Unverified", func() { opened++ })
	w := test.NewTempWindow(t, container.NewCenter(b))
	w.Resize(fyne.NewSize(300, 100))
	narrow := b.MinSize().Width
	b.Set(LockOpen, "Not private at all")
	if b.MinSize().Width <= narrow {
		t.Error("a longer word does not make the button wider")
	}
	n := b.Semantics()
	if n.Role != access.MenuButton || n.Text != "Not private at all" || n.Live != access.Politely {
		t.Errorf("semantics are %+v", n)
	}
	test.Tap(b)
	w.Canvas().Focus(b)
	for _, k := range []fyne.KeyName{fyne.KeyReturn, fyne.KeySpace, fyne.KeyDown, fyne.KeyLeft} {
		b.TypedKey(&fyne.KeyEvent{Name: k})
	}
	n.Press()
	if opened != 5 {
		t.Errorf("opened %d times, want 5: a tap, Enter, space, down, and the screen reader", opened)
	}
}

func TestButtonTakesEnter(t *testing.T) {
	dressed(t)
	pressed := 0
	b := NewPrimary("Next", func() { pressed++ })
	w := test.NewTempWindow(t, b)
	w.Canvas().Focus(b)
	if b.ring.Hidden {
		t.Error("no ring round the button that has the keyboard")
	}
	b.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	b.TypedKey(&fyne.KeyEvent{Name: fyne.KeySpace})
	b.Disable()
	b.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	if pressed != 2 {
		t.Errorf("pressed %d times, want 2", pressed)
	}
	w.Canvas().Unfocus()
	if !b.ring.Hidden {
		t.Error("the ring stayed")
	}
}

func TestBadge(t *testing.T) {
	dressed(t)
	cases := map[int]string{-1: "", 0: "", 1: "1", 99: "99", 100: "99+"}
	for n, want := range cases {
		b := NewBadge(n)
		if got := b.label(); got != want {
			t.Errorf("%d shows %q, want %q", n, got, want)
		}
		if empty := b.MinSize() == (fyne.Size{}); empty != (want == "") {
			t.Errorf("%d: size %v", n, b.MinSize())
		}
	}
}

func TestInitials(t *testing.T) {
	cases := []struct{ name, address, want string }{
		{"Bob Miller", "bob@x", "BM"},
		{"bob", "", "B"},
		{"Anna Maria von Stein", "", "AS"},
		{"", "carol@example.org", "C"},
		{"★ ☆", "dan@x", "D"},
		{"«élodie»", "", "É"},
		{"", "", "?"},
	}
	for _, c := range cases {
		if got := Initials(c.name, c.address); got != c.want {
			t.Errorf("Initials(%q, %q) = %q, want %q", c.name, c.address, got, c.want)
		}
	}
}

// TestHue holds the hues and colours against the test vectors of XEP-0392, section 13.
func TestHue(t *testing.T) {
	cases := []struct {
		text    string
		hue     float64
		r, g, b float64 // at saturation 100 and lightness 50
	}{
		{"Romeo", 327.255249, 0.865, 0.000, 0.686},
		{"juliet@capulet.lit", 209.410400, 0.000, 0.515, 0.573},
		{"😺", 331.199341, 0.872, 0.000, 0.659},
		{"council", 359.994507, 0.918, 0.000, 0.394},
	}
	for _, c := range cases {
		if got := Hue(c.text); math.Abs(got-c.hue) > 1e-5 {
			t.Errorf("Hue(%q) = %f, want %f", c.text, got, c.hue)
		}
		got := hsluv(c.hue, 100, 50)
		for i, pair := range [][2]float64{{float64(got.R) / 255, c.r}, {float64(got.G) / 255, c.g}, {float64(got.B) / 255, c.b}} {
			if math.Abs(pair[0]-pair[1]) > 0.005 {
				t.Errorf("%q: channel %d is %.3f, want %.3f", c.text, i, pair[0], pair[1])
			}
		}
	}
}

func TestTextNeverReadsMarkup(t *testing.T) {
	dressed(t)
	hostile := "# **bold** [link](https://example.org) <b>x</b>"
	for _, text := range []*Text{NewText(hostile, Body), NewLine(hostile, Hint)} {
		if got := text.String(); got != hostile {
			t.Errorf("shows %q", got)
		}
		if len(text.Segments) != 1 {
			t.Errorf("%d segments", len(text.Segments))
		}
	}
}
