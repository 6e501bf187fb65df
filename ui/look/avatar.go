package look

import (
	"crypto/sha1" // names a colour, guards nothing: XEP-0392 5.1
	"encoding/binary"
	"image/color"
	"math"
	"strings"
	"unicode"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/sotto-im/sotto/ui/access"
)

// An Avatar is a made picture of somebody: initials on the colour that XEP-0392 gives their address, quiet enough to stand in a list.
type Avatar struct {
	widget.BaseWidget
	address, name string
}

var _ access.Semantic = (*Avatar)(nil)

// NewAvatar returns the picture of the one with this address, known as name.
func NewAvatar(address, name string) *Avatar {
	a := &Avatar{address: address, name: name}
	a.ExtendBaseWidget(a)
	return a
}

// Set changes whose picture it is.
func (a *Avatar) Set(address, name string) {
	if a.address == address && a.name == name {
		return
	}
	a.address, a.name = address, name
	a.Refresh()
}

// Semantics implements access.Semantic: the name stands beside it, so there is nothing to add.
func (a *Avatar) Semantics() access.Node { return access.Node{} }

// CreateRenderer implements fyne.Widget.
func (a *Avatar) CreateRenderer() fyne.WidgetRenderer {
	r := &avatarRenderer{avatar: a, disc: canvas.NewCircle(color.Transparent), text: canvas.NewText("", color.Black)}
	r.Refresh()
	return r
}

type avatarRenderer struct {
	avatar *Avatar
	disc   *canvas.Circle
	text   *canvas.Text
}

func (r *avatarRenderer) MinSize() fyne.Size { return fyne.NewSquareSize(AvatarSize) }

func (r *avatarRenderer) Layout(size fyne.Size) {
	side := fyne.Min(size.Width, size.Height)
	r.disc.Resize(fyne.NewSquareSize(side))
	r.disc.Move(fyne.NewPos((size.Width-side)/2, (size.Height-side)/2))
	r.text.TextSize = side * 0.38
	min := r.text.MinSize()
	r.text.Resize(min)
	r.text.Move(fyne.NewPos((size.Width-min.Width)/2, (size.Height-min.Height)/2))
}

func (r *avatarRenderer) Refresh() {
	back, ink := avatarColors(r.avatar.address, isDark())
	r.disc.FillColor = back
	r.text.Color = ink
	r.text.Text = Initials(r.avatar.name, r.avatar.address)
	r.text.TextStyle = Bold(r.text.Text)
	r.Layout(r.avatar.Size())
	canvas.Refresh(r.avatar)
}

func (r *avatarRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.disc, r.text} }

func (r *avatarRenderer) Destroy() {}

// isDark tells whether the running theme is dark, from its background, because a Theme may differ from the system.
func isDark() bool { return luminance(colorOf(theme.ColorNameBackground)) < 0.5 }

// avatarColors are the colours of a picture: the hue of XEP-0392, with a saturation and lightness that suit the theme, as its section
// 5.3 allows.
func avatarColors(address string, dark bool) (back, ink color.NRGBA) {
	hue := Hue(address)
	if dark {
		return hsluv(hue, 40, 27), hsluv(hue, 50, 84)
	}
	return hsluv(hue, 35, 88), hsluv(hue, 75, 33)
}

// TintOf is a colour to know an account by: the hue of XEP-0392, dark or light enough to be seen on the running theme.
func TintOf(address string) color.NRGBA {
	if isDark() {
		return hsluv(Hue(address), 70, 65)
	}
	return hsluv(Hue(address), 75, 50)
}

// Hue is the angle on the colour wheel that XEP-0392 5.1 gives an identifier, in degrees.
func Hue(identifier string) float64 {
	sum := sha1.Sum([]byte(identifier))
	return float64(binary.LittleEndian.Uint16(sum[:2])) / 65536 * 360
}

// Initials are the first letters of the first and the last word of a name, or the first letter of the address.
func Initials(name, address string) string {
	var letters []rune
	for word := range strings.FieldsSeq(name) {
		if r := firstLetter(word); r != 0 {
			letters = append(letters, r)
		}
	}
	switch len(letters) {
	case 0:
		if r := firstLetter(address); r != 0 {
			return string(r)
		}
		return "?"
	case 1:
		return string(letters[0])
	default:
		return string([]rune{letters[0], letters[len(letters)-1]})
	}
}

func firstLetter(word string) rune {
	for _, r := range word {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToUpper(r)
		}
	}
	return 0
}

// hsluv turns a colour of the HSLuv space (hue in degrees, saturation and lightness from 0 to 100) into sRGB. The space and its
// constants are those of https://www.hsluv.org/math/, which XEP-0392 prescribes.
func hsluv(h, s, l float64) color.NRGBA {
	c := maxChroma(l, h) * s / 100
	u := c * math.Cos(h*math.Pi/180)
	v := c * math.Sin(h*math.Pi/180)
	x, y, z := luvToXYZ(l, u, v)
	channel := func(row [3]float64) uint8 {
		f := row[0]*x + row[1]*y + row[2]*z
		if f <= 0.0031308 {
			f *= 12.92
		} else {
			f = 1.055*math.Pow(f, 1/2.4) - 0.055
		}
		return uint8(math.Round(math.Min(1, math.Max(0, f)) * 255))
	}
	return color.NRGBA{R: channel(toRGB[0]), G: channel(toRGB[1]), B: channel(toRGB[2]), A: 0xff}
}

// toRGB is the matrix from XYZ to linear sRGB.
var toRGB = [3][3]float64{
	{3.240969941904521, -1.537383177570093, -0.498610760293},
	{-0.96924363628087, 1.87596750150772, 0.041555057407175},
	{0.055630079696993, -0.20397695888897, 1.056971514242878},
}

const (
	refU, refV = 0.19783000664283, 0.46831999493879
	kappa      = 903.2962962
	epsilon    = 0.0088564516
)

func luvToXYZ(l, u, v float64) (x, y, z float64) {
	if l <= 0 {
		return 0, 0, 0
	}
	vu := u/(13*l) + refU
	vv := v/(13*l) + refV
	if l <= 8 {
		y = l / kappa
	} else {
		y = math.Pow((l+16)/116, 3)
	}
	x = y * 9 * vu / (4 * vv)
	z = y * (12 - 3*vu - 20*vv) / (4 * vv)
	return x, y, z
}

// maxChroma is how far one can go from grey at lightness l in direction h before sRGB ends: the distance to the nearest of its six
// borders.
func maxChroma(l, h float64) float64 {
	sub := math.Pow(l+16, 3) / 1560896
	if sub <= epsilon {
		sub = l / kappa
	}
	sin, cos := math.Sincos(h * math.Pi / 180)
	nearest := math.Inf(1)
	for _, m := range toRGB {
		for _, t := range []float64{0, 1} {
			top1 := (284517*m[0] - 94839*m[2]) * sub
			top2 := (838422*m[2]+769860*m[1]+731718*m[0])*l*sub - 769860*t*l
			bottom := (632260*m[2]-126452*m[1])*sub + 126452*t
			slope, intercept := top1/bottom, top2/bottom
			if length := intercept / (sin - slope*cos); length >= 0 {
				nearest = math.Min(nearest, length)
			}
		}
	}
	return nearest
}

// luminance is the relative luminance of WCAG 2.2.
func luminance(c color.Color) float64 {
	r, g, b, _ := c.RGBA()
	linear := func(v uint32) float64 {
		f := float64(v) / 0xffff
		if f <= 0.04045 {
			return f / 12.92
		}
		return math.Pow((f+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(r) + 0.7152*linear(g) + 0.0722*linear(b)
}
