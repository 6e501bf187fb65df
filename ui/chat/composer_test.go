package chat

import (
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"
)

// write opens a composer that has the keyboard and notes what it sends.
func write(t *testing.T) (*Composer, *[]string) {
	t.Helper()
	dressed(t)
	c := NewComposer()
	sent := &[]string{}
	c.OnSend = func(text string) { *sent = append(*sent, text) }
	w := test.NewTempWindow(t, c)
	w.Resize(fyne.NewSize(400, 300))
	w.Canvas().Focus(c)
	return c, sent
}

func key(c *Composer, name fyne.KeyName) { c.TypedKey(&fyne.KeyEvent{Name: name}) }

func TestEnterSends(t *testing.T) {
	c, sent := write(t)
	key(c, fyne.KeyReturn)
	test.Type(c, "hello")
	key(c, fyne.KeyReturn)
	if c.Text != "hello" {
		t.Error("the text is gone before anybody has taken it")
	}
	c.SetText("")
	test.Type(c, "again")
	key(c, fyne.KeyEnter)
	if got := strings.Join(*sent, "|"); got != "hello|again" {
		t.Errorf("sent %q", got)
	}
}

func TestShiftEnterBeginsALine(t *testing.T) {
	c, sent := write(t)
	test.Type(c, "one")
	c.KeyDown(&fyne.KeyEvent{Name: desktop.KeyShiftRight})
	key(c, fyne.KeyReturn)
	c.KeyUp(&fyne.KeyEvent{Name: desktop.KeyShiftRight})
	test.Type(c, "two")
	if c.Text != "one\ntwo" || len(*sent) != 0 {
		t.Fatalf("text %q, sent %q", c.Text, *sent)
	}
	c.KeyDown(&fyne.KeyEvent{Name: desktop.KeyShiftLeft})
	c.FocusLost() // the key is released elsewhere
	c.FocusGained()
	key(c, fyne.KeyReturn)
	if len(*sent) != 1 || (*sent)[0] != "one\ntwo" {
		t.Errorf("sent %q", *sent)
	}
}

func TestComposerGrows(t *testing.T) {
	c, _ := write(t)
	c.Resize(fyne.NewSize(300, 100))
	last := c.MinSize().Height
	one := last
	for n := 2; n <= maxRows; n++ {
		c.SetText(strings.Repeat("line\n", n-1) + "line")
		if c.MinSize().Height <= last {
			t.Fatalf("%d lines are not higher than %d", n, n-1)
		}
		last = c.MinSize().Height
	}
	c.SetText(strings.Repeat("line\n", 50))
	if c.MinSize().Height != last {
		t.Error("grows beyond six lines")
	}
	c.SetText(strings.Repeat("word ", 40)) // wraps
	if c.MinSize().Height <= one {
		t.Error("does not grow with a line that wraps")
	}
	c.SetText("")
	if c.MinSize().Height != one {
		t.Error("does not shrink")
	}
}

func TestComposerRefusesWhatIsTooLong(t *testing.T) {
	c, _ := write(t)
	refused := 0
	c.OnTooLong = func() { refused++ }
	full := strings.Repeat("ä", maxTyped)
	paste := func(text string) {
		fyne.CurrentApp().Clipboard().SetContent(text)
		c.TypedShortcut(&fyne.ShortcutPaste{Clipboard: fyne.CurrentApp().Clipboard()})
	}
	paste(full)
	if c.Text != full || refused != 0 {
		t.Fatalf("%d bytes taken, refused %d", len(c.Text), refused)
	}
	c.TypedRune('x')
	paste("x")
	c.KeyDown(&fyne.KeyEvent{Name: desktop.KeyShiftLeft})
	key(c, fyne.KeyReturn)
	c.KeyUp(&fyne.KeyEvent{Name: desktop.KeyShiftLeft})
	if c.Text != full || refused != 3 {
		t.Errorf("%d bytes, refused %d times, want 3", len(c.Text), refused)
	}
	c.TypedShortcut(&fyne.ShortcutSelectAll{})
	paste("short") // replaces everything
	if c.Text != "short" {
		t.Errorf("%d bytes", len(c.Text))
	}
	paste(full)
	if c.Text != "short" || refused != 4 {
		t.Errorf("a paste was cut to %d bytes", len(c.Text))
	}
	c.Entry.TypedShortcut(&fyne.ShortcutPaste{Clipboard: fyne.CurrentApp().Clipboard()}) // as the menu does
	if c.Text != "short" || refused != 5 {
		t.Errorf("a paste from the menu left %d bytes, refused %d", len(c.Text), refused)
	}
}

func TestComposerPassesKeysOn(t *testing.T) {
	c, _ := write(t)
	var got []string
	c.OnPage = func(n float32) { got = append(got, map[float32]string{-1: "up", 1: "down"}[n]) }
	c.OnEscape = func() { got = append(got, "escape") }
	c.OnShortcut = func(s fyne.Shortcut) { got = append(got, s.ShortcutName()) }
	changed := ""
	c.OnChanged = func(s string) { changed = s }
	key(c, fyne.KeyPageUp)
	key(c, fyne.KeyPageDown)
	key(c, fyne.KeyEscape)
	c.TypedShortcut(&desktop.CustomShortcut{KeyName: fyne.KeyF, Modifier: fyne.KeyModifierControl})
	test.Type(c, "one two")
	c.TypedShortcut(&desktop.CustomShortcut{KeyName: fyne.KeyLeft, Modifier: fyne.KeyModifierControl})
	if want := "up down escape CustomDesktop:Control+F"; strings.Join(got, " ") != want {
		t.Errorf("passed on %q, want %q", strings.Join(got, " "), want)
	}
	if changed != "one two" {
		t.Errorf("changed to %q", changed)
	}
	if c.AcceptsTab() {
		t.Error("Tab stays in the composer")
	}
}

// TestWordsStayApart promises that what is typed stands in the text as it was typed, wherever the lines are broken, and that a correction
// takes what was typed last.
func TestWordsStayApart(t *testing.T) {
	dressed(t)
	const typed = "The Tallis is behind the piano; see https://example.org/score and ask for tallis at the desk, it is a thick blue folder with TALLIS on it."
	for width := float32(300); width < 500; width += 40 {
		c := NewComposer()
		w := test.NewTempWindow(t, c)
		w.SetPadded(false)
		w.Resize(fyne.NewSize(width, 200))
		said := []rune{}
		for _, r := range typed {
			c.TypedKey(&fyne.KeyEvent{Name: fyne.KeyName(strings.ToUpper(string(r)))}) // the window tells both
			c.TypedRune(r)
			said = append(said, r)
			if r == ' ' {
				c.TypedKey(&fyne.KeyEvent{Name: fyne.KeyBackspace})
				if c.Text != string(said[:len(said)-1]) {
					t.Fatalf("%v wide: the correction leaves %q", width, c.Text)
				}
				c.TypedRune(r)
			}
		}
		if c.Text != typed {
			t.Errorf("%v wide: %q", width, c.Text)
		}
	}
}

// TestHintIsTheFirstThatFits promises a hint that is not cut off, however wide the composer becomes.
func TestHintIsTheFirstThatFits(t *testing.T) {
	c, _ := write(t)
	c.SetHints("Write to Benedikt Müller-Oberhausen", "Write a message", "Write")
	for _, test := range []struct {
		width float32
		want  string
	}{{400, "Write to Benedikt Müller-Oberhausen"}, {200, "Write a message"}, {40, "Write"}, {400, "Write to Benedikt Müller-Oberhausen"}} {
		if c.Resize(fyne.NewSize(test.width, 40)); c.PlaceHolder != test.want {
			t.Errorf("at a width of %v it says %q, want %q", test.width, c.PlaceHolder, test.want)
		}
	}
	c.SetHints("Sending is blocked")
	if c.Resize(fyne.NewSize(40, 40)); c.PlaceHolder != "Sending is blocked" {
		t.Errorf("the only hint is %q", c.PlaceHolder)
	}
}

// Who comes back to a draft, or has something filled in for them, writes on behind it.
func TestCaretIsBehindWhatIsThere(t *testing.T) {
	test.NewTempApp(t)
	c := NewComposer()
	test.NewTempWindow(t, c).Resize(fyne.NewSize(200, 200))
	c.SetText("a draft\nof two lines")
	c.TypedRune('!')
	if want := "a draft\nof two lines!"; c.Text != want {
		t.Errorf("it says %q, want %q", c.Text, want)
	}
}
