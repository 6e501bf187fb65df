package ui

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sotto-im/sotto/session/practice"
	"github.com/sotto-im/sotto/ui/lang"
)

// TestPracticeWords promises that the contact has something to say on every occasion, in messages of a readable length, with
// nothing in braces that it cannot fill.
func TestPracticeWords(t *testing.T) {
	defer speak(t, "en")
	for _, l := range lang.Languages() {
		t.Run(l.Tag, func(t *testing.T) {
			speak(t, l.Tag)
			checkPracticeWords(t, practiceWords())
		})
	}
}

func checkPracticeWords(t *testing.T, w practice.Words) {
	says := map[string]practice.Say{"greeting": w.Greeting, "ask me": w.AskMe.Say, "wrong": w.WrongIt.Say, "wish": w.WantIt.Say, "end": w.EndIt.Say}
	reactions := reflect.ValueOf(w.Reactions)
	for i := range reactions.NumField() {
		says[reactions.Type().Field(i).Name] = reactions.Field(i).Interface().(practice.Say)
	}
	for _, topic := range append(w.Topics, w.AskMe, w.WrongIt, w.WantIt, w.EndIt) {
		says[strings.Join(topic.Asks, ",")] = topic.Say
		for _, a := range topic.Asks {
			if a == "" || a != strings.ToLower(a) {
				t.Errorf("listens for %q", a)
			}
		}
	}
	for _, s := range w.Lost {
		says[s[0]] = s
	}
	filled := strings.NewReplacer("{name}", "", "{question}", "", "{answer}", "", "{challenge}", "", "{reply}", "", "{fingerprint}", "", "{words}", "")
	for when, say := range says {
		if len(say) == 0 {
			t.Errorf("%s: nothing to say", when)
		}
		for _, line := range say {
			if n := utf8.RuneCountInString(line); n == 0 || n > 220 || strings.ContainsAny(filled.Replace(line), "{}!") {
				t.Errorf("%s: says %q", when, line)
			}
			for _, secret := range []string{"{answer}", "{reply}"} {
				if _, after, told := strings.Cut(line, secret); told && after != "" && after[0] != '\n' {
					t.Errorf("%s: what follows in %q looks like a part of the answer", when, line)
				}
			}
		}
	}
	if all := strings.Join(w.Greeting, " "); !strings.Contains(all, "{answer}") || lang.Tag() == "en" && !strings.Contains(all, "never") {
		t.Error("the greeting does not tell the answer, or not that friends would never do so")
	}
	if w.Answer != strings.ToLower(w.Answer) || w.Reply != strings.ToLower(w.Reply) {
		t.Error("an answer is hard to type without a mistake")
	}
}

// TestWhatPeopleType promises that what somebody would really type, also in a hurry, brings up what they mean.
func TestWhatPeopleType(t *testing.T) {
	defer speak(t, "en")
	for tag, typed := range map[string]map[string]string{
		"en": {
			"check me": "check me", "who am I?": "check me", "Give me a wrong answer, please": "wrong", "I want to verify you": "question*", "How do I verify you?": "question*",
			"verify you": "remind*", "is it really you": "question*", "what does the yellow lock mean": "lock*", "who can see this": "server*", "is this end-to-end encrypted?": "key",
			"end to end?": "key", "What's up": "hello*", "I don't understand": "help*", "are you real?": "robot", "thx": "thx", "what is the question mark": "lock*",
			"See you!": "goodbye", "please end it": "goodbye", "and the shared secret": "pin", "can I phone you": "phone",
		},
		"de": {
			"Prüf mich!": "frag mich", "frag mich nochmal": "frag mich", "eine falsche Antwort bitte": "falsch*", "Wie kann ich dich prüfen": "frage*", "Soll ich dich prüfen?": "erinner*",
			"Ende-zu-Ende-Verschlüsselung": "otr", "Das ist auf dem Weg": "", "Was heißt das Fragezeichen": "schloss*", "wer kann mitlesen": "server*", "Schluss jetzt": "ende",
			"Tschüss": "ende", "tschuss": "ende", "Wie geht's?": "hallo*", "wie gehts weiter": "hilfe*", "Verstehe ich nicht": "hilfe*", "verstehe": "danke*", "wie heisst du": "roboter",
			"das Passwort": "pin", "darf ich anrufen": "handy",
		},
		"ar": {
			"اسالني": "اسألني", "تحقق مني": "اسألني", "اعطني اجابة خاطئة": "خطأ", "كيف أتحقق منك؟": "السؤال", "هل اتحقق منك": "ذكرني", "إنه برنامج": "روبوت", "إنها جميلة": "مشكور",
			"ما معنى القفل؟": "القفل", "من يستطيع ان يقرأ هذا": "تجسس", "انهاء المحادثه": "إنهاء", "مع السلامه": "إنهاء", "أهلاً": "مرحبا", "لا افهم": "مساعدة", "شكراً": "مشكور",
			"كلمه السر": "السر", "البصمه": "الهاتف", "هل هذا مشفر": "المفتاح", "إنه هنا": "",
		},
	} {
		speak(t, tag)
		w := practiceWords()
		for said, want := range typed {
			got := []string{""}
			if topic := w.Find(said); topic != nil {
				got = topic.Asks
			}
			if !slices.Contains(got, want) {
				t.Errorf("%s: %q brings up %q, want what has %q", tag, said, got, want)
			}
		}
	}
}
