package session

import (
	"context"
	"errors"
	"slices"

	"github.com/sotto-im/sotto/session/keyring"
	"github.com/sotto-im/sotto/session/xmpp"
)

// AccountTaskChanged carries what the server is asked to do with an account.
type AccountTaskChanged struct{ Task AccountTask }

func (AccountTaskChanged) event() {}

// An AccountTask is a change of the account at its server. There is one at a time.
type AccountTask struct {
	JID   string
	Kind  AccountTaskKind
	Stage AccountTaskStage
	Why   Why    // TaskFailed
	Text  string // TaskFailed: the server's words, unchecked
}

// AccountTaskKind says what is to be done.
type AccountTaskKind uint8

const (
	NoTask AccountTaskKind = iota
	ChangingPassword
	DeletingAccount
)

// AccountTaskStage says how far it is.
type AccountTaskStage uint8

const (
	TaskRunning AccountTaskStage = iota
	TaskDone                     // the server has confirmed it
	TaskFailed                   // the server has refused it, and nothing has changed
	TaskUnsure                   // nobody answered: it may have happened, or not
)

// Errors of ChangePassword and DeleteAccount.
var (
	ErrNotOnline = errors.New("session: the account is not online")
	ErrBusy      = errors.New("session: the last task is not done yet")
)

// ChangePassword gives the account another password at its server (XEP-0077), and in the keyring once the server has confirmed it. The
// password is copied; wipe yours. The error is ErrUnknown, ErrNotOnline, ErrBusy or ErrEmpty; how it ends is told by AccountTaskChanged.
func (s *Session) ChangePassword(jid string, password []byte) error {
	if len(password) == 0 {
		return ErrEmpty
	}
	password = slices.Clone(password)
	return s.begin(jid, ChangingPassword, func(a *account) { a.changePassword(password) })
}

// DeleteAccount has the server delete the account, with its roster and whatever it keeps of messages: nobody can take that back. Once the
// server has confirmed it, the account is removed here as well (AccountRemoved). The error is ErrUnknown, ErrNotOnline or ErrBusy.
func (s *Session) DeleteAccount(jid string) error {
	return s.begin(jid, DeletingAccount, (*account).deleteAccount)
}

func (s *Session) begin(jid string, kind AccountTaskKind, f func(*account)) error {
	err := ErrUnknown
	if a, ok := s.account(jid); ok {
		a.ask(func() {
			switch {
			case !a.online():
				err = ErrNotOnline
			case a.task.Kind != NoTask && a.task.Stage == TaskRunning:
				err = ErrBusy
			default:
				err = nil
				a.task = AccountTask{JID: jid, Kind: kind}
				s.emit(AccountTaskChanged{a.task})
				f(a)
			}
		})
	}
	return err
}

// ended tells how the task ended; true when the server has confirmed it.
func (a *account) ended(err error) bool {
	var refusal *xmpp.StanzaError
	switch {
	case err == nil:
		a.task.Stage = TaskDone
	case errors.As(err, &refusal):
		a.task.Stage, a.task.Why, a.task.Text = TaskFailed, whyOf(err), bound(cleanIncoming(refusal.Text), maxStrangerText)
	default:
		a.task.Stage, a.task.Why = TaskUnsure, WhyOther
	}
	a.session.emit(AccountTaskChanged{a.task})
	return err == nil
}

func (a *account) changePassword(password []byte) {
	conn := a.conn
	a.background(requestTimeout, func(ctx context.Context) error { return conn.ChangePassword(ctx, password) }, func(err error) {
		if !a.ended(err) {
			clear(password)
			return
		}
		clear(a.password)
		a.password, a.unkept.password = password, true
		a.keepSecrets()
	})
}

func (a *account) deleteAccount() {
	for _, c := range a.conversations {
		c.endPolitely()
	}
	conn := a.conn
	a.background(requestTimeout, func(ctx context.Context) error { return conn.DeleteAccount(ctx) }, func(err error) {
		if a.ended(err) {
			a.remove()
		}
	})
}

// keepSecrets puts into the keyring what it does not have yet, while the account is online. What cannot be kept is tried again at the next
// signing in, which does not succeed without it.
func (a *account) keepSecrets() {
	l := &login{keyring: a.session.presentKeyring(), id: a.record.ID, key: a.key, password: slices.Clone(a.password), proxy: a.way.proxy.clone(), unkept: a.unkept}
	if a.kept {
		l.known = a.record.Fingerprint
	}
	before, ended, chosen := a.keeping, make(chan struct{}), a.keyrings
	a.keeping = ended
	a.background(2*keyringTimeout, func(ctx context.Context) error {
		defer close(ended)
		defer clear(l.password)
		if before != nil {
			<-before // or an older password could come last
		}
		return l.keepSecrets(ctx)
	}, func(err error) {
		switch {
		case a.keeping != ended, a.keyrings != chosen, a.removing:
		case err != nil:
			a.session.emit(StoreProblem{Err: err})
		default:
			a.unkept = unkept{}
			a.kept = !keyring.Forgets(l.keyring)
			a.keep()
		}
	})
}
