package look

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"

	"fyne.io/fyne/v2"

	"github.com/sotto-im/sotto/assets"
)

// trayPixels is the side of the picture in the tray; desktops make it smaller.
const trayPixels = 64

// TrayIcon is the program's icon for the tray, with a dot where something is unread. It follows no theme: the tray has its own.
func TrayIcon(unread bool) fyne.Resource {
	whole, err := png.Decode(bytes.NewReader(assets.Icon))
	if err != nil {
		panic("look: internal error: the icon is no picture: " + err.Error())
	}
	small := shrink(whole, trayPixels)
	name := "sotto-tray.png"
	if unread {
		name = "sotto-tray-unread.png"
		dot(small)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, small); err != nil {
		panic("look: internal error: " + err.Error()) // a buffer takes everything
	}
	return fyne.NewStaticResource(name, b.Bytes())
}

// shrink averages the pixels that become one.
func shrink(from image.Image, side int) *image.NRGBA {
	to := image.NewNRGBA(image.Rect(0, 0, side, side))
	bounds := from.Bounds()
	for y := range side {
		for x := range side {
			to.Set(x, y, average(from, image.Rect(
				bounds.Min.X+x*bounds.Dx()/side, bounds.Min.Y+y*bounds.Dy()/side,
				bounds.Min.X+(x+1)*bounds.Dx()/side, bounds.Min.Y+(y+1)*bounds.Dy()/side)))
		}
	}
	return to
}

func average(from image.Image, area image.Rectangle) color.Color {
	var r, g, b, a, n uint64
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			red, green, blue, alpha := from.At(x, y).RGBA()
			r, g, b, a, n = r+uint64(red), g+uint64(green), b+uint64(blue), a+uint64(alpha), n+1
		}
	}
	if n == 0 {
		return color.Transparent
	}
	return color.RGBA64{R: uint16(r / n), G: uint16(g / n), B: uint16(b / n), A: uint16(a / n)}
}

// dot draws a disc with a pale rim into the lower right corner, which every tray leaves visible.
func dot(on *image.NRGBA) {
	const radius, rim = trayPixels * 0.2, trayPixels * 0.05
	middle := trayPixels - radius - rim
	for y := range trayPixels {
		for x := range trayPixels {
			away := math.Hypot(float64(x)+0.5-middle, float64(y)+0.5-middle)
			switch {
			case away <= radius:
				on.SetNRGBA(x, y, notPrivate.light)
			case away <= radius+rim:
				on.SetNRGBA(x, y, surface.light)
			}
		}
	}
}
