package ui

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

// trackStage is how far a check has come.
type trackStage uint8

const (
	trackAsked   trackStage = iota // the other side is to answer
	trackChecked                   // answered, being compared
	trackDone
	trackDiffers
)

// A track shows the three steps of a check: asked, answered, compared.
type track struct {
	widget.BaseWidget
	steps [3]string
	stage trackStage
}

var _ access.Semantic = (*track)(nil)

func newTrack(name string, stage trackStage) *track {
	return newSteps([3]string{lang.L("asked"), lang.L("{{.Name}} answers", words{"Name": shortName(name)}), lang.L("compared")}, stage)
}

func newSteps(steps [3]string, stage trackStage) *track {
	t := &track{steps: steps, stage: stage}
	t.ExtendBaseWidget(t)
	return t
}

// reached is the last step that is done.
func (t *track) reached() int {
	switch t.stage {
	case trackAsked:
		return 0
	case trackChecked:
		return 1
	default:
		return 2
	}
}

// Semantics implements access.Semantic.
func (t *track) Semantics() access.Node {
	return access.Node{
		Role: access.ProgressBar, Name: lang.L("Progress"), Text: t.steps[t.reached()],
		Range: &access.Range{Min: 0, Max: 2, Now: float64(t.reached())},
	}
}

// CreateRenderer implements fyne.Widget.
func (t *track) CreateRenderer() fyne.WidgetRenderer {
	r := &trackRenderer{track: t}
	for i := range t.steps {
		r.dots[i] = canvas.NewCircle(color.Transparent)
		r.names[i] = canvas.NewText(look.AsRead(t.steps[i]), color.Black)
	}
	for i := range r.lines {
		r.lines[i] = canvas.NewRectangle(color.Transparent)
	}
	r.Refresh()
	return r
}

const (
	trackDot    = 3 * look.Step
	trackHeight = 12 * look.Step
)

type trackRenderer struct {
	track *track
	dots  [3]*canvas.Circle
	names [3]*canvas.Text
	lines [2]*canvas.Rectangle
}

func (r *trackRenderer) MinSize() fyne.Size { return fyne.NewSize(60*look.Step, trackHeight) }

func (r *trackRenderer) Layout(size fyne.Size) {
	room := size.Width - trackDot
	for i, dot := range r.dots {
		x := room * float32(i) / 2
		dot.Resize(fyne.NewSquareSize(trackDot))
		dot.Move(fyne.NewPos(x, 2*look.Step))
		name := r.names[i].MinSize()
		r.names[i].Resize(name)
		r.names[i].Move(fyne.NewPos((size.Width-name.Width)*float32(i)/2, 2*look.Step+trackDot+look.Step))
		if i < len(r.lines) {
			r.lines[i].Move(fyne.NewPos(x+trackDot+look.Step/2, 2*look.Step+trackDot/2-1))
			r.lines[i].Resize(fyne.NewSize(room/2-trackDot-look.Step, 2))
		}
	}
	look.Turn(r.Objects(), size.Width)
}

func (r *trackRenderer) Refresh() {
	reached := r.track.reached()
	done := theme.Color(theme.ColorNamePrimary)
	switch r.track.stage {
	case trackDone:
		done = theme.Color(look.ColorPrivate)
	case trackDiffers:
		done = theme.Color(look.ColorUnverified)
	}
	for i := range r.dots {
		r.dots[i].FillColor, r.dots[i].StrokeColor = color.Transparent, theme.Color(theme.ColorNameInputBorder)
		r.dots[i].StrokeWidth = 1.5
		r.names[i].Color = theme.Color(look.ColorMuted)
		r.names[i].TextSize = theme.CaptionTextSize()
		if i <= reached {
			r.dots[i].FillColor, r.dots[i].StrokeColor = done, done
			r.names[i].Color = theme.Color(theme.ColorNameForeground)
		}
		if i < len(r.lines) {
			r.lines[i].FillColor = theme.Color(look.ColorLine)
			if i < reached {
				r.lines[i].FillColor = done
			}
		}
	}
	r.Layout(r.track.Size())
	canvas.Refresh(r.track)
}

func (r *trackRenderer) Objects() []fyne.CanvasObject {
	objects := make([]fyne.CanvasObject, 0, len(r.dots)+len(r.names)+len(r.lines))
	for _, l := range r.lines {
		objects = append(objects, l)
	}
	for i := range r.dots {
		objects = append(objects, r.dots[i], r.names[i])
	}
	return objects
}

func (r *trackRenderer) Destroy() {}
