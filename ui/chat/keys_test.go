package chat

import (
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"github.com/sotto-im/sotto/ui/access"
)

// held is the row that the screen reader says has the keyboard.
func held(v scripted) uint64 {
	for _, p := range v.Semantics().Parts {
		if p.State&access.Focused != 0 {
			return p.Key.(uint64)
		}
	}
	return 0
}

// TestKeysWalkThroughTheConversation promises that every row can be reached with the keys, that the one where they are is seen and told,
// and that what can be done with it can be done from there.
func TestKeysWalkThroughTheConversation(t *testing.T) {
	v := open(t, talk(60)...)
	var asked Row
	v.OnMenu = func(r Row, _ fyne.Position) { asked = r }
	var typed rune
	v.OnRune = func(r rune) { typed = r }
	left := false
	v.OnEscape = func() { left = true }
	if held(v) != 0 {
		t.Error("a row has the keyboard before the conversation has")
	}
	v.FocusGained()
	if got := held(v); got != 60 {
		t.Fatalf("the keys begin at row %d", got)
	}
	press := func(k fyne.KeyName) { v.TypedKey(&fyne.KeyEvent{Name: k}) }
	for want := uint64(59); want >= 1; want-- {
		press(fyne.KeyUp)
		if got := held(v); got != want {
			t.Fatalf("the keys are at row %d, want %d", got, want)
		}
		_, w, _ := v.widget(want)
		if y := w.Position().Y; y < -1 || y > 500 || v.ring.Hidden || v.ring.Position().Y > y {
			t.Fatalf("row %d is at %v, the ring at %v", want, y, v.ring.Position())
		}
		inOrder(t, v)
	}
	press(fyne.KeyUp)
	if held(v) != 1 {
		t.Error("above the first row is another one")
	}
	press(fyne.KeyReturn)
	clipboard := fyne.CurrentApp().Clipboard()
	v.TypedShortcut(&fyne.ShortcutCopy{Clipboard: clipboard})
	if asked.ID != 1 || clipboard.Content() != v.script.rows[0].Text {
		t.Errorf("asked about row %d, copied %q", asked.ID, clipboard.Content())
	}
	press(fyne.KeyEnd)
	if held(v) != 60 || !v.AtEnd() {
		t.Error("End does not lead to the end")
	}
	press(fyne.KeyPageUp)
	if got := held(v); got >= 60 || got < 40 {
		t.Errorf("a page up is row %d", got)
	}
	press(fyne.KeyHome)
	if held(v) != 1 {
		t.Errorf("Home leads to row %d", held(v))
	}
	v.TypedRune('x')
	press(fyne.KeyEscape)
	v.FocusLost()
	if typed != 'x' || !left || held(v) != 0 || !v.ring.Hidden {
		t.Error("the conversation keeps what is not meant for it")
	}
}

func TestMarksOfASearch(t *testing.T) {
	v := open(t, talk(200)...)
	v.Mark(Marks{Found: map[uint64]bool{3: true, 199: true}, At: 3})
	v.ScrollTo(3)
	inOrder(t, v)
	_, w, ok := v.widget(3)
	if !ok || w.Position().Y < 0 || w.(*bubble).back.StrokeWidth != markWidth {
		t.Fatal("the row that was found is not in sight, or not marked")
	}
	at := v.offset
	v.ScrollTo(3)
	if v.offset != at {
		t.Error("what is in sight moves")
	}
	v.ScrollTo(199)
	if _, w, ok := v.widget(199); !ok || w.(*bubble).back.StrokeWidth == markWidth {
		t.Error("the other one is not in sight, or marked as the one looked at")
	}
	v.Mark(Marks{})
	if _, w, _ := v.widget(199); w.(*bubble).back.StrokeWidth > 1 {
		t.Error("a mark stays")
	}
	v.ScrollTo(12345)
	inOrder(t, v)
}

func TestLinksAndDeeds(t *testing.T) {
	followed := ""
	v := open(t,
		Row{ID: 1, Kind: Theirs, Text: "see https://example.org", Links: []Link{{"Open example.org/with/a/path/that/is/much/longer/than/any/bubble/in/any/window/that/there/is", "https://example.org"}}},
		Row{ID: 2, Kind: Theirs, Text: "* Bob waves", Deed: true})
	v.OnLink = func(address string) { followed = address }
	v.Resize(fyne.NewSize(360, 500))
	b := v.shown[0].(*bubble)
	if l := b.links[0]; l.Position().X+l.Size().Width > b.back.Position().X+b.back.Size().Width+0.6 {
		t.Errorf("the link ends at %v, the bubble at %v", l.Position().X+l.Size().Width, b.back.Position().X+b.back.Size().Width)
	}
	test.Tap(b.links[0])
	if followed != "https://example.org" {
		t.Errorf("followed %q", followed)
	}
	if !v.shown[1].(*bubble).labels[0].TextStyle.Italic || b.labels[0].TextStyle.Italic {
		t.Error("what is done does not look different from what is said")
	}
}
