package ui

import (
	"strings"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

// noticeWords is the sentence of a system line. Of the contact it uses only the name: what happened stays as it was told.
func noticeWords(e session.Entry, c session.Contact) string {
	name := words{"Name": c.Name, "Text": quoted(e.Text)}
	switch e.Notice {
	case session.NoticePrivate:
		return lang.L("Private conversation with {{.Name}} began. Nobody has checked yet that this is really {{.Name}}.", name)
	case session.NoticePrivateFirst:
		return lang.L("Private conversation with {{.Name}} began, for the first time with this key. Nobody has checked yet that this is really {{.Name}}.", name)
	case session.NoticePrivateOther:
		return lang.L("Private conversation with {{.Name}} began, with another key than before. Nobody has checked either of them. It can be a new device, or somebody else.", name)
	case session.NoticePrivateVerified:
		return lang.L("Private conversation with {{.Name}} began. You have verified {{.Name}}.", name)
	case session.NoticeRefreshed:
		return lang.L("The private conversation goes on with fresh keys.")
	case session.NoticePeerEnded:
		return lang.L("{{.Name}} ended the private conversation. Nothing is sent until you decide.", name)
	case session.NoticeWeEnded:
		return lang.L("You ended the private conversation.")
	case session.NoticeKeyChanged:
		return lang.L("{{.Name}} uses a new key. You had verified the old one. Nothing is sent until you decide.", name)
	case session.NoticeKeyAccepted:
		return lang.L("You decided to go on with the new key of {{.Name}}. It is not verified.", name)
	case session.NoticeKeyRefused:
		return lang.L("You refused the new key of {{.Name}}, and the private conversation with it ended.", name)
	case session.NoticeNoAnswer:
		return lang.L("The program of {{.Name}} has not answered the invitation to a private conversation. Nothing was sent unencrypted.", name)
	case session.NoticePeerError:
		return lang.L("The other program reports an error. Its words, not checked: “{{.Text}}”", name)
	case session.NoticeUnreadable:
		return unreadableWords(e, c)
	case session.NoticeInterrupted:
		return lang.L("The private conversation could not be set up: a check failed. Nothing was sent. If it keeps failing, tell {{.Name}} in another way.", name)
	case session.NoticeAnotherClient:
		return lang.L("{{.Name}} wrote to another program you are signed in with. It cannot be read here.", name)
	case session.NoticeHeld:
		return lang.L("You have blocked sending to {{.Name}}. Nothing goes out until you allow it again.", name)
	case session.NoticeReleased:
		return lang.L("You allowed sending to {{.Name}} again.", name)
	case session.NoticeNotAnswered:
		return lang.L("The program of {{.Name}} sent something for a private conversation. It was neither read nor answered, because you have blocked sending.", name)
	case session.NoticePolicy:
		return lang.L("You changed how messages to {{.Name}} are protected.", name)
	}
	return verificationWords(e, c)
}

// quoted makes one line of what the other side said, with other quotation marks than ours: in a line of the program nothing of theirs
// begins a line, or ends the quotation.
func quoted(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '“', '„', '‟', '«', '〝':
			return '‘'
		case '”', '»', '〞', '"', '＂':
			return '’'
		}
		return r
	}, strings.Join(strings.Fields(s), " "))
}

func unreadableWords(e session.Entry, c session.Contact) string {
	return lang.N("{{.Count}} message from {{.Name}} could not be read. Ask {{.Name}} to send it again.", max(1, e.Count), words{"Name": c.Name, "Count": max(1, e.Count)})
}

// verificationWords is noticeWords for the lines about who has verified whom.
func verificationWords(e session.Entry, c session.Contact) string {
	name := words{"Name": c.Name, "Question": quoted(e.Question)}
	switch e.Notice {
	case session.NoticeVerifiedThem:
		return verifiedWords(e, c)
	case session.NoticeVerifiedUs:
		if e.Verified == session.NotVerified {
			return lang.L("{{.Name}} has verified you. You have not verified {{.Name}} yet.", name)
		}
		return lang.L("{{.Name}} has verified you.", name)
	case session.NoticeUnverified:
		return lang.L("You took back the verification of {{.Name}}.", name)
	case session.NoticeSMPFailed:
		if e.Verified != session.NotVerified {
			return lang.L("The answers differ. Often it is a typo. Your earlier verification of {{.Name}} still stands.", name)
		}
		return lang.L("The answers differ. Often it is a typo. If you are sure about the answer, call {{.Name}} before you write anything private.", name)
	case session.NoticeSMPAsked:
		if e.Question == "" {
			return lang.L("{{.Name}} wants to compare a secret that you both know.", name)
		}
		return lang.L("{{.Name}} wants to know that it is really you, and asks: “{{.Question}}”", name)
	case session.NoticeSMPWeAsked:
		return lang.L("You asked {{.Name}} for proof. You can keep writing.", name)
	case session.NoticeSMPAborted:
		return lang.L("The check was stopped. Nothing has changed.")
	case session.NoticeSMPTimedOut:
		return lang.L("The check had no answer in time. Nothing has changed.")
	case session.NoticeSMPRefused:
		return lang.L("{{.Name}} asks to check you more often than Sotto shows within an hour. Further questions are refused for now.", name)
	case session.NoticeTheyWantVerified:
		return lang.L("{{.Name}} asks you to verify that it is really {{.Name}}.", name)
	case session.NoticeWeWantVerified:
		return lang.L("You asked {{.Name}} to verify you.", name)
	}
	return ""
}

func verifiedWords(e session.Entry, c session.Contact) string {
	name := words{"Name": c.Name}
	switch e.Verified {
	case session.ByQuestion:
		if !e.VerifiedUs {
			return lang.L("{{.Name}} gave the right answer. You now know that it is really {{.Name}}. {{.Name}} has not checked you yet.", name)
		}
		return lang.L("{{.Name}} gave the right answer. You now know that it is really {{.Name}}.", name)
	case session.BySecret:
		return lang.L("You and {{.Name}} typed the same secret. You now know that it is really {{.Name}}.", name)
	}
	return lang.L("You have verified {{.Name}}. You now know that it is really {{.Name}}.", name)
}

// noticeShape is the sign of a system line, false where it has none.
func noticeShape(n session.Notice) (look.Lock, bool) {
	switch n {
	case session.NoticePrivate, session.NoticePrivateFirst, session.NoticePrivateOther, session.NoticeKeyAccepted, session.NoticeUnverified:
		return look.LockQuestion, true
	case session.NoticePrivateVerified, session.NoticeVerifiedThem:
		return look.LockTick, true
	case session.NoticePeerEnded, session.NoticeKeyChanged, session.NoticeKeyRefused, session.NoticeHeld:
		return look.LockCut, true
	case session.NoticeWeEnded, session.NoticeNoAnswer, session.NoticeInterrupted:
		return look.LockOpen, true
	}
	return look.LockOpen, false
}
