package look

import (
	"fmt"
	"image/color"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"github.com/sotto-im/sotto/assets"
)

// An Icon is one of our drawings in a colour of the theme. It takes the colour each time it is drawn, and so follows a change of
// theme.
type Icon struct {
	name  string // NAME-SIZE
	color fyne.ThemeColorName
}

var _ fyne.ThemedResource = Icon{}

// The drawings that are not locks.
var (
	IconChevron = icon("chevron-16", theme.ColorNameForeground)
	IconNext    = icon("next-16", theme.ColorNameForeground)
	IconBefore  = icon("before-16", theme.ColorNameForeground)
	IconUp      = icon("up-16", theme.ColorNameForeground)
	IconClose   = icon("close-16", theme.ColorNameForeground)
	IconLink    = icon("link-16", theme.ColorNamePrimary)
	IconSmile   = icon("smile-20", theme.ColorNameForeground)
	IconDay     = icon("day-20", theme.ColorNameForeground)
	IconFind    = icon("find-20", theme.ColorNameForeground)
	IconDown    = icon("down-16", theme.ColorNameForeground)
	IconInfo    = icon("info-16", ColorMuted)
	IconWarning = icon("warn-16", ColorNotPrivate)
	IconAsk     = icon("ask-20", theme.ColorNameForeground)
	IconSecret  = icon("secret-20", theme.ColorNameForeground)
	IconCompare = icon("compare-20", theme.ColorNameForeground)
	IconEye     = icon("eye-20", theme.ColorNameForeground)

	IconClock  = icon("clock-16", ColorMuted)      // waits
	IconSent   = icon("sent-16", ColorMuted)       // written to the network
	IconStored = icon("stored-16", ColorMuted)     // the server has it
	IconDone   = icon("done-16", ColorMuted)       // delivered
	IconDoubt  = icon("doubt-16", ColorUnverified) // maybe not delivered
	IconFailed = icon("failed-16", ColorNotPrivate)
)

func icon(name string, color fyne.ThemeColorName) Icon { return Icon{name, color} }

// In is the same drawing in another colour.
func (i Icon) In(color fyne.ThemeColorName) Icon { return Icon{i.name, color} }

// Name implements fyne.Resource. It differs for every colour, because Fyne keeps pictures by name.
func (i Icon) Name() string {
	return i.name + "-" + strings.TrimPrefix(hex(colorOf(i.color)), "#") + ".svg"
}

// Content implements fyne.Resource.
func (i Icon) Content() []byte {
	drawing, err := assets.Icons.ReadFile("icons/" + i.name + ".svg")
	if err != nil {
		panic("look: internal error: no drawing " + i.name)
	}
	return []byte(strings.ReplaceAll(string(drawing), "#000000", hex(colorOf(i.color))))
}

// ThemeColorName implements fyne.ThemedResource.
func (i Icon) ThemeColorName() fyne.ThemeColorName { return i.color }

func hex(c color.Color) string {
	r, g, b, _ := c.RGBA()
	return fmt.Sprintf("#%02x%02x%02x", r>>8, g>>8, b>>8)
}

// AppIcon is the program's own icon.
func AppIcon() fyne.Resource { return fyne.NewStaticResource("sotto.png", assets.Icon) }
