package ui

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/software"
	"fyne.io/fyne/v2/test"

	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

// TestScreenshots takes a picture of every scene, light and dark, at one and at two pixels for each unit, in the narrowest window and in one as
// it opens for the first time, in every language; and for each scene one sheet with all of them side by side. Nothing in a scene depends on
// time or chance, so the same program gives the same bytes.
func TestScreenshots(t *testing.T) {
	folder := os.Getenv("SOTTO_SCREENSHOTS")
	if folder == "" {
		t.Skip("make screenshots runs this")
	}
	wanted, err := regexp.Compile(os.Getenv("SOTTO_SCREENS"))
	if err != nil {
		t.Fatal(err)
	}
	defer func(zone *time.Location) { time.Local = zone }(time.Local)
	time.Local = time.UTC
	defer speak(t, "en")
	var taken []scene
	for _, s := range scenes() {
		if wanted.MatchString(s.name) {
			taken = append(taken, s)
		}
	}
	for _, l := range lang.Languages() {
		speak(t, l.Tag)
		for _, choice := range []look.Choice{look.Light, look.Dark} {
			app := test.NewTempApp(t)
			app.Settings().SetTheme(look.Theme{Choice: choice})
			for _, s := range taken {
				for _, width := range []float32{leastWidth, firstWidth} {
					v := view{l.Tag, choice, width, 1}
					t.Run(s.name+"/"+v.String(), func(t *testing.T) { photograph(t, folder, s, v, undressed{app}) })
				}
			}
		}
	}
	for _, s := range taken {
		if err := contactSheet(folder, s.name); err != nil {
			t.Error(err)
		}
	}
}

// A view is how a scene is looked at.
type view struct {
	language string
	choice   look.Choice
	width    float32
	scale    float32
}

// String is the name of the picture: en-light-narrow-1x.
func (v view) String() string {
	shade, room := "light", "wide"
	if v.choice == look.Dark {
		shade = "dark"
	}
	if v.width == leastWidth {
		room = "narrow"
	}
	return fmt.Sprintf("%s-%s-%s-%.0fx", v.language, shade, room, v.scale)
}

// photograph builds a scene and takes it at both scales.
func photograph(t *testing.T, folder string, s scene, v view, app fyne.App) {
	w := s.set(&studio{t: t, app: app, language: v.language, width: v.width})
	for _, said := range cutButtons(w.Canvas()) {
		t.Errorf("the button %q is not whole", said)
	}
	for _, v.scale = range []float32{1, 2} {
		w.Canvas().(software.WindowlessCanvas).SetScale(v.scale)
		file := filepath.Join(folder, s.name, v.String()+".png")
		if err := writePicture(file, w.Canvas().Capture()); err != nil {
			t.Fatal(err)
		}
	}
}

// cutButtons are those that reach out of the window, or are smaller than their words.
func cutButtons(c fyne.Canvas) []string {
	inside := c.Content()
	if top := c.Overlays().Top(); top != nil {
		inside = top
	}
	var cut []string
	for _, o := range laidOut(inside) {
		b, ok := o.(*button)
		if !ok || !b.Visible() {
			continue
		}
		x := fyne.CurrentApp().Driver().AbsolutePositionForObject(b).X
		if x < 0 || x+b.Size().Width > c.Size().Width || b.Size().Width < b.MinSize().Width-1 {
			cut = append(cut, b.Text)
		}
	}
	return cut
}

func writePicture(file string, i image.Image) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(f, i); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

func readPicture(file string) (image.Image, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return png.Decode(f)
}

// contactSheet sets the pictures of a scene beside one another: a row for each language, in it narrow and wide, light and dark.
func contactSheet(folder, name string) error {
	const space = 16
	var rows [][]image.Image
	var size image.Point
	for _, l := range lang.Languages() {
		var row []image.Image
		width, height := space, 0
		for _, room := range []float32{leastWidth, firstWidth} {
			for _, choice := range []look.Choice{look.Light, look.Dark} {
				i, err := readPicture(filepath.Join(folder, name, view{l.Tag, choice, room, 1}.String()+".png"))
				if err != nil {
					return err
				}
				row = append(row, i)
				width += i.Bounds().Dx() + space
				height = max(height, i.Bounds().Dy())
			}
		}
		rows = append(rows, row)
		size = image.Pt(max(size.X, width), size.Y+height+space)
	}
	sheet := image.NewNRGBA(image.Rectangle{Max: size.Add(image.Pt(0, space))})
	draw.Draw(sheet, sheet.Bounds(), image.NewUniform(color.Gray{0x80}), image.Point{}, draw.Src)
	y := space
	for _, row := range rows {
		x, height := space, 0
		for _, i := range row {
			draw.Draw(sheet, i.Bounds().Add(image.Pt(x, y)), i, image.Point{}, draw.Src)
			x += i.Bounds().Dx() + space
			height = max(height, i.Bounds().Dy())
		}
		y += height + space
	}
	return writePicture(filepath.Join(folder, strings.ReplaceAll(name, "/", "-")+".png"), sheet)
}

// undressed is an application that has its theme on already: to put it on anew costs every font once more.
type undressed struct{ fyne.App }

// Settings implements fyne.App.
func (u undressed) Settings() fyne.Settings { return undressedSettings{u.App.Settings()} }

type undressedSettings struct{ fyne.Settings }

// SetTheme implements fyne.Settings.
func (undressedSettings) SetTheme(fyne.Theme) {}
