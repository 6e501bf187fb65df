package look

import (
	"fmt"
	"image/color"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

var variants = map[string]fyne.ThemeVariant{"light": theme.VariantLight, "dark": theme.VariantDark}

// contrast is the contrast ratio of WCAG 2.2 between a text and what it stands on.
func contrast(text, ground color.Color) float64 {
	a, b := luminance(text), luminance(ground)
	if a < b {
		a, b = b, a
	}
	return (a + 0.05) / (b + 0.05)
}

// over is a translucent colour on an opaque one.
func over(top, ground color.Color) color.Color {
	t := color.NRGBAModel.Convert(top).(color.NRGBA)
	g := color.NRGBAModel.Convert(ground).(color.NRGBA)
	mix := func(a, b uint8) uint8 { return uint8((int(a)*int(t.A) + int(b)*(255-int(t.A))) / 255) }
	return color.NRGBA{R: mix(t.R, g.R), G: mix(t.G, g.G), B: mix(t.B, g.B), A: 0xff}
}

func TestContrast(t *testing.T) {
	const (
		text  = 4.5 // WCAG 2.2, 1.4.3, AA
		best  = 7.0 // 1.4.6, AAA: for who chooses the highest contrast
		large = 3.0 // 1.4.11: what shows that something can be used, and what shows a state
	)
	ink := theme.ColorNameForeground
	grounds := []fyne.ThemeColorName{
		theme.ColorNameBackground, ColorSurface, ColorRaised, ColorOwnBubble, ColorSelected, ColorNotPrivateBg,
		theme.ColorNameInputBackground, theme.ColorNameMenuBackground, theme.ColorNameOverlayBackground,
		theme.ColorNameHeaderBackground, theme.ColorNameButton,
	}
	type check struct {
		text, ground fyne.ThemeColorName
		over         fyne.ThemeColorName // a translucent layer between them
		least        float64
	}
	checks := []check{
		{ColorPrivate, ColorPrivateBg, "", text},
		{ColorUnverified, ColorUnverifiedBg, "", text},
		{ColorNotPrivate, ColorNotPrivateBg, "", text},
		{ColorFinished, ColorFinishedBg, "", text},
		{theme.ColorNameForegroundOnPrimary, theme.ColorNamePrimary, "", text},
		{theme.ColorNameForegroundOnPrimary, theme.ColorNamePrimary, theme.ColorNameHover, text},
		{theme.ColorNameForegroundOnError, theme.ColorNameError, "", text},
		{theme.ColorNameForegroundOnSuccess, theme.ColorNameSuccess, "", text},
		{theme.ColorNameForegroundOnWarning, theme.ColorNameWarning, "", text},
		{ColorOnAccent, theme.ColorNamePrimary, "", text},
		{theme.ColorNamePlaceHolder, theme.ColorNameInputBackground, "", text},
		{theme.ColorNameInputBorder, ColorSurface, "", large},
		{theme.ColorNameInputBorder, theme.ColorNameBackground, "", large},
		{ColorRing, theme.ColorNameBackground, "", large},
		{ColorRing, ColorSurface, "", large},
		{theme.ColorNameDisabled, ColorSurface, "", large},
		{theme.ColorNameDisabled, ColorRaised, "", large},
		{ColorOnline, ColorSurface, "", large},
		{ColorAway, ColorSurface, "", large},
		{ColorBusy, ColorSurface, "", large},
		{ColorOffline, ColorSurface, "", large},
		{ColorOnline, ColorSelected, "", large},
		{ColorBusy, ColorSelected, "", large},
	}
	for _, g := range grounds {
		checks = append(checks, check{ink, g, "", text}, check{ink, g, theme.ColorNameSelection, text}, check{ink, g, theme.ColorNameHover, text})
	}
	for _, g := range []fyne.ThemeColorName{theme.ColorNameBackground, ColorSurface, ColorRaised, ColorSelected} {
		checks = append(checks,
			check{ColorMuted, g, "", text}, check{ColorMuted, g, theme.ColorNameHover, text},
			check{theme.ColorNamePrimary, g, "", text}, check{theme.ColorNamePrimary, g, theme.ColorNameHover, text},
			check{ColorPrivate, g, "", text}, check{ColorUnverified, g, "", text},
			check{ColorNotPrivate, g, "", text}, check{ColorFinished, g, "", text},
		)
	}
	for name, v := range variants {
		for _, look := range everyLook() {
			for _, c := range checks {
				least := c.least
				if look.Contrast && least == text {
					least = best
				}
				ground := look.Color(c.ground, v)
				if c.over != "" {
					ground = over(look.Color(c.over, v), ground)
				}
				if got := contrast(look.Color(c.text, v), ground); got < least {
					t.Errorf("%s, accent %q, high contrast %v: %s on %s %s: contrast %.2f, want at least %.1f", name, look.Accent, look.Contrast, c.text, c.ground,
						c.over, got, least)
				}
			}
		}
	}
}

// everyLook is every combination of what changes colours.
func everyLook() []Theme {
	var all []Theme
	for _, a := range append(Accents[:len(Accents):len(Accents)], "of a later Sotto") {
		for _, contrast := range []bool{false, true} {
			all = append(all, Theme{Accent: a, Contrast: contrast})
		}
	}
	return all
}

func TestAccentsDiffer(t *testing.T) {
	seen := map[color.Color]Accent{}
	for _, a := range Accents {
		c := Theme{Accent: a}.Color(theme.ColorNamePrimary, theme.VariantLight)
		if other, there := seen[c]; there {
			t.Errorf("%q looks like %q", a, other)
		}
		seen[c] = a
	}
	if (Theme{Accent: "unknown"}).Color(theme.ColorNamePrimary, theme.VariantDark) != accent.dark {
		t.Error("an accent of a later Sotto is not Plum")
	}
}

// Headings stay larger than words and words larger than hints, at every size.
func TestTextSizes(t *testing.T) {
	order := []fyne.ThemeSizeName{theme.SizeNameCaptionText, theme.SizeNameText, theme.SizeNameSubHeadingText, theme.SizeNameHeadingText}
	before := float32(0)
	for _, size := range []TextSize{SmallText, NormalText, LargeText, LargestText} {
		look := Theme{Text: size}
		for i, name := range order[1:] {
			if look.Size(name) <= look.Size(order[i]) {
				t.Errorf("%q: %s is %v and %s is %v", size, name, look.Size(name), order[i], look.Size(order[i]))
			}
		}
		if body := look.Size(theme.SizeNameText); body <= before {
			t.Errorf("%q is not larger than the one before", size)
		} else {
			before = body
		}
	}
}

func TestContrastKnowsBlackFromWhite(t *testing.T) {
	if got := contrast(color.Black, color.White); got < 20.9 || got > 21.1 {
		t.Errorf("black on white: %.2f, want 21", got)
	}
}

func TestAvatarContrast(t *testing.T) {
	for i := range 500 {
		address := fmt.Sprintf("person%d@example.org", i)
		for _, dark := range []bool{false, true} {
			back, ink := avatarColors(address, dark)
			if got := contrast(ink, back); got < 4.5 {
				t.Errorf("%s dark=%v: contrast %.2f", address, dark, got)
			}
		}
	}
}

func TestThemeKeepsTheTokens(t *testing.T) {
	sizes := map[fyne.ThemeSizeName]float32{
		theme.SizeNameText: 14, theme.SizeNameCaptionText: 12, theme.SizeNameSubHeadingText: 16, theme.SizeNameHeadingText: 20,
		theme.SizeNameDialogRadius: 12, theme.SizeNameCardRadius: 12, theme.SizeNamePadding: 4, theme.SizeNameInnerPadding: 8,
	}
	for name, want := range sizes {
		if got := (Theme{}).Size(name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	forced := map[Choice]color.Color{Light: rgb(0xFAF8F5), Dark: rgb(0x15171C)}
	for choice, want := range forced {
		for name, v := range variants {
			if got := (Theme{Choice: choice}).Color(theme.ColorNameBackground, v); got != want {
				t.Errorf("choice %d with a %s system: background %v, want %v", choice, name, got, want)
			}
		}
	}
}
