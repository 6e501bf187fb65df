package model

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func ref(who string) session.Ref {
	return session.Ref{Account: "alice@example.org", Contact: who + "@example.org"}
}

func contactNamed(who, name string) session.Contact {
	return session.Contact{Ref: ref(who), Name: name, Presence: session.PresenceOnline}
}

func apply(m *Model, contacts ...session.Contact) {
	for _, c := range contacts {
		m.Apply(session.ContactChanged{Contact: c})
	}
}

// names are the contacts of a list, headings in brackets.
func names(l List) string {
	var all []string
	for i := range l.Len() {
		if h := l.Heading(i); h != nil {
			all = append(all, fmt.Sprintf("[%s %d/%d]", h.Group, h.Online, h.Total))
			continue
		}
		all = append(all, l.Row(i).Name)
	}
	return strings.Join(all, " ")
}

func search(s string) Filter { return Filter{Search: s} }

func TestContactsInOrder(t *testing.T) {
	m := New()
	wants := contactNamed("w", "Zoe")
	wants.Wants, wants.Presence = true, session.PresenceOffline
	unread := contactNamed("u", "Uma")
	unread.Unread, unread.Presence, unread.Activity = 1, session.PresenceOffline, noon
	recent := contactNamed("r", "Rita")
	recent.Activity = noon.Add(time.Hour)
	gone := contactNamed("g", "Abel")
	gone.Presence, gone.Activity = session.PresenceOffline, noon.Add(2*time.Hour)
	apply(m, contactNamed("d", "dora"), gone, unread, contactNamed("c", "Carl"), recent, wants)
	if got := names(m.List(Filter{})); got != "Zoe Abel Rita Uma Carl dora" {
		t.Errorf("order %q", got)
	}
	for search, want := range map[string]string{"CAR": "Carl", " d@ex": "dora", "example.org": "Zoe Abel Rita Uma Carl dora", "nobody": "", "ＣＡＲＬ": "Carl"} {
		if got := names(m.List(Filter{Search: search})); got != want {
			t.Errorf("search for %q finds %q, want %q", search, got, want)
		}
	}
	if m.Unread() != 1 {
		t.Errorf("%d unread", m.Unread())
	}
	m.Apply(session.ContactRemoved{Ref: ref("r")})
	if got := names(m.List(Filter{})); got != "Zoe Abel Uma Carl dora" {
		t.Errorf("order %q after a removal", got)
	}
}

func TestNeighbour(t *testing.T) {
	m := New()
	apply(m, contactNamed("a", "A"), contactNamed("b", "B"), contactNamed("c", "C"))
	list := m.List(Filter{})
	for _, test := range []struct {
		from string
		by   int
		want string
	}{{"a", 1, "b"}, {"b", -1, "a"}, {"a", -1, "a"}, {"c", 1, "c"}, {"nobody", 1, "a"}} {
		if got, ok := list.Neighbour(ref(test.from), test.by); !ok || got != ref(test.want) {
			t.Errorf("%s%+d is %v", test.from, test.by, got)
		}
	}
	if _, ok := (List{}).Neighbour(ref("a"), 1); ok {
		t.Error("an empty list has a neighbour")
	}
}

func TestNamesThatCouldBeTakenForOneAnother(t *testing.T) {
	for _, test := range []struct {
		a, b string
		show bool
	}{
		{"Bob", "Carol", false},
		{"Bob", "bob", true},
		{"Bob", "B\u200bob", true},
		{"Paul", "Раul", true},
		{"Rene\u0301", "René", true},
		{"Bill", "BiIl", true},
	} {
		m := New()
		apply(m, contactNamed("a", test.a), contactNamed("b", test.b))
		if got := m.ShowAddress(ref("a")); got != test.show {
			t.Errorf("%q beside %q shows the address: %v", test.a, test.b, got)
		}
		apply(m, contactNamed("b", "Somebody Else"))
		if m.ShowAddress(ref("a")) {
			t.Errorf("%q alone shows the address", test.a)
		}
	}
	m := New()
	apply(m, contactNamed("a", "Pаul"))
	if !m.ShowAddress(ref("a")) {
		t.Error("a name of mixed scripts hides the address")
	}
}

func entry(id int, text string) session.Entry {
	return session.Entry{Ref: ref("bob"), ID: session.EntryID(id), Time: noon.Add(time.Duration(id) * time.Second), Text: text}
}

func TestLines(t *testing.T) {
	m := New()
	apply(m, contactNamed("bob", "Bob"))
	add := func(id int, kind session.EntryKind, at time.Duration, guard session.Guard) {
		e := entry(id, fmt.Sprint(id))
		e.Kind, e.Time, e.Guard = kind, noon.Add(at), guard
		m.Apply(session.EntryChanged{Entry: e})
	}
	add(1, session.Incoming, 0, session.EncryptedUnverified)
	add(2, session.Incoming, time.Minute, session.EncryptedUnverified)
	add(3, session.Incoming, 2*time.Minute, session.InClearUnexpected)
	add(4, session.Outgoing, 3*time.Minute, session.EncryptedUnverified)
	add(5, session.Outgoing, 30*time.Minute, session.EncryptedUnverified)
	add(6, session.NoticeEntry, 31*time.Minute, 0)
	add(7, session.Outgoing, 13*time.Hour, session.EncryptedUnverified)
	var got []string
	ids := map[uint64]bool{}
	for _, l := range m.Lines(ref("bob"), time.UTC, MaxLines) {
		ids[l.ID] = true
		switch {
		case !l.Day.IsZero():
			got = append(got, l.Day.Format("day 2"))
		case l.Joined:
			got = append(got, "+"+l.Entry.Text)
		default:
			got = append(got, l.Entry.Text)
		}
	}
	if want := "day 22 1 +2 3 4 5 6 day 23 7"; strings.Join(got, " ") != want {
		t.Errorf("lines %q, want %q", got, want)
	}
	if len(ids) != len(got) {
		t.Error("two lines have one ID")
	}
	if m.List(Filter{}).Row(0).Last != "7" || !m.List(Filter{}).Row(0).LastOurs {
		t.Errorf("last words %+v", m.List(Filter{}).Row(0))
	}
}

func TestEntryIsReplaced(t *testing.T) {
	m := New()
	m.Apply(session.EntryChanged{Entry: entry(1, "one")})
	m.Apply(session.EntryChanged{Entry: entry(2, "two")})
	changed := entry(1, "one")
	changed.Status = session.StatusDelivered
	if c := m.Apply(session.EntryChanged{Entry: changed}); c.Topic != Talk || c.Ref != ref("bob") {
		t.Errorf("change %+v", c)
	}
	lines := m.Lines(ref("bob"), time.UTC, MaxLines)
	if len(lines) != 3 || lines[1].Entry.Status != session.StatusDelivered || lines[2].Entry.Text != "two" {
		t.Errorf("lines %+v", lines)
	}
}

func TestConversationsAreBounded(t *testing.T) {
	m := New()
	waiting := entry(1, "waits")
	waiting.Status = session.StatusWaiting
	m.Apply(session.EntryChanged{Entry: waiting})
	for i := 2; i <= MaxLines+500; i++ {
		m.Apply(session.EntryChanged{Entry: entry(i, "x")})
	}
	t1 := m.talks[ref("bob")]
	if n := len(t1.entries); n > MaxLines || n < MaxLines-MaxLines/dropShare || t1.entries[0].Text != "waits" || t1.entries[n-1].ID != MaxLines+500 {
		t.Errorf("%d lines, first %+v", len(t1.entries), t1.entries[0])
	}
	if m.Waiting(ref("bob")) != 1 {
		t.Error("the waiting text is not counted")
	}
}

// TestWhoWritesMostLosesMost promises that a contact who floods has their own lines forgotten, not those of others, and that texts of
// any size stay within the bound together.
func TestWhoWritesMostLosesMost(t *testing.T) {
	m := New()
	m.most = 1 << 20
	quiet := entry(1, "see you at six")
	quiet.Ref = ref("carol")
	m.Apply(session.EntryChanged{Entry: quiet})
	long := strings.Repeat("x", 1<<12)
	for i := range 2 * m.most / len(long) {
		m.Apply(session.EntryChanged{Entry: entry(i+2, long)})
	}
	if m.weight > m.most {
		t.Errorf("%d bytes are remembered", m.weight)
	}
	total := 0
	for _, talk := range m.talks {
		for _, e := range talk.entries {
			total += weight(e)
		}
	}
	if total != m.weight || m.talks[ref("bob")].weight+m.talks[ref("carol")].weight != total {
		t.Errorf("weighs %d, counted %d", total, m.weight)
	}
	if m.Script(ref("carol"), time.UTC).Len() != 2 || m.Script(ref("bob"), time.UTC).Len() < 100 {
		t.Error("the wrong lines were forgotten")
	}
	m.Apply(session.ContactRemoved{Ref: ref("bob")})
	m.Apply(session.ContactRemoved{Ref: ref("carol")})
	if m.weight != 0 {
		t.Errorf("nothing weighs %d", m.weight)
	}
}

func TestAccounts(t *testing.T) {
	m := New()
	for _, jid := range []string{"b@example.org", "a@example.org", "b@example.org"} {
		m.Apply(session.AccountChanged{Account: session.Account{JID: jid}})
	}
	if got := m.Accounts(); len(got) != 2 || got[0].JID != "b@example.org" {
		t.Errorf("accounts %+v", got)
	}
	apply(m, contactNamed("bob", "Bob"))
	m.Apply(session.AccountChanged{Account: session.Account{JID: "alice@example.org"}})
	m.Apply(session.EntryChanged{Entry: entry(1, "x")})
	m.SetDraft(ref("bob"), "draft", Intent{})
	m.Apply(session.AccountRemoved{JID: "alice@example.org"})
	if draft, _ := m.Draft(ref("bob")); m.List(Filter{}).Len() != 0 || m.weight != 0 || draft != "" {
		t.Error("a removed account leaves something behind")
	}
}

// P-25: the mode and the key that the button was about at the last keystroke.
func TestP25Intent(t *testing.T) {
	const blocked, privately, waiting, clear = session.SendBlocked, session.SendPrivately, session.SendWhenPrivate, session.SendUnencrypted
	old, other := otr.Fingerprint{1}, otr.Fingerprint{2}
	contact := func(m session.SendMode, l session.Lock, key *otr.Fingerprint, known ...otr.Fingerprint) session.Contact {
		c := session.Contact{SendMode: m, Lock: l, Key: key}
		for _, k := range known {
			c.Keys = append(c.Keys, session.Key{Fingerprint: k})
		}
		return c
	}
	plain := func(m session.SendMode) session.Contact {
		if m == privately {
			return contact(m, session.Unverified, &old, old)
		}
		return contact(m, session.NotPrivate, nil)
	}
	for _, test := range []struct {
		name       string
		typed, now session.Contact
		allowed    bool
		lowered    bool
	}{
		{"private", plain(privately), plain(privately), true, false},
		{"private, they leave", plain(privately), plain(waiting), false, false},
		{"private, it ends", plain(privately), plain(clear), false, true},
		{"private, blocked", plain(privately), plain(blocked), false, false},
		{"waiting, it begins", plain(waiting), plain(privately), true, false},
		{"waiting", plain(waiting), plain(waiting), true, false},
		{"waiting, given up", plain(waiting), plain(clear), false, true},
		{"clear, it begins", plain(clear), plain(privately), false, false},
		{"clear, it is to begin", plain(clear), plain(waiting), false, false},
		{"clear", plain(clear), plain(clear), true, false},
		{"another key", contact(privately, session.Unverified, &old, old), contact(privately, session.Unverified, &other, other, old), false, false},
		{"another, verified key", contact(privately, session.Private, &old, old), contact(privately, session.Private, &other, other, old), true, false},
		{"the unverified device", contact(privately, session.Private, &old, old), contact(privately, session.Unverified, &other, other, old), false, true},
		{"the same one, not verified any more", contact(privately, session.Private, &old, old), contact(privately, session.Unverified, &old, old), false, true},
		{"verified meanwhile", contact(privately, session.Unverified, &old, old), contact(privately, session.Private, &old, old), true, false},
		{"waiting for a known key, another comes", contact(waiting, session.NotPrivate, nil, old), contact(privately, session.Unverified, &other, other, old), false, false},
		{"waiting for a known key, it comes", contact(waiting, session.NotPrivate, nil, old), contact(privately, session.Unverified, &old, old), true, false},
	} {
		i := Intent{}.Typing("x", test.typed)
		if got := i.Allows(test.now); got != test.allowed {
			t.Errorf("%s: allowed %v", test.name, got)
		}
		if got := i.Lowered(test.now); got != test.lowered {
			t.Errorf("%s: lowered %v", test.name, got)
		}
		// Who types on has seen the button; that is enough for everything but less protection.
		if got, want := i.Typing("xy", test.now).Allows(test.now), !test.lowered && test.now.SendMode != blocked; got != want {
			t.Errorf("%s, and typed on: allowed %v", test.name, got)
		}
		if got := i.Agreed(test.now).Allows(test.now); got != (test.now.SendMode != blocked) {
			t.Errorf("%s, agreed: allowed %v", test.name, got)
		}
		if !reflect.DeepEqual(i.Typing("", test.now), Intent{}) {
			t.Error("an emptied composer remembers")
		}
	}
}

func TestName(t *testing.T) {
	for in, want := range map[string]string{
		"Bob Miller":                      "Bob Miller",
		"  Bob \n\t Miller ":              "Bob Miller",
		"B\u200bo\u202eb\U000E0041":       "Bob",
		"Bob ✓ 🔒":                         "Bob",
		"\x00\x1b[31mBob":                 "[31mBob",
		"Rene\u0301":                      "René",
		"a\u0301\u0302\u0303\u0304\u0305": "á\u0302\u0303",
		"":                                "",
		"\xff":                            "",
	} {
		if got := Name(in); got != want {
			t.Errorf("Name(%q) is %q, want %q", in, got, want)
		}
	}
	if got := Name(strings.Repeat("é", 200)); utf8.RuneCountInString(got) != maxName+1 {
		t.Errorf("a long name has %d characters", utf8.RuneCountInString(got))
	}
}

func TestBody(t *testing.T) {
	for in, want := range map[string]string{
		"a\n\nb":                              "a\n\nb",
		"\nindented\n":                        "\nindented",
		"txt\u202efdp.exe":                    "txt□fdp.exe",
		"a\x00b\x1bc":                         "abc",
		"<b>hi</b> [x](http://y)":             "<b>hi</b> [x](http://y)",
		"a" + strings.Repeat("\n", 100) + "b": "a" + strings.Repeat("\n", maxBlank+1) + "b",
		"e" + strings.Repeat("\u0301", 50):    "e\u0301\u0301\u0301",
		"\xffx":                               "\uFFFDx",
	} {
		if got := Body(in); got != want {
			t.Errorf("Body(%q) is %q, want %q", in, got, want)
		}
	}
	if got := OneLine("a\n  b\tc"); got != "a b c" {
		t.Errorf("OneLine is %q", got)
	}
	if got := OneLine(strings.Repeat("x", 100_000)); utf8.RuneCountInString(got) != maxLast+1 {
		t.Errorf("OneLine has %d characters", utf8.RuneCountInString(got))
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"Bob", "\u202e", "🔒", "\xff\xfe", "a\u0301\u0302", "\n\n\n", "x\u2028y", strings.Repeat("\U000E0041", 80)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, body := Name(s), Body(s)
		if !utf8.ValidString(name) || !utf8.ValidString(body) {
			t.Fatalf("not UTF-8: %q %q", name, body)
		}
		if strings.ContainsFunc(name, func(r rune) bool { return unseen(r) || looksLikeMark(r) || r != ' ' && unicode.IsSpace(r) }) {
			t.Fatalf("Name(%q) is %q", s, name)
		}
		if strings.ContainsFunc(body, turnsDirection) {
			t.Fatalf("Body(%q) is %q", s, body)
		}
		if again := Name(name); again != name && !strings.HasSuffix(name, "…") {
			t.Fatalf("Name(%q) is %q and then %q", s, name, again)
		}
		if again := Body(body); again != body {
			t.Fatalf("Body(%q) is %q and then %q", s, body, again)
		}
	})
}

func BenchmarkContacts(b *testing.B) {
	m := New()
	for i := range 10_000 {
		apply(m, contactNamed(fmt.Sprint(i), fmt.Sprint("Contact ", i)))
	}
	for b.Loop() {
		if l := m.List(Filter{}); l.Len() != 10_000 {
			b.Fatal(l.Len())
		}
	}
}

func TestEmptyModelAnswers(t *testing.T) {
	m := New()
	if _, ok := m.Contact(ref("bob")); ok {
		t.Error("there is a contact")
	}
	if m.Lines(ref("bob"), time.UTC, MaxLines) != nil || m.Waiting(ref("bob")) != 0 || !slices.Equal(m.Accounts(), []session.Account{}) {
		t.Error("there is something")
	}
}

// What was forgotten does not come back as something new when its fate is known at last.
func TestForgottenLinesStayForgotten(t *testing.T) {
	m := New()
	r := ref("bob")
	sent := entry(1, "mine")
	sent.Kind, sent.Status = session.Outgoing, session.StatusSent
	m.Apply(session.EntryChanged{Entry: sent})
	for id := range session.EntryID(MaxLines) {
		m.Apply(session.EntryChanged{Entry: session.Entry{Ref: r, ID: id + 2, Text: "theirs"}})
	}
	sent.Status = session.StatusDelivered
	m.Apply(session.EntryChanged{Entry: sent})
	if m.Script(r, time.UTC).Find(uint64(sent.ID)) >= 0 {
		t.Error("it is back")
	}
	m.Apply(session.ContactRemoved{Ref: r})
	m.Apply(session.EntryChanged{Entry: session.Entry{Ref: r, ID: MaxLines + 5, Text: "new"}})
	if n := m.Script(r, time.UTC).Len(); n != 2 {
		t.Errorf("%d lines after the conversation began anew", n)
	}
}

// TestLinesFollow promises that the lines of a conversation are, after any change, those that would be made from nothing.
func TestLinesFollow(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	m := New()
	r := ref("bob")
	at := noon
	said := map[session.EntryID]session.Entry{}
	for i := range 3000 {
		e := entry(random.IntN(i/4+1)+1, fmt.Sprint(i))
		if old, ok := said[e.ID]; ok {
			e.Time = old.Time
		} else {
			at = at.Add(time.Duration(random.IntN(int(3 * time.Hour))))
			e.Time = at
		}
		e.Kind, e.Guard = session.EntryKind(random.IntN(2)), session.Guard(random.IntN(4))
		if random.IntN(50) == 0 {
			e.Time = e.Time.Add(26 * time.Hour)
		}
		said[e.ID] = e
		before, resets := m.Script(r, time.UTC), 0
		shown := before.Len()
		resets = before.Resets()
		ids := make([]uint64, shown)
		for j := range ids {
			ids[j] = before.ID(j)
		}
		m.Apply(session.EntryChanged{Entry: e})
		got := m.Lines(r, time.UTC, MaxLines)
		if after := m.Script(r, time.UTC); after.Resets() == resets {
			for j := range ids {
				if after.ID(j) != ids[j] {
					t.Fatalf("step %d: line %d is another one without a reset", i, j)
				}
			}
		}
		m.talks[r].zone = nil
		if want := m.Lines(r, time.UTC, MaxLines); !reflect.DeepEqual(got, want) {
			t.Fatalf("step %d: the lines are not those of the entries", i)
		}
	}
}

func TestGroups(t *testing.T) {
	m := New()
	in := func(who string, p session.Presence, groups ...string) session.Contact {
		c := contactNamed(strings.ToLower(who), who)
		c.Groups, c.Presence = groups, p
		return c
	}
	const on, off = session.PresenceOnline, session.PresenceOffline
	apply(m, in("Ann", on, "work"), in("Ben", off, "work", "Family\u202e"), in("Cid", on), in("Dan", off, "Family"))
	want := func(f Filter, wanted string) {
		t.Helper()
		if got := names(m.List(f)); got != wanted {
			t.Errorf("%q, want %q", got, wanted)
		}
	}
	want(Filter{}, "[Family 0/2] Ben Dan [work 1/2] Ann Ben [ 1/1] Cid")
	want(search("n"), "Ann Ben Dan")
	want(Filter{HideOffline: true}, "[work 1/2] Ann [ 1/1] Cid")
	folded := func(group string) bool { return group == "work" }
	want(Filter{Folded: folded}, "[Family 0/2] Ben Dan [work 1/2] [ 1/1] Cid")
	unread := in("Ben", off, "work")
	unread.Unread = 1
	apply(m, unread)
	want(Filter{Folded: folded, HideOffline: true}, "[work 1/2] Ben [ 1/1] Cid")
	if h := m.List(Filter{}).Heading(2); h == nil || h.Unread != 1 {
		t.Errorf("heading %+v", h)
	}
	m.SetDraft(ref("dan"), "unfinished", Intent{})
	want(Filter{HideOffline: true}, "[Family 0/1] Dan [work 1/2] Ann Ben [ 1/1] Cid")
	m.SetDraft(ref("dan"), "", Intent{})
	want(Filter{HideOffline: true, Keep: func(r session.Ref) bool { return r == ref("dan") }}, "[Family 0/1] Dan [work 1/2] Ann Ben [ 1/1] Cid")
	asks := in("Eve", off, "work")
	asks.Wants = true
	apply(m, asks)
	want(Filter{HideOffline: true}, "Eve [work 1/2] Ann Ben [ 1/1] Cid")
	if r, _ := m.List(Filter{}).Neighbour(ref("eve"), 1); r != ref("dan") {
		t.Errorf("after Eve comes %v", r)
	}
	for _, who := range []string{"ann", "ben", "cid", "dan", "eve"} {
		m.Apply(session.ContactRemoved{Ref: ref(who)})
	}
	if m.List(Filter{}).Len() != 0 || len(m.groups) != 0 || len(m.sorted) != 0 {
		t.Error("something is left")
	}
}

// TestOrderIsKept promises that the list is, after any changes, in the order in which it would be made from nothing.
func TestOrderIsKept(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	m := New()
	for i := range 4000 {
		c := contactNamed(fmt.Sprint(random.IntN(150)), fmt.Sprint("N", random.IntN(40)))
		c.Presence, c.Unread, c.Wants = session.Presence(random.IntN(3)), random.IntN(3)/2, random.IntN(20) == 0
		if random.IntN(3) == 0 {
			c.Activity = noon.Add(time.Duration(random.IntN(9)) * time.Minute)
		}
		for range random.IntN(3) {
			c.Groups = append(c.Groups, fmt.Sprint("g", random.IntN(5)))
		}
		if random.IntN(4) == 0 {
			m.Apply(session.ContactRemoved{Ref: c.Ref})
		} else {
			apply(m, c)
		}
		if !slices.IsSortedFunc(m.sorted, compareContacts) || len(m.sorted) != len(m.contacts) {
			t.Fatalf("step %d: out of order", i)
		}
	}
	named := 0
	for _, n := range m.names {
		named += n
	}
	users := map[string]int{}
	for _, c := range m.contacts {
		for _, g := range groupNames(c.Groups) {
			users[g]++
		}
	}
	if named != len(m.contacts) || len(users) != len(m.groups) {
		t.Errorf("%d names and %d groups for %d contacts", named, len(m.groups), len(m.contacts))
	}
}
