package ui

import (
	"fmt"
	"strings"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/session/keyring"
)

// scripted stands for a session: it notes what the window asks for and says what the test tells it to say.
type scripted struct {
	events chan session.Event
	asked  []string
	refuse error // what Send, SignIn and AddContact answer
	sent   func(r session.Ref, text string, mode session.SendMode)
	next   session.EntryID

	connection session.Connection
	exhibits   []session.Exhibit
	keys       []session.ContactKeys
	story      []session.KeyEvent
	plan       []session.ImportedKey
}

func newScripted() *scripted { return &scripted{events: make(chan session.Event, 1024)} }

func (s *scripted) note(format string, a ...any) {
	s.asked = append(s.asked, fmt.Sprintf(format, a...))
}

func (s *scripted) last() string {
	if len(s.asked) == 0 {
		return ""
	}
	return s.asked[len(s.asked)-1]
}

func (s *scripted) Events() <-chan session.Event { return s.events }
func (s *scripted) UseKeyring(keyring.Keyring)   { s.note("UseKeyring") }

func (s *scripted) SignIn(in session.SignIn) error {
	s.note("SignIn %s %s plain=%v", in.Address, in.TLS, in.AllowPlain)
	return s.refuse
}
func (s *scripted) SignUp(in session.NewAccount) (int, error) {
	s.note("SignUp %s", in.Domain)
	return 1, s.refuse
}
func (s *scripted) SubmitSignUp(n int, answers map[string][]string) {
	s.note("SubmitSignUp %d %v", n, answers)
}
func (s *scripted) CancelSignUp(n int) { s.note("CancelSignUp %d", n) }
func (s *scripted) ChangePassword(a string, password []byte) error {
	s.note("ChangePassword %s", a)
	return s.refuse
}
func (s *scripted) DeleteAccount(a string) error {
	s.note("DeleteAccount %s", a)
	return s.refuse
}
func (s *scripted) Connection(string) (session.Connection, bool) {
	return s.connection, s.connection.Host != ""
}
func (s *scripted) SetProxy(a string, p session.Proxy) error {
	s.note("SetProxy %s %d %s %s %d", a, p.Kind, p.Server, p.User, len(p.Password))
	return s.refuse
}
func (s *scripted) TrustServerKey(a, fingerprint string) {
	s.note("TrustServerKey %s %s", a, fingerprint)
}
func (s *scripted) AcceptWeakerLogin(a string) { s.note("AcceptWeakerLogin %s", a) }
func (s *scripted) SelectDevice(r session.Ref, tag otr.InstanceTag) {
	s.note("SelectDevice %s %x", r.Contact, uint32(tag))
}
func (s *scripted) AllowV2(r session.Ref, allowed bool) { s.note("AllowV2 %s %v", r.Contact, allowed) }
func (s *scripted) SetPresence(a string, p session.Presence, status string) {
	s.note("SetPresence %s %d %s", a, p, status)
}
func (s *scripted) Block(r session.Ref) error {
	s.note("Block %s", r.Contact)
	return nil
}
func (s *scripted) Unblock(r session.Ref) error {
	s.note("Unblock %s", r.Contact)
	return nil
}
func (s *scripted) Typing(r session.Ref)        { s.note("Typing %s", r.Contact) }
func (s *scripted) StoppedTyping(r session.Ref) { s.note("StoppedTyping %s", r.Contact) }
func (s *scripted) FollowLink(account string, l session.Link) (session.Ref, error) {
	s.note("FollowLink %s %s", account, l)
	return session.Ref{Account: account, Contact: l.Address.String()}, s.refuse
}
func (s *scripted) ConfirmLink(r session.Ref, _ otr.Fingerprint) error {
	s.note("ConfirmLink %s", r.Contact)
	return nil
}
func (s *scripted) DropLink(r session.Ref) { s.note("DropLink %s", r.Contact) }
func (s *scripted) Connect(a string)       { s.note("Connect %s", a) }
func (s *scripted) Disconnect(a string)    { s.note("Disconnect %s", a) }
func (s *scripted) RemoveAccount(a string) { s.note("RemoveAccount %s", a) }
func (s *scripted) SetAccountPolicy(a string, p session.Policy) {
	s.note("SetAccountPolicy %s %d", a, p)
}
func (s *scripted) SetIdle(idle bool)               { s.note("SetIdle %v", idle) }
func (s *scripted) SetReceipts(a string, told bool) { s.note("SetReceipts %s %v", a, told) }
func (s *scripted) SetTypingPolicy(a string, p session.TypingPolicy) {
	s.note("SetTypingPolicy %s %d", a, p)
}
func (s *scripted) SetServerKeyCheck(a string, c session.ServerKeyCheck) {
	s.note("SetServerKeyCheck %s %d", a, c)
}
func (s *scripted) SetQuiet(r session.Ref, quiet bool) { s.note("SetQuiet %s %v", r.Contact, quiet) }
func (s *scripted) NewIdentity(a string)               { s.note("NewIdentity %s", a) }
func (s *scripted) AddContact(account, address, name string) (session.Ref, error) {
	s.note("AddContact %s %s %s", account, address, name)
	return session.Ref{Account: account, Contact: address}, s.refuse
}
func (s *scripted) Accept(r session.Ref)              { s.note("Accept %s", r.Contact) }
func (s *scripted) Decline(r session.Ref)             { s.note("Decline %s", r.Contact) }
func (s *scripted) Rename(r session.Ref, name string) { s.note("Rename %s %s", r.Contact, name) }
func (s *scripted) SetGroups(r session.Ref, groups []string) {
	s.note("SetGroups %s %q", r.Contact, groups)
}
func (s *scripted) RemoveContact(r session.Ref) { s.note("RemoveContact %s", r.Contact) }
func (s *scripted) SetPolicy(r session.Ref, p session.Policy) {
	s.note("SetPolicy %s %d", r.Contact, p)
}
func (s *scripted) Opened(r session.Ref) { s.note("Opened %s", r.Contact) }

func (s *scripted) Send(r session.Ref, text string, mode session.SendMode) (session.EntryID, error) {
	s.note("Send %s %q %d", r.Contact, text, mode)
	if s.refuse != nil {
		return 0, s.refuse
	}
	if s.sent != nil {
		s.sent(r, text, mode)
	}
	return 1, nil
}
func (s *scripted) SendAsShown(shown session.Contact, text string) (session.EntryID, error) {
	return s.Send(shown.Ref, text, shown.SendMode)
}
func (s *scripted) Exhibits(session.Ref) []session.Exhibit { return s.exhibits }
func (s *scripted) Forge(r session.Ref, n int, text string) (session.Forgery, error) {
	s.note("Forge %s %d %q", r.Contact, n, text)
	if s.refuse != nil {
		return session.Forgery{}, s.refuse
	}
	return session.Forgery{Text: text, Before: "?OTR:AAMDbefore.", After: "?OTR:AAMDafter.", Key: "00112233445566778899aabbccddeeff00112233", Checks: true}, nil
}
func (s *scripted) Retry(r session.Ref, id session.EntryID) { s.note("Retry %s %d", r.Contact, id) }
func (s *scripted) Discard(r session.Ref, id session.EntryID) {
	s.note("Discard %s %d", r.Contact, id)
}
func (s *scripted) StartPrivate(r session.Ref)        { s.note("StartPrivate %s", r.Contact) }
func (s *scripted) EndPrivate(r session.Ref)          { s.note("EndPrivate %s", r.Contact) }
func (s *scripted) ContinueUnencrypted(r session.Ref) { s.note("ContinueUnencrypted %s", r.Contact) }
func (s *scripted) Decide(r session.Ref, _ otr.Fingerprint, d session.KeyDecision) {
	s.note("Decide %s %d", r.Contact, d)
}
func (s *scripted) SetKeyRule(r session.Ref, rule session.KeyRule) {
	s.note("SetKeyRule %s %d", r.Contact, rule)
}
func (s *scripted) SetAccountKeyRule(a string, rule session.KeyRule) {
	s.note("SetAccountKeyRule %s %d", a, rule)
}
func (s *scripted) Hold(r session.Ref)                      { s.note("Hold %s", r.Contact) }
func (s *scripted) Release(r session.Ref)                   { s.note("Release %s", r.Contact) }
func (s *scripted) KnownKeys() []session.ContactKeys        { return s.keys }
func (s *scripted) KeyStory(session.Ref) []session.KeyEvent { return s.story }
func (s *scripted) ForgetKey(r session.Ref, fp otr.Fingerprint) error {
	s.note("ForgetKey %s %s", r.Contact, fp)
	return s.refuse
}
func (s *scripted) TakeOver(r session.Ref, fp otr.Fingerprint) error {
	s.note("TakeOver %s %s", r.Contact, fp)
	return s.refuse
}
func (s *scripted) AccountsOf(f session.KeyFile) map[string]string {
	accounts := map[string]string{}
	for _, name := range f.Names {
		if strings.HasPrefix(name, alice) {
			accounts[name] = alice
		}
	}
	return accounts
}
func (s *scripted) PlanImport(session.KeyFile, map[string]string) []session.ImportedKey {
	return s.plan
}
func (s *scripted) Import(f session.KeyFile, plan []session.ImportedKey) int {
	for _, k := range plan {
		s.note("Import %s %s trust=%v", k.Contact, k.Key, k.Trust)
	}
	return len(plan)
}
func (s *scripted) ExportKeys(session.ExportStyle) ([]byte, int, int) { return []byte("file\n"), 1, 0 }
func (s *scripted) SetVerified(r session.Ref, _ otr.Fingerprint, v bool) error {
	s.note("SetVerified %s %v", r.Contact, v)
	return nil
}
func (s *scripted) Acquaint(r session.Ref) { s.note("Acquaint %s", r.Contact) }
func (s *scripted) RequestVerification(r session.Ref) error {
	s.note("RequestVerification %s", r.Contact)
	return s.refuse
}
func (s *scripted) PutOff(r session.Ref, fp otr.Fingerprint) {
	s.note("PutOff %s %X", r.Contact, fp[:4])
}
func (s *scripted) AskFolded(r session.Ref, fp otr.Fingerprint, q string, a []byte) error {
	s.note("AskFolded %s", q)
	return s.refuse
}
func (s *scripted) Ask(r session.Ref, _ otr.Fingerprint, q string, _ []byte) error {
	s.note("Ask %s %s", r.Contact, q)
	return nil
}
func (s *scripted) Share(r session.Ref, _ otr.Fingerprint, _ []byte) error {
	s.note("Share %s", r.Contact)
	return nil
}
func (s *scripted) Answer(r session.Ref, n int, _ []byte) error {
	s.note("Answer %s %d", r.Contact, n)
	return nil
}
func (s *scripted) CancelSMP(r session.Ref) { s.note("CancelSMP %s", r.Contact) }

const alice = "alice@example.org"

func contactRef(who string) session.Ref {
	return session.Ref{Account: alice, Contact: who + "@example.org"}
}

func onlineAccount() session.AccountChanged {
	return session.AccountChanged{Account: session.Account{JID: alice, State: session.Online, Server: "example.org", Policy: session.Require, Kept: true}}
}

// bob is a contact with whom one talks privately.
func bob() session.Contact {
	fp := otr.Fingerprint{0x1b, 0x70}
	return session.Contact{
		Ref: contactRef("bob"), Name: "Bob Miller", OnRoster: true, Subscription: session.SubscriptionBoth,
		Presence: session.PresenceOnline, Resource: "laptop", Policy: session.Require, Lock: session.Unverified,
		Key: &fp, SendMode: session.SendPrivately, Activity: noon,
	}
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// entry makes a line of the conversation with bob, one minute after the line before.
func (s *scripted) entry(kind session.EntryKind, text string) session.Entry {
	s.next++
	e := session.Entry{Ref: contactRef("bob"), ID: s.next, Kind: kind, Text: text, Guard: session.EncryptedUnverified,
		Time: noon.Add(time.Duration(s.next) * time.Minute)}
	if kind == session.Outgoing {
		e.Status = session.StatusDelivered
	}
	return e
}
