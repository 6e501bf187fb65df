package chat

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/look"
	"github.com/sotto-im/sotto/ui/model"
)

// script is a conversation written down.
type script struct{ rows []Row }

func (s *script) Len() int                     { return len(s.rows) }
func (s *script) ID(i int) uint64              { return s.rows[i].ID }
func (s *script) Outline(i int) (Kind, string) { return s.rows[i].Kind, s.rows[i].Text }
func (s *script) Row(i int) Row                { return s.rows[i] }
func (s *script) Find(id uint64) int {
	return slices.IndexFunc(s.rows, func(r Row) bool { return r.ID == id })
}

// scripted is a View and what it shows.
type scripted struct {
	*View
	script *script
}

func (v scripted) SetRows(rows []Row) {
	v.script.rows = append([]Row(nil), rows...)
	v.Replaced()
}

func (v scripted) Append(r Row) {
	v.script.rows = append(v.script.rows, r)
	v.Grown()
}

func (v scripted) Update(r Row) {
	v.script.rows[v.script.Find(r.ID)] = r
	v.Changed()
}

// dressed is an app of the test driver in our theme.
func dressed(t testing.TB) {
	t.Helper()
	test.NewTempApp(t).Settings().SetTheme(look.Theme{Choice: look.Light})
}

// open shows a conversation in a window of 700 by 500.
func open(t testing.TB, rows ...Row) scripted {
	t.Helper()
	dressed(t)
	v := scripted{NewView(), &script{rows: slices.Clone(rows)}}
	v.Open(v.script)
	w := test.NewTempWindow(t, v.View)
	w.SetPadded(false)
	w.Resize(fyne.NewSize(700, 500))
	return v
}

// talk is a conversation of n messages of different lengths.
func talk(n int) []Row {
	rows := make([]Row, n)
	for i := range rows {
		rows[i] = Row{
			ID: uint64(i + 1), Kind: Kind(i % 2), Sender: "Bob", Time: "18:02", Lock: look.LockQuestion, Tick: TickDone,
			Text: fmt.Sprintf("message %d %s", i, strings.Repeat("and more words ", i*7%40)),
		}
	}
	return rows
}

// seen is where on the screen the rows in sight are.
func seen(v scripted) map[uint64]float32 {
	at := map[uint64]float32{}
	for i, w := range v.shown {
		at[v.script.rows[i].ID] = w.Position().Y
	}
	return at
}

// inOrder reports rows that overlap or leave holes.
func inOrder(t *testing.T, v scripted) {
	t.Helper()
	if len(v.script.rows) == 0 {
		return
	}
	first := v.heights.at(v.offset)
	bottom := float32(math.NaN())
	for i := first; i < len(v.script.rows); i++ {
		w, ok := v.shown[i]
		if !ok {
			if bottom < v.Size().Height-tail-1 {
				t.Fatalf("row %d is missing at %v", i, bottom)
			}
			break
		}
		if y := w.Position().Y; !math.IsNaN(float64(bottom)) && math.Abs(float64(y-bottom)) > 0.6 {
			t.Fatalf("row %d begins at %v, the one before ends at %v", i, y, bottom)
		}
		bottom = w.Position().Y + w.Size().Height
	}
}

func TestViewOpensAtTheEnd(t *testing.T) {
	v := open(t, talk(500)...)
	inOrder(t, v)
	w, ok := v.shown[499]
	if !ok || !v.AtEnd() {
		t.Fatal("the newest message is not in sight")
	}
	if bottom := w.Position().Y + w.Size().Height; math.Abs(float64(bottom-(500-tail))) > 1 {
		t.Errorf("it ends at %v", bottom)
	}
	if len(v.shown) > 30 {
		t.Errorf("%d widgets for one window", len(v.shown))
	}
}

func TestViewStaysAtTheEnd(t *testing.T) {
	v := open(t, talk(50)...)
	for i := range 20 {
		v.Append(Row{ID: uint64(1000 + i), Kind: Theirs, Text: strings.Repeat("line\n", i), Time: "18:03"})
		inOrder(t, v)
		if _, ok := v.shown[len(v.script.rows)-1]; !ok || !v.AtEnd() {
			t.Fatalf("message %d came and is not in sight", i)
		}
	}
	if v.jump.Visible() {
		t.Error("the way to the end is shown at the end")
	}
}

func TestViewStaysWhereThePersonReads(t *testing.T) {
	v := open(t, talk(200)...)
	v.ScrollPages(-3)
	before := seen(v)
	if v.AtEnd() || len(before) == 0 {
		t.Fatal("did not scroll up")
	}
	v.Append(Row{ID: 1000, Kind: Theirs, Text: "new"})
	v.Append(Row{ID: 1001, Kind: Theirs, Text: "newer"})
	v.Update(Row{ID: 1, Kind: Theirs, Text: strings.Repeat("longer\n", 30)}) // far above
	v.Update(Row{ID: 200, Kind: Ours, Text: strings.Repeat("longer\n", 30)}) // far below
	after := seen(v)
	for id, y := range before {
		if math.Abs(float64(after[id]-y)) > 0.6 {
			t.Errorf("message %d moved from %v to %v", id, y, after[id])
		}
	}
	if !v.jump.Visible() || v.missed != 2 {
		t.Errorf("jump shown %v, missed %d, want 2", v.jump.Visible(), v.missed)
	}
	test.Tap(v.jump)
	if !v.AtEnd() || v.missed != 0 {
		t.Error("the jump did not lead to the end")
	}
	inOrder(t, v)
}

func TestViewScrollsUpWithoutJumps(t *testing.T) {
	v := open(t, talk(300)...)
	const notch = 25
	for i := range 2000 {
		before := seen(v)
		at := v.offset
		v.Scrolled(&fyne.ScrollEvent{Scrolled: fyne.NewDelta(0, notch)})
		inOrder(t, v)
		if v.offset == 0 && at == 0 {
			if i < 100 {
				t.Fatalf("at the top after %d notches", i)
			}
			return
		}
		for id, y := range seen(v) {
			if was, ok := before[id]; ok && math.Abs(float64(y-was)-notch) > 1 && v.offset > 0 {
				t.Fatalf("notch %d: message %d moved by %v", i, id, y-was)
			}
		}
	}
	t.Fatal("never came to the top")
}

func TestOwnMessageGoesToTheEnd(t *testing.T) {
	v := open(t, talk(100)...)
	v.ScrollPages(-2)
	v.Append(Row{ID: 1000, Kind: Ours, Text: "mine"})
	if !v.AtEnd() {
		t.Error("what the person wrote is out of sight")
	}
}

func TestViewKeepsItsPlaceInAnotherWidth(t *testing.T) {
	v := open(t, talk(200)...)
	v.ScrollPages(-3)
	id, _ := v.anchor()
	v.Resize(fyne.NewSize(380, 500))
	inOrder(t, v)
	if now, _ := v.anchor(); now != id {
		t.Errorf("message %d was at the top, now %d", id, now)
	}
	v.ScrollToEnd()
	v.Resize(fyne.NewSize(640, 300))
	if !v.AtEnd() {
		t.Error("left the end")
	}
	inOrder(t, v)
}

func TestColumn(t *testing.T) {
	v := open(t, talk(5)...)
	v.Resize(fyne.NewSize(1600, 500))
	for i, w := range v.shown {
		if w.Size().Width != look.ColumnWidth || w.Position().X != (1600-look.ColumnWidth)/2 {
			t.Errorf("row %d is %v wide at %v", i, w.Size().Width, w.Position().X)
		}
	}
}

func TestSetRowsKeepsThePlace(t *testing.T) {
	rows := talk(300)
	v := open(t, rows[100:]...)
	v.ScrollPages(-2)
	before := seen(v)
	v.SetRows(rows) // a hundred older ones before
	after := seen(v)
	for id, y := range before {
		if math.Abs(float64(after[id]-y)) > 0.6 {
			t.Errorf("message %d moved from %v to %v", id, y, after[id])
		}
	}
	v.SetRows(nil)
	inOrder(t, v)
	v.SetRows(rows[:1])
	inOrder(t, v)
}

// TestHostileTexts: what a peer can send decides neither how many objects are drawn nor how long a frame takes.
func TestHostileTexts(t *testing.T) {
	const frame = 100 * time.Millisecond * slowdown
	for name, text := range hostile {
		t.Run(name, func(t *testing.T) {
			v := open(t, talk(30)...)
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			best := time.Hour
			for i := 0; i < 5 && best > frame; i++ { // the first time fonts are looked up
				start := threadTime()
				v.Append(Row{ID: uint64(1000 + i), Kind: Theirs, Text: model.Body(fmt.Sprint(i) + text), Time: "18:02"})
				best = min(best, threadTime()-start)
				inOrder(t, v)
			}
			t.Logf("%v", best)
			if best > frame {
				t.Errorf("one frame took %v", best)
			}
		})
	}
}

// TestHostileNotice: words of the other side inside a sentence of ours do not fill the window.
func TestHostileNotice(t *testing.T) {
	for name, text := range hostile {
		t.Run(name, func(t *testing.T) {
			v := open(t, Row{ID: 1, Kind: Notice, Text: "Bob asks: " + text, Actions: []Action{{"Answer", func() {}}}})
			if h := v.shown[0].Size().Height; h > 300 {
				t.Errorf("%v high", h)
			}
		})
	}
}

func TestShowMore(t *testing.T) {
	text := strings.Repeat("word ", 20_000)
	v := open(t, append(talk(10), Row{ID: 1000, Kind: Theirs, Text: text, Time: "18:02"})...)
	words := func() string { return v.shown[10].(*bubble).words() }
	first := words()
	if len(first) > maxPageRunes {
		t.Fatalf("%d characters at once", len(first))
	}
	press(t, v, 1000, "Show more")
	if len(words()) <= len(first) || !strings.HasPrefix(words(), first) {
		t.Error("no more is shown")
	}
	for range 30 {
		v.showMore(1000)
		if n := len(words()); n > maxPages*maxPageRunes+maxPages {
			t.Fatalf("%d characters at once", n)
		}
	}
	if strings.HasPrefix(words(), first) && len(text) > 3*maxPageRunes && v.state[1000].pages.first == 0 {
		t.Error("still at the beginning")
	}
	v.showEarlier(1000)
	inOrder(t, v)
	v.Update(Row{ID: 1000, Kind: Theirs, Text: "short", Time: "18:02"})
	if words() != "short" {
		t.Errorf("shows %q", words())
	}
}

// press presses a button of a row as a screen reader would.
func press(t *testing.T, v scripted, id uint64, name string) {
	t.Helper()
	for _, item := range v.Semantics().Parts {
		for _, part := range item.Parts {
			if item.Key == id && part.Name == name {
				part.Press()
				return
			}
		}
	}
	t.Fatalf("row %d has no button %q", id, name)
}

func TestRowsSpeak(t *testing.T) {
	done := ""
	v := open(t,
		Row{ID: 1, Kind: Theirs, Sender: "Bob", Text: "hello", Time: "18:02", Guard: "received without encryption", Warning: "Not encrypted, may be forged"},
		Row{ID: 2, Kind: Ours, Sender: "You", Text: "hi", Time: "18:03", Guard: "sent privately", Tick: TickDoubt, Status: "Maybe not delivered", Actions: []Action{
			{"Send again", func() { done += "again " }}, {"Discard", func() { done += "discard " }},
		}},
		Row{ID: 3, Kind: Notice, Text: "Private conversation began.", Actions: []Action{{"Verify", func() { done += "verify " }}}},
	)
	n := v.Semantics()
	if n.Role != access.Log || len(n.Parts) != 3 {
		t.Fatalf("%d parts", len(n.Parts))
	}
	if want := "Bob, 18:02, Not encrypted, may be forged, received without encryption"; n.Parts[0].Name != want || n.Parts[0].Text != "hello" {
		t.Errorf("says %q, %q", n.Parts[0].Name, n.Parts[0].Text)
	}
	press(t, v, 2, "Send again")
	press(t, v, 2, "Discard")
	press(t, v, 3, "Verify")
	if done != "again discard verify " {
		t.Errorf("did %q", done)
	}
}

func TestWarningStandsApart(t *testing.T) {
	clear := Row{ID: 3, Kind: Theirs, Text: "send me your password", Time: "18:04", Lock: look.LockOpen, Joined: true}
	warned := clear
	warned.Warning = "Not encrypted, may be forged"
	plain := open(t, append(talk(2), clear)...).shown[2].(*bubble)
	apart := open(t, append(talk(2), warned)...).shown[2].(*bubble)
	if apart.back.FillColor == plain.back.FillColor || apart.back.StrokeWidth == 0 {
		t.Error("looks like any other message")
	}
	if !drawn(apart, apart.warning) || drawn(plain, plain.warning) {
		t.Error("the warning is on the wrong message")
	}
	if apart.back.Position().Y <= plain.back.Position().Y {
		t.Error("it does not stand apart")
	}
}

func drawn(b *bubble, o fyne.CanvasObject) bool {
	for _, have := range b.objects {
		if have == o {
			return true
		}
	}
	return false
}

// TestNobodyWritesOurMarks: time, lock and tick stand beside the bubble, and no text reaches them. A message that copies a system line
// word for word is still a bubble with a sender and a lock.
func TestNobodyWritesOurMarks(t *testing.T) {
	line := "Private conversation with Bob began. You have verified Bob."
	for name, text := range hostile {
		t.Run(name, func(t *testing.T) {
			v := open(t, Row{ID: 1, Kind: Theirs, Sender: "Bob", Text: text[:min(len(text), 30_000)], Time: "18:02"})
			b := v.shown[0].(*bubble)
			edge := b.back.Position().X + b.back.Size().Width
			if b.time.Position().X < edge || b.lock.Position().X < edge || b.lock.Position().X+iconSide > v.column {
				t.Errorf("bubble ends at %v, time at %v, lock at %v of %v", edge, b.time.Position().X, b.lock.Position().X, v.column)
			}
			for i := range b.shownLabels {
				if l := b.labels[i]; l.Position().X+l.Size().Width > edge+0.6 {
					t.Errorf("text ends at %v, bubble at %v", l.Position().X+l.Size().Width, edge)
				}
			}
		})
	}
	v := open(t, Row{ID: 1, Kind: Theirs, Sender: "Bob", Text: line}, Row{ID: 2, Kind: Notice, Text: line})
	if _, ok := v.shown[0].(*bubble); !ok {
		t.Error("a message became something else")
	}
	if _, ok := v.shown[1].(*notice); !ok {
		t.Error("a notice became something else")
	}
}

func TestGuardInWords(t *testing.T) {
	v := open(t, Row{ID: 1, Kind: Theirs, Text: "hello", Time: "18:02", Guard: "received privately"})
	b := v.shown[0].(*bubble)
	height := b.Size().Height
	b.Tapped(&fyne.PointEvent{Position: b.meta.AddXY(1, 1)})
	if !drawn(b, b.detail) || b.detail.Words() != "received privately" || b.Size().Height <= height {
		t.Error("the guard is not said")
	}
	b.Tapped(&fyne.PointEvent{Position: b.meta.AddXY(1, 1)})
	b.Tapped(&fyne.PointEvent{Position: fyne.NewPos(1, 1)})
	if drawn(b, b.detail) {
		t.Error("the guard stays")
	}
}

func TestTheWholeTextCanBeSelected(t *testing.T) {
	text := "*not bold* [no link](https://example.org) <b>\nsecond line"
	v := open(t, Row{ID: 1, Kind: Theirs, Text: text})
	b := v.shown[0].(*bubble)
	if l := b.labels[0]; !l.Selectable || l.Text != text {
		t.Errorf("selectable %v, %q", l.Selectable, l.Text)
	}
}

func TestThemeChange(t *testing.T) {
	v := open(t, talk(20)...)
	v.Append(Row{ID: 99, Kind: Notice, Text: "notice"})
	b := v.shown[19].(*bubble)
	before := b.back.FillColor
	fyne.CurrentApp().Settings().SetTheme(look.Theme{Choice: look.Dark})
	v.Refresh()
	if v.shown[19].(*bubble).back.FillColor == before {
		t.Error("the bubble kept its colour")
	}
	inOrder(t, v)
}

func TestHundredThousandMessages(t *testing.T) {
	v := open(t, talk(100_000)...)
	v.ScrollPages(-50)
	v.scrollTo(0)
	inOrder(t, v)
	v.scrollTo(v.heights.total() / 2)
	inOrder(t, v)
	v.ScrollToEnd()
	inOrder(t, v)
	made := len(v.shown)
	for _, free := range v.pool {
		made += len(free)
	}
	if made > 60 {
		t.Errorf("%d widgets were made", made)
	}
}

func BenchmarkScroll(b *testing.B) {
	v := open(b, talk(100_000)...)
	for i := 0; b.Loop(); i++ {
		if i%2000 == 1999 {
			v.ScrollToEnd()
		}
		v.Scrolled(&fyne.ScrollEvent{Scrolled: fyne.NewDelta(0, 25)})
	}
}

func BenchmarkAppend(b *testing.B) {
	v := open(b, talk(100_000)...)
	for i := 0; b.Loop(); i++ {
		v.Append(Row{ID: uint64(200_000 + i), Kind: Theirs, Text: "see you at six", Time: "18:02"})
	}
}

// BenchmarkHostile is one frame in which a hostile text comes, made fit to be shown as every text is.
func BenchmarkHostile(b *testing.B) {
	for name, text := range hostile {
		b.Run(name, func(b *testing.B) {
			v := open(b, talk(30)...)
			for i := 0; b.Loop(); i++ {
				v.Append(Row{ID: uint64(1000 + i), Kind: Theirs, Text: model.Body(text), Time: "18:02"})
			}
		})
	}
}
