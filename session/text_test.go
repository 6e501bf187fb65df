package session

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFromMarkup(t *testing.T) {
	for _, tt := range []struct{ html, want string }{
		{"plain", "plain"},
		{"a &lt; b &amp;&amp; c &gt; d", "a < b && c > d"},
		{"a < b", "a < b"},
		{"&amp;lt;", "&lt;"},
		{"<FONT COLOR=\"#000\" FACE='x'>hi</FONT>", "hi"},
		{"<html><body>hello<br/>there<BR>you</body></html>", "hello\nthere\nyou"},
		{"<p>one</p><p>two</p>", "one\ntwo"},
		{"<div>one</div>two", "one\ntwo"},
		{"<a href=\"https://x.test/\">https://x.test/</a>", "https://x.test/"},
		{"<a href=\"https://evil.test/\">https://good.test/</a>", "https://good.test/ (https://evil.test/)"},
		{"<a>x</a>", "x"},
		{"<b>unclosed", "unclosed"},
		{"<b", ""},
		{"&#8364; &euro; &nosuch;", "€ € &nosuch;"},
		{"", ""},
	} {
		if got := fromMarkup(tt.html); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.html, got, tt.want)
		}
	}
}

func TestWritesMarkup(t *testing.T) {
	for id, want := range map[string]bool{
		"purple1a2b3c4d": true, "purple0": true, "purple": false, "purpleXYZ": false, "": false, "apurple1": false,
		"b2f1c0de-0000": false, "purple1a2b3c4d ": false,
	} {
		if got := writesMarkup(id); got != want {
			t.Errorf("%q: %v", id, got)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"plain", "a\x00b", "\xff\xfe", "<b>x</b>", "a &lt; b", "\r\n\r", "\u202e", "x\u200by", "<a href=y>z", "\ufffe\uffff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		clean := cleanText(s)
		if !utf8.ValidString(clean) || strings.ContainsAny(clean, "\x00\x01\x07\x1b\r\x7f\u0085") || cleanText(clean) != clean {
			t.Errorf("%q: %q", s, clean)
		}
		name := cleanName(s)
		if !utf8.ValidString(name) || strings.ContainsAny(name, "\n\t\u202e\u200b\u2028") || len(name) > maxName || cleanName(name) != name {
			t.Errorf("%q: %q", s, name)
		}
		if got := cleanText(fromMarkup(toMarkup(clean))); got != strings.TrimSuffix(clean, "\n") {
			t.Errorf("%q: %q", clean, got)
		}
		if b := bound(clean, 7); len(b) > 7 || !utf8.ValidString(b) || !strings.HasPrefix(clean, b) {
			t.Errorf("%q: %q", clean, b)
		}
	})
}
