package ui

import (
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/test"

	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

// Where the language is written from the right, what stands before words is at their right, and what follows them at their left.
func TestSmallWindowsAreTurnedRound(t *testing.T) {
	defer speak(t, "en")
	for tag, fromTheRight := range map[string]bool{"en": false, "ar": true} {
		speak(t, tag)
		before := func(what string, first, then fyne.CanvasObject) {
			t.Helper()
			if (where(first).X+first.Size().Width/2 > where(then).X+then.Size().Width/2) != fromTheRight {
				t.Errorf("%s: %s: %v and %v", tag, what, where(first), where(then))
			}
		}
		s := newSheetStage(t)
		s.desk.verify(s.bob.Ref)
		before("the buttons", s.button(lang.L("Not now")), s.button(lang.L("Next")))
		for _, o := range laidOut(s.window().Content()) {
			if o, ok := o.(*option); ok {
				r := test.WidgetRenderer(o).(*optionRenderer)
				before("a choice", r.circle, r.label)
			}
		}
		s.press(lang.L("Next"))
		for _, o := range laidOut(s.window().Content()) {
			if box, ok := o.(*groupBox); ok {
				objects := test.WidgetRenderer(box).Objects()
				var words fyne.CanvasObject
				for _, o := range objects {
					if text, ok := o.(*canvas.Text); ok {
						words = text
					}
				}
				before("a box to tick", objects[0], words)
			}
		}
		main := newSettings(t)
		main.narrow(firstWidth)
		row := main.setting(lang.L("Language"))
		before("a setting", test.WidgetRenderer(row).(*settingRenderer).label, row.control)
		before("the way back", main.shell.own.settingsPage.back, main.titleOf(lang.L("Settings")))
	}
}

// titleOf is the text that says something.
func (s *stage) titleOf(words string) *look.Text {
	s.t.Helper()
	for _, o := range laidOut(s.shell.window.Content()) {
		if text, ok := o.(*look.Text); ok && text.Words() == words {
			return text
		}
	}
	s.t.Fatalf("%q does not stand there", words)
	return nil
}
