package ui

import (
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/lang"
)

// speak chooses the language of the window.
func speak(t *testing.T, tag string) {
	t.Helper()
	if err := lang.Speak(tag); err != nil {
		t.Fatal(err)
	}
}

// TestPagesFit promises that in every language each page fits into the narrowest window, and each small window into its own width.
func TestPagesFit(t *testing.T) {
	defer speak(t, "en")
	for _, l := range lang.Languages() {
		for name, page := range sights(leastWidth) {
			t.Run(l.Tag+"/"+name, func(t *testing.T) {
				speak(t, l.Tag)
				w := page.window(t)
				content, ok := w.Content().(*fyne.Container)
				if !ok {
					t.Fatalf("the window holds a %T", w.Content())
				}
				room := w.Canvas().Size().Width
				for _, o := range append(content.Objects, w.Canvas().Overlays().List()...) { // the window itself hides what it needs
					if least := o.MinSize().Width; least > room {
						t.Errorf("a %T needs a width of %v, and there is %v", o, least, room)
					}
				}
			})
		}
	}
}

// TestHintOfTheComposerFits promises that what stands in the empty composer is never cut off, in the narrowest window, for a long name.
func TestHintOfTheComposerFits(t *testing.T) {
	defer speak(t, "en")
	for _, l := range lang.Languages() {
		speak(t, l.Tag)
		for _, mode := range []session.SendMode{session.SendPrivately, session.SendBlocked} {
			c := bob()
			c.Name, c.SendMode, c.NeedsVerified = "Benedikt Müller-Oberhausen", mode, mode == session.SendBlocked
			s := newTalk(t, c)
			s.shell.window.Resize(fyne.NewSize(leastWidth, leastHeight))
			composer := s.talk().composer
			room := composer.Size().Width - 4*theme.InnerPadding()
			if needs := fyne.MeasureText(composer.PlaceHolder, theme.TextSize(), fyne.TextStyle{}).Width; needs > room {
				t.Errorf("%s: %q needs a width of %v, and there is %v", l.Tag, composer.PlaceHolder, needs, room)
			}
			s.shell.window.Resize(fyne.NewSize(1200, leastHeight))
			if !strings.Contains(composer.PlaceHolder, c.Name) {
				t.Errorf("%s: where there is room it says %q", l.Tag, composer.PlaceHolder)
			}
		}
	}
}

// TestGroupsAreTypedWithTheCommasOfTheLanguage: an Arabic keyboard has a comma of its own.
func TestGroupsAreTypedWithTheCommasOfTheLanguage(t *testing.T) {
	if got := groupList(" العائلة، العمل ,Chess,، "); !slices.Equal(got, []string{"العائلة", "العمل", "Chess"}) {
		t.Errorf("%q", got)
	}
}
