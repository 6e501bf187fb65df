package model

import (
	"strings"
	"testing"
)

func TestLinks(t *testing.T) {
	for text, want := range map[string]string{
		"see https://example.org.":                        "https://example.org",
		"(https://example.org/a_(b))":                     "https://example.org/a_(b)",
		"HTTP://Example.ORG/x, and mailto:bob@x.org":      "HTTP://Example.ORG/x mailto:bob@x.org",
		"xmpp:bob@example.org?message":                    "xmpp:bob@example.org?message",
		"https://a.org https://a.org":                     "https://a.org",
		"no javascript:alert(1) file:///etc/x ftp://x":    "",
		"data:text/html,x vnc://x xhttps://x":             "",
		"https:// http: mailto:x mailto:@x xmpp:":         "",
		"https://exa\u202emple.org":                       "",
		"“https://example.org/ä?q=1#f”":                   "https://example.org/ä?q=1#f",
		"https://[::1]:8080/x":                            "https://[::1]:8080/x",
		"12:30, 13:45: a:b::c":                            "",
		"https://example.org/…":                           "https://example.org/",
		"https://xn--e1afmkfd.org and https://пример.org": "https://xn--e1afmkfd.org https://пример.org",
	} {
		var got []string
		for _, l := range Links(Body(text), 9) {
			got = append(got, l.Address)
		}
		if g := strings.Join(got, " "); g != want {
			t.Errorf("in %q: %q, want %q", text, g, want)
		}
	}
	if got := Links(strings.Repeat("https://a.org/", 3)+" https://b.org", 1); len(got) != 1 {
		t.Errorf("%d links where one is wanted", len(got))
	}
}

func TestParseTarget(t *testing.T) {
	for _, test := range []struct{ in, host, drawn, address string }{
		{"https://example.org", "example.org", "", "https://example.org"},
		{"https://аррӏе.com/login", "xn--80ak6aa92e.com", "аррӏе.com", "https://xn--80ak6aa92e.com/login"},
		{"https://xn--80ak6aa92e.com", "xn--80ak6aa92e.com", "аррӏе.com", "https://xn--80ak6aa92e.com"},
		{"https://bank.example@evil.example/", "evil.example", "", "https://bank.example@evil.example/"},
		{"http://EXAMPLE.org:8080/a b", "", "", ""},
		{"http://EXAMPLE.org:8080/ä", "example.org", "", "http://example.org:8080/%C3%A4"},
		{"http://[::1]/", "::1", "", "http://[::1]/"},
		{"https://127.0.0.1/", "127.0.0.1", "", "https://127.0.0.1/"},
		{"mailto:bob@example.org?bcc=eve@example.org&attach=/etc/passwd", "bob@example.org", "", "mailto:bob@example.org"},
		{"xmpp:bob@example.org?roster;name=x", "bob@example.org", "", "xmpp:bob@example.org?roster;name=x"},
		{"javascript:alert(1)", "", "", ""},
		{"file:///etc/passwd", "", "", ""},
		{"https:example.org", "", "", ""},
		{"https:///x", "", "", ""},
		{"mailto:bob%0d%0aBcc:x@example.org", "", "", ""},
		{"https://exa\u200bmple.org", "", "", ""},
		{"https://" + strings.Repeat("a", maxAddress), "", "", ""},
	} {
		got, err := ParseTarget(test.in)
		if (err != nil) != (test.host == "") || got.Host != test.host || got.Unicode != test.drawn || got.Address != test.address {
			t.Errorf("%q leads to %+v, %v", test.in, got, err)
		}
	}
}

func TestDeed(t *testing.T) {
	for text, want := range map[string]string{"/me waves": "waves", "/me": "", "/me ": "", "/mean": "", " /me waves": "", "/me  waves": "waves", "/ME waves": ""} {
		if got, is := Deed(text); got != want || is != (want != "") {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// FuzzLinks promises that whatever a peer writes, only what may be opened is offered, its host is seen as it is, and what is handed to
// the system is one word of ASCII.
func FuzzLinks(f *testing.F) {
	for _, s := range []string{"https://example.org", "mailto:a@b", "xmpp:a@b?message", "https://аррӏе.com", "http://[::1]:80/%zz", "x:https://a@b:c@d/", "https://a.org…"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, l := range Links(s, 5) {
			target, err := ParseTarget(l.Address)
			if err != nil {
				t.Fatalf("%q is offered and cannot be opened", l.Address)
			}
			switch target.Scheme {
			case "https", "http", "mailto":
				for _, r := range target.Address {
					if r <= ' ' || r > '~' {
						t.Fatalf("%q would open %q", l.Address, target.Address)
					}
				}
				if !strings.HasPrefix(target.Address, target.Scheme+":") {
					t.Fatalf("%q would open %q", l.Address, target.Address)
				}
			case "xmpp":
			default:
				t.Fatalf("%q would open %q", l.Address, target.Address)
			}
			if strings.ContainsFunc(l.Shown, unseen) {
				t.Fatalf("%q is shown as %q", l.Address, l.Shown)
			}
		}
	})
}
