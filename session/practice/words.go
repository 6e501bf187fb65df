package practice

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Words is everything the practice contact says, and what it listens for, in the person's language. Package ui makes it, because the
// translations are there; no other text ever reaches the person from here.
//
// A Say is the messages of one turn, in order; short ones, as people write. In every message {name} stands for the contact's name,
// {question} and {answer} for the question it suggests and its answer, {challenge} and {reply} for the question it asks the person and
// the answer to that, {fingerprint} for the fingerprint of its key and {words} for the words it would read aloud. A turn without messages is
// a turn of silence.
type Words struct {
	// Name is the contact's, as the person's list shows it. It should say that this is practice.
	Name string
	// Question is what the contact suggests to be asked for verification, and Answer what it will answer: to every question, because it
	// understands none. Answer must be easy to type without a mistake: a few letters, no capitals.
	Question, Answer string
	// Challenge is what the contact asks the person who wants to be verified, and Reply the right answer, which it tells beforehand.
	Challenge, Reply string

	// Greeting is said when the conversation has become private for the first time: who this is, what the lock means now, how to verify
	// (with {question} and {answer}), and that a real friend would never tell the answer in the conversation.
	Greeting Say

	Reactions Reactions
	// Topics is what the contact can talk about. Where several fit, the one with the longest phrase that fits is taken, then the earlier one.
	Topics []Topic
	// AskMe is the topic of being asked: its Say announces the question with {challenge} and {reply}, and the question follows.
	AskMe Topic
	// WrongIt is the topic of a check that fails: its Say announces that the next answer will be wrong on purpose.
	WrongIt Topic

	// WantIt is the topic of wishing to be verified: its Say says where the person will see the wish, and the wish follows.
	WantIt Topic

	// EndIt is the topic of ending: its Say explains what Finished means and how to begin again, and then the contact ends the conversation.
	EndIt Topic
	// Lost is said to what fits no topic, one Say after the other and then from the first again: friendly, honest that this is a program
	// with few words, and with a hint at what it does understand.
	Lost []Say
}

// Say is the messages of one turn.
type Say []string

// Topic is something the contact can talk about.
type Topic struct {
	// Asks are words and phrases in lower case, one of which brings the topic up. They are looked for as whole words; "verif*" fits every
	// word that begins so. Punctuation does not matter.
	Asks []string
	Say  Say
}

// Reactions is what the contact says to what happens.
type Reactions struct {
	// Verified: the person asked, and the answers are equal. The lock of the person shows Private now. It
	// should also say that the other direction is open, and how to have it ("ask me").
	Verified Say
	// VerifiedBoth: the same secret was typed on both sides, so both know now that it is really the other.
	VerifiedBoth Say
	// Differs: the person asked, and the answers differ. Often a typo; compared exactly as typed. Repeat {answer}.
	Differs Say
	// Lied: the person asked, and the answer was wrong on purpose, as announced: what it means and what now.
	Lied Say

	// Compared: the person has compared fingerprints or words, and said that they are the same.
	Compared Say

	// Requested: the person asks to be verified. The question of AskMe follows.
	Requested Say

	// NoRequest: the contact was to wish to be verified, and there is no reason to, or it has done so a short while ago.
	NoRequest Say

	// Stopped: a verification, of either side, was cancelled or given up. Nothing has changed.
	Stopped Say
	// ReplyRight: the contact asked, and the person's answer was right: now the contact knows them. This changes nothing on the person's lock.
	ReplyRight Say
	// ReplyWrong: the contact asked, and the person's answer was not right. Repeat {reply}.
	ReplyWrong Say
	// OneAtATime: the person wants to be asked while a verification is going on.
	OneAtATime Say
	// Unencrypted: the person has written without encryption. The contact reads it, but only writes privately; it is said as soon as that
	// is possible.
	Unencrypted Say
	// BackAfterPerson: a new private conversation after the person ended the last one: what that looked like on the contact's side
	// (Finished: nothing could be written any more, so that nothing went out unencrypted by mistake).
	BackAfterPerson Say
	// BackAfterContact: a new private conversation after the contact ended the last one, because it was asked to.
	BackAfterContact Say
}

var errNoWords = errors.New("practice: the contact has no name, no answer or no question")

func (w *Words) check() error {
	for _, s := range []string{w.Name, w.Answer, w.Challenge, w.Reply} {
		if strings.TrimSpace(s) == "" || !utf8.ValidString(s) {
			return errNoWords
		}
	}
	return nil
}

// fill puts the values of w in the places for them.
func (w *Words) fill(text, fingerprint, aloud string) string {
	return strings.NewReplacer("{name}", w.Name, "{question}", w.Question, "{answer}", w.Answer,
		"{challenge}", w.Challenge, "{reply}", w.Reply, "{fingerprint}", fingerprint, "{words}", aloud).Replace(text)
}

// maxHeard is how much of a message is listened to.
const maxHeard = 1000

// Find returns the topic that text brings up, or nil.
func (w *Words) Find(text string) *Topic {
	heard := split(text[:min(len(text), maxHeard)], "")
	var best *Topic
	longest := 0
	consider := func(t *Topic) {
		for _, phrase := range t.Asks {
			if len(phrase) > longest && fits(heard, split(phrase, "*")) {
				best, longest = t, len(phrase)
			}
		}
	}
	consider(&w.AskMe)
	consider(&w.WrongIt)
	consider(&w.WantIt)
	consider(&w.EndIt)
	for i := range w.Topics {
		consider(&w.Topics[i])
	}
	return best
}

// split cuts text into words in lower case, which consist of letters, digits and the characters of keep. Apostrophes are left out:
// "what's" is "whats". So are the marks that people in a hurry leave out: the dots of "für", the hamza and the vowels of Arabic.
func split(text, keep string) []string {
	var plain strings.Builder
	for _, r := range norm.NFD.String(strings.ToLower(text)) {
		if !unicode.IsMark(r) {
			plain.WriteRune(r)
		}
	}
	return strings.FieldsFunc(hurried.Replace(plain.String()), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !strings.ContainsRune(keep, r)
	})
}

// hurried writes the letters alike that many do not tell apart on a keyboard, and leaves out what only stretches a word.
var hurried = strings.NewReplacer("'", "", "’", "", "ة", "ه", "ى", "ي", "ـ", "", "ß", "ss")

// fits reports whether phrase, in which a star stands for the rest of a word, occurs in heard, word for word.
func fits(heard, phrase []string) bool {
	if len(phrase) == 0 {
		return false
	}
	for i := 0; i+len(phrase) <= len(heard); i++ {
		all := true
		for j, p := range phrase {
			stem, open := strings.CutSuffix(p, "*")
			all = all && (heard[i+j] == p || open && strings.HasPrefix(heard[i+j], stem))
		}
		if all {
			return true
		}
	}
	return false
}
