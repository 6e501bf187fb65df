package ui

import (
	"errors"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/look"
)

var carolsKey = otr.Fingerprint{0xca, 0x01}

// manyKeys is what a session with a few contacts knows.
func (s *sheetStage) manyKeys() {
	s.engine.keys = []session.ContactKeys{
		{Ref: s.bob.Ref, Name: "Bob", OnRoster: true, InUse: []otr.Fingerprint{bobsKey}, Keys: []session.Key{
			{Fingerprint: bobsKey, FirstSeen: noon, LastSeen: noon, Device: "laptop", Verified: session.ByQuestion, VerifiedAt: noon, VerifiedUs: true},
			{Fingerprint: newKey, FirstSeen: noon.AddDate(0, -2, 0), LastSeen: noon.AddDate(0, -1, 0), Replaced: noon},
		}},
		{Ref: session.Ref{Account: alice, Contact: "carol@example.org"}, Name: "carol@example.org", Keys: []session.Key{
			{Fingerprint: carolsKey, Imported: noon, Source: "otr.fingerprints", Claim: "smp"},
		}},
	}
	s.engine.story = []session.KeyEvent{
		{Time: noon.AddDate(0, -2, 0), What: session.KeyMet, Key: newKey, Device: "old phone"},
		{Time: noon, What: session.KeyMet, Key: bobsKey, Device: "laptop"},
		{Time: noon, What: session.KeyReplaced, Key: newKey, Other: bobsKey},
		{Time: noon, What: session.KeyVerified, Key: bobsKey, How: session.ByQuestion},
	}
}

// shows are the rows of the list.
func (s *sheetStage) shows() string {
	var said []string
	for _, r := range s.desk.keysOpen.list.rows.all {
		said = append(said, r.heading+r.name+": "+r.about)
	}
	return strings.Join(said, "\n")
}

func TestKeysListEverybody(t *testing.T) {
	s := newSheetStage(t)
	s.manyKeys()
	s.desk.keys()
	want := "Your own: \nalice@example.org: 8E2F4FE5 8AA8F6E3 00000000 00000000 00000000\nContacts: \n" +
		"Bob: Verified by a question on 22 November 2026 · 2 keys · bob@example.org\n" +
		"carol@example.org: Imported from “otr.fingerprints” on 22 November 2026, verified there"
	if got := s.shows(); got != want {
		t.Errorf("shows\n%s", got)
	}
	if rows := s.desk.keysOpen.list.rows.all; rows[3].lock != look.LockTick || rows[4].lock != look.LockQuestion {
		t.Error("what another program says is drawn like what the person verified")
	}
	search := s.desk.keysOpen.list.search
	for wanted, found := range map[string]string{"carol": "carol", "CA01 0000": "carol", "ca010000": "carol", "bob": "Bob", "1b7046e3f3": "Bob", "8e2f": "alice@"} {
		search.SetText(wanted)
		if got := s.shows(); strings.Count(got, "\n") != 1 || !strings.Contains(got, found) {
			t.Errorf("search for %s shows\n%s", wanted, got)
		}
	}
	search.SetText("nobody")
	s.says("No key of that name.")
	s.key(fyne.KeyEscape)
	if search.Text != "" {
		t.Error("Escape did not end the search")
	}
	s.desk.keys() // comes forward
	s.key(fyne.KeyEscape)
	s.closed()
	if s.desk.keysOpen != nil {
		t.Error("the window is remembered")
	}
}

func TestKeyStory(t *testing.T) {
	s := newSheetStage(t)
	s.manyKeys()
	s.desk.keyStory(s.bob.Ref)
	s.says("Keys of Bob", "Verified by a question on 22 November 2026", "In use now", "The device calls itself “laptop”", "Whoever holds it has verified you",
		"Not verified", "Replaced by another key on 22 November 2026", "What happened",
		"Key 1B7046E3 came in place of key DEADBEEF.", "Key DEADBEEF was seen for the first time, on a device that calls itself “old phone”.")
	s.press("Take back…")
	s.says("the lock says Unverified", "Earlier messages keep their marks")
	s.key(fyne.KeyEscape)
	s.saysNot("the lock says Unverified")
	s.press("Take back…")
	s.press("Take back")
	if s.engine.last() != "SetVerified false" || s.engine.key != bobsKey {
		t.Errorf("%q for %v", s.engine.last(), s.engine.key)
	}
	s.press("Forget…") // of the first key
	s.says("The private conversation with this key ends.")
	s.press("Cancel")
	s.press("Forget…")
	s.press("Forget")
	if s.engine.last() != "ForgetKey bob@example.org "+bobsKey.String() {
		t.Errorf("%q", s.engine.last())
	}
	s.engine.keys[0].Keys = s.engine.keys[0].Keys[1:]
	s.contact(func(c *session.Contact) { c.Unread = 1 })
	s.saysNot("F3EA5BD1")
	s.engine.refuse = session.ErrKeyGone
	s.press("Forget…")
	s.press("Forget")
	s.says("This is not a key of Bob any more.")
	s.key(fyne.KeyEscape)
	s.press("Close")
	s.closed()
}

// What another program says about a key is told as that, and counts only when the person says so.
func TestImportedKeyCountsForNothing(t *testing.T) {
	s := newSheetStage(t)
	s.manyKeys()
	s.desk.keyStory(session.Ref{Account: alice, Contact: "carol@example.org"})
	s.says("Not verified", "Never seen here", "Imported from “otr.fingerprints” on 22 November 2026, verified there")
	s.press("Count as verified…")
	s.says("Say so only if you yourself checked this key")
	if len(s.engine.asked) != 0 {
		t.Errorf("asked for %q", s.engine.asked)
	}
	s.press("I checked it there")
	if s.engine.last() != "TakeOver carol@example.org "+carolsKey.String() {
		t.Errorf("%q", s.engine.last())
	}
}

func TestKeyRuleOfAContact(t *testing.T) {
	s := newSheetStage(t)
	s.manyKeys()
	s.contact(func(c *session.Contact) { c.KeyRule = session.AnyKey })
	s.desk.keyStory(s.bob.Ref)
	for _, o := range s.objects() {
		if p, ok := o.(*picker); ok {
			p.SetSelected("Only verified keys")
		}
	}
	if s.engine.last() != "SetKeyRule bob@example.org 2" {
		t.Errorf("%q", s.engine.last())
	}
	s.contact(func(c *session.Contact) { c.KeyRule, c.OwnKeyRule = session.OnlyVerified, true })
	s.says("nothing goes, not even privately")
	s.contact(func(c *session.Contact) { c.Held = noon })
	s.says("You have blocked sending to Bob since 22 November 2026.")
	s.press("Allow sending")
	if s.engine.last() != "Release bob@example.org" {
		t.Errorf("%q", s.engine.last())
	}
}

// Nothing more can be sent to somebody because the person wants it so, not only when a key has changed.
func TestHoldFromTheStory(t *testing.T) {
	s := newSheetStage(t)
	s.manyKeys()
	s.desk.keyStory(s.bob.Ref)
	s.press("Block sending…")
	s.says("nothing goes out until you allow it again")
	s.key(fyne.KeyEscape)
	s.saysNot("nothing goes out until you allow it again")
	s.press("Block sending…")
	if len(s.engine.asked) != 0 {
		t.Errorf("asked for %q", s.engine.asked)
	}
	s.press("Block sending")
	if s.engine.last() != "Hold bob@example.org" {
		t.Errorf("%q", s.engine.last())
	}
	s.contact(func(c *session.Contact) { c.Held = noon })
	s.saysNot("When you suspect")
	s.press("Allow sending")
	if s.engine.last() != "Release bob@example.org" {
		t.Errorf("%q", s.engine.last())
	}
}

// A file shows what it would change before it does, and verifies nothing that is not ticked.
func TestImportShowsFirst(t *testing.T) {
	s := newSheetStage(t)
	s.manyKeys()
	carol := session.Ref{Account: alice, Contact: "carol@example.org"}
	s.engine.plan = []session.ImportedKey{
		{Ref: carol, Name: "carol@example.org", Key: carolsKey, Claim: "verified", Change: session.ImportKey},
		{Ref: s.bob.Ref, Name: "Bob", Key: newKey, Claim: "", Change: session.ImportKey, Another: true},
		{Ref: s.bob.Ref, Name: "Bob", Key: bobsKey, Claim: "smp", Change: session.ImportNothing, Verified: true},
	}
	s.desk.keys()
	file := "carol@example.org\t" + alice + "/\tprpl-jabber\t" + strings.Repeat("0", 40) + "\tverified\n" +
		"carol@example.org\t7\tprpl-jabber\t" + strings.Repeat("0", 40) + "\tverified\n123\t1\tprpl-icq\t" + strings.Repeat("0", 40) + "\t\n"
	s.desk.keysOpen.openFile = func(took func(string, []byte, error)) { took("otr.fingerprints”", []byte(file), nil) }
	s.press("Import…")
	s.says("From “otr.fingerprints'”", "Nothing has changed yet.", "2 keys are new here. 1 key is known already. 1 line is about another network", "new here · verified there · CA010000",
		"not the key you verified · not verified there", "verified here already · verified there")
	if len(s.engine.asked) != 0 {
		t.Errorf("asked for %q", s.engine.asked)
	}
	var ticks []*groupBox
	for _, o := range s.objects() {
		if b, ok := o.(*groupBox); ok && b.Visible() {
			ticks = append(ticks, b)
		}
	}
	if len(ticks) != 1 || ticks[0].Checked {
		t.Fatalf("%d ticks", len(ticks))
	}
	s.press("Import 2 keys")
	for _, asked := range s.engine.asked {
		if strings.HasSuffix(asked, "trust=true") {
			t.Errorf("asked for %q", asked)
		}
	}
	s.says("3 keys were imported.", "None of them counts as verified.")
	s.press("Done")
	s.press("Import…")
	for _, o := range s.objects() {
		if b, ok := o.(*groupBox); ok && b.Visible() {
			b.SetChecked(true)
		}
	}
	s.press("Import 2 keys")
	if s.engine.asked[3] != "Import carol@example.org "+carolsKey.String()+" trust=true" {
		t.Errorf("asked for %q", s.engine.asked)
	}
	s.says("1 of them counts as verified")
}

func TestImportOfSomethingElse(t *testing.T) {
	s := newSheetStage(t)
	for name, file := range map[string]struct {
		data []byte
		err  error
		said string
	}{
		"not a file of keys": {[]byte("{}"), nil, "There is no key of an XMPP contact"},
		"unreadable":         {nil, errors.New("no"), "This file could not be read."},
	} {
		s.desk.keys()
		s.desk.keysOpen.openFile = func(took func(string, []byte, error)) { took("x", file.data, file.err) }
		s.press("Import…")
		s.says(file.said, "Nothing has changed.")
		s.press("Done")
		if len(s.engine.asked) != 0 {
			t.Errorf("%s: asked for %q", name, s.engine.asked)
		}
	}
}

func TestExport(t *testing.T) {
	s := newSheetStage(t)
	s.desk.keys()
	var written string
	var fails error
	s.desk.keysOpen.saveFile = func(name string, data []byte, done func(error)) {
		written = name + ": " + string(data)
		done(fails)
	}
	s.press("Export…")
	s.says("says with whom you write", "Your own keys are not in it.")
	s.press("Save…")
	if written != "otr.fingerprints: file\n" {
		t.Errorf("wrote %q", written)
	}
	s.says("1 key was written.")
	s.press("Done")
	fails = errors.New("full")
	s.press("Export…")
	s.press("Save…")
	s.says("The file could not be written.")
}

func TestBlockedAddresses(t *testing.T) {
	s := newSheetStage(t)
	s.desk.blocked = map[string]session.BlockedChanged{}
	s.desk.blockedList()
	s.says("You have blocked nobody.")
	s.desk.nowBlocked(session.BlockedChanged{Account: alice, Addresses: []string{"eve@example.org", "spam.example"}, CanBlock: true})
	s.saysNot("You have blocked nobody.")
	s.says("eve@example.org", "spam.example")
	s.press("Unblock")
	if s.engine.last() != "Unblock eve@example.org" {
		t.Errorf("%q", s.engine.last())
	}
	s.desk.nowBlocked(session.BlockedChanged{Account: alice})
	s.says("Your server does not know how to block anybody.")
	s.press("Close")
	s.closed()
}

// With several devices the header says to which of them texts go, in our words and with our mark.
func TestDeviceStrip(t *testing.T) {
	c := bob()
	laptop := session.Device{Tag: 0x100, Resource: "laptop", Presence: session.PresenceOnline, Key: bobsKey, Verified: session.BySecret, Version: 3, Selected: true}
	liar := session.Device{Tag: 0x101, Resource: "laptop”, verified \u202e", Presence: session.PresenceOnline, Key: newKey, Version: 3}
	c.Devices = []session.Device{laptop}
	s := newTalk(t, c)
	if s.talk().strip.Visible() {
		t.Error("one device needs no strip")
	}
	c.Devices = []session.Device{laptop, liar}
	s.tell(session.ContactChanged{Contact: c})
	if !s.talk().strip.Visible() {
		t.Fatal("no strip")
	}
	s.wantSeen("You talk to “laptop”, verified")
	s.wantSeen("2 devices")
	test.Tap(s.talk().strip)
	s.wantSeen("“laptop', verified”, not verified")
	s.wantSeen("online, key DEADBEEF")
	s.press("Talk to this one")
	s.wantAsked("SelectDevice bob@example.org 101")
	c.Devices[0].Selected, c.Devices[1].Selected = false, true
	s.tell(session.ContactChanged{Contact: c})
	s.wantSeen("You talk to “laptop', verified”, not verified")
}

func TestOnlyVerifiedSaysSo(t *testing.T) {
	c := bob()
	c.KeyRule, c.NeedsVerified, c.SendMode = session.OnlyVerified, true, session.SendBlocked
	s := newTalk(t, c)
	s.wantSeen("You write to verified keys only, and nobody has verified this key of Bob Miller.")
	if !s.talk().composer.Disabled() || s.talk().composer.PlaceHolder != "Verify Bob Miller first" {
		t.Errorf("the composer says %q", s.talk().composer.PlaceHolder)
	}
	waits := s.engine.entry(session.Outgoing, "waits")
	waits.Status = session.StatusWaiting
	s.tell(session.EntryChanged{Entry: waits})
	if got := statusWords(waits, c); got != "Waits until you have verified Bob Miller" {
		t.Errorf("%q", got)
	}
	c.NeedsVerified, c.Held = false, noon
	s.tell(session.ContactChanged{Contact: c})
	s.wantSeen("You have blocked sending to Bob Miller since 22 November 2026.")
	s.press("Allow sending")
	s.wantAsked("Release bob@example.org")
}

// What a device or a file is called cannot end its quotation marks.
func TestNamesOfOthersStayInTheirMarks(t *testing.T) {
	for _, name := range []string{"x”, verified", "x\", verified", "x\u202e", "x\n\nKey", "x„”“»", strings.Repeat("w", 500), "sotto-12345678"} {
		got := deviceName(name)
		if strings.ContainsAny(got, "“”„\"»\n\u202e") || len([]rune(got)) > widestDevice+1 {
			t.Errorf("%q became %q", name, got)
		}
	}
	if deviceName("sotto-12345678") != "" {
		t.Error("a made-up number is shown as a name")
	}
}

// Escape closes the window from wherever Tab leads.
func TestKeysByKeyboard(t *testing.T) {
	s := newSheetStage(t)
	s.manyKeys()
	s.desk.keyStory(s.bob.Ref)
	seen := map[fyne.Focusable]bool{}
	for range 40 {
		f := s.window().Canvas().Focused()
		if f == nil || seen[f] {
			break
		}
		seen[f] = true
		s.window().Canvas().FocusNext()
	}
	labels := map[string]bool{}
	for f := range seen {
		if b, ok := f.(*button); ok {
			labels[b.Text] = true
		}
	}
	for _, label := range []string{"Copy", "Take back…", "Forget…", "Close"} {
		if !labels[label] {
			t.Errorf("Tab does not reach %q", label)
		}
	}
}

// The toolkit's choosers of files open in the window.
func TestFilesAreChosen(t *testing.T) {
	s := newSheetStage(t)
	s.desk.keys()
	k := s.desk.keysOpen
	for name, open := range map[string]func(){
		"import": func() { k.openFile(func(string, []byte, error) {}) },
		"export": func() { k.saveFile(keysFile, nil, func(error) {}) },
	} {
		open()
		top := k.window.Canvas().Overlays().Top()
		if top == nil {
			t.Errorf("%s: nothing opened", name)
			continue
		}
		k.window.Canvas().Overlays().Remove(top)
	}
}
