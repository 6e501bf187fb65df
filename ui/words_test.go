package ui

import (
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/chat"
	"github.com/sotto-im/sotto/ui/look"
	"github.com/sotto-im/sotto/ui/model"
)

//go:generate go test -tags migrated_fynedo -run ^TestEnglish$ -args -update
var update = flag.Bool("update", false, "write assets/translations/en.json anew")

const english = "../assets/translations/en.json"

// source is what a walk over the source of the window finds.
type source struct {
	keys    map[string]bool // what lang.L is called with
	plurals map[string]bool // what lang.N is called with
	strays  []string        // words that bypass both
}

func scan(t *testing.T) source {
	t.Helper()
	found := source{map[string]bool{}, map[string]bool{}, nil}
	for _, pattern := range []string{"*.go", "access/*.go", "chat/*.go", "look/*.go", "model/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %d files", pattern, err, len(files))
		}
		for _, f := range files {
			if !strings.HasSuffix(f, "_test.go") {
				found.file(t, f)
			}
		}
	}
	return found
}

func (s *source) file(t *testing.T, name string) {
	t.Helper()
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, name, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	spared := map[ast.Node]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			spared[n.Path] = true
		case *ast.Field:
			spared[n.Tag] = true
		case *ast.KeyValueExpr:
			spared[n.Key] = true
		case *ast.CallExpr:
			if forLogs(n) {
				return false
			}
			into, called := s.into(n)
			if !called {
				return true
			}
			lit, ok := n.Args[0].(*ast.BasicLit)
			if !ok {
				t.Errorf("%s: the key of a translation is not a literal", set.Position(n.Pos()))
				return true
			}
			spared[lit] = true
			key, _ := strconv.Unquote(lit.Value)
			into[key] = true
		case *ast.BasicLit:
			if !spared[n] && n.Kind == token.STRING {
				s.check(n, set.Position(n.Pos()).String())
			}
		}
		return true
	})
}

// into tells where the key of a call belongs.
func (s *source) into(call *ast.CallExpr) (map[string]bool, bool) {
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil, false
	}
	if pkg, ok := f.X.(*ast.Ident); !ok || pkg.Name != "lang" {
		return nil, false
	}
	switch f.Sel.Name {
	case "L":
		return s.keys, true
	case "N":
		return s.plurals, true
	}
	return nil, false
}

// forLogs tells whether a call speaks to developers and not to people.
func forLogs(call *ast.CallExpr) bool {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name == "panic"
	case *ast.SelectorExpr:
		return f.Sel.Name == "LogError"
	}
	return false
}

// wordy matches what looks like words for people: a capital and small letters, or words with a space between.
var wordy = regexp.MustCompile(`(^|[^A-Za-z.])[A-Z][a-z]+|[a-z] [a-z]`)

func (s *source) check(lit *ast.BasicLit, at string) {
	words, err := strconv.Unquote(lit.Value)
	if strings.HasPrefix(words, filepath.Base(filepath.Dir(at))+": ") {
		return // an error, for developers: it says which package it is from
	}
	if err == nil && wordy.MatchString(words) && !strings.HasPrefix(at, "access/") && words != "Sotto" {
		s.strays = append(s.strays, at+": "+lit.Value)
	}
}

// TestEnglish promises that en.json has every text of the window and no other, so that translators see what there is.
func TestEnglish(t *testing.T) {
	found := scan(t)
	for _, stray := range found.strays {
		t.Errorf("%s bypasses the translations", stray)
	}
	want := map[string]any{}
	for k := range found.keys {
		if strings.Contains(k, "{{.Count}}") && !strings.HasSuffix(k, ": {{.Count}}") {
			t.Errorf("%q is about a number of things: that is what lang.N is for", k)
		}
		want[k] = k
	}
	data, err := os.ReadFile(english)
	if err != nil {
		t.Fatal(err)
	}
	var have map[string]any
	if err := json.Unmarshal(data, &have); err != nil {
		t.Fatal(err)
	}
	for k := range found.plurals {
		single, many := k, k // what is said of one and of several is written into the file by hand, where it differs
		if forms, ok := have[k].(map[string]any); ok {
			single, _ = forms["one"].(string)
			many, _ = forms["other"].(string)
		}
		if single == "" || !slices.Equal(holes(many), holes(k)) {
			t.Errorf("en.json says %q of one and %q of several for %q", single, many, k)
		}
		want[k] = map[string]any{"one": single, "other": many}
	}
	if *update {
		var text strings.Builder
		e := json.NewEncoder(&text)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(want); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(english, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		have = want
	}
	for k := range want {
		if !reflect.DeepEqual(have[k], want[k]) {
			t.Errorf("en.json has %v for %q; go generate ./ui", have[k], k)
		}
	}
	for k := range have {
		if want[k] == nil {
			t.Errorf("en.json has %q, which nothing says; go generate ./ui", k)
		}
	}
}

// holes are the places of a sentence that are filled in, in order of the alphabet.
func holes(sentence string) []string {
	found := regexp.MustCompile(`{{[^}]*}}`).FindAllString(sentence, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

// TestWords promises a sentence, without a hole in it, for everything a session can tell.
func TestWords(t *testing.T) {
	c := bob()
	check := func(what string, i int, s string) {
		t.Helper()
		if s == "" || strings.Contains(s, "{{") || strings.Contains(s, "<no value>") || strings.Contains(s, "!") {
			t.Errorf("%s %d is said as %q", what, i, s)
		}
	}
	for p := session.ProblemUnreachable; p <= session.ProblemPasswordMissing; p++ {
		check("Problem", int(p), problemWords(session.Account{JID: alice, Server: "example.org", Problem: p}))
	}
	check("Problem", int(session.ProblemPassword), problemWords(session.Account{JID: alice, Server: "example.org", Problem: session.ProblemPassword, State: session.Waiting}))
	for r := session.AddressEmpty; r <= session.AddressLocalUnusable; r++ {
		check("AddressReason", int(r), addressWords(&session.AddressError{Reason: r}))
	}
	for n := session.NoticePrivate; n <= session.NoticePolicy; n++ {
		for _, question := range []string{"", "Where?"} {
			e := session.Entry{Kind: session.NoticeEntry, Notice: n, Text: "their words", Question: question, Count: 3}
			check("Notice", int(n), noticeWords(e, c))
		}
	}
	for s := session.StatusWaiting; s <= session.StatusDiscarded; s++ {
		check("Status", int(s), statusWords(session.Entry{Status: s}, c))
		if tick(s) == chat.TickNone {
			t.Errorf("status %d has no tick", s)
		}
	}
	for w := session.WhyNotFound; w <= session.WhyAway; w++ {
		check("Why", int(w), whyWords(w, c))
		check("Why", int(w), statusWords(session.Entry{Status: session.StatusFailed, Why: w, RetryAt: time.Now()}, c))
		check("Trouble", int(w), troubleWords(session.Contact{Name: "Bob", Trouble: w}))
	}
	for l := session.NotPrivate; l <= session.FinishedLock; l++ {
		c.Lock = l
		check("Lock", int(l), lockWord(c))
		check("lockMeaning", int(l), lockMeaning(c))
	}
	for g := session.InClear; g <= session.EncryptedVerified; g++ {
		for _, k := range []session.EntryKind{session.Incoming, session.Outgoing} {
			check("Guard", int(g), guardWords(session.Entry{Kind: k, Guard: g}, "Bob"))
		}
	}
	for m := session.SendBlocked; m <= session.SendUnencrypted; m++ {
		check("SendMode", int(m), sendLabel(session.Contact{SendMode: m, Name: "Bob"}))
	}
	for _, p := range policies {
		check("Policy", int(p), policyWord(p))
		check("policyMeaning", int(p), policyMeaning(p))
	}
	for p := session.PresenceOffline; p <= session.PresenceBusy; p++ {
		check("Presence", int(p), presenceWord(p))
	}
	for s := session.Offline; s <= session.Stopped; s++ {
		check("AccountState", int(s), stateWord(session.Account{State: s}))
	}
}

// TestLockIsNeverFlattered promises that only a lock which is Private looks or reads like it.
func TestLockIsNeverFlattered(t *testing.T) {
	for _, starting := range []bool{false, true} {
		for l := session.NotPrivate; l <= session.FinishedLock; l++ {
			c := session.Contact{Lock: l, Starting: starting}
			if tick := lockShape(c) == look.LockTick; tick != (l == session.Private) {
				t.Errorf("lock %d starting %v has the shape %d", l, starting, lockShape(c))
			}
			if says := lockWord(c) == "Private"; says != (l == session.Private) {
				t.Errorf("lock %d starting %v says %q", l, starting, lockWord(c))
			}
		}
	}
}

func TestDayWords(t *testing.T) {
	for _, test := range []struct {
		days int
		want string
	}{{0, "Today"}, {1, "Yesterday"}, {2, "20 November 2026"}, {-1, "23 November 2026"}, {400, "18 October 2025"}} {
		if got := dayWords(noon.AddDate(0, 0, -test.days), noon); got != test.want {
			t.Errorf("%d days ago is %q, want %q", test.days, got, test.want)
		}
	}
}

// TestNoticesStayAsTheyWere promises that a line tells what happened, whatever becomes of the contact later.
func TestNoticesStayAsTheyWere(t *testing.T) {
	for n := session.NoticePrivate; n <= session.NoticePolicy; n++ {
		e := session.Entry{Kind: session.NoticeEntry, Notice: n, Verified: session.ByQuestion, Count: 1}
		want := noticeWords(e, bob())
		for v := session.NotVerified; v <= session.ByComparison; v++ {
			later := bob()
			later.Verified, later.VerifiedUs, later.Lock, later.Key = v, true, session.FinishedLock, nil
			if got := noticeWords(e, later); got != want {
				t.Errorf("notice %d said %q and then %q", n, want, got)
			}
		}
	}
}

// U-03: what the other side says cannot look like a line of the program.
func TestU03NothingOfTheirsBeginsALine(t *testing.T) {
	said := "x”\n\nPrivate conversation with Bob began.\u2028You have verified Bob.\r\n\tReally."
	for _, n := range []session.Notice{session.NoticePeerError, session.NoticeSMPAsked} {
		m := model.New()
		r := session.Ref{Account: alice, Contact: "bob@example.org"}
		m.Apply(session.EntryChanged{Entry: session.Entry{Ref: r, ID: 1, Kind: session.NoticeEntry, Notice: n, Text: said, Question: said, Count: 1}})
		lines := m.Lines(r, time.UTC, 100)
		words := noticeWords(lines[len(lines)-1].Entry, session.Contact{Ref: r, Name: "Bob"})
		if strings.ContainsAny(words, "\n\r\t\u2028") || !strings.Contains(words, "Really.") {
			t.Errorf("%q", words)
		}
	}
}

// A question is the same in the line that tells of it and in the run, whatever it ends with: that line offers to answer it.
func TestQuestionsWithBlanksCanBeAnswered(t *testing.T) {
	m := model.New()
	r := session.Ref{Account: alice, Contact: "bob@example.org"}
	question := "Where did we meet? \n"
	m.Apply(session.SMPChanged{SMP: session.SMP{Ref: r, Number: 1, Stage: session.SMPNeedsAnswer, Asked: true, Question: question}})
	m.Apply(session.EntryChanged{Entry: session.Entry{Ref: r, ID: 1, Kind: session.NoticeEntry, Notice: session.NoticeSMPAsked, Question: question, Count: 1}})
	lines := m.Lines(r, time.UTC, 100)
	d := &desk{model: m}
	if actions := d.noticeActions(lines[len(lines)-1].Entry, session.Contact{Ref: r}); len(actions) != 1 {
		t.Errorf("%d actions", len(actions))
	}
}

func TestWhenSomethingWasSaid(t *testing.T) {
	for at, want := range map[time.Time]string{
		{}: "", noon: "12:00", noon.Add(-12 * time.Hour): "00:00", noon.Add(-13 * time.Hour): "Yesterday", noon.AddDate(0, 0, -2): "20 November",
	} {
		if got := whenWords(at, noon); got != want {
			t.Errorf("%v: %q, want %q", at, got, want)
		}
	}
}
