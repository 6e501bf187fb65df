package look

import (
	"image/color"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

// The colours that Fyne has no name for. Everything that is drawn takes its colour from the theme by one of these or of Fyne's names.
const (
	ColorSurface   fyne.ThemeColorName = "sotto.surface"   // lists, header, entry
	ColorRaised    fyne.ThemeColorName = "sotto.raised"    // their bubbles, rows under the pointer
	ColorLine      fyne.ThemeColorName = "sotto.line"      // hairlines
	ColorMuted     fyne.ThemeColorName = "sotto.muted"     // times, hints, notices
	ColorOwnBubble fyne.ThemeColorName = "sotto.own"       // our messages
	ColorOwnEdge   fyne.ThemeColorName = "sotto.ownEdge"   // the edge of our messages
	ColorOnAccent  fyne.ThemeColorName = "sotto.onAccent"  // words on the accent
	ColorRing      fyne.ThemeColorName = "sotto.ring"      // round what has the keyboard
	ColorOnline    fyne.ThemeColorName = "sotto.online"    // presence
	ColorAway      fyne.ThemeColorName = "sotto.away"      // presence
	ColorBusy      fyne.ThemeColorName = "sotto.busy"      // presence
	ColorOffline   fyne.ThemeColorName = "sotto.offline"   // presence
	ColorSelected  fyne.ThemeColorName = "sotto.selected"  // the chosen row of a list
	ColorPrivate   fyne.ThemeColorName = "sotto.private"   // lock: Private
	ColorPrivateBg fyne.ThemeColorName = "sotto.privateBg" // the pill behind it

	ColorUnverified   fyne.ThemeColorName = "sotto.unverified"
	ColorUnverifiedBg fyne.ThemeColorName = "sotto.unverifiedBg"
	ColorNotPrivate   fyne.ThemeColorName = "sotto.notPrivate"
	ColorNotPrivateBg fyne.ThemeColorName = "sotto.notPrivateBg"
	ColorFinished     fyne.ThemeColorName = "sotto.finished"
	ColorFinishedBg   fyne.ThemeColorName = "sotto.finishedBg"
)

// Sizes that every screen keeps to. Spacing goes in steps of Step.
const (
	Step         float32 = 4
	RowHeight    float32 = 56 // of a contact in the list
	AvatarSize   float32 = 36
	Radius       float32 = 12  // of bubbles, dialogs and cards
	SmallRadius  float32 = 8   // of buttons and entries
	ColumnWidth  float32 = 640 // text is never wider
	textBody     float32 = 14
	textSmall    float32 = 12
	textHeader   float32 = 16
	textTitle    float32 = 20
	textEmoji    float32 = 32
	scrollBar    float32 = 10
	scrollBarRim float32 = 3
)

// Choice is the person's wish for light or dark.
type Choice uint8

const (
	AsSystem Choice = iota // what the desktop says
	Light
	Dark
)

// TextSize is how large words are, as it is kept in the settings. One that is not known is NormalText.
type TextSize string

// The sizes of text.
const (
	SmallText   TextSize = "small"
	NormalText  TextSize = ""
	LargeText   TextSize = "large"
	LargestText TextSize = "largest"
)

// factor is how much larger than normal.
func (s TextSize) factor() float32 {
	switch s {
	case SmallText:
		return 0.88
	case LargeText:
		return 1.2
	case LargestText:
		return 1.45
	}
	return 1
}

// Theme is Sotto's fyne.Theme. The zero value follows the desktop.
type Theme struct {
	Choice   Choice
	Accent   Accent
	Text     TextSize
	Contrast bool // as high as it can be
}

var _ fyne.Theme = Theme{}

// pair is one colour for each variant.
type pair struct{ light, dark color.NRGBA }

func rgb(v uint32) color.NRGBA {
	return color.NRGBA{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v), A: 0xff}
}

func rgba(v uint32, alpha uint8) color.NRGBA {
	c := rgb(v)
	c.A = alpha
	return c
}

var (
	background = pair{rgb(0xFAF8F5), rgb(0x15171C)}
	surface    = pair{rgb(0xFFFFFF), rgb(0x1D2027)}
	raised     = pair{rgb(0xF2EEE8), rgb(0x262A33)}
	line       = pair{rgb(0xE3DDD4), rgb(0x323744)}
	ink        = pair{rgb(0x1F2430), rgb(0xE8EAEE)}
	muted      = pair{rgb(0x5F6673), rgb(0xA0A7B4)}
	accent     = pair{rgb(0x8E2F4F), rgb(0xE58AA8)}
	onAccent   = pair{rgb(0xFFFFFF), rgb(0x2A101A)}
	ownBubble  = pair{rgb(0xF6E3E9), rgb(0x3A2630)}
	ownEdge    = pair{rgb(0xE3BECA), rgb(0x5E3A49)}
	selected   = pair{rgb(0xF7ECEF), rgb(0x33262E)}
	edge       = pair{rgb(0x8F877B), rgb(0x767E8F)} // of entries, boxes and radio buttons: 3:1 against what they stand on

	private    = pair{rgb(0x1B7046), rgb(0x5BD19A)}
	privateBg  = pair{rgb(0xE3F3EA), rgb(0x1B2E26)}
	unverified = pair{rgb(0x7A4F00), rgb(0xF2B84B)}
	unverifBg  = pair{rgb(0xFFF1D0), rgb(0x332A16)}
	notPrivate = pair{rgb(0xA3231C), rgb(0xFF8A80)}
	notPrivBg  = pair{rgb(0xFDE7E5), rgb(0x3A2020)}
	finished   = pair{rgb(0x4A5361), rgb(0x9AA3B2)}
	finishedBg = pair{rgb(0xE9ECF0), rgb(0x2A2E37)}
)

var palette = map[fyne.ThemeColorName]pair{
	ColorSurface:      surface,
	ColorRaised:       raised,
	ColorLine:         line,
	ColorMuted:        muted,
	ColorOwnBubble:    ownBubble,
	ColorOwnEdge:      ownEdge,
	ColorOnAccent:     onAccent,
	ColorRing:         accent,
	ColorSelected:     selected,
	ColorOnline:       private,
	ColorAway:         {rgb(0xB07A10), rgb(0xF2B84B)},
	ColorBusy:         notPrivate,
	ColorOffline:      edge,
	ColorPrivate:      private,
	ColorPrivateBg:    privateBg,
	ColorUnverified:   unverified,
	ColorUnverifiedBg: unverifBg,
	ColorNotPrivate:   notPrivate,
	ColorNotPrivateBg: notPrivBg,
	ColorFinished:     finished,
	ColorFinishedBg:   finishedBg,

	theme.ColorNameBackground:          background,
	theme.ColorNameButton:              raised,
	theme.ColorNameDisabledButton:      raised,
	theme.ColorNameDisabled:            {rgb(0x7E8490), rgb(0x7C8494)},
	theme.ColorNameError:               notPrivate,
	theme.ColorNameFocus:               {rgba(0x8E2F4F, 0x1A), rgba(0xE58AA8, 0x26)},
	theme.ColorNameForeground:          ink,
	theme.ColorNameForegroundOnError:   {rgb(0xFFFFFF), rgb(0x2A1010)},
	theme.ColorNameForegroundOnPrimary: onAccent,
	theme.ColorNameForegroundOnSuccess: {rgb(0xFFFFFF), rgb(0x0D2018)},
	theme.ColorNameForegroundOnWarning: {rgb(0xFFFFFF), rgb(0x2A1E06)},
	theme.ColorNameHeaderBackground:    surface,
	theme.ColorNameHover:               {rgba(0x1F2430, 0x0A), rgba(0xFFFFFF, 0x10)},
	theme.ColorNameHyperlink:           accent,
	theme.ColorNameInputBackground:     surface,
	theme.ColorNameInputBorder:         edge,
	theme.ColorNameMenuBackground:      {surface.light, rgb(0x2B303B)},
	theme.ColorNameOverlayBackground:   surface,
	theme.ColorNamePlaceHolder:         muted,
	theme.ColorNamePressed:             {rgba(0x1F2430, 0x1F), rgba(0xFFFFFF, 0x24)},
	theme.ColorNamePrimary:             accent,
	theme.ColorNameScrollBar:           {rgba(0x5F6673, 0x73), rgba(0xA0A7B4, 0x73)},
	theme.ColorNameScrollBarBackground: {rgba(0x5F6673, 0x14), rgba(0xA0A7B4, 0x14)},
	theme.ColorNameSelection:           {rgba(0x8E2F4F, 0x38), rgba(0xE58AA8, 0x48)},
	theme.ColorNameSeparator:           line,
	theme.ColorNameShadow:              {rgba(0x2A1F14, 0x26), rgba(0x000000, 0x66)},
	theme.ColorNameSuccess:             private,
	theme.ColorNameWarning:             unverified,
}

// Color implements fyne.Theme.
func (t Theme) Color(name fyne.ThemeColorName, variant fyne.ThemeVariant) color.Color {
	switch t.Choice {
	case Light:
		variant = theme.VariantLight
	case Dark:
		variant = theme.VariantDark
	}
	set, ok := accents[t.Accent]
	if !ok {
		set = plum
	}
	p, ok := set.with(name)
	if !ok {
		return theme.DefaultTheme().Color(name, variant)
	}
	if t.Contrast {
		p = contrasting(name, p)
	}
	if variant == theme.VariantLight {
		return p.light
	}
	return p.dark
}

// Font implements fyne.Theme with the fonts that come with Fyne: Noto Sans reads well at 12 and has a true bold, which stands for
// semibold. The one of symbols is bold as well, see Bold.
func (Theme) Font(style fyne.TextStyle) fyne.Resource {
	if style.Symbol {
		style = fyne.TextStyle{Bold: true}
	}
	return theme.DefaultTheme().Font(style)
}

// Icon implements fyne.Theme.
func (Theme) Icon(name fyne.ThemeIconName) fyne.Resource {
	switch name {
	case theme.IconNameVisibility:
		return icon("eye-20", ColorMuted)
	case theme.IconNameVisibilityOff:
		return icon("eye-off-20", ColorMuted)
	case theme.IconNameNavigateBack:
		return icon("back-20", theme.ColorNameForeground)
	case theme.IconNameNavigateNext:
		return icon("forth-20", theme.ColorNameForeground)
	case theme.IconNameContentAdd:
		return icon("add-20", theme.ColorNameForeground)
	case theme.IconNameMoreHorizontal:
		return icon("more-20", theme.ColorNameForeground)
	case theme.IconNameSearch:
		return icon("find-20", ColorMuted)
	case theme.IconNameArrowDropDown:
		return IconChevron
	case theme.IconNameCheckButton: // the toolkit's is less than a pixel thin
		return icon("box-20", theme.ColorNameInputBorder)
	case theme.IconNameCheckButtonFill:
		return icon("box-inside-20", theme.ColorNameInputBackground)
	case theme.IconNameCheckButtonChecked:
		return icon("box-ticked-20", theme.ColorNamePrimary)
	default:
		return theme.DefaultTheme().Icon(name)
	}
}

// Size implements fyne.Theme.
func (t Theme) Size(name fyne.ThemeSizeName) float32 {
	switch name {
	case theme.SizeNameText:
		return t.text(textBody)
	case theme.SizeNameCaptionText:
		return t.text(textSmall)
	case theme.SizeNameSubHeadingText:
		return t.text(textHeader)
	case theme.SizeNameHeadingText:
		return t.text(textTitle)
	case SizeEmoji:
		return t.text(textEmoji)
	case theme.SizeNameInlineIcon:
		return t.text(theme.DefaultTheme().Size(name))
	case theme.SizeNamePadding:
		return Step
	case theme.SizeNameInnerPadding:
		return 2 * Step
	case theme.SizeNameLineSpacing:
		return Step
	case theme.SizeNameInputRadius, theme.SizeNameButtonRadius, theme.SizeNameMenuRadius:
		return SmallRadius
	case theme.SizeNameCardRadius, theme.SizeNameDialogRadius, theme.SizeNamePopupRadius:
		return Radius
	case theme.SizeNameScrollBar:
		return scrollBar
	case theme.SizeNameScrollBarSmall:
		return scrollBarRim
	default:
		return theme.DefaultTheme().Size(name)
	}
}

// text is a size in whole steps, at which letters are drawn sharply.
func (t Theme) text(normal float32) float32 {
	return float32(math.Round(float64(normal * t.Text.factor())))
}

// SizeEmoji is the size of emoji that stand alone.
const SizeEmoji fyne.ThemeSizeName = "sottoEmoji"

// RowTall is how high a contact of the list is: RowHeight, or more where words are larger.
func RowTall() float32 {
	more := theme.TextSize() + theme.CaptionTextSize() - textBody - textSmall
	return RowHeight + max(0, more*4/3)
}

// colorOf is a colour of the running theme.
func colorOf(name fyne.ThemeColorName) color.Color {
	return theme.Color(name)
}
