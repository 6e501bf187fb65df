package ui

import (
	"time"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/chat"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

// This file makes every sentence about what a session tells. The English text is the key of its translation.

type words map[string]any

// starting tells whether a private conversation is being set up, as far as one can hope for it: where nobody answers, the lock is open.
func starting(c session.Contact) bool {
	return c.Starting && !c.NoAnswer && c.Lock == session.NotPrivate
}

// lockWord is the one word for how private a conversation is: the same in header, list and message details.
func lockWord(c session.Contact) string {
	if starting(c) {
		return lang.L("Starting")
	}
	switch c.Lock {
	case session.Unverified:
		return lang.L("Unverified")
	case session.Private:
		return lang.L("Private")
	case session.FinishedLock:
		return lang.L("Finished")
	}
	return lang.L("Not private")
}

func lockShape(c session.Contact) look.Lock {
	if starting(c) {
		return look.LockTurning
	}
	switch c.Lock {
	case session.Unverified:
		return look.LockQuestion
	case session.Private:
		return look.LockTick
	case session.FinishedLock:
		return look.LockCut
	}
	return look.LockOpen
}

// lockMeaning says what the word means, in a sentence.
func lockMeaning(c session.Contact) string {
	name := words{"Name": c.Name}
	if starting(c) {
		return lang.L("A private conversation with {{.Name}} is being set up.", name)
	}
	switch c.Lock {
	case session.Unverified:
		return lang.L("This conversation is private, but nobody has checked that this is really {{.Name}}.", name)
	case session.Private:
		return lang.L("This conversation is private, and you have verified that this is really {{.Name}}.", name)
	case session.FinishedLock:
		return lang.L("{{.Name}} ended the private conversation. Nothing is sent until you decide.", name)
	}
	return lang.L("This conversation is not private: servers on the way can read what is sent unencrypted.")
}

func presenceWord(p session.Presence) string {
	switch p {
	case session.PresenceOnline:
		return lang.L("online")
	case session.PresenceChatty:
		return lang.L("would like to chat")
	case session.PresenceAway:
		return lang.L("away")
	case session.PresenceLongAway:
		return lang.L("away for long")
	case session.PresenceBusy:
		return lang.L("busy")
	case session.PresenceInvisible:
		return lang.L("invisible")
	}
	return lang.L("offline")
}

// stateWord says in a word or two how an account is.
func stateWord(a session.Account) string {
	switch a.State {
	case session.Online:
		if a.Status != "" {
			return presenceWord(a.Presence) + " · " + a.Status
		}
		return presenceWord(a.Presence)
	case session.Connecting:
		return lang.L("connecting")
	case session.Waiting:
		return lang.L("no connection")
	case session.Stopped:
		return lang.L("needs you")
	}
	return lang.L("signed out")
}

// problemWords says why an account is not online: what happened, what it means, what to do. It is "" without a problem.
func problemWords(a session.Account) string {
	server := words{"Server": a.Server, "Account": a.JID}
	switch a.Problem {
	case session.ProblemUnreachable:
		return lang.L("Could not reach {{.Server}}. Nothing was sent.", server)
	case session.ProblemUnknownHost:
		return lang.L("There is no server called {{.Server}}, or this computer is not connected. Nothing was sent.", server)
	case session.ProblemTimeout:
		return lang.L("{{.Server}} did not answer in time. Nothing was sent.", server)
	case session.ProblemNoTLS:
		return lang.L("{{.Server}} does not offer an encrypted connection. Sotto did not sign in, and your password was not sent.", server)
	case session.ProblemCertificate:
		return lang.L("{{.Server}} could not prove that it is the right server: its certificate is not valid for this address, or nobody this computer trusts has signed it. Somebody could be in between, or the server is set up wrongly. Your password was not sent. Try another network, or ask whoever runs the server.", server)
	case session.ProblemPassword:
		return lang.L("{{.Server}} did not accept this address and password. Check both, capital letters too.", server)
	case session.ProblemOnlyPlain:
		return lang.L("{{.Server}} wants to be given the password itself, where others are content with a proof that you know it. Sotto did not send it.", server)
	case session.ProblemWeakerLogin:
		return lang.L("{{.Server}} offers only a weaker way to sign in than before. Somebody could be in between. Your password was not sent.", server)
	case session.ProblemRefused:
		return lang.L("{{.Server}} does not let {{.Account}} sign in. Ask whoever runs the server.", server)
	case session.ProblemBadName:
		return lang.L("{{.Server}} does not serve this address. Check the part after the @.", server)
	case session.ProblemConflict:
		return lang.L("{{.Account}} was signed in a second time, and the server ended this connection. Connect again to use it here.", server)
	case session.ProblemServerClosed:
		return lang.L("{{.Server}} ended the connection. What was not sent waits here.", server)
	case session.ProblemProxy:
		return lang.L("The proxy or Tor, through which {{.Account}} connects, is not there or does not let Sotto through. Nothing went round it.", server)
	case session.ProblemNeedsTor:
		return lang.L("{{.Server}} can be reached only through Tor. Choose Tor for this account.", server)
	case session.ProblemServerKey:
		return lang.L("{{.Server}} has another key than before. Sotto did not sign in, and your password was not sent.", server)
	case session.ProblemBrokenStream:
		return lang.L("{{.Server}} sent something that is not allowed, so Sotto ended the connection. What was not sent waits here.", server)
	}
	return keyProblemWords(a)
}

// keyProblemWords is problemWords for what has to do with keeping secrets on this computer.
func keyProblemWords(a session.Account) string {
	account := words{"Account": a.JID}
	switch a.Problem {
	case session.ProblemKeyringAbsent:
		return lang.L("This computer has no keyring that is ready to keep your password and your key. Nothing was written to disk.")
	case session.ProblemKeyringLocked:
		return lang.L("The keyring of this computer is locked, so Sotto cannot read your password and your key.")
	case session.ProblemKeyringTimeout:
		return lang.L("The keyring of this computer did not answer. It may be waiting for you in another window.")
	case session.ProblemKeyringNotKept:
		return lang.L("The keyring of this computer did not keep what it was given. Nothing of yours depends on it yet.")
	case session.ProblemKeyMissing:
		return lang.L("The key by which others know {{.Account}} is no longer in the keyring. A new key makes you a stranger: those who verified you have to do it again.", account)
	case session.ProblemPasswordMissing:
		return lang.L("The password of {{.Account}} is not in the keyring.", account)
	}
	return ""
}

// problemTail says what Sotto does by itself about an account's problem.
func problemTail(a session.Account) string {
	switch a.State {
	case session.Waiting:
		return lang.L("Sotto keeps trying.")
	case session.Connecting:
		return lang.L("Sotto is trying again.")
	}
	return ""
}

// addressWords says what is wrong with a typed address.
func addressWords(err error) string {
	reason, ok := addressReason(err)
	if !ok {
		return lang.L("This did not work. Nothing was sent.")
	}
	switch reason {
	case session.AddressEmpty:
		return lang.L("Type an address, like bob@example.org.")
	case session.AddressNoDomain:
		return lang.L("The address needs an @ and the name of its server, like bob@example.org.")
	case session.AddressHasResource:
		return lang.L("Leave out the slash and what follows it.")
	case session.AddressIsSelf:
		return lang.L("This is your own address.")
	case session.AddressTaken:
		return lang.L("This address is already on your list.")
	case session.AddressLocalUnusable:
		return lang.L("An address with = or , before the @ cannot sign in.")
	}
	return lang.L("This is not an address. Check it for spaces and unusual characters.")
}

// writeWords stands in the empty composer: to whom one writes, or why one cannot. The last is for where there is little room.
func writeWords(c session.Contact) []string {
	name := words{"Name": c.Name}
	switch {
	case !c.Held.IsZero():
		return []string{lang.L("Sending is blocked")}
	case c.NeedsVerified:
		return []string{lang.L("Verify {{.Name}} first", name), lang.L("Verify first")}
	}
	return []string{lang.L("Write to {{.Name}}", name), lang.L("Write a message")}
}

// sendErrorWords says why a text was not taken. The text is still in the composer.
func sendErrorWords(err error, c session.Contact) string {
	name := words{"Name": c.Name}
	switch {
	case isErr(err, session.ErrModeChanged):
		return lang.L("Nothing was sent: the conversation changed while you were typing. Look at the button and press it again.")
	case isErr(err, session.ErrKeyUndecided):
		return lang.L("Nothing was sent: {{.Name}} uses a new key, and you have not decided about it.", name)
	case isErr(err, session.ErrHeld):
		return lang.L("Nothing was sent: you have blocked sending to {{.Name}}.", name)
	case isErr(err, session.ErrNotVerified):
		return lang.L("Nothing was sent: you write to verified keys only, and nobody has verified the key of {{.Name}}.", name)
	case isErr(err, session.ErrEnded):
		return lang.L("Nothing was sent: the private conversation has ended.")
	case isErr(err, session.ErrEmpty):
		return lang.L("There is nothing to send.")
	case isErr(err, session.ErrTooLong):
		return lang.L("Nothing was sent: the text is too long. Send it in parts.")
	}
	return lang.L("Nothing was sent: {{.Name}} is not a contact of yours any more.", name)
}

// sendLabel is what the send button says it will do.
func sendLabel(c session.Contact) string {
	switch {
	case c.SendMode == session.SendPrivately:
		return lang.L("Send privately")
	case c.SendMode == session.SendWhenPrivate:
		return lang.L("Send when private")
	case c.SendMode == session.SendUnencrypted:
		return lang.L("Send unencrypted")
	}
	return lang.L("Sending is off")
}

// policyWord names a policy.
func policyWord(p session.Policy) string {
	switch p {
	case session.Require:
		return lang.L("Only privately")
	case session.Automatic:
		return lang.L("Privately where possible")
	case session.ByHand:
		return lang.L("When I start it")
	}
	return lang.L("Never privately")
}

// policyMeaning explains a policy in a sentence or two.
func policyMeaning(p session.Policy) string {
	switch p {
	case session.Require:
		return lang.L("A private conversation starts by itself. What you write before it is ready waits here and goes out privately. Nothing is ever sent unencrypted.")
	case session.Automatic:
		return lang.L("A private conversation starts by itself as soon as the other program shows that it can. Until then messages go unencrypted.")
	case session.ByHand:
		return lang.L("Messages go unencrypted until you or the other side start a private conversation.")
	}
	return lang.L("Messages always go unencrypted, and invitations to a private conversation are not answered.")
}

var policies = []session.Policy{session.Require, session.Automatic, session.ByHand, session.Never}

// dayWords is the text of a day separator.
func dayWords(day, now time.Time) string {
	switch daysBetween(day, now) {
	case 0:
		return lang.L("Today")
	case 1:
		return lang.L("Yesterday")
	}
	return dateWords(day)
}

// whenWords says shortly when something was said: the time of today, or the day. Zero is never.
func whenWords(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	switch daysBetween(t, now) {
	case 0:
		return t.Format("15:04")
	case 1:
		return lang.L("Yesterday")
	}
	return lang.L("{{.Day}} {{.Month}}", words{"Day": t.Day(), "Month": monthWord(t.Month())})
}

// dateWords names a day with its year.
func dateWords(day time.Time) string {
	return lang.L("{{.Day}} {{.Month}} {{.Year}}", words{"Day": day.Day(), "Month": monthWord(day.Month()), "Year": day.Year()})
}

func daysBetween(day, now time.Time) int {
	y, m, d := day.Date()
	from := time.Date(y, m, d, 12, 0, 0, 0, time.UTC)
	y, m, d = now.In(day.Location()).Date()
	return int(time.Date(y, m, d, 12, 0, 0, 0, time.UTC).Sub(from).Hours() / 24)
}

func monthWord(m time.Month) string {
	return [...]string{
		lang.L("January"), lang.L("February"), lang.L("March"), lang.L("April"), lang.L("May"), lang.L("June"),
		lang.L("July"), lang.L("August"), lang.L("September"), lang.L("October"), lang.L("November"), lang.L("December"),
	}[m-1]
}

func clockWords(t time.Time) string { return t.Local().Format("15:04") }

// guardWords says how a message was protected, and guardShape draws it.
func guardWords(e session.Entry, name string) string {
	who := words{"Name": name}
	if e.Status == session.StatusWaiting {
		if e.Guard == session.InClear {
			return lang.L("will be sent without encryption")
		}
		return lang.L("will be sent privately")
	}
	if e.Kind == session.Outgoing {
		switch e.Guard {
		case session.EncryptedUnverified:
			return lang.L("sent privately, {{.Name}} was not verified", who)
		case session.EncryptedVerified:
			return lang.L("sent privately to the verified {{.Name}}", who)
		}
		return lang.L("sent without encryption")
	}
	switch e.Guard {
	case session.EncryptedUnverified:
		return lang.L("received privately, {{.Name}} was not verified", who)
	case session.EncryptedVerified:
		return lang.L("received privately from the verified {{.Name}}", who)
	}
	return lang.L("received without encryption")
}

func guardShape(g session.Guard) look.Lock {
	switch g {
	case session.EncryptedUnverified:
		return look.LockQuestion
	case session.EncryptedVerified:
		return look.LockTick
	}
	return look.LockOpen
}

func tick(s session.Status) chat.Tick {
	switch s {
	case session.StatusWaiting:
		return chat.TickClock
	case session.StatusSent:
		return chat.TickSent
	case session.StatusStored:
		return chat.TickStored
	case session.StatusDelivered:
		return chat.TickDone
	case session.StatusUnconfirmed:
		return chat.TickDoubt
	case session.StatusFailed, session.StatusDiscarded:
		return chat.TickFailed
	}
	return chat.TickNone
}

// statusWords says what became of a message of ours.
func statusWords(e session.Entry, c session.Contact) string {
	switch e.Status {
	case session.StatusWaiting:
		return waitingWords(c)
	case session.StatusSent:
		return lang.L("Sent")
	case session.StatusStored:
		return lang.L("The server has it")
	case session.StatusDelivered:
		return lang.L("Delivered")
	case session.StatusUnconfirmed:
		return lang.L("Maybe not delivered. Send it again?")
	case session.StatusFailed:
		if !e.RetryAt.IsZero() {
			return whyWords(e.Why, c) + " " + lang.L("Sotto sends it again later.")
		}
		return whyWords(e.Why, c)
	case session.StatusDiscarded:
		return lang.L("Discarded. It was not sent.")
	}
	return ""
}

func waitingWords(c session.Contact) string {
	switch {
	case !c.Held.IsZero():
		return lang.L("Waits: you have blocked sending")
	case c.NeedsVerified:
		return lang.L("Waits until you have verified {{.Name}}", words{"Name": c.Name})
	}
	if c.Presence == session.PresenceOffline {
		return lang.L("Waits until {{.Name}} is online", words{"Name": c.Name})
	}
	return lang.L("Waits for the private conversation")
}

func whyWords(w session.Why, c session.Contact) string {
	name := words{"Name": c.Name}
	switch w {
	case session.WhyNotFound:
		return lang.L("Not delivered: there is nobody at this address.")
	case session.WhyUnreachable:
		return lang.L("Not delivered: the server of {{.Name}} cannot be reached.", name)
	case session.WhyRefused:
		return lang.L("Not delivered: {{.Name}} or the server refused it.", name)
	case session.WhyBusy:
		return lang.L("Not delivered: a server could not take it just now.")
	case session.WhyAway:
		return lang.L("Not delivered: {{.Name}} is not there, or there is nobody at this address.", name)
	case session.WhyKeyChanged:
		return lang.L("Not sent: it was meant for another key of {{.Name}}.", name)
	case session.WhyTooLong:
		return lang.L("Not sent: it is too long.")
	}
	return lang.L("Not delivered.")
}

// troubleWords says why the request to be somebody's contact could not be delivered.
func troubleWords(c session.Contact) string {
	name := words{"Name": c.Name}
	switch c.Trouble {
	case session.WhyNone:
		return ""
	case session.WhyNotFound, session.WhyAway:
		return lang.L("There seems to be nobody at {{.Address}}. Check the address for a typing mistake.", words{"Address": c.Ref.Contact})
	case session.WhyUnreachable:
		return lang.L("The server of {{.Name}} cannot be reached, so your request has not arrived.", name)
	}
	return lang.L("Your request did not reach {{.Name}}: a server refused it.", name)
}
