package access

import (
	"runtime"
	"testing"
	"time"

	"fyne.io/fyne/v2/widget"
)

type composer struct{ widget.Entry }

func TestNamesAreKeptPerWidget(t *testing.T) {
	a, b := Name(&composer{}, "outer"), Name(&composer{}, "other")
	Name(&a.Entry, "inner") // at the same address
	Describe(a, "help")
	if said(a).name != "outer" || said(a).help != "help" || said(&a.Entry).name != "inner" || said(b).name != "other" {
		t.Errorf("%+v %+v %+v", said(a), said(&a.Entry), said(b))
	}
	if said(&composer{}).name != "" {
		t.Error("a widget has a name that nobody gave it")
	}
	runtime.KeepAlive(a)
	runtime.KeepAlive(b)
}

func TestNamesAreForgotten(t *testing.T) {
	before := count()
	for range 1000 {
		Name(&composer{}, "gone")
	}
	for end := time.Now().Add(30 * time.Second); count() > before+10; {
		if time.Now().After(end) {
			t.Fatalf("%d names are still kept", count()-before)
		}
		runtime.GC()
	}
}

func count() int {
	notes.Lock()
	defer notes.Unlock()
	return len(notes.of)
}
