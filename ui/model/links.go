package model

import (
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// The bounds of an address in a message.
const (
	maxAddress = 2048 // bytes; a longer one is text
	maxShown   = 30   // characters of it on a button
)

// ErrTarget is what ParseTarget returns for what is no address that may be opened.
var ErrTarget = errors.New("model: not an address that can be opened")

// A Link is an address that stands in a message.
type Link struct {
	Address string // as it was written
	Shown   string // its beginning, fit to stand on a button: the host first, as it really is
}

// A Target is where an address really leads.
type Target struct {
	Scheme  string // https, http, xmpp or mailto
	Address string // the whole, in ASCII
	Host    string // the host in ASCII, or for mailto and xmpp the address of whom it is about
	Unicode string // the host as it is drawn in other scripts, where that is not Host
}

// Links finds the addresses in a message that can be opened, the first of them and most at most. Only https, http, xmpp and mailto count;
// an address ends at a space, and what closes a sentence is not part of it.
func Links(text string, most int) []Link {
	var links []Link
	for len(links) < most {
		at := strings.IndexByte(text, ':')
		if at < 0 {
			break
		}
		begin := schemeBefore(text[:at])
		if begin < 0 {
			text = text[at+1:]
			continue
		}
		end := begin + len(firstWord(text[begin:]))
		address := trimmed(text[begin:end])
		text = text[max(at+1, begin+len(address)):]
		target, err := ParseTarget(address)
		if err != nil || strings.Contains(address, turned) || slices.ContainsFunc(links, func(l Link) bool { return l.Address == address }) {
			continue
		}
		links = append(links, Link{Address: address, Shown: target.short()})
	}
	return links
}

// schemeBefore returns where a scheme that may be opened begins, if text ends with one, and otherwise -1.
func schemeBefore(text string) int {
	for _, scheme := range schemes {
		begin := len(text) - len(scheme)
		if begin < 0 || !strings.EqualFold(text[begin:], scheme) {
			continue
		}
		if begin > 0 && isWordByte(text[begin-1]) {
			continue
		}
		return begin
	}
	return -1
}

var schemes = []string{"https", "http", "xmpp", "mailto"}

func isWordByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '+' || b == '-' || b == '.'
}

func firstWord(text string) string {
	end := strings.IndexFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("<>\"“”«»", r)
	})
	if end < 0 {
		return text
	}
	return text[:end]
}

// trimmed takes what closes a sentence off the end of an address, and a bracket that was opened before it.
func trimmed(address string) string {
	for address != "" {
		last := address[len(address)-1]
		switch {
		case strings.IndexByte(".,;:!?'", last) >= 0:
		case last == ')' && strings.Count(address, "(") < strings.Count(address, ")"):
		case last == ']' && strings.Count(address, "[") < strings.Count(address, "]"):
		case strings.HasSuffix(address, "…"):
			address = address[:len(address)-len("…")+1]
		default:
			return address
		}
		address = address[:len(address)-1]
	}
	return ""
}

// ParseTarget says where an address leads, or refuses it with ErrTarget. Of a mailto address only whom it is for is left: what else
// such an address can ask a mail program for is not for others to choose.
func ParseTarget(address string) (Target, error) {
	if len(address) > maxAddress || strings.ContainsFunc(address, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) || unseen(r) }) {
		return Target{}, ErrTarget
	}
	u, err := url.Parse(address)
	if err != nil {
		return Target{}, ErrTarget
	}
	switch scheme := strings.ToLower(u.Scheme); scheme {
	case "https", "http":
		return webTarget(u)
	case "mailto", "xmpp":
		who := u.Opaque
		if at := strings.IndexByte(who, '@'); u.Host != "" || at < 1 || at == len(who)-1 {
			return Target{}, ErrTarget
		}
		return whoTarget(scheme, address, u)
	}
	return Target{}, ErrTarget
}

// webTarget turns the host into what is really asked for.
func webTarget(u *url.URL) (Target, error) {
	host := strings.TrimSuffix(u.Hostname(), ".")
	if u.Opaque != "" || host == "" {
		return Target{}, ErrTarget
	}
	if _, err := netip.ParseAddr(host); err != nil {
		if host, err = idna.Lookup.ToASCII(host); err != nil {
			return Target{}, ErrTarget
		}
	}
	t := Target{Scheme: strings.ToLower(u.Scheme), Host: host}
	if drawn, err := idna.Display.ToUnicode(host); err == nil && drawn != host {
		t.Unicode = drawn
	}
	real := *u
	real.Scheme = t.Scheme
	real.Host = host
	if strings.Contains(host, ":") {
		real.Host = "[" + host + "]"
	}
	if port := u.Port(); port != "" {
		real.Host += ":" + port
	}
	t.Address = real.String()
	return t, nil
}

func whoTarget(scheme, address string, u *url.URL) (Target, error) {
	who, err := url.PathUnescape(u.Opaque)
	if err != nil || Name(who) != who {
		return Target{}, ErrTarget
	}
	t := Target{Scheme: scheme, Host: who, Address: address}
	if scheme == "mailto" {
		t.Address = "mailto:" + (&url.URL{Path: who}).EscapedPath()
	}
	return t, nil
}

// short is the beginning of an address, host first.
func (t Target) short() string {
	shown := t.Host
	if t.Scheme == "https" || t.Scheme == "http" {
		_, rest, _ := strings.Cut(t.Address, "://")
		if i := strings.IndexAny(rest, "/?#"); i >= 0 && rest[i:] != "/" {
			shown += rest[i:]
		}
	}
	if r := []rune(shown); len(r) > maxShown {
		shown = string(r[:maxShown]) + "…"
	}
	return shown
}

// Deed returns what somebody says they do, where a message begins with /me (XEP-0245).
func Deed(text string) (what string, is bool) {
	what, is = strings.CutPrefix(text, "/me ")
	if what = strings.TrimLeft(what, " "); !is || what == "" {
		return "", false
	}
	return what, true
}
