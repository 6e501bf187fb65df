package ui

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/png"
	"math"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"github.com/sotto-im/sotto/assets"
	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/session/practice"
	"github.com/sotto-im/sotto/session/store"
	"github.com/sotto-im/sotto/ui/lang"
)

// A scene is something that one can come to see: set returns the window it is seen in.
type scene struct {
	name string
	set  func(*studio) fyne.Window
}

// A studio is where a scene is set.
type studio struct {
	t        *testing.T
	app      fyne.App
	language string
	width    float32
}

// A cast is who appears, and what they say.
type cast struct {
	bob, carol, dan, erin, farid, grace, family, work, status string
	said                                                      []string // in turns, theirs first
	long, question, answer, server                            string
}

var casts = map[string]cast{
	"en": {"Bob Miller", "Carol Finch", "Dan", "Erin O’Connor", "Farid", "Grace", "Family", "Work", "on the train",
		[]string{"Are you coming on Friday?", "Yes. I will bring the drafts, and the letter from the ministry.", "Good. Please do not forward it to anybody yet.",
			"I have not shown it to anyone. Shall we read it together first?", "see you at six"},
		"We read the letter again last night, and there are three places that do not fit the numbers of the second annex. ",
		"Where did we have dinner last Friday?", "da luigi", "Welcome. One account for each person, please. Be kind."},
	"de": {"Benedikt Müller", "Carola Fink", "Dan", "Erika Oberländer", "Farid", "Grace", "Familie", "Arbeit", "im Zug",
		[]string{"Kommst du am Freitag?", "Ja. Ich bringe die Entwürfe mit, und den Brief des Ministeriums.", "Gut. Bitte leite ihn noch an niemanden weiter.",
			"Ich habe ihn niemandem gezeigt. Wollen wir ihn zuerst zusammen durchgehen?", "bis um sechs"},
		"Wir haben den Brief gestern Abend noch einmal gelesen, und drei Stellen passen nicht zu den Zahlen im zweiten Anhang. ",
		"Wo haben wir letzten Freitag gegessen?", "da luigi", "Willkommen. Bitte nur ein Konto je Person. Seid freundlich."},
	"ar": {"بشير منصور", "كريمة فهد", "دانة", "إيمان العلي", "فريد", "غادة", "العائلة", "العمل", "في القطار",
		[]string{"هل ستأتي يوم الجمعة؟", "نعم. سأحضر المسودات ومعها رسالة الوزارة.", "حسنًا. لا ترسلها إلى أحد الآن من فضلك.",
			"لم أُرِها لأحد. هل نقرأها معًا أولًا؟", "إلى اللقاء في السادسة"},
		"قرأنا الرسالة مرة أخرى مساء أمس، وفيها ثلاثة مواضع لا تتفق مع أرقام الملحق الثاني. ",
		"أين تناولنا العشاء يوم الجمعة الماضي؟", "عند لويجي", "أهلًا بكم. حساب واحد لكل شخص من فضلكم."},
}

func (p *studio) cast() cast { return casts[p.language] }

func (p *studio) stage(settings ...func(*store.Settings)) *stage {
	s := newStageOf(p.t, p.app, settings...)
	s.shell.version = "1.0"
	p.settle(s)
	return s
}

// settle lays the window out at the width of the studio.
func (p *studio) settle(s *stage) fyne.Window {
	s.narrow(p.width)
	arrange(s.shell.window)
	return s.shell.window
}

// arrange lays everything out anew, as a window on a screen does before each frame in which something needs another size.
func arrange(w fyne.Window) {
	for range 2 {
		w.Content().Refresh()
		for _, o := range w.Canvas().Overlays().List() {
			o.Refresh()
			o.Resize(o.Size())
		}
	}
}

// bob is the contact with whom one talks, after a change.
func (p *studio) bob(change func(*session.Contact)) session.Contact {
	c := bob()
	key := bobsKey
	c.Key, c.Name, c.Resource, c.HasOTR, c.Version = &key, p.cast().bob, "laptop", true, 3
	c.Keys = []session.Key{{Fingerprint: bobsKey, FirstSeen: noon, LastSeen: noon, Device: "laptop"}}
	c.Groups = []string{p.cast().work}
	if change != nil {
		change(&c)
	}
	return c
}

func verified(c *session.Contact) {
	c.Lock, c.Verified, c.VerifiedUs = session.Private, session.ByQuestion, true
	c.Keys[0].Verified, c.Keys[0].VerifiedAt = session.ByQuestion, noon
}

func putOffKey(c *session.Contact) { c.Keys[0].PutOff = true }

// others are the contacts beside bob.
func (p *studio) others() []session.Event {
	k := p.cast()
	contact := func(address, name string, presence session.Presence, lock session.Lock, groups ...string) session.Contact {
		c := session.Contact{Ref: contactRef(address), Name: name, OnRoster: true, Subscription: session.SubscriptionBoth, Presence: presence,
			Policy: session.Require, Lock: lock, SendMode: session.SendWhenPrivate, Groups: groups, Activity: noon.Add(-time.Hour)}
		if lock == session.Private || lock == session.Unverified {
			c.Key, c.SendMode = &carolsKey, session.SendPrivately
		}
		return c
	}
	carol := contact("carol", k.carol, session.PresenceAway, session.Private, k.family)
	carol.Verified, carol.Status = session.ByQuestion, k.status
	erin := contact("erin", k.erin, session.PresenceBusy, session.Unverified, k.work)
	erin.Unread = 3
	grace := session.Contact{Ref: contactRef("grace"), Name: k.grace, Wants: true}
	events := []session.Event{
		session.ContactChanged{Contact: carol}, session.ContactChanged{Contact: erin}, session.ContactChanged{Contact: grace},
		session.ContactChanged{Contact: contact("dan", k.dan, session.PresenceOffline, session.NotPrivate, k.family)},
		session.ContactChanged{Contact: contact("farid", k.farid, session.PresenceOnline, session.NotPrivate, k.work)},
	}
	for i, who := range []session.Contact{carol, erin} {
		events = append(events, session.EntryChanged{Entry: session.Entry{Ref: who.Ref, ID: session.EntryID(1000 + i), Time: noon.Add(-time.Duration(i+1) * time.Hour),
			Text: k.said[2*i], Guard: session.EncryptedVerified}})
	}
	return events
}

func (p *studio) account() session.AccountChanged {
	a := onlineAccount()
	key := ourKey
	a.Account.Fingerprint, a.Account.Presence = &key, session.PresenceOnline
	return a
}

// main is the main window with contacts, and nobody chosen.
func (p *studio) main() *stage {
	s := p.stage()
	s.tell(append([]session.Event{p.account(), session.ContactChanged{Contact: p.bob(verified)}}, p.others()...)...)
	return s
}

// talk is a conversation with bob that has begun, and what is told about it then.
func (p *studio) talk(change func(*session.Contact), more ...session.Event) *stage {
	s := p.main()
	c := p.bob(change)
	guard := session.EncryptedVerified
	if c.Verified == session.NotVerified {
		guard = session.EncryptedUnverified
	}
	begun := s.engine.entry(session.NoticeEntry, "")
	begun.Notice, begun.Key = session.NoticePrivate, c.Key
	if c.Verified != session.NotVerified {
		begun.Notice = session.NoticePrivateVerified
	}
	events := []session.Event{session.ContactChanged{Contact: c}, session.EntryChanged{Entry: begun}}
	for i, text := range p.cast().said {
		e := s.engine.entry(session.EntryKind(i%2), text)
		e.Guard = guard
		events = append(events, session.EntryChanged{Entry: e})
	}
	s.tell(append(events, more...)...)
	s.shell.own.main.open(c.Ref)
	p.settle(s)
	return s
}

// notice tells a line between the messages.
func (s *stage) notice(n session.Notice, change func(*session.Entry)) {
	e := s.engine.entry(session.NoticeEntry, "")
	e.Notice, e.Key = n, &bobsKey
	if change != nil {
		change(&e)
	}
	s.tell(session.EntryChanged{Entry: e})
}

// small is the small window that open opens about bob.
func (p *studio) small(change func(*session.Contact), open func(*sheetStage)) fyne.Window {
	s := p.talk(change)
	engine := &trusting{scripted: s.engine}
	s.shell.own.engine = engine
	small := &sheetStage{t: p.t, desk: s.shell.own, engine: engine, bob: p.bob(change)}
	open(small)
	w := small.window()
	if p.width < firstWidth {
		squeeze(w, p.width)
	}
	return w
}

// squeeze gives a small window a width and the height that its words need there: a sheet takes that when its page turns.
func squeeze(w fyne.Window, width float32) {
	height := w.Canvas().Size().Height
	w.Resize(fyne.NewSize(width, height))
	if s := sheetIn(w); s != nil {
		s.fit()
		return
	}
	w.Resize(fyne.NewSize(width, max(height, w.Content().MinSize().Height)))
}

// sheetIn is the sheet that a window shows, nil where it is none.
func sheetIn(w fyne.Window) *sheet {
	for _, o := range laidOut(w.Content()) {
		if c, ok := o.(*fyne.Container); ok {
			if l, ok := c.Layout.(leafLayout); ok {
				return l.sheet
			}
		}
	}
	return nil
}

// whole is a window that is as high as what it scrolls.
func (p *studio) whole(s *stage, height float32) fyne.Window {
	s.shell.window.Resize(fyne.NewSize(p.width, height+1))
	s.shell.window.Resize(fyne.NewSize(p.width, height))
	return s.shell.window
}

// captcha is a picture as servers ask one to read it.
func captcha() []byte {
	picture := image.NewGray(image.Rect(0, 0, 180, 60))
	for i := range picture.Pix {
		x, y := float64(i%180), float64(i/180)
		if math.Abs(y-30-14*math.Sin(x/9)) < 3 || math.Abs(y-30-18*math.Cos(x/23)) < 2 {
			continue
		}
		picture.Pix[i] = 0xE8
	}
	for x := 10; x < 170; x += 32 {
		for y := 14; y < 46; y++ {
			picture.SetGray(x, y, color.Gray{0x30})
			picture.SetGray(x+1, y, color.Gray{0x30})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func (p *studio) form(refusal session.Refusal) session.SignUpChanged {
	return session.SignUpChanged{SignUp: session.SignUp{Number: 1, Domain: "example.org", Stage: session.SignUpAsks, Refusal: refusal, Form: &session.Form{
		Instructions: p.cast().server,
		Fields: []session.Field{
			{Name: "username", Kind: session.FieldLine, Required: true},
			{Name: "password", Kind: session.FieldSecret, Required: true},
			{Name: "email", Kind: session.FieldLine},
			{Name: "ocr", Label: "CAPTCHA", Kind: session.FieldLine, Required: true, Picture: captcha()},
		},
	}}}
}

// signUp is the page on which one chooses a server, the servers in the order of the list.
func (p *studio) signUp() *stage {
	s := p.stage()
	s.shell.own.openSignUp()
	page := s.shell.own.signUp
	page.servers = assets.Servers()
	page.suggest(0)
	page.ready()
	s.shell.window.Canvas().Focus(page.first())
	p.settle(s)
	return s
}

// asking is a server that has asked its questions.
func (p *studio) asking(refusal session.Refusal) *stage {
	s := p.signUp()
	test.Type(s.shell.own.signUp.other, "example.org")
	s.press(lang.L("Next"))
	s.tell(p.form(session.NoRefusal))
	s.answer("username").SetText("juliet")
	if refusal != session.NoRefusal {
		s.answer("password").SetText("a long password")
		s.tell(p.form(refusal))
	}
	p.settle(s)
	return s
}

// signingIn is the page for signing in after an attempt that ended with a problem.
func (p *studio) signingIn(problem session.Problem) fyne.Window {
	s := p.stage()
	s.shell.own.openSignIn("")
	page := s.shell.own.signIn
	page.address.SetText(alice)
	page.password.SetText("secret")
	page.submit()
	s.tell(session.AccountChanged{Account: session.Account{JID: alice, Server: "example.org", State: session.Stopped, Problem: problem}})
	return p.settle(s)
}

// secrets is the page about a keyring.
func (p *studio) secrets(problem session.Problem, then func(*secretsPage)) fyne.Window {
	s := p.stage()
	s.tell(session.AccountChanged{Account: session.Account{JID: alice, Server: "example.org", State: session.Stopped, Problem: problem}})
	if then != nil {
		then(s.shell.own.secrets)
	}
	return p.settle(s)
}

// practising is practice mode, with what is heard there, and with what the contact asks.
func (p *studio) practising(asked bool) fyne.Window {
	s := p.stage()
	engine := newScripted()
	mode := &practiceMode{cancel: func() {}}
	s.shell.practice = mode
	s.shell.practiceReady(mode, Practice{Engine: engine, Contact: contactRef("practice"), Close: func(context.Context) {}}, nil)
	p.t.Cleanup(func() { s.shell.practice = nil })
	w := practiceWords()
	c := p.bob(nil)
	c.Ref, c.Name, c.Groups = contactRef("practice"), w.Name, nil
	heard := []session.Event{p.account(), session.ContactChanged{Contact: c}}
	for _, said := range w.Greeting {
		hello := engine.entry(session.Incoming, strings.NewReplacer("{question}", w.Question, "{answer}", w.Answer).Replace(said))
		hello.Ref = c.Ref
		heard = append(heard, session.EntryChanged{Entry: hello})
	}
	if asked {
		for _, said := range w.AskMe.Say {
			e := engine.entry(session.Incoming, strings.NewReplacer("{challenge}", w.Challenge, "{reply}", w.Reply).Replace(said))
			e.Ref = c.Ref
			heard = append(heard, session.EntryChanged{Entry: e})
		}
		heard = append(heard, session.SMPChanged{SMP: session.SMP{Ref: c.Ref, Number: 1, Asked: true, Stage: session.SMPNeedsAnswer, Question: w.Challenge}})
	}
	mode.desk.apply(heard)
	return p.settle(s)
}

// problem is the main window with an account that something is wrong with.
func (p *studio) problem(problem session.Problem, state session.AccountState) fyne.Window {
	s := p.main()
	a := p.account()
	a.Account.State, a.Account.Problem, a.Account.RetryAt = state, problem, noon.Add(time.Minute)
	s.tell(a)
	return p.settle(s)
}

func at(change func(*session.Contact)) func(*studio) fyne.Window {
	return func(p *studio) fyne.Window { return p.settle(p.talk(change)) }
}

// over is the main window with something open above the conversation.
func over(change func(*session.Contact), open func(*stage)) func(*studio) fyne.Window {
	return func(p *studio) fyne.Window {
		s := p.talk(change)
		p.settle(s)
		open(s)
		arrange(s.shell.window)
		return s.shell.window
	}
}

func apart(change func(*session.Contact), open func(*sheetStage)) func(*studio) fyne.Window {
	return func(p *studio) fyne.Window { return p.small(change, open) }
}

// ran is the wizard after the other side was asked and the run ended so.
func ran(change func(*session.Contact), after func(*session.Contact), run session.SMP) func(*studio) fyne.Window {
	return func(p *studio) fyne.Window {
		return p.small(change, func(s *sheetStage) {
			p.ask(s)
			if after != nil {
				s.contact(after)
			}
			run.Number, run.Ours, run.Asked, run.Key = 1, true, true, bobsKey
			s.run(run)
		})
	}
}

// ask brings the wizard to its third page.
func (p *studio) ask(s *sheetStage) {
	s.desk.verify(s.bob.Ref)
	s.press(lang.L("Next"))
	s.typed(0, p.cast().question)
	s.typed(1, p.cast().answer)
	s.press(lang.L("Ask {{.Name}}", onButton(s.bob)))
	s.run(session.SMP{Number: 1, Ours: true, Asked: true, Key: bobsKey, Until: noon.Add(10 * time.Minute)})
}

// answering is the window in which one answers.
func answering(change func(*session.Contact), run session.SMP, then func(*studio, *sheetStage)) func(*studio) fyne.Window {
	return func(p *studio) fyne.Window {
		return p.small(change, func(s *sheetStage) {
			run.Number, run.Key, run.Stage, run.Prompt = 1, bobsKey, session.SMPNeedsAnswer, 1
			if run.Asked {
				run.Question = p.cast().question
			}
			s.run(run)
			for _, w := range s.desk.windows { // it may have opened by itself
				w.Close()
			}
			s.desk.windows = map[string]fyne.Window{}
			s.desk.answer(s.bob.Ref)
			s.typed(0, p.cast().answer)
			if then != nil {
				then(p, s)
			}
		})
	}
}

func answered(change func(*session.Contact), run session.SMP) func(*studio) fyne.Window {
	return answering(change, run, func(p *studio, s *sheetStage) {
		s.press(lang.L("Answer"))
		s.run(session.SMP{Number: 1, Key: bobsKey, Asked: run.Asked})
		run.Number, run.Key = 1, bobsKey
		s.run(run)
	})
}

func keyChanged(c *session.Contact) {
	verified(c)
	c.KeyChange = &session.KeyChange{Old: session.Key{Fingerprint: bobsKey, FirstSeen: noon.AddDate(0, -2, 0), LastSeen: noon.AddDate(0, 0, -1), Device: "laptop",
		Verified: session.ByQuestion, VerifiedAt: noon.AddDate(0, -2, 0)}, New: session.Key{Fingerprint: strangersKey, FirstSeen: noon, LastSeen: noon, Device: "desktop"}}
	c.Lock, c.SendMode, c.Verified, c.Key = session.Unverified, session.SendBlocked, session.NotVerified, &strangersKey
}

// strangersKey differs from bobsKey in three groups.
var strangersKey = otr.Fingerprint{0x1b, 0x70, 0x46, 0xe3, 0x04, 0xea, 0x5b, 0xd1, 0x9a, 0x1b, 0x2e, 0x26, 0x11, 0x4f, 0x00, 0xff, 0xf1, 0xd0, 0xf2, 0x00}

func aloud(c *session.Contact) {
	c.Sotto = true
	c.Aloud = &session.ReadAloud{Key: bobsKey, Ours: [4]string{"stapler", "yesteryear", "dragnet", "millionaire"}, Theirs: [4]string{"quadrant", "inventive", "snowslide", "tobacco"}}
}

func findings(c *session.Contact) {
	c.Findings = []session.Finding{
		{Kind: session.FindingSilentCheck, Place: "laptop", Software: "Chatterbox 2.1", Count: 2},
		{Kind: session.FindingUnmarked, Place: "laptop", Count: 7},
		{Kind: session.FindingUnconfirmed, Place: "laptop", Count: 12},
	}
}

func devices(c *session.Contact) {
	verified(c)
	c.Devices = []session.Device{
		{Tag: 0x100, Resource: "laptop", Presence: session.PresenceOnline, Key: bobsKey, Verified: session.ByQuestion, Version: 3, Selected: true},
		{Tag: 0x101, Resource: "phone", Presence: session.PresenceAway, Key: strangersKey, Version: 3},
	}
}

// statuses has sent a text in every way a text can go.
func (p *studio) statuses(s *stage) {
	for i := session.StatusWaiting; i <= session.StatusDiscarded; i++ {
		e := s.engine.entry(session.Outgoing, p.cast().said[i%2])
		e.Status, e.Guard = i, session.EncryptedVerified
		if i == session.StatusFailed {
			e.Why = session.WhyUnreachable
		}
		s.tell(session.EntryChanged{Entry: e})
	}
}

// keys is the manager of keys, with a few.
func (p *studio) keys(change func(*session.Contact), open func(*sheetStage)) fyne.Window {
	return p.small(change, func(s *sheetStage) {
		s.manyKeys()
		s.engine.keys[0].Name = p.cast().bob
		s.engine.plan = []session.ImportedKey{
			{Ref: contactRef("carol"), Name: p.cast().carol, Key: carolsKey, Claim: "verified", Change: session.ImportKey},
			{Ref: s.bob.Ref, Name: p.cast().bob, Key: newKey, Change: session.ImportKey, Another: true},
			{Ref: s.bob.Ref, Name: p.cast().bob, Key: bobsKey, Claim: "smp", Change: session.ImportNothing, Verified: true},
		}
		open(s)
	})
}

// imported is the manager of keys after a file was chosen.
func (p *studio) imported(then func(*sheetStage)) fyne.Window {
	return p.keys(verified, func(s *sheetStage) {
		s.desk.keys()
		file := "carol@example.org\t" + alice + "/\tprpl-jabber\t" + strings.Repeat("0", 40) + "\tverified\n" +
			"carol@example.org\t7\tprpl-jabber\t" + strings.Repeat("0", 40) + "\tverified\n123\t1\tprpl-icq\t" + strings.Repeat("0", 40) + "\t\n"
		s.desk.keysOpen.openFile = func(took func(string, []byte, error)) { took("otr.fingerprints", []byte(file), nil) }
		s.press(lang.L("Import…"))
		if then != nil {
			then(s)
		}
	})
}

func connected(s *sheetStage) {
	s.engine.connection = session.Connection{Host: "xmpp.example.org", Port: 5223, DirectTLS: true, TLSVersion: "TLS 1.3", CipherSuite: "TLS_AES_128_GCM_SHA256",
		Mechanism: "SCRAM-SHA-256-PLUS", Binding: "tls-exporter", Acks: true, Proxy: session.ProxyTor,
		Certificate: session.Certificate{Names: []string{"example.org"}, Issuer: "CN=Example Authority", NotAfter: noon.AddDate(0, 2, 0)},
		Key:         session.ServerKey{Fingerprint: strings.Repeat("1B7046E3", 8), FirstSeen: noon.AddDate(0, -3, 0)}}
}

// scenes are all that can be seen, in the order in which one comes to it.
func scenes() []scene {
	var all []scene
	add := func(name string, set func(*studio) fyne.Window) { all = append(all, scene{name, set}) }
	noKey := func(c *session.Contact) { c.Key = nil }

	add("start", func(p *studio) fyne.Window { return p.settle(p.stage()) })
	add("start-practice-failed", func(p *studio) fyne.Window {
		s := p.stage()
		s.shell.own.start.trouble.say(lang.L("Practice could not begin: this computer did not let Sotto talk to itself. Nothing else is affected."))
		return p.settle(s)
	})
	add("start-settings-damaged", func(p *studio) fyne.Window {
		s := p.stage()
		s.shell.storeProblem(session.StoreProblem{Damaged: "/home/alice/.config/sotto/settings.damaged"})
		return p.settle(s)
	})
	add("sign-in", func(p *studio) fyne.Window {
		s := p.stage()
		s.shell.own.openSignIn("")
		return p.settle(s)
	})
	add("sign-in-advanced", func(p *studio) fyne.Window {
		s := p.stage()
		s.shell.own.openSignIn("")
		s.shell.own.signIn.unfold.OnTapped()
		s.shell.own.signIn.proxy.kind.SetSelectedIndex(2)
		return p.whole(s, 900)
	})
	add("sign-in-wrong-password", func(p *studio) fyne.Window { return p.signingIn(session.ProblemPassword) })
	add("sign-in-unreachable", func(p *studio) fyne.Window { return p.signingIn(session.ProblemUnreachable) })
	add("sign-in-certificate", func(p *studio) fyne.Window { return p.signingIn(session.ProblemCertificate) })
	add("sign-in-only-plain", func(p *studio) fyne.Window { return p.signingIn(session.ProblemOnlyPlain) })
	add("sign-up", func(p *studio) fyne.Window { return p.settle(p.signUp()) })
	add("sign-up-in-the-browser", func(p *studio) fyne.Window {
		s := p.signUp()
		test.Type(s.shell.own.signUp.other, "example.org")
		s.press(lang.L("Next"))
		s.tell(session.SignUpChanged{SignUp: session.SignUp{Number: 1, Domain: "example.org", Stage: session.SignUpFailed, Refusal: session.RefusalNotOffered, Web: "https://example.org/register"}})
		return p.settle(s)
	})
	add("sign-up-form", func(p *studio) fyne.Window { return p.settle(p.asking(session.NoRefusal)) })
	add("sign-up-form-captcha-wrong", func(p *studio) fyne.Window { return p.settle(p.asking(session.RefusalChallenge)) })
	add("keyring-locked", func(p *studio) fyne.Window { return p.secrets(session.ProblemKeyringLocked, nil) })
	add("keyring-absent", func(p *studio) fyne.Window { return p.secrets(session.ProblemKeyringAbsent, nil) })
	add("keyring-passphrase", func(p *studio) fyne.Window {
		return p.secrets(session.ProblemKeyringAbsent, func(s *secretsPage) { s.askPassphrase() })
	})
	add("keyring-key-missing", func(p *studio) fyne.Window { return p.secrets(session.ProblemKeyMissing, nil) })
	add("practice-begins", func(p *studio) fyne.Window {
		s := p.stage()
		wait := make(chan struct{})
		p.t.Cleanup(func() { close(wait) })
		s.shell.begin = func(context.Context, practice.Words) (Practice, error) { <-wait; return Practice{}, context.Canceled }
		s.shell.practise()
		return p.settle(s)
	})
	add("practice", func(p *studio) fyne.Window { return p.practising(false) })
	add("practice-asked", func(p *studio) fyne.Window { return p.practising(true) })

	add("contacts-none", func(p *studio) fyne.Window {
		s := p.stage()
		s.tell(p.account())
		return p.settle(s)
	})
	add("contacts", func(p *studio) fyne.Window { return p.settle(p.main()) })
	add("contacts-group-folded", func(p *studio) fyne.Window {
		s := p.main()
		s.shell.own.fold(p.cast().work)
		return p.settle(s)
	})
	add("contacts-offline-hidden", func(p *studio) fyne.Window {
		s := p.main()
		s.shell.choices.choose(func(c *store.Preferences) { c.HideOffline = true })
		return p.settle(s)
	})
	add("contacts-search", func(p *studio) fyne.Window {
		s := p.main()
		s.shell.own.main.contacts.search.SetText(string([]rune(p.cast().farid)[:2]))
		return p.settle(s)
	})
	add("contacts-search-nobody", func(p *studio) fyne.Window {
		s := p.main()
		s.shell.own.main.contacts.search.SetText("zzz")
		return p.settle(s)
	})
	add("contacts-two-accounts", func(p *studio) fyne.Window {
		s := p.main()
		a := p.account()
		a.Account.JID, a.Account.Presence = "alice@work.example", session.PresenceAway
		c := p.bob(nil)
		c.Ref, c.Name = session.Ref{Account: "alice@work.example", Contact: "henry@work.example"}, "Henry"
		s.tell(a, session.ContactChanged{Contact: c})
		return p.settle(s)
	})
	add("contacts-account-menu", func(p *studio) fyne.Window {
		s := p.main()
		p.settle(s)
		s.shell.own.main.contacts.account.openMenu()
		return s.shell.window
	})
	add("contacts-menu", func(p *studio) fyne.Window {
		s := p.main()
		p.settle(s)
		s.shell.own.main.contacts.list.openMenu(p.bob(verified), fyne.NewPos(60, 160))
		return s.shell.window
	})
	add("account-connecting", func(p *studio) fyne.Window { return p.problem(session.NoProblem, session.Connecting) })
	add("account-unreachable", func(p *studio) fyne.Window { return p.problem(session.ProblemUnreachable, session.Waiting) })
	add("account-password", func(p *studio) fyne.Window { return p.problem(session.ProblemPassword, session.Stopped) })
	add("account-server-key", func(p *studio) fyne.Window { return p.problem(session.ProblemServerKey, session.Stopped) })
	add("account-weaker-login", func(p *studio) fyne.Window { return p.problem(session.ProblemWeakerLogin, session.Stopped) })
	add("account-server-key-renewed", func(p *studio) fyne.Window {
		s := p.main()
		s.shell.own.serverKeyChanged(session.ServerKeyChanged{JID: alice})
		return p.settle(s)
	})

	add("conversation-private", at(verified))
	add("conversation-unverified", at(putOffKey))
	add("conversation-unverified-offered", at(nil))
	add("conversation-not-private", at(func(c *session.Contact) { c.Lock, c.SendMode, c.Key = session.NotPrivate, session.SendWhenPrivate, nil }))
	add("conversation-starting", at(func(c *session.Contact) {
		c.Lock, c.SendMode, c.Key, c.Starting = session.NotPrivate, session.SendWhenPrivate, nil, true
	}))
	add("conversation-finished", at(func(c *session.Contact) { c.Lock, c.SendMode = session.FinishedLock, session.SendBlocked }))
	add("conversation-unencrypted", at(func(c *session.Contact) {
		c.Lock, c.SendMode, c.Key, c.Policy = session.NotPrivate, session.SendUnencrypted, nil, session.ByHand
	}))
	add("conversation-offline", at(func(c *session.Contact) {
		c.Lock, c.SendMode, c.Key, c.Presence = session.NotPrivate, session.SendWhenPrivate, nil, session.PresenceOffline
	}))
	add("conversation-no-answer", at(func(c *session.Contact) {
		c.Lock, c.SendMode, c.Key, c.NoAnswer = session.NotPrivate, session.SendWhenPrivate, nil, true
	}))
	add("conversation-old-version", at(func(c *session.Contact) {
		c.Lock, c.SendMode, c.Key, c.OnlyV2 = session.NotPrivate, session.SendWhenPrivate, nil, true
	}))
	add("conversation-key-changed", at(keyChanged))
	add("conversation-only-verified", at(func(c *session.Contact) {
		c.KeyRule, c.NeedsVerified, c.SendMode = session.OnlyVerified, true, session.SendBlocked
	}))
	add("conversation-sending-blocked", at(func(c *session.Contact) {
		c.Held, c.SendMode, c.Lock, c.Key = noon.AddDate(0, 0, -2), session.SendBlocked, session.NotPrivate, nil
	}))
	add("conversation-contact-blocked", at(func(c *session.Contact) {
		c.Blocked, c.SendMode, c.Lock, c.Key = true, session.SendBlocked, session.NotPrivate, nil
	}))
	add("conversation-request", func(p *studio) fyne.Window {
		s := p.main()
		c := session.Contact{Ref: contactRef("grace"), Name: p.cast().grace, Wants: true, Request: p.cast().said[0]}
		s.tell(session.ContactChanged{Contact: c})
		s.shell.own.main.open(c.Ref)
		return p.settle(s)
	})
	add("conversation-typing", at(func(c *session.Contact) { verified(c); c.Typing = session.TypingNow }))
	add("conversation-they-check-you", over(nil, func(s *stage) {
		s.talk().composer.SetText("1, 2, 3")
		s.tell(session.SMPChanged{SMP: session.SMP{Ref: contactRef("bob"), Number: 1, Asked: true, Stage: session.SMPNeedsAnswer, Question: "?"}})
	}))
	add("conversation-waiting-for-answer", over(nil, func(s *stage) {
		s.tell(session.SMPChanged{SMP: session.SMP{Ref: contactRef("bob"), Number: 1, Ours: true, Asked: true, Until: noon.Add(10 * time.Minute)}})
	}))
	add("conversation-wants-verified", at(func(c *session.Contact) { c.Sotto, c.WantsVerified = true, true }))
	add("conversation-forged", func(p *studio) fyne.Window {
		s := p.talk(verified)
		e := s.engine.entry(session.Incoming, p.cast().said[0])
		e.Guard = session.InClearUnexpected
		s.tell(session.EntryChanged{Entry: e})
		return p.settle(s)
	})
	add("conversation-every-status", func(p *studio) fyne.Window {
		s := p.talk(verified)
		p.statuses(s)
		return p.whole(s, 1000)
	})
	add("conversation-notices", func(p *studio) fyne.Window {
		s := p.talk(verified)
		for n := session.NoticePrivate; n <= session.NoticeNotAnswered; n++ {
			s.notice(n, func(e *session.Entry) {
				e.Count, e.OldKey, e.Verified, e.Question = 2, &strangersKey, session.ByQuestion, p.cast().question
				if n == session.NoticePeerError {
					e.Text = "Internal error"
				}
			})
		}
		return p.whole(s, 2600)
	})
	add("conversation-long-message", func(p *studio) fyne.Window {
		s := p.talk(verified)
		s.says(strings.Repeat(p.cast().long, 40))
		return p.settle(s)
	})
	add("conversation-emoji-links-deeds", func(p *studio) fyne.Window {
		s := p.talk(verified)
		s.says("👍🏽 🎉")
		s.says("/me " + p.cast().said[4])
		s.says(p.cast().said[2] + " https://example.org/a/long/path?with=questions xmpp:carol@example.org")
		s.says("line one\nline two\n\tindented")
		s.says(strings.Repeat("unbreakable", 12))
		return p.settle(s)
	})
	add("conversation-new-messages", func(p *studio) fyne.Window {
		s := p.talk(verified)
		s.shell.own.main.leave()
		for _, text := range p.cast().said[:3] {
			s.says(text)
		}
		s.tell(session.ContactChanged{Contact: p.bob(func(c *session.Contact) { verified(c); c.Unread = 3 })})
		s.shell.own.main.open(contactRef("bob"))
		return p.settle(s)
	})
	add("conversation-nothing-yet", func(p *studio) fyne.Window {
		s := p.main()
		s.shell.own.main.open(contactRef("farid"))
		return p.settle(s)
	})
	add("conversation-search", over(verified, func(s *stage) {
		s.talk().search.open()
		s.talk().search.entry.SetText(casts["en"].said[0][:1])
		for _, k := range casts {
			if s.talk().search.found == nil {
				s.talk().search.entry.SetText(string([]rune(k.said[0])[:2]))
			}
		}
	}))
	add("conversation-search-nothing", over(verified, func(s *stage) {
		s.talk().search.open()
		s.talk().search.entry.SetText("zzz")
	}))
	add("conversation-go-to-a-day", over(verified, func(s *stage) { s.talk().chooseDay() }))
	add("conversation-emoji", over(verified, func(s *stage) { s.talk().openEmoji() }))
	add("conversation-emoji-search", over(verified, func(s *stage) {
		s.talk().openEmoji()
		test.Type(s.shell.window.Canvas().Focused(), "heart")
	}))
	add("conversation-writing-long", func(p *studio) fyne.Window {
		s := p.talk(verified)
		s.talk().composer.SetText(strings.Repeat(p.cast().long, 9900/len([]rune(p.cast().long))))
		return p.settle(s)
	})
	add("conversation-protection-lost", func(p *studio) fyne.Window {
		s := p.talk(verified)
		test.Type(s.talk().composer, p.cast().said[1])
		s.tell(session.ContactChanged{Contact: p.bob(func(c *session.Contact) {
			c.Lock, c.SendMode, c.Key, c.Policy = session.NotPrivate, session.SendUnencrypted, nil, session.ByHand
		})})
		s.talk().submit()
		return p.settle(s)
	})
	add("conversation-paste-long", over(verified, func(s *stage) { s.talk().confirmPaste(strings.Repeat("line\n", 120), func() {}) }))
	add("conversation-file-dropped", over(verified, func(s *stage) { s.talk().dropped(fyne.Position{}, nil) }))
	add("conversation-link", over(verified, func(s *stage) { s.talk().follow("https://xn--80ak6aa92e.com/login") }))
	add("conversation-how-protected", over(verified, func(s *stage) {
		t := s.talk()
		t.details(session.Entry{Ref: t.ref, Kind: session.Incoming, Guard: session.EncryptedVerified, Key: &bobsKey, Time: s.shell.now()})
	}))
	add("conversation-devices", at(devices))
	add("conversation-devices-open", over(devices, func(s *stage) { test.Tap(s.talk().strip) }))
	add("conversation-lock-unverified", over(nil, func(s *stage) { s.talk().openLock() }))
	add("conversation-lock-private", over(verified, func(s *stage) { s.talk().openLock() }))
	add("conversation-lock-not-private", over(func(c *session.Contact) { c.Lock, c.SendMode, c.Key = session.NotPrivate, session.SendWhenPrivate, nil },
		func(s *stage) { s.talk().openLock() }))
	add("conversation-more", over(verified, func(s *stage) { s.talk().openMore() }))
	add("conversation-own-window", func(p *studio) fyne.Window {
		s := p.talk(verified)
		s.shell.own.openApart(contactRef("bob"))
		w := s.shell.own.chats[contactRef("bob")].window
		if p.width < firstWidth {
			w.Resize(fyne.NewSize(p.width, chatHeight+1))
			w.Resize(fyne.NewSize(p.width, chatHeight))
		}
		p.t.Cleanup(w.Close)
		return w
	})

	slip := func(name string, open func(*desk)) { add(name, over(verified, func(s *stage) { open(s.shell.own) })) }
	theirs := func(d *desk) session.Contact { c, _ := d.model.Contact(contactRef("bob")); return c }
	ours := func(d *desk) session.Account { a, _ := d.model.Account(alice); return a }
	slip("dialog-add-contact", func(d *desk) { d.addContact("") })
	add("dialog-add-contact-wrong", over(verified, func(s *stage) {
		s.engine.refuse = &session.AddressError{Reason: session.AddressNoDomain}
		s.shell.own.addContact("bob")
		s.press(lang.L("Add"))
	}))
	add("dialog-add-contact-two-accounts", over(verified, func(s *stage) {
		a := onlineAccount()
		a.Account.JID = "alice@work.example"
		s.tell(a)
		s.shell.own.addContact("bob@example.org")
	}))
	slip("dialog-rename", func(d *desk) { d.rename(theirs(d)) })
	slip("dialog-groups", func(d *desk) { d.chooseGroups(theirs(d)) })
	slip("dialog-remove", func(d *desk) { d.remove(theirs(d)) })
	slip("dialog-block", func(d *desk) { d.block(theirs(d)) })
	slip("dialog-protection-of-contact", func(d *desk) { d.choosePolicy(contactRef("bob")) })
	slip("dialog-protection-of-account", func(d *desk) { d.chooseAccountPolicy(ours(d)) })
	slip("dialog-write-unencrypted", func(d *desk) { d.confirmUnencrypted(theirs(d)) })
	slip("dialog-proxy", func(d *desk) { d.chooseProxy(ours(d)).kind.SetSelectedIndex(1) })
	slip("dialog-proxy-socks", func(d *desk) { d.chooseProxy(ours(d)).kind.SetSelectedIndex(2) })
	slip("dialog-own-words", func(d *desk) { d.ownWords(ours(d)) })
	slip("dialog-change-password", func(d *desk) { d.changePassword(ours(d)) })
	add("dialog-change-password-differs", over(verified, func(s *stage) {
		s.shell.own.changePassword(ours(s.shell.own))
		test.Type(s.shell.window.Canvas().Focused(), "correct horse")
		s.press(lang.L("Change"))
	}))
	slip("dialog-delete-account", func(d *desk) { d.deleteAccount(ours(d)) })
	slip("dialog-sign-out", func(d *desk) { d.removeAccount(ours(d)) })
	slip("dialog-weaker-login", func(d *desk) { d.weakerLogin(ours(d)) })
	slip("dialog-coming-along", func(d *desk) { d.comeAlong() })
	add("notice-link-matches", over(func(c *session.Contact) {
		c.Link = &session.LinkClaim{Key: &bobsKey, State: session.LinkMatches}
	}, func(*stage) {}))
	add("notice-link-differs", over(func(c *session.Contact) {
		c.Link = &session.LinkClaim{Key: &strangersKey, State: session.LinkDiffers}
	}, func(*stage) {}))
	add("notice-link-not-understood", over(verified, func(s *stage) { s.shell.own.follow("xmpp:@example.org?verify") }))
	add("notice-cannot-block", over(verified, func(s *stage) { s.shell.own.cannotBlock(theirs(s.shell.own)) }))
	add("notice-account-task", over(verified, func(s *stage) {
		s.shell.own.taskChanged(session.AccountTask{JID: alice, Kind: session.ChangingPassword, Stage: session.TaskUnsure})
	}))
	excused := func(name string, err error) {
		add(name, func(p *studio) fyne.Window {
			w := excuse(p.app, err)
			if p.width < firstWidth {
				squeeze(w, p.width)
			}
			p.t.Cleanup(w.Close)
			return w
		})
	}
	excused("excuse-running", store.ErrInUse)
	excused("excuse-newer", store.ErrNewer)
	excused("excuse-folder", errors.New("no folder"))

	wizard := func(open func(*studio, *sheetStage)) func(*studio) fyne.Window {
		return func(p *studio) fyne.Window { return p.small(nil, func(s *sheetStage) { open(p, s) }) }
	}
	add("verify-ways", wizard(func(p *studio, s *sheetStage) { s.desk.verify(s.bob.Ref) }))
	add("verify-ways-again", apart(verified, func(s *sheetStage) { s.desk.verify(s.bob.Ref) }))
	add("verify-ways-put-off", apart(putOffKey, func(s *sheetStage) { s.desk.verify(s.bob.Ref) }))
	add("verify-question", wizard(func(p *studio, s *sheetStage) { s.desk.verify(s.bob.Ref); s.press(lang.L("Next")) }))
	add("verify-question-typed", func(p *studio) fyne.Window {
		return p.small(func(c *session.Contact) { c.Sotto = true }, func(s *sheetStage) {
			s.desk.verify(s.bob.Ref)
			s.press(lang.L("Next"))
			s.typed(0, p.cast().question)
			s.typed(1, p.cast().answer)
		})
	})
	add("verify-question-weak", wizard(func(p *studio, s *sheetStage) {
		s.desk.verify(s.bob.Ref)
		s.press(lang.L("Next"))
		s.typed(0, p.cast().question)
		s.typed(1, "1999")
	}))
	add("verify-secret", wizard(func(p *studio, s *sheetStage) {
		s.desk.verify(s.bob.Ref)
		s.press(lang.L("Use a secret you both already know"))
		s.press(lang.L("Next"))
		s.typed(0, p.cast().answer)
	}))
	add("verify-waiting", func(p *studio) fyne.Window { return p.small(nil, p.ask) })
	add("verify-right", ran(nil, func(c *session.Contact) { c.Lock, c.Verified = session.Private, session.ByQuestion }, session.SMP{Stage: session.SMPSucceeded}))
	add("verify-right-both", ran(nil, verified, session.SMP{Stage: session.SMPSucceeded}))
	add("verify-differs", ran(nil, nil, session.SMP{Stage: session.SMPFailed, Failed: 1}))
	add("verify-differs-again", ran(nil, nil, session.SMP{Stage: session.SMPFailed, Failed: 3}))
	add("verify-differs-kept", ran(verified, nil, session.SMP{Stage: session.SMPFailed, Failed: 2, Kept: true, Folded: true}))
	add("verify-no-answer", ran(nil, nil, session.SMP{Stage: session.SMPTimedOut}))
	add("verify-stopped", ran(nil, nil, session.SMP{Stage: session.SMPAborted}))
	add("verify-stopped-at-once", ran(nil, nil, session.SMP{Stage: session.SMPAborted, AtOnce: true}))
	add("verify-cancelled", ran(nil, nil, session.SMP{Stage: session.SMPCancelled}))
	add("verify-not-private", apart(func(c *session.Contact) { c.Lock, c.SendMode, c.Key = session.NotPrivate, session.SendWhenPrivate, nil },
		func(s *sheetStage) { s.desk.verify(s.bob.Ref) }))
	add("verify-key-changed", apart(keyChanged, func(s *sheetStage) { s.desk.verify(s.bob.Ref) }))
	add("verify-other-key", apart(nil, func(s *sheetStage) {
		s.desk.verify(s.bob.Ref)
		s.press(lang.L("Next"))
		s.contact(func(c *session.Contact) { c.Key = &strangersKey })
	}))
	add("verify-they-ask", apart(nil, func(s *sheetStage) {
		s.run(session.SMP{Number: 1, Key: bobsKey, Stage: session.SMPNeedsAnswer, Asked: true, Prompt: 1})
		for _, w := range s.desk.windows {
			w.Close()
		}
		s.desk.windows = map[string]fyne.Window{}
		s.desk.verify(s.bob.Ref)
	}))
	add("answer-question", answering(nil, session.SMP{Asked: true}, nil))
	add("answer-secret", answering(nil, session.SMP{}, nil))
	add("answer-question-again", answering(nil, session.SMP{Asked: true, Folded: true}, func(p *studio, s *sheetStage) {
		s.run(session.SMP{Number: 2, Key: bobsKey, Stage: session.SMPNeedsAnswer, Asked: true, Question: p.cast().question, Prompt: 3, Folded: true})
	}))
	add("answer-sent", answering(nil, session.SMP{Asked: true}, func(p *studio, s *sheetStage) {
		s.press(lang.L("Answer"))
		s.run(session.SMP{Number: 1, Key: bobsKey, Asked: true})
	}))
	add("answer-right", answered(nil, session.SMP{Asked: true, Stage: session.SMPSucceeded}))
	add("answer-right-both", answered(verified, session.SMP{Asked: true, Stage: session.SMPSucceeded}))
	add("answer-differs", answered(nil, session.SMP{Asked: true, Stage: session.SMPFailed}))
	add("answer-right-secret", answered(verified, session.SMP{Stage: session.SMPSucceeded}))
	add("answer-too-late", answered(nil, session.SMP{Asked: true, Stage: session.SMPTimedOut}))
	add("answer-nothing", apart(nil, func(s *sheetStage) { s.desk.answer(s.bob.Ref) }))
	add("answer-declined", answered(nil, session.SMP{Asked: true, Stage: session.SMPCancelled}))
	add("compare", wizard(func(p *studio, s *sheetStage) { s.desk.compare(s.bob.Ref) }))
	add("compare-done", apart(func(c *session.Contact) { verified(c); c.Verified = session.ByComparison }, func(s *sheetStage) { s.desk.compare(s.bob.Ref) }))
	add("compare-own", wizard(func(p *studio, s *sheetStage) {
		s.desk.compare(s.bob.Ref)
		s.typed(0, ourKey.String())
	}))
	add("compare-differs", wizard(func(p *studio, s *sheetStage) {
		s.desk.compare(s.bob.Ref)
		s.typed(0, strangersKey.String())
	}))
	add("compare-stale", wizard(func(p *studio, s *sheetStage) {
		s.desk.compare(s.bob.Ref)
		s.contact(func(c *session.Contact) { c.Key = &strangersKey })
	}))
	add("compare-nothing", apart(noKey, func(s *sheetStage) { s.desk.compare(s.bob.Ref) }))
	add("compare-words", apart(aloud, func(s *sheetStage) { s.desk.compare(s.bob.Ref) }))
	add("your-fingerprint", wizard(func(p *studio, s *sheetStage) { s.desk.ownKey(alice) }))
	add("your-fingerprint-none", wizard(func(p *studio, s *sheetStage) {
		a := onlineAccount()
		a.Account.Fingerprint = nil
		s.desk.model.Apply(a)
		s.desk.ownKey(alice)
	}))
	add("ask-to-verify", apart(func(c *session.Contact) { verified(c); c.VerifiedUs, c.Sotto = false, true }, func(s *sheetStage) { s.desk.askToVerify(s.bob.Ref) }))
	add("ask-to-verify-message", apart(func(c *session.Contact) { verified(c); c.VerifiedUs = false }, func(s *sheetStage) { s.desk.askToVerify(s.bob.Ref) }))
	add("ask-to-verify-asked", apart(func(c *session.Contact) { verified(c); c.VerifiedUs, c.RequestedAt = false, noon }, func(s *sheetStage) { s.desk.askToVerify(s.bob.Ref) }))
	add("ask-to-verify-done", apart(verified, func(s *sheetStage) { s.desk.askToVerify(s.bob.Ref) }))
	add("ask-to-verify-not-private", apart(noKey, func(s *sheetStage) { s.desk.askToVerify(s.bob.Ref) }))
	add("key-changed", apart(keyChanged, func(s *sheetStage) { s.desk.decideKey(s.bob.Ref) }))
	add("key-changed-ask", apart(keyChanged, func(s *sheetStage) {
		s.desk.decideKey(s.bob.Ref)
		s.press(lang.L("Ask {{.Name}} in another way", words{"Name": s.bob.Name}))
	}))
	add("key-changed-again", apart(keyChanged, func(s *sheetStage) {
		s.desk.decideKey(s.bob.Ref)
		s.contact(func(c *session.Contact) { keyChanged(c); c.KeyChange.New.Fingerprint, c.Key = carolsKey, &carolsKey })
	}))
	add("key-changed-decided", apart(keyChanged, func(s *sheetStage) {
		s.desk.decideKey(s.bob.Ref)
		s.contact(func(c *session.Contact) { c.KeyChange, c.Held = nil, noon })
	}))

	add("keys", func(p *studio) fyne.Window { return p.keys(verified, func(s *sheetStage) { s.desk.keys() }) })
	add("keys-story", func(p *studio) fyne.Window {
		return p.keys(verified, func(s *sheetStage) { s.desk.keyStory(s.bob.Ref) })
	})
	add("keys-forget", func(p *studio) fyne.Window {
		return p.keys(verified, func(s *sheetStage) { s.desk.keyStory(s.bob.Ref); s.press(lang.L("Forget…")) })
	})
	add("keys-take-back", func(p *studio) fyne.Window {
		return p.keys(verified, func(s *sheetStage) { s.desk.keyStory(s.bob.Ref); s.press(lang.L("Take back…")) })
	})
	add("keys-block-sending", func(p *studio) fyne.Window {
		return p.keys(verified, func(s *sheetStage) { s.desk.keyStory(s.bob.Ref); s.press(lang.L("Block sending…")) })
	})
	add("keys-sending-blocked", func(p *studio) fyne.Window {
		return p.keys(func(c *session.Contact) { c.Held = noon }, func(s *sheetStage) { s.desk.keyStory(s.bob.Ref) })
	})
	add("keys-search-nothing", func(p *studio) fyne.Window {
		return p.keys(verified, func(s *sheetStage) { s.desk.keys(); s.desk.keysOpen.list.search.SetText("zzz") })
	})
	add("keys-no-file", func(p *studio) fyne.Window {
		return p.keys(verified, func(s *sheetStage) {
			s.desk.keys()
			s.desk.keysOpen.openFile = func(took func(string, []byte, error)) { took("notes.txt", []byte("hello"), nil) }
			s.press(lang.L("Import…"))
		})
	})
	add("keys-exported", func(p *studio) fyne.Window {
		return p.keys(verified, func(s *sheetStage) {
			s.desk.keys()
			s.desk.keysOpen.saveFile = func(_ string, _ []byte, done func(error)) { done(nil) }
			s.press(lang.L("Export…"))
			s.press(lang.L("Save…"))
		})
	})
	add("keys-import", func(p *studio) fyne.Window { return p.imported(nil) })
	add("keys-imported", func(p *studio) fyne.Window {
		return p.imported(func(s *sheetStage) { s.press(lang.N("Import {{.Count}} key", 2, words{"Count": 2})) })
	})
	add("keys-export", func(p *studio) fyne.Window {
		return p.keys(verified, func(s *sheetStage) { s.desk.keys(); s.press(lang.L("Export…")) })
	})
	add("blocked-addresses", apart(nil, func(s *sheetStage) {
		s.desk.blocked = map[string]session.BlockedChanged{}
		s.desk.blockedList()
		s.desk.nowBlocked(session.BlockedChanged{Account: alice, Addresses: []string{"eve@example.org", "spam.example"}, CanBlock: true})
	}))
	add("blocked-addresses-none", apart(nil, func(s *sheetStage) {
		s.desk.blocked = map[string]session.BlockedChanged{alice: {Account: alice, CanBlock: true}}
		s.desk.blockedList()
	}))
	add("blocked-addresses-cannot", apart(nil, func(s *sheetStage) {
		s.desk.blocked = map[string]session.BlockedChanged{alice: {Account: alice}}
		s.desk.blockedList()
	}))
	add("other-program", apart(findings, func(s *sheetStage) { s.desk.program(s.bob.Ref) }))
	add("other-program-nothing", apart(nil, func(s *sheetStage) { s.desk.program(s.bob.Ref) }))
	add("deniability", func(p *studio) fyne.Window {
		return p.small(verified, func(s *sheetStage) {
			for i, text := range p.cast().said {
				s.engine.exhibits = append(s.engine.exhibits, session.Exhibit{Number: i, Ours: i%2 > 0, Text: text, Published: true})
			}
			s.desk.deniable(s.bob.Ref)
		})
	})
	add("deniability-nothing-yet", apart(verified, func(s *sheetStage) { s.desk.deniable(s.bob.Ref) }))
	add("settings-of-contact", apart(devices, func(s *sheetStage) { s.desk.contactSheet(s.bob.Ref) }))
	add("connection", apart(verified, func(s *sheetStage) { connected(s); s.desk.connection(alice) }))
	add("connection-none", apart(verified, func(s *sheetStage) { s.desk.connection(alice) }))
	add("connection-key-renewed", apart(verified, func(s *sheetStage) {
		connected(s)
		s.engine.connection.KeyChange = &session.ServerKeyChange{}
		s.desk.connection(alice)
	}))
	add("server-key", apart(verified, func(s *sheetStage) {
		a := onlineAccount()
		a.Account.State, a.Account.Problem = session.Stopped, session.ProblemServerKey
		key := session.ServerKey{Fingerprint: strings.Repeat("1B7046E3", 8), Issuer: "CN=Example Authority", NotAfter: noon.AddDate(0, 2, 0)}
		a.Account.ServerKey = &session.ServerKeyChange{Old: key, New: key}
		a.Account.ServerKey.New.Fingerprint = strings.Repeat("9A1B2E26", 8)
		s.desk.model.Apply(a)
		s.desk.serverKey(alice)
	}))
	add("licences", apart(verified, func(s *sheetStage) { s.desk.licences() }))
	add("licence-terms", apart(verified, func(s *sheetStage) {
		s.desk.licences()
		s.press(lang.L("Read"))
	}))
	add("shortcuts", apart(verified, func(s *sheetStage) { s.desk.shortcutSheet() }))
	add("settings", func(p *studio) fyne.Window {
		s := p.main()
		s.shell.own.openSettings()
		return p.settle(s)
	})
	add("settings-all", func(p *studio) fyne.Window {
		s := p.main()
		s.shell.own.openSettings()
		return p.whole(s, 3400)
	})
	add("settings-choosing", func(p *studio) fyne.Window {
		s := p.main()
		s.shell.own.openSettings()
		p.settle(s)
		s.setting(lang.L("Language")).control.(*picker).Tapped(nil)
		return s.shell.window
	})
	add("settings-search", func(p *studio) fyne.Window {
		s := p.main()
		s.shell.own.openSettings()
		s.shell.own.settingsPage.search.SetText("Tor")
		return p.settle(s)
	})
	add("settings-search-nothing", func(p *studio) fyne.Window {
		s := p.main()
		s.shell.own.openSettings()
		s.shell.own.settingsPage.search.SetText("zzz")
		return p.settle(s)
	})
	return all
}
