package ui

import (
	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/session/keyring"
)

// An Engine is what a desk asks of a session: the methods of *session.Session that the window calls. None of them waits for
// network, disk or keyring.
type Engine interface {
	Events() <-chan session.Event
	UseKeyring(k keyring.Keyring)

	SignIn(in session.SignIn) error
	SignUp(in session.NewAccount) (number int, err error)
	SubmitSignUp(number int, answers map[string][]string)
	CancelSignUp(number int)
	ChangePassword(account string, password []byte) error
	DeleteAccount(account string) error
	Connection(account string) (session.Connection, bool)
	SetProxy(account string, p session.Proxy) error
	TrustServerKey(account, fingerprint string)
	AcceptWeakerLogin(account string)
	SetPresence(account string, p session.Presence, status string)
	SetIdle(idle bool)
	Connect(account string)
	Disconnect(account string)
	RemoveAccount(account string)
	SetAccountPolicy(account string, p session.Policy)
	SetReceipts(account string, told bool)
	SetTypingPolicy(account string, p session.TypingPolicy)
	SetServerKeyCheck(account string, c session.ServerKeyCheck)
	NewIdentity(account string)

	AddContact(account, address, name string) (session.Ref, error)
	Accept(r session.Ref)
	Decline(r session.Ref)
	Rename(r session.Ref, name string)
	SetGroups(r session.Ref, groups []string)
	RemoveContact(r session.Ref)
	SelectDevice(r session.Ref, tag otr.InstanceTag)
	AllowV2(r session.Ref, allowed bool)
	Block(r session.Ref) error
	Unblock(r session.Ref) error
	SetPolicy(r session.Ref, p session.Policy)
	SetQuiet(r session.Ref, quiet bool)

	Opened(r session.Ref)
	Typing(r session.Ref)
	StoppedTyping(r session.Ref)
	FollowLink(account string, l session.Link) (session.Ref, error)
	ConfirmLink(r session.Ref, fp otr.Fingerprint) error
	DropLink(r session.Ref)
	Send(r session.Ref, text string, mode session.SendMode) (session.EntryID, error)
	SendAsShown(shown session.Contact, text string) (session.EntryID, error)
	Exhibits(r session.Ref) []session.Exhibit
	Forge(r session.Ref, number int, text string) (session.Forgery, error)
	Retry(r session.Ref, id session.EntryID)
	Discard(r session.Ref, id session.EntryID)
	StartPrivate(r session.Ref)
	EndPrivate(r session.Ref)
	ContinueUnencrypted(r session.Ref)

	Decide(r session.Ref, fp otr.Fingerprint, d session.KeyDecision)
	SetVerified(r session.Ref, fp otr.Fingerprint, verified bool) error
	Acquaint(r session.Ref)
	RequestVerification(r session.Ref) error
	PutOff(r session.Ref, fp otr.Fingerprint)
	SetKeyRule(r session.Ref, rule session.KeyRule)
	SetAccountKeyRule(account string, rule session.KeyRule)
	Hold(r session.Ref)
	Release(r session.Ref)
	KnownKeys() []session.ContactKeys
	KeyStory(r session.Ref) []session.KeyEvent
	ForgetKey(r session.Ref, fp otr.Fingerprint) error
	TakeOver(r session.Ref, fp otr.Fingerprint) error
	AccountsOf(f session.KeyFile) map[string]string
	PlanImport(f session.KeyFile, accounts map[string]string) []session.ImportedKey
	Import(f session.KeyFile, plan []session.ImportedKey) int
	ExportKeys(style session.ExportStyle) (file []byte, keys, left int)
	Ask(r session.Ref, fp otr.Fingerprint, question string, answer []byte) error
	AskFolded(r session.Ref, fp otr.Fingerprint, question string, answer []byte) error
	Share(r session.Ref, fp otr.Fingerprint, secret []byte) error
	Answer(r session.Ref, number int, secret []byte) error
	CancelSMP(r session.Ref)
}

var _ Engine = (*session.Session)(nil)
