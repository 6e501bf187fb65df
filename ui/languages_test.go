package ui

import (
	"testing"

	"fyne.io/fyne/v2"

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
