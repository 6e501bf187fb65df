package look

import (
	"image"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
)

// grey renders a lock and returns how dark each of its pixels is on white, from 0 to 255: what is left of it without colours.
func grey(t *testing.T, l Lock, size LockSize) []int {
	t.Helper()
	i := canvas.NewImageFromResource(l.Icon(size))
	i.Resize(fyne.NewSquareSize(float32(size)))
	i.Refresh()
	picture, ok := i.Image.(*image.NRGBA)
	if !ok {
		t.Fatalf("lock %d at %d was not drawn", l, size)
	}
	b := picture.Bounds()
	dark := make([]int, 0, b.Dx()*b.Dy())
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			dark = append(dark, int(picture.NRGBAAt(x, y).A))
		}
	}
	return dark
}

// distance is how many whole pixels two drawings differ by.
func distance(a, b []int) int {
	sum := 0
	for i := range a {
		sum += max(a[i]-b[i], b[i]-a[i])
	}
	return sum / 255
}

func TestLocksDifferWithoutColour(t *testing.T) {
	dressed(t)
	locks := []Lock{LockOpen, LockQuestion, LockTick, LockCut, LockTurning}
	for _, size := range []LockSize{LockSmall, LockMedium, LockLarge} {
		// A tenth of the square: at 16 pixels that is 25 whole pixels.
		least := int(size) * int(size) / 10
		for i, a := range locks {
			for _, b := range locks[i+1:] {
				if d := distance(grey(t, a, size), grey(t, b, size)); d < least {
					t.Errorf("at %d pixels locks %d and %d differ by %d pixels only, want %d", size, a, b, d, least)
				}
			}
		}
	}
}

func TestLockThatIsNone(t *testing.T) {
	if got := Lock(200).Icon(LockSmall); got != LockOpen.Icon(LockSmall) {
		t.Errorf("an unknown lock looks like %v; it must promise nothing", got)
	}
	if got := Lock(200).Ink(); got != ColorNotPrivate {
		t.Errorf("an unknown lock is %v", got)
	}
}

func TestIconFollowsTheTheme(t *testing.T) {
	app := dressed(t)
	app.Settings().SetTheme(Theme{Choice: Light})
	light := LockTick.Icon(LockSmall)
	before, name := string(light.Content()), light.Name()
	app.Settings().SetTheme(Theme{Choice: Dark})
	if string(light.Content()) == before || light.Name() == name {
		t.Error("the drawing did not change with the theme")
	}
}

func TestEveryIconExists(t *testing.T) {
	dressed(t)
	icons := []Icon{
		IconChevron, IconDown, IconInfo, IconWarning, IconAsk, IconSecret, IconCompare, IconEye, IconClock, IconSent, IconStored,
		IconDone, IconDoubt, IconFailed, PresenceOffline.Icon(), PresenceOnline.Icon(), PresenceAway.Icon(), PresenceBusy.Icon(),
	}
	seen := map[string]bool{}
	for _, i := range icons {
		if len(i.Content()) == 0 {
			t.Errorf("%s is empty", i.Name())
		}
		if seen[i.Name()] {
			t.Errorf("%s comes twice", i.Name())
		}
		seen[i.Name()] = true
	}
	for _, name := range []fyne.ThemeIconName{theme.IconNameNavigateBack, theme.IconNameNavigateNext, theme.IconNameContentAdd, theme.IconNameMoreHorizontal,
		theme.IconNameSearch, theme.IconNameArrowDropDown, theme.IconNameVisibility, theme.IconNameVisibilityOff} {
		if i, ours := (Theme{}).Icon(name).(Icon); !ours || len(i.Content()) == 0 {
			t.Errorf("%s is not one of the family", name)
		}
	}
	if len(AppIcon().Content()) == 0 {
		t.Error("the program has no icon")
	}
}
