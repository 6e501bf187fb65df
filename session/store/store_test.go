package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

const aFingerprint = "8E2F4FE58AA8F6E3E93A26305F6673A0A7B41F24"

func example() Settings {
	seen := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	return Settings{
		Version:     Version,
		Window:      Window{Width: 900, Height: 640, Others: map[string]Size{"conversation": {400, 500}}, FoldedGroups: []string{"", "Family"}},
		Preferences: Preferences{Theme: "dark", Notify: "who", Sounds: true, HideOffline: true, EnterBreaks: true, SkinTone: "dark"},
		Accounts: []Account{{
			ID: "k3", JID: "alice@example.org", Server: "xmpp.example.org:5222", TLS: "starttls", AllowPlain: true,
			Resource: "sotto-abcdef", UserAgentID: "0f8fad5b-d9cb-469f-a165-70867728950e", InstanceTag: 0xfffffffe,
			Fingerprint: aFingerprint, SCRAM: true, Binding: true, Policy: "automatic",
			KeyRule: "verified",
			Contacts: []Contact{{JID: "bob@example.org", Policy: "never", KeyRule: "any", Held: seen, Link: []string{aFingerprint}, Keys: []Key{
				{Fingerprint: strings.Repeat("ab", 20), FirstSeen: seen, LastSeen: seen, Device: "laptop", Verified: "question", VerifiedAt: seen,
					VerifiedUs: "secret", VerifiedUsAt: seen},
				{Fingerprint: strings.Repeat("00", 20), FirstSeen: seen, LastSeen: seen, Accepted: true},
				{Fingerprint: strings.Repeat("11", 20), Verified: "imported", VerifiedAt: seen, Imported: seen, Source: "otr.fingerprints", Claim: "smp"},
			}, Story: []KeyEvent{
				{Time: seen, What: "met", Fingerprint: strings.Repeat("ab", 20), Device: "laptop"},
				{Time: seen, What: "verified", Fingerprint: strings.Repeat("ab", 20), How: "question"},
				{Time: seen, What: "replaced", Fingerprint: strings.Repeat("ab", 20), Other: strings.Repeat("00", 20)},
				{Time: seen, What: "held"},
			}}},
		}},
	}
}

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func update(t *testing.T, s *Store, change func(*Settings)) {
	t.Helper()
	if err := s.Update(change); err != nil {
		t.Fatal(err)
	}
}

func TestKeptAcrossOpenings(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "er")
	s := open(t, dir)
	if got := s.Settings(); !reflect.DeepEqual(got, Settings{Version: Version}) {
		t.Errorf("a new profile has %+v", got)
	}
	update(t, s, func(c *Settings) { *c = example() })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir)
	if got := again.Settings(); !reflect.DeepEqual(got, example()) {
		t.Errorf("read back %+v", got)
	}
	if again.Damaged() != "" || again.Dir() != dir {
		t.Errorf("damaged %q, dir %q", again.Damaged(), again.Dir())
	}
}

func TestInMemory(t *testing.T) {
	a, b := open(t, ""), open(t, "")
	update(t, a, func(c *Settings) { *c = example() })
	if got := a.Settings(); !reflect.DeepEqual(got, example()) {
		t.Errorf("settings %+v", got)
	}
	if got := b.Settings(); len(got.Accounts) != 0 || b.Dir() != "" {
		t.Errorf("the other one in memory has %+v", got)
	}
}

// TestDeepCopy: neither what Settings returned nor what Update's change worked on reaches into the store.
func TestDeepCopy(t *testing.T) {
	s := open(t, "")
	update(t, s, func(c *Settings) { *c = example() })
	spoil := func(c *Settings) {
		c.Accounts[0].JID = "spoilt"
		c.Accounts[0].Contacts[0].JID = "spoilt"
		c.Accounts[0].Contacts[0].Keys[0].Verified = "spoilt"
		c.Accounts[0].Contacts[0].Story[0].What = "spoilt"
		c.Accounts[0].Contacts[0].Link[0] = "spoilt"
	}
	mine := s.Settings()
	spoil(&mine)
	if err := s.Update(spoil); !errors.Is(err, ErrInvalid) {
		t.Errorf("Update: %v", err)
	}
	if got := s.Settings(); !reflect.DeepEqual(got, example()) {
		t.Errorf("settings %+v", got)
	}
}

// TestEveryFieldIsCopiedAndKept fails when somebody adds a slice, map or pointer to the settings that clone does not know.
func TestEveryFieldIsCopiedAndKept(t *testing.T) {
	known := map[string]bool{"Settings.Accounts": true, "Account.Contacts": true, "Account.ServerKeys": true, "Contact.Keys": true, "Contact.Story": true, "Contact.Link": true}
	var look func(ty reflect.Type)
	look = func(ty reflect.Type) {
		for f := range ty.Fields() {
			switch f.Type.Kind() {
			case reflect.Slice:
				if !known[ty.Name()+"."+f.Name] {
					t.Errorf("clone does not know %s.%s", ty.Name(), f.Name)
				}
				if f.Type.Elem().Kind() == reflect.Struct {
					look(f.Type.Elem())
				}
			case reflect.Map, reflect.Pointer, reflect.Interface, reflect.Array:
				t.Errorf("clone does not know %s.%s", ty.Name(), f.Name)
			}
			if f.Tag.Get("json") == "" {
				t.Errorf("%s.%s has no name in the file", ty.Name(), f.Name)
			}
		}
	}
	look(reflect.TypeFor[Settings]())
}

func TestRefusesWhatCouldNotBeReadBack(t *testing.T) {
	tests := []struct {
		name   string
		change func(c *Settings)
	}{
		{"no id", func(c *Settings) { c.Accounts[0].ID = "" }},
		{"no address", func(c *Settings) { c.Accounts[0].JID = "" }},
		{"long address", func(c *Settings) { c.Accounts[0].JID = strings.Repeat("a", maxText+1) }},
		{"not text", func(c *Settings) { c.Accounts[0].Resource = "\xff" }},
		{"unknown TLS mode", func(c *Settings) { c.Accounts[0].TLS = "none" }},
		{"grouped fingerprint", func(c *Settings) { c.Accounts[0].Fingerprint = "8E2F4FE5 8AA8F6E3 E93A2630 5F6673A0 A7B41F24" }},
		{"policy is no word", func(c *Settings) { c.Accounts[0].Policy = "Always!" }},
		{"same account twice", func(c *Settings) { c.Accounts = append(c.Accounts, c.Accounts[0]) }},
		{"same id twice", func(c *Settings) {
			c.Accounts = append(c.Accounts, Account{ID: c.Accounts[0].ID, JID: "other@example.org"})
		}},
		{"same contact twice", func(c *Settings) {
			a := &c.Accounts[0]
			a.Contacts = append(a.Contacts, Contact{JID: a.Contacts[0].JID})
		}},
		{"contact without address", func(c *Settings) { c.Accounts[0].Contacts[0].JID = "" }},
		{"contact's policy is no word", func(c *Settings) { c.Accounts[0].Contacts[0].Policy = "\x00" }},
		{"short fingerprint", func(c *Settings) { c.Accounts[0].Contacts[0].Keys[0].Fingerprint = "ab" }},
		{"same key twice, other case", func(c *Settings) {
			c.Accounts[0].Contacts[0].Keys[1].Fingerprint = strings.Repeat("AB", 20)
		}},
		{"unknown verification", func(c *Settings) { c.Accounts[0].Contacts[0].Keys[0].Verified = "yes" }},
		{"unknown verification of us", func(c *Settings) { c.Accounts[0].Contacts[0].Keys[0].VerifiedUs = "yes" }},
		{"event of no kind", func(c *Settings) { c.Accounts[0].Contacts[0].Story[0].What = "" }},
		{"event of no key", func(c *Settings) { c.Accounts[0].Contacts[0].Story[0].Other = "ab" }},
		{"endless story", func(c *Settings) { c.Accounts[0].Contacts[0].Story = make([]KeyEvent, maxStory+1) }},
		{"link to no key", func(c *Settings) { c.Accounts[0].Contacts[0].Link = []string{"ab"} }},
		{"theme", func(c *Settings) { c.Preferences.Theme = "Blue paint" }},
		{"width", func(c *Settings) { c.Window.Width = float32(math.NaN()) }},
		{"height", func(c *Settings) { c.Window.Height = float32(math.Inf(1)) }},
		{"time beyond RFC 3339", func(c *Settings) {
			c.Accounts[0].Contacts[0].Keys[0].LastSeen = time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := open(t, t.TempDir())
			update(t, s, func(c *Settings) { *c = example() })
			if err := s.Update(test.change); !errors.Is(err, ErrInvalid) {
				t.Errorf("error %v", err)
			}
			if got := s.Settings(); !reflect.DeepEqual(got, example()) {
				t.Errorf("it was adopted: %+v", got)
			}
		})
	}
}

var damagedFiles = []string{
	"",
	" ",
	"\x00\x00\x00\x00",
	"null",
	"[]",
	"{}",
	`"text"`,
	`{"version":1`,
	`{"version":1}}`,
	`{"version":1}{"version":1}`,
	`{"version":0}`,
	`{"version":-1}`,
	`{"version":"1"}`,
	`{"version":1.5}`,
	`{"version":1,"accounts":{}}`,
	`{"version":1,"accounts":[true,"x"]}`,
	`{"version":1,"accounts":[{"id":"","jid":"a@b"}]}`,
	`{"version":1,"accounts":[{"id":"x","jid":"a@b","instance_tag":-1}]}`,
	`{"version":1,"accounts":[{"id":"x","jid":"a@b","allow_plain":"yes"}]}`,
	"{\"version\":1,\"accounts\":[{\"id\":\"x\",\"jid\":\"a\xff@b\"}]}",
	`{"version":1,"accounts":[{"id":"x","jid":"a@b","contacts":[{"jid":"c@d","keys":[{"fingerprint":"zz"}]}]}]}`,
	`{"version":1,"accounts":[{"id":"x","jid":"a@b","contacts":[{"jid":"c@d","keys":[{"fingerprint":"` + aFingerprint + `","first_seen":"yesterday"}]}]}]}`,
	`{"version":1,"window":{"width":-1}}`,
	`{"version":1,"window":{"width":-1}}`,
	strings.Repeat("[", 100_000),
}

// TestDamaged: the program starts, with a copy of what was there and a word about it.
func TestDamaged(t *testing.T) {
	for _, content := range damagedFiles {
		name := content
		if len(name) > 60 {
			name = name[:60]
		}
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, dir, content)
			s := open(t, dir)
			if got, err := os.ReadFile(s.Damaged()); err != nil || string(got) != content {
				t.Errorf("set aside as %q with %d bytes, %v", s.Damaged(), len(got), err)
			}
			if base := filepath.Base(s.Damaged()); !strings.HasPrefix(base, "settings.json.bad-") {
				t.Errorf("set aside as %q", base)
			}
			if got := s.Settings(); !reflect.DeepEqual(got, Settings{Version: Version}) {
				t.Errorf("settings %+v", got)
			}
			update(t, s, func(c *Settings) { *c = example() })
		})
	}
}

// TestDamagedTwice: an earlier damaged file is not lost to a later one.
func TestDamagedTwice(t *testing.T) {
	dir := t.TempDir()
	aside := map[string]bool{}
	for i := range 3 {
		put(t, dir, fmt.Sprint("damage ", i))
		s := open(t, dir)
		aside[s.Damaged()] = true
		s.Close()
	}
	if len(aside) != 3 {
		t.Errorf("set aside as %v", aside)
	}
	for path := range aside {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

// TestMutations changes, cuts, doubles and zeroes bytes of good settings at random: Open always succeeds, and either understood
// settings that pass their own check or set the file aside whole.
func TestMutations(t *testing.T) {
	good := encode(t, example())
	random := rand.New(rand.NewPCG(1, 2))
	dir := t.TempDir()
	damaged := 0
	for range 500 {
		content := bytes.Clone(good)
		at := random.IntN(len(content))
		switch random.IntN(4) {
		case 0:
			content[at] ^= byte(1 << random.IntN(8))
		case 1:
			content = content[:at]
		case 2:
			clear(content[at:min(len(content), at+512)])
		case 3:
			content = append(content[:at:at], content[max(0, at-9):]...)
		}
		put(t, dir, string(content))
		s, err := Open(dir)
		if errors.Is(err, ErrNewer) {
			continue
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, content)
		}
		if s.Damaged() != "" {
			damaged++
			if got, _ := os.ReadFile(s.Damaged()); !bytes.Equal(got, content) {
				t.Fatalf("set aside something else than\n%s", content)
			}
		}
		if err := s.Update(func(*Settings) {}); err != nil {
			t.Fatalf("%v\n%s", err, content)
		}
		s.Close()
		os.Remove(s.Damaged())
	}
	if damaged < 250 {
		t.Errorf("only %d of 500 mutations were noticed", damaged)
	}
	t.Logf("%d of 500 mutations were noticed", damaged)
}

func TestUnknownFieldsAreLeftOut(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, `{"version":1,"colour":"red","window":{"theme":"dark","x":{"y":[]}}}`)
	s := open(t, dir)
	if got := s.Settings(); got.Preferences.Theme != "dark" || s.Damaged() != "" {
		t.Errorf("settings %+v, damaged %q", got, s.Damaged())
	}
	update(t, s, func(c *Settings) { c.Preferences.Theme = "light" })
	if got := onDisk(t, dir); bytes.Contains(got, []byte("colour")) {
		t.Errorf("written: %s", got)
	}
}

func TestNewerVersionIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	for _, content := range []string{`{"version":3}`, `{"version":99,"window":{"theme":"blue"}}`, `{"version":3,"accounts":"in another way"}`} {
		put(t, dir, content)
		if s, err := Open(dir); !errors.Is(err, ErrNewer) {
			t.Errorf("%s: %v, %v", content, s, err)
		}
		if got := onDisk(t, dir); string(got) != content {
			t.Errorf("it has become %s", got)
		}
	}
}

func TestTooBig(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "")
	if err := os.Truncate(filepath.Join(dir, settingsName), maxSize+1); err != nil {
		t.Fatal(err)
	}
	if s := open(t, dir); s.Damaged() == "" {
		t.Error("a file beyond the limit was read")
	}
}

func TestSecondSotto(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	if _, err := Open(dir); !errors.Is(err, ErrInUse) {
		t.Fatalf("second: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	if err := first.Update(func(*Settings) {}); !errors.Is(err, ErrClosed) {
		t.Errorf("update after close: %v", err)
	}
	open(t, dir)
}

// TestFailedWrite: what the person decided holds while the program runs, the error says it is not kept, the next update keeps it.
func TestFailedWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "profile")
	s := open(t, dir)
	update(t, s, func(c *Settings) { c.Preferences.Theme = "light" })
	away := dir + "-away"
	if err := os.Rename(dir, away); err != nil {
		t.Skip("the system does not let go of a directory in use: ", err)
	}
	if err := s.Update(func(c *Settings) { c.Preferences.Theme = "dark" }); err == nil || errors.Is(err, ErrInvalid) {
		t.Errorf("error %v", err)
	}
	if got := s.Settings().Preferences.Theme; got != "dark" {
		t.Errorf("theme %q", got)
	}
	if got := onDisk(t, away); !bytes.Contains(got, []byte(`"light"`)) {
		t.Errorf("on disk: %s", got)
	}
	if err := os.Rename(away, dir); err != nil {
		t.Fatal(err)
	}
	update(t, s, func(*Settings) {})
	if got := onDisk(t, dir); !bytes.Contains(got, []byte(`"dark"`)) {
		t.Errorf("on disk: %s", got)
	}
}

// TestUnchangedIsNotWritten: an update that changes nothing leaves the disk alone.
func TestUnchangedIsNotWritten(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	update(t, s, func(c *Settings) { *c = example() })
	before, _ := os.Stat(filepath.Join(dir, settingsName))
	update(t, s, func(c *Settings) { *c = example() })
	after, _ := os.Stat(filepath.Join(dir, settingsName))
	if !os.SameFile(before, after) {
		t.Error("the file was replaced")
	}
}

func TestManyGoroutines(t *testing.T) {
	s := open(t, t.TempDir())
	update(t, s, func(c *Settings) { *c = example(); c.Accounts[0].InstanceTag = 256 })
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 10 {
				if err := s.Update(func(c *Settings) { c.Accounts[0].InstanceTag++ }); err != nil {
					t.Error(err)
				}
				s.Settings()
			}
		})
	}
	all.Wait()
	if got := s.Settings().Accounts[0].InstanceTag; got != 256+40 {
		t.Errorf("counted to %d", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, content := range damagedFiles {
		f.Add([]byte(content))
	}
	f.Add(encode(f, example()))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parse(data)
		if err != nil {
			if s != nil {
				t.Error("settings and an error")
			}
			return
		}
		again, err := parse(encode(t, *s))
		if err != nil {
			t.Fatalf("what was read cannot be written and read again: %v", err)
		}
		if !bytes.Equal(encode(t, *s), encode(t, *again)) {
			t.Error("writing and reading changes the settings")
		}
	})
}

func put(t *testing.T, dir, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, settingsName), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func onDisk(t *testing.T, dir string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, settingsName))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func encode(t testing.TB, s Settings) []byte {
	t.Helper()
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestUpgrade: what version 1 knew of keys becomes a story, and loses nothing.
func TestUpgrade(t *testing.T) {
	first, second, third := strings.Repeat("0a", 20), strings.Repeat("0b", 20), strings.Repeat("0c", 20)
	dir := t.TempDir()
	put(t, dir, `{"version":1,"accounts":[{"id":"x","jid":"a@b","contacts":[{"jid":"c@d","verified_us":true,"keys":[
		{"fingerprint":"`+third+`","first_seen":"2026-03-01T00:00:00Z","last_seen":"2026-03-05T00:00:00Z","accepted":true},
		{"fingerprint":"`+second+`","first_seen":"2026-02-01T00:00:00Z","last_seen":"2026-03-07T00:00:00Z"},
		{"fingerprint":"`+first+`","first_seen":"2026-01-01T00:00:00Z","last_seen":"2026-01-20T00:00:00Z","verified":"secret","verified_at":"2026-01-02T00:00:00Z"}
		]},{"jid":"e@f","verified_us":true}]}]}`)
	s := open(t, dir)
	if s.Damaged() != "" {
		t.Fatal("set aside")
	}
	got := s.Settings()
	day := func(month time.Month, day int) time.Time { return time.Date(2026, month, day, 0, 0, 0, 0, time.UTC) }
	want := []KeyEvent{
		{Time: day(1, 1), What: "met", Fingerprint: first},
		{Time: day(1, 2), What: "verified", Fingerprint: first, How: "secret"},
		{Time: day(2, 1), What: "met", Fingerprint: second},
		{Time: day(2, 1), What: "replaced", Fingerprint: first, Other: second},
		{Time: day(3, 1), What: "met", Fingerprint: third},
	}
	c := got.Accounts[0].Contacts[0]
	if got.Version != Version || !reflect.DeepEqual(c.Story, want) {
		t.Errorf("version %d, story %+v", got.Version, c.Story)
	}
	if c.VerifiedUs || c.Keys[0].VerifiedUs != "" || c.Keys[1].VerifiedUs != "told" || c.Keys[2].VerifiedUs != "" {
		t.Errorf("who verified us: %+v", c.Keys)
	}
	if !c.Keys[0].Accepted || c.Keys[2].Verified != "secret" || !c.Keys[2].VerifiedAt.Equal(day(1, 2)) {
		t.Errorf("keys %+v", c.Keys)
	}
	update(t, s, func(*Settings) {})
	s.Close()
	if again := open(t, dir).Settings(); !reflect.DeepEqual(again, got) {
		t.Errorf("read back %+v", again)
	}
}

// TestPreferencesOfALaterSotto: a word that cannot be one is as if nothing had been chosen, and is not worth the rest.
func TestPreferencesOfALaterSotto(t *testing.T) {
	for said, want := range map[string]Preferences{
		`{"theme":"sepia","sounds":true}`:                  {Theme: "sepia", Sounds: true},
		`{"theme":"Deep Blue","sounds":true,"whatever":1}`: {Sounds: true},
		`{"notify":"` + strings.Repeat("x", 99) + `"}`:     {},
	} {
		s, err := parse([]byte(`{"version":1,"preferences":` + said + `}`))
		if err != nil || s.Preferences != want {
			t.Errorf("%s: %+v, %v", said, s, err)
		}
	}
}
