package look

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

// Accent is the one colour that stands out, as it is kept in the settings. One that is not known is Plum.
type Accent string

// The accents.
const (
	Plum   Accent = "" // Sotto's own
	Blue   Accent = "blue"
	Green  Accent = "green"
	Violet Accent = "violet"
	Amber  Accent = "amber"
	Slate  Accent = "slate"
)

// Accents are all there are, in the order in which they are offered.
var Accents = []Accent{Plum, Blue, Green, Violet, Amber, Slate}

// accented are the colours that follow from an accent.
type accented struct{ accent, onAccent, ownBubble, ownEdge, selected pair }

var plum = accented{accent, onAccent, ownBubble, ownEdge, selected}

var accents = map[Accent]accented{
	Plum:   plum,
	Blue:   tinted(0x1F5A8E, 0x7FB8EA),
	Green:  tinted(0x1E6650, 0x6CCBA7),
	Violet: tinted(0x5B3F95, 0xB6A0EE),
	Amber:  tinted(0x7C4A03, 0xE3AF5E),
	Slate:  tinted(0x44505F, 0xAAB6C6),
}

// tinted mixes what belongs to an accent out of it, as strongly as it is in Plum.
func tinted(light, dark uint32) accented {
	a := pair{rgb(light), rgb(dark)}
	return accented{
		accent:    a,
		onAccent:  pair{rgb(0xFFFFFF), mixed(a.dark, rgb(0x000000), 0.82)},
		ownBubble: pair{mixed(a.light, surface.light, 0.87), mixed(a.dark, surface.dark, 0.85)},
		ownEdge:   pair{mixed(a.light, surface.light, 0.68), mixed(a.dark, surface.dark, 0.67)},
		selected:  pair{mixed(a.light, surface.light, 0.91), mixed(a.dark, surface.dark, 0.9)},
	}
}

// mixed is a with a share of b.
func mixed(a, b color.NRGBA, share float64) color.NRGBA {
	one := func(x, y uint8) uint8 { return uint8(float64(x)*(1-share) + float64(y)*share + 0.5) }
	return color.NRGBA{R: one(a.R, b.R), G: one(a.G, b.G), B: one(a.B, b.B), A: 0xff}
}

// with is the palette of an accent.
func (a accented) with(name fyne.ThemeColorName) (pair, bool) {
	switch name {
	case ColorOnAccent, theme.ColorNameForegroundOnPrimary:
		return a.onAccent, true
	case ColorOwnBubble:
		return a.ownBubble, true
	case ColorOwnEdge:
		return a.ownEdge, true
	case ColorSelected:
		return a.selected, true
	case ColorRing, theme.ColorNamePrimary, theme.ColorNameHyperlink:
		return a.accent, true
	case theme.ColorNameFocus:
		return pair{clear(a.accent.light, 0x1A), clear(a.accent.dark, 0x26)}, true
	case theme.ColorNameSelection:
		return pair{clear(a.accent.light, 0x38), clear(a.accent.dark, 0x48)}, true
	}
	p, ok := palette[name]
	return p, ok
}

// clear lets what is beneath shine through.
func clear(c color.NRGBA, alpha uint8) color.NRGBA {
	c.A = alpha
	return c
}

// stark are the colours of the highest contrast that are not those of the palette made stronger.
var stark = map[fyne.ThemeColorName]pair{
	theme.ColorNameBackground:        {rgb(0xFFFFFF), rgb(0x000000)},
	theme.ColorNameForeground:        {rgb(0x000000), rgb(0xFFFFFF)},
	theme.ColorNameHeaderBackground:  {rgb(0xFFFFFF), rgb(0x000000)},
	theme.ColorNameInputBackground:   {rgb(0xFFFFFF), rgb(0x000000)},
	theme.ColorNameMenuBackground:    {rgb(0xFFFFFF), rgb(0x000000)},
	theme.ColorNameOverlayBackground: {rgb(0xFFFFFF), rgb(0x000000)},
	theme.ColorNameButton:            {rgb(0xEDEDED), rgb(0x202020)},
	theme.ColorNameDisabledButton:    {rgb(0xEDEDED), rgb(0x202020)},
	theme.ColorNameDisabled:          {rgb(0x565656), rgb(0xA8A8A8)},
	theme.ColorNameInputBorder:       {rgb(0x303030), rgb(0xD0D0D0)},
	theme.ColorNamePlaceHolder:       {rgb(0x2E2E2E), rgb(0xD8D8D8)},
	theme.ColorNameSeparator:         {rgb(0x6E6E6E), rgb(0x8E8E8E)},
	theme.ColorNameScrollBar:         {rgba(0x000000, 0xA0), rgba(0xFFFFFF, 0xA0)},
	ColorSurface:                     {rgb(0xFFFFFF), rgb(0x000000)},
	ColorRaised:                      {rgb(0xEDEDED), rgb(0x202020)},
	ColorLine:                        {rgb(0x6E6E6E), rgb(0x8E8E8E)},
	ColorMuted:                       {rgb(0x2E2E2E), rgb(0xD8D8D8)},
	ColorOffline:                     {rgb(0x303030), rgb(0xD0D0D0)},
	ColorPrivateBg:                   {rgb(0xFFFFFF), rgb(0x000000)},
	ColorUnverifiedBg:                {rgb(0xFFFFFF), rgb(0x000000)},
	ColorNotPrivateBg:                {rgb(0xFFFFFF), rgb(0x000000)},
	ColorFinishedBg:                  {rgb(0xFFFFFF), rgb(0x000000)},
}

// How much stronger colours are where the contrast is to be as high as it can be: towards black in the light, towards white in the dark.
const (
	starker      = 0.38 // the colours of words and signs
	starkerEdges = 0.5
)

// strong are the words and signs that keep their colour.
var strong = map[fyne.ThemeColorName]bool{
	ColorPrivate: true, ColorUnverified: true, ColorNotPrivate: true, ColorFinished: true, ColorOnline: true, ColorAway: true, ColorBusy: true,
	ColorRing: true, theme.ColorNamePrimary: true, theme.ColorNameHyperlink: true, theme.ColorNameError: true, theme.ColorNameSuccess: true,
	theme.ColorNameWarning: true,
}

// contrasting is a colour where the contrast is to be as high as it can be.
func contrasting(name fyne.ThemeColorName, p pair) pair {
	if s, ok := stark[name]; ok {
		return s
	}
	switch {
	case strong[name]:
		return pair{mixed(p.light, rgb(0), starker), mixed(p.dark, rgb(0xFFFFFF), starker)}
	case name == ColorOwnEdge:
		return pair{mixed(p.light, rgb(0), starkerEdges), mixed(p.dark, rgb(0xFFFFFF), starkerEdges)}
	case name == ColorOwnBubble, name == ColorSelected:
		return pair{mixed(p.light, rgb(0xFFFFFF), starker), mixed(p.dark, rgb(0), starker)}
	case name == ColorOnAccent, name == theme.ColorNameForegroundOnPrimary, name == theme.ColorNameForegroundOnError,
		name == theme.ColorNameForegroundOnSuccess, name == theme.ColorNameForegroundOnWarning:
		return pair{rgb(0xFFFFFF), rgb(0x000000)}
	}
	return p
}
