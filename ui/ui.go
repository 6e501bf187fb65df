// Package ui is Sotto's window. It shows rows that ui/model makes of a session's events, says what they mean in the person's
// language, and hands what the person does to the session. It decides nothing about security.
//
// Everything here runs on Fyne's goroutine, except the event pump, which carries batches of events to it (see pump). The package
// does not import fyne.io/fyne/v2/app, so that its tests need neither a screen nor cgo.
package ui

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/session/keyring"
	"github.com/sotto-im/sotto/session/practice"
	"github.com/sotto-im/sotto/session/store"
	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/door"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
	"github.com/sotto-im/sotto/ui/model"
	"github.com/sotto-im/sotto/ui/outside"
)

// A Config is what the window is built from.
type Config struct {
	App     fyne.App
	Open    func() Engine // begins the person's session: called once the window is on the screen
	Store   *store.Store
	Keyring keyring.Keyring // the system's, to be tried again
	// Practise begins practice mode with what the contact there says.
	Practise func(ctx context.Context, w practice.Words) (Practice, error)
	// PractiseFirst opens the window in practice mode.
	PractiseFirst bool
	Link          string           // xmpp: what the program was started with, or ""
	Profile       string           // the directory where later copies of the program knock; "": none can
	Spoken        *access.Tree     // what screen readers are told; nil: nobody listens
	Around        Surroundings     // what the desktop has
	Version       string           // of the program
	Hidden        bool             // open no window yet, if there is a tray to open it from
	Do            func(func())     // runs a function on Fyne's goroutine; nil: fyne.Do
	Time          func() time.Time // nil: time.Now
	Zone          *time.Location   // nil: time.Local
}

// A Practice is a session that touches neither network nor disk, with somebody to talk to.
type Practice struct {
	Engine  Engine
	Contact session.Ref
	Close   func(context.Context)
}

// The window as it opens for the first time, and the least it can be.
const (
	firstWidth, firstHeight = 1000, 680
	leastWidth, leastHeight = 360, 480
)

// shell is the one window, with the person's own session and, while they practise, that of practice mode.
type shell struct {
	app      fyne.App
	window   fyne.Window
	store    *store.Store
	keyring  keyring.Keyring
	do       func(func()) // runs a function on Fyne's goroutine, or never once the window is closing
	say      func(sentence string)
	now      func() time.Time
	zone     *time.Location
	begin    func(context.Context, practice.Words) (Practice, error)
	own      *desk
	practice *practiceMode
	root     *fyne.Container
	trouble  *banner
	choices  *choices

	announcements *announcements
	announcer     outside.Announcer // nil: only fixed sentences can be said
	around        Surroundings
	version       string
	errands       errands
	tray          *tray
	hidden        bool // the window is closed into the tray
	away          bool // nobody has touched the computer for a while

	theme   fyne.Theme
	still   atomic.Bool   // nothing moves
	looking bool          // a window of ours is in front
	front   *chatWindow   // the one of a conversation that has the keyboard; nil: the main window, if any
	recent  []model.Emoji // used in this run of the program, the last one first
	gate    sync.RWMutex
	over    bool // the window is closing; guarded by gate
	size    fyne.Size
	linked  string         // to be followed once the accounts are known
	writes  sync.WaitGroup // of settings
}

// Run shows the window and returns when the person has closed it. The caller closes session and store.
func Run(c Config) {
	s := frame(c)
	fyne.SetCurrentApp(stillApp{c.App, &s.still})
	letters := readLetters()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c.App.Lifecycle().SetOnStarted(func() {
		s.started()
		s.surround(ctx)
		go s.endOnSignal(ctx)
		if c.Spoken != nil {
			go s.serve(ctx, c.Spoken)
		}
		if c.Profile != "" {
			go s.openDoor(ctx, c.Profile)
		}
	})
	if s.hidden = c.Hidden && s.choices.now.ToTray && c.Around.Tray != nil; s.hidden {
		s.looking = false // as soon as it is known that there is no tray, the window opens
	} else {
		s.window.Show()
	}
	<-letters
	s.furnish(c)
	c.App.Lifecycle().SetOnEnteredForeground(func() { s.look(true) })
	c.App.Lifecycle().SetOnExitedForeground(func() { s.look(false) })
	if c.PractiseFirst {
		s.practise()
	}
	s.tray.prepare()
	c.App.Run()
	s.ended()
}

// readLetters has the fonts of the window read, which takes about as long as a window takes to open, and closes the channel when they
// are. Until then nobody else may ask how long a text is: the toolkit keeps its fonts without a lock.
func readLetters() <-chan struct{} {
	read := make(chan struct{})
	go func() {
		defer close(read)
		for _, style := range []fyne.TextStyle{{}, look.Bold(programName)} {
			fyne.MeasureText(programName, theme.TextSize(), style)
		}
	}()
	return read
}

// serve answers screen readers. Without a way to reach them the window works as well.
func (s *shell) serve(ctx context.Context, spoken *access.Tree) {
	if err := access.Serve(ctx, spoken, s.do); err != nil && ctx.Err() == nil {
		fyne.LogError("screen readers are not served", err)
	}
}

// openDoor lets a second copy of the program have this window come forward instead. Without a door that copy says where to look.
func (s *shell) openDoor(ctx context.Context, profile string) {
	d, err := door.Open(profile, func(link string) {
		s.do(func() {
			s.comeForward()
			s.follow(link)
		})
	})
	if err != nil {
		fyne.LogError("a second copy cannot have this window come forward", err)
		return
	}
	<-ctx.Done()
	d.Close()
}

// follow follows a link that the program was started with: it is about the person's own accounts, also while they practise.
func (s *shell) follow(link string) {
	if link == "" {
		return
	}
	if s.practice != nil {
		s.leavePractice()
	}
	s.own.follow(link)
}

func (s *shell) comeForward() {
	s.hidden = false
	s.window.Show()
	s.window.RequestFocus()
}

// open builds the window without showing it.
func open(c Config) *shell {
	s := frame(c)
	s.furnish(c)
	return s
}

// frame makes a window with nothing in it.
func frame(c Config) *shell {
	s := &shell{app: c.App, store: c.Store, keyring: c.Keyring, now: c.Time, zone: c.Zone, begin: c.Practise, looking: true, linked: c.Link}
	s.do = s.until(c.Do)
	s.say = func(sentence string) {
		if c.Spoken != nil {
			c.Spoken.Announce(sentence, access.Politely)
		}
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.zone == nil {
		s.zone = time.Local
	}
	settings := c.Store.Settings()
	s.choices = newChoices(s, settings.Preferences)
	s.choices.watch(s.dress)
	s.dress()
	s.around, s.version = c.Around, c.Version
	s.app.SetIcon(look.AppIcon())
	s.window = s.app.NewWindow("Sotto")
	s.window.SetIcon(look.AppIcon())
	s.window.SetMaster()
	s.window.SetCloseIntercept(s.close)
	s.window.SetPadded(false)
	s.window.Resize(windowSize(settings.Window))
	s.root = container.NewStack()
	s.window.SetContent(container.New(leastSize{}, s.root))
	return s
}

// furnish puts the pages into the window.
func (s *shell) furnish(c Config) {
	settings := c.Store.Settings()
	s.trouble = newTopBanner()
	s.announcements = newAnnouncements(s)
	if s.around.Announcer != nil {
		s.announcer = s.around.Announcer(func(key string) { s.do(func() { s.clicked(key) }) })
	}
	s.tray = newTray(s)
	s.choices.watch(func() { s.tray.refresh() })
	s.addShortcuts()
	s.own = newDesk(s, c.Open())
	s.own.expected = len(settings.Accounts) > 0
	for _, g := range settings.Window.FoldedGroups {
		s.own.folded[g] = true
	}
	s.choices.watch(func() {
		s.current().main.contacts.refresh()
		for _, t := range s.current().talks() {
			t.describe()
		}
	})
	s.window.SetOnDropped(func(at fyne.Position, files []fyne.URI) { s.current().main.talk.dropped(at, files) })
	s.root.Add(s.own.root)
	s.window.SetContent(container.New(leastSize{}, stacked(s.trouble, s.root, nil)))
	s.own.route()
	if path := c.Store.Damaged(); path != "" {
		s.storeProblem(session.StoreProblem{Damaged: path})
	}
}

func windowSize(w store.Window) fyne.Size {
	if w.Width < leastWidth || w.Height < leastHeight {
		return fyne.NewSize(firstWidth, firstHeight)
	}
	return fyne.NewSize(w.Width, w.Height)
}

// leastSize keeps the window usable without letting a long word widen it.
type leastSize struct{}

// Layout implements fyne.Layout.
func (leastSize) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	new(atLeast).Layout(objects, size)
}

// MinSize implements fyne.Layout.
func (leastSize) MinSize(objects []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(leastWidth, leastHeight)
}

// settledAfter is how long after the start nothing more has to be read.
const settledAfter = 5 * time.Second

// started begins to take events once Fyne's goroutine is at work: before that, what is handed to it would run at once and elsewhere.
func (s *shell) started() {
	time.AfterFunc(settledAfter, debug.FreeOSMemory) // fonts, pictures and the roster have been read by then: what that took is given back
	s.own.run()
	s.own.followLinked()
}

// until returns do as long as the window lives. Once Fyne's loop has ended, fyne.Do would run what it is given at once, on whatever
// goroutine that is; and a signal ends the loop at any time.
func (s *shell) until(do func(func())) func(func()) {
	if do == nil {
		do = fyne.Do
	}
	return func(f func()) {
		s.gate.RLock()
		defer s.gate.RUnlock()
		if !s.over {
			do(f)
		}
	}
}

// end closes the window: first the ways into it, then the window itself.
func (s *shell) end() {
	s.gate.Lock()
	over := s.over
	s.over = true
	s.gate.Unlock()
	if over {
		return
	}
	s.size = s.window.Canvas().Size()
	s.own.leave()
	if s.practice != nil && s.practice.desk != nil {
		s.practice.desk.leave()
	}
	s.app.Quit()
}

// endOnSignal ends the program as if the window had been closed. Fyne would break off its loop without a word to us.
func (s *shell) endOnSignal(ctx context.Context) {
	signals := make(chan os.Signal, 1)
	signal.Reset(os.Interrupt, syscall.SIGTERM)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	select {
	case <-signals:
		s.do(s.end)
	case <-ctx.Done():
	}
}

// ended keeps what is worth keeping of the window and closes practice mode.
func (s *shell) ended() {
	if s.practice != nil {
		s.practice.stop()
	}
	s.writes.Wait()
	if s.announcer != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		s.announcer.Close(ctx)
	}
	if s.size.IsZero() {
		return
	}
	// The window is gone: whether this could be written is nobody's concern any more, and the next start has a size to begin with.
	_ = s.store.Update(func(settings *store.Settings) {
		settings.Window.Width, settings.Window.Height = s.size.Width, s.size.Height
	})
}

func (s *shell) current() *desk {
	if s.practice != nil && s.practice.desk != nil {
		return s.practice.desk
	}
	return s.own
}

// look is told when the window comes to the front and when it leaves.
func (s *shell) look(front bool) {
	s.looking = front
	if !front {
		return
	}
	d := s.current()
	for _, t := range d.talks() {
		t.read()
		t.refreshRows()
	}
	d.openAsked()
}

// storeProblem says that settings were unreadable or could not be written.
func (s *shell) storeProblem(p session.StoreProblem) {
	dismiss := offer{label: lang.L("OK"), do: func() { s.trouble.show(notice{}) }}
	words := lang.L("Your settings could not be written: the disk may be full or read-only. What you change now is kept only until you quit.")
	if aboutKeyring(p.Err) {
		words = lang.L("The keyring of this computer could not be tidied up: what it kept for the account that you removed may still be there.")
	}
	if p.Damaged != "" {
		words = lang.L("Your settings could not be read and were put aside as {{.Path}}. Sotto begins without them; whom you had verified is not known any more.", map[string]any{"Path": p.Damaged})
	}
	s.trouble.show(notice{words: words, tint: look.ColorNotPrivateBg, ink: look.ColorNotPrivate, actions: []offer{dismiss}})
}

func aboutKeyring(err error) bool {
	return isErr(err, keyring.ErrAbsent) || isErr(err, keyring.ErrLocked) || isErr(err, keyring.ErrTimeout)
}

// dress puts on the look that was chosen.
func (s *shell) dress() {
	now := s.choices.now
	s.still.Store(now.Still)
	wanted := look.Theme{Choice: themeChoice(now.Theme), Accent: look.Accent(now.Accent), Text: look.TextSize(now.TextSize), Contrast: now.Contrast}
	if wanted != s.theme {
		s.theme = wanted
		s.app.Settings().SetTheme(wanted)
	}
}

func themeChoice(word string) look.Choice {
	switch word {
	case "light":
		return look.Light
	case "dark":
		return look.Dark
	}
	return look.AsSystem
}

// typed is called for what is typed where nothing has the keyboard: it is meant for the conversation.
func (s *shell) typed(r rune) {
	d := s.current()
	talk := d.main.talk
	if s.practice != nil && s.practice.desk == nil || d.shown != d.main.content || !talk.isOpen() || talk.composer.Disabled() {
		return
	}
	talk.focus()
	talk.composer.TypedRune(r)
}

// escape closes what was opened last.
func (s *shell) escape() {
	overlays := s.window.Canvas().Overlays()
	if top := overlays.Top(); top != nil {
		top.Hide()
		overlays.Remove(top)
		return
	}
	d := s.current()
	if d.signIn != nil {
		d.signIn.cancel()
		return
	}
	if d.signUp != nil {
		d.signUp.cancel()
		return
	}
	if d.settingsPage != nil {
		d.settingsPage.leave()
		return
	}
	if d.main.talk.search.Visible() {
		d.main.talk.search.leave()
		return
	}
	d.main.showList()
}
