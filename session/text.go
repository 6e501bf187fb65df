package session

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

const (
	// MaxText is how many bytes of text Send takes. Encrypted, it stays below the 64 KiB that the strictest servers carry in a stanza.
	MaxText = 32 << 10
	// maxIncoming bounds what is shown of a message; more than any honest program sends.
	maxIncoming = 128 << 10
	// maxName bounds names and status lines of others, in bytes.
	maxName = 256
)

// cleanText makes valid UTF-8 without NUL and the other control characters that neither XML nor a person has a use for. NUL would
// end the text inside OTR and let the rest act as commands ("TLV records").
func cleanText(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r':
			return '\n'
		case unicode.Is(unicode.Cc, r) || r == 0xfffe || r == 0xffff:
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

// cleanIncoming is cleanText for the words of others, bounded.
func cleanIncoming(s string) string { return bound(cleanText(s), maxIncoming) }

// cleanName is for names and status lines that others chose: one line without what cannot be seen.
func cleanName(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.In(r, unicode.C, unicode.Zl, unicode.Zp, unicode.Variation_Selector):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	return bound(strings.Join(strings.Fields(s), " "), maxName)
}

// bound cuts s after at most n bytes, between two characters.
func bound(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// writesMarkup tells whether the program that sent a stanza with this id puts HTML inside OTR, where others put plain text.
//
// The rule: all programs built on libpurple do, whatever the text is, and their stanza ids are "purple" and a hexadecimal number.
// Looking at the text instead would damage what people write about HTML, and "a < b", when it comes from any other program.
func writesMarkup(id string) bool {
	number, ok := strings.CutPrefix(id, "purple")
	return ok && number != "" && strings.Trim(number, "0123456789abcdef") == ""
}

// fromMarkup is what a person would read of HTML: entities decoded, tags gone, line breaks kept, the address of a link after its words.
func fromMarkup(s string) string {
	var b strings.Builder
	var link string // href of the <a> we are in
	var words int   // where its words begin in b
	for z := html.NewTokenizer(strings.NewReader(s)); ; {
		switch z.Next() {
		case html.ErrorToken: // the end: a tokenizer takes any text
			return strings.TrimSuffix(b.String(), "\n")
		case html.TextToken:
			b.WriteString(z.Token().Data)
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			switch t.DataAtom {
			case atom.Br:
				b.WriteByte('\n')
			case atom.P, atom.Div, atom.Li, atom.Tr:
				newLine(&b)
			case atom.A:
				link, words = attribute(t, "href"), b.Len()
			}
		case html.EndTagToken:
			switch t := z.Token(); t.DataAtom {
			case atom.P, atom.Div, atom.Li, atom.Tr:
				newLine(&b)
			case atom.A:
				if link != "" && !strings.Contains(link, strings.TrimSpace(b.String()[words:])) {
					b.WriteString(" (" + link + ")")
				}
				link = ""
			}
		}
	}
}

// newLine begins a new line, unless b is at the beginning of one.
func newLine(b *strings.Builder) {
	if s := b.String(); s != "" && !strings.HasSuffix(s, "\n") {
		b.WriteByte('\n')
	}
}

func attribute(t html.Token, name string) string {
	for _, a := range t.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// toMarkup is text for a program that reads what comes out of OTR as HTML.
func toMarkup(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\n", "<br>").Replace(s)
}
