// Command bare shows a window of Fyne with one label: what Sotto's start is measured against.
package main

import (
	"fyne.io/fyne/v2/app"
	"fyne.io/fyne/v2/widget"
)

func main() {
	w := app.NewWithID("im.sotto.bare").NewWindow("Bare")
	w.SetContent(widget.NewLabel("Bare"))
	w.ShowAndRun()
}
