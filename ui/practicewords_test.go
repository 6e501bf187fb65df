package ui

import (
	"reflect"
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
