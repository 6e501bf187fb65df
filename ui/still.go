package ui

import (
	"sync/atomic"

	"fyne.io/fyne/v2"
)

// A stillApp is the toolkit's application for somebody who may not want anything to move: whatever asks whether to fade, slide or blink is
// told so.
type stillApp struct {
	fyne.App
	still *atomic.Bool
}

// Settings implements fyne.App.
func (a stillApp) Settings() fyne.Settings { return stillSettings{a.App.Settings(), a.still} }

type stillSettings struct {
	fyne.Settings
	still *atomic.Bool
}

// ShowAnimations implements fyne.Settings.
func (s stillSettings) ShowAnimations() bool { return !s.still.Load() && s.Settings.ShowAnimations() }
