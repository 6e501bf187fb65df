package ui

import (
	"errors"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	"github.com/sotto-im/sotto/session/store"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

// Excuse says in a small window why Sotto cannot start with this profile, and returns when it is closed.
func Excuse(app fyne.App, err error) {
	app.Settings().SetTheme(look.Theme{})
	excuse(app, err).ShowAndRun()
}

// excuse is that window.
func excuse(app fyne.App, err error) fyne.Window {
	w := app.NewWindow("Sotto")
	w.SetIcon(look.AppIcon())
	done := newMainButton(lang.L("Close"), w.Close)
	done.escape = w.Close
	w.SetContent(container.New(column{width: slipWidth, middle: true}, container.New(flow{},
		look.NewText(excuseWords(err), look.Body).Center(), gap(0, 2*look.Step), container.NewCenter(done))))
	w.Resize(fyne.NewSize(slipWidth+12*look.Step, 160))
	w.Canvas().Focus(done)
	return w
}

func excuseWords(err error) string {
	switch {
	case errors.Is(err, store.ErrInUse):
		return lang.L("Sotto is running already. Look for its window.")
	case errors.Is(err, store.ErrNewer):
		return lang.L("These settings were written by a newer Sotto. Nothing was changed; start the newer one.")
	}
	return lang.L("Sotto cannot use the folder for its settings. Nothing was changed. The folder may be read-only, or belong to somebody else.")
}
