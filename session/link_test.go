package session

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
	"mellium.im/xmpp/jid"
)

const aKey, bKey = "0123456789abcdef0123456789abcdef01234567", "89abcdef0123456789abcdef0123456789abcdef"

// Links, and what is read of them: address action name text token keys; "" for what is refused.
var links = []struct{ in, want string }{
	{"xmpp:juliet@example.com", "juliet@example.com 0"},
	{"  XMPP:Juliet@Example.com\n", "juliet@example.com 0"},
	{"xmpp:juliet@example.com/balcony", "juliet@example.com 0"},
	{"xmpp:juliet@example.com?message", "juliet@example.com 1"},
	{"xmpp:juliet@example.com?message;body=Hi%20there+you;subject=x", "juliet@example.com 1 text=Hi there+you"},
	{"xmpp:juliet@example.com?message;body=one%0Atwo", "juliet@example.com 1 text=one\ntwo"},
	{"xmpp:juliet@example.com?roster;name=The%20Nurse;group=x", "juliet@example.com 2 name=The Nurse"},
	{"xmpp:juliet@example.com?subscribe", "juliet@example.com 2"},
	{"xmpp:juliet@example.com?roster;preauth=abc", "juliet@example.com 2 token=abc"},
	{"xmpp:example.com?register;preauth=abc", "example.com 3 token=abc"},
	{"xmpp:new@example.com?register", "new@example.com 3"},
	{"xmpp:juliet@example.com?otr-fingerprint=" + aKey, "juliet@example.com 0 key=" + aKey},
	{"xmpp:juliet@example.com?message;OTR-fingerprint=" + strings.ToUpper(aKey), "juliet@example.com 1 key=" + aKey},
	{"xmpp:juliet@example.com?message;otr-fingerprint=" + aKey + ";otr-fingerprint=" + bKey, "juliet@example.com 1 key=" + aKey + " key=" + bKey},
	{"xmpp:juliet@example.com?otr-fingerprint=01234567%2089ABCDEF%2001234567%2089ABCDEF%2001234567", "juliet@example.com 0 key=" + aKey},
	{"xmpp:juliet@example.com?join", "juliet@example.com 0"},
	{"xmpp:juliet@example.com?disco;type=get", "juliet@example.com 0"},
	{"xmpp:juliet@example.com?vcard;body=x", "juliet@example.com 0"},
	{"xmpp:juliet@example.com?message#fragment", "juliet@example.com 1"},
	{"xmpp://romeo@example.net/juliet@example.com?message", "juliet@example.com 1"},
	{"xmpp:nasty!%23$%25()*+,-.;=%3F%5B%5C%5D%5E_%60%7B%7C%7D~node@example.com", "nasty!#$%()*+,-.;=?[\\]^_`{|}~node@example.com 0"},
	{"xmpp:r%C3%A9pub@example.com", "répub@example.com 0"},
	{"xmpp:juliet@example.com?message;body=%E2%80%AEevil", "juliet@example.com 1 text=\u202eevil"}, // it is for the composer, which shows it
	{"xmpp:juliet@example.com?roster;name=%E2%80%AEevil", "juliet@example.com 2 name=evil"},

	{"", ""},
	{"juliet@example.com", ""},
	{"mailto:juliet@example.com", ""},
	{"xmpp:", ""},
	{"xmpp:?message", ""},
	{"xmpp:juliet", ""},
	{"xmpp:@example.com", ""},
	{"xmpp:juliet@", ""},
	{"xmpp:juliet@example.com%00", ""},
	{"xmpp:juliet%0A@example.com", ""},
	{"xmpp:juliet@example.com%", ""},
	{"xmpp:juliet@example.com?message;body=%", ""},
	{"xmpp:juliet@example.com?message;body=%00", ""},
	{"xmpp:juliet@example.com?message;body=%FF", ""},
	{"xmpp:juliet@example.com?otr-fingerprint=", ""},
	{"xmpp:juliet@example.com?otr-fingerprint=0123", ""},
	{"xmpp:juliet@example.com?otr-fingerprint=" + aKey + "00", ""},
	{"xmpp:juliet@example.com?otr-fingerprint=" + strings.Replace(aKey, "a", "g", 1), ""},
	{"xmpp:juliet@example.com?otr-fingerprint=" + aKey + ";otr-fingerprint=" + strings.ToUpper(aKey), ""},
	{"xmpp://romeo@example.net", ""},
	{"xmpp://romeo@example.net/", ""},
	{"xmpp:juliet@example.com?message;body=" + strings.Repeat("x", maxLink), ""},
	{"xmpp:juliet@example.com?message\xff", ""},
}

func describeLink(l Link) string {
	s := fmt.Sprintf("%s %d", l.Address, l.Action)
	for _, pair := range [][2]string{{"name", l.Name}, {"text", l.Text}, {"token", l.Token}} {
		if pair[1] != "" {
			s += " " + pair[0] + "=" + pair[1]
		}
	}
	for _, fp := range l.Fingerprints {
		s += fmt.Sprintf(" key=%x", fp[:])
	}
	return s
}

func TestLinks(t *testing.T) {
	for _, test := range links {
		l, err := ParseLink(test.in)
		if test.want == "" {
			if !errors.Is(err, ErrLink) {
				t.Errorf("%.100q: %+v, %v", test.in, l, err)
			}
			continue
		}
		if err != nil || describeLink(l) != test.want {
			t.Errorf("%q: %q, %v", test.in, describeLink(l), err)
		}
	}
	var many strings.Builder
	for i := range maxLinkFingerprints + 1 {
		fmt.Fprintf(&many, ";otr-fingerprint=%040x", i)
	}
	if _, err := ParseLink("xmpp:a@b.test?message" + many.String()); !errors.Is(err, ErrLink) {
		t.Errorf("more keys than anybody has: %v", err)
	}
	long, err := ParseLink("xmpp:a@b.test?message;body=" + strings.Repeat("x", 2*maxLinkText))
	if err != nil || len(long.Text) != maxLinkText {
		t.Errorf("a long text: %d bytes, %v", len(long.Text), err)
	}
}

// A link that Sotto writes is short, and read back as it was.
func TestLinkString(t *testing.T) {
	fp, _ := otr.ParseFingerprint(aKey)
	l := Link{Address: jid.MustParse("juliet@example.com"), Action: LinkMessage, Text: "a&b=c;d\n?é", Fingerprints: []otr.Fingerprint{fp}}
	const want = "xmpp:juliet@example.com?message;body=a%26b%3Dc%3Bd%0A%3F%C3%A9;otr-fingerprint=" + aKey
	if got := l.String(); got != want {
		t.Errorf("got %s", got)
	}
	if got := (Link{Address: l.Address, Fingerprints: l.Fingerprints}).String(); got != "xmpp:juliet@example.com?otr-fingerprint="+aKey {
		t.Errorf("got %s", got)
	}
}

func FuzzLink(f *testing.F) {
	for _, test := range links {
		f.Add(test.in)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := ParseLink(s)
		if err != nil {
			if !errors.Is(err, ErrLink) {
				t.Fatal(err)
			}
			return
		}
		if len(l.Text) > maxLinkText || len(l.Name) > maxName || len(l.Fingerprints) > maxLinkFingerprints || l.Address.Resourcepart() != "" {
			t.Fatalf("not bounded: %+v", l)
		}
		if again, err := ParseLink(l.String()); len(l.String()) <= maxLink && (err != nil || !reflect.DeepEqual(describeLink(again), describeLink(l))) {
			t.Fatalf("%q became %q: %+v, %v", s, l.String(), again, err)
		}
	})
}

// Nobody is verified because a link says so: not before the person has said that the link is theirs, and only for the key that it named.
func TestFollowLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := friends(t)
		r := a.ref(b)
		bob := jid.MustParse(b.jid)
		key, other := *b.accounts[b.jid].Fingerprint, otr.Fingerprint{1}
		follow := func(fps ...otr.Fingerprint) *LinkClaim {
			t.Helper()
			if got, err := a.session.FollowLink(a.jid, Link{Address: bob, Fingerprints: fps}); err != nil || got != r {
				t.Fatalf("%v, %v", got, err)
			}
			synctest.Wait()
			return a.contact(b).Link
		}
		restart := func() *LinkClaim {
			a.restart()
			pass(time.Minute)
			return a.contact(b).Link
		}
		if claim := follow(key); claim == nil || claim.State != LinkWaiting || claim.Key != nil {
			t.Errorf("before any key is known: %+v", claim)
		}
		if err := a.session.ConfirmLink(r, key); err != ErrKeyGone {
			t.Errorf("confirmed what nobody has seen: %v", err)
		}
		if claim := restart(); claim == nil || claim.State != LinkWaiting || !slices.Equal(claim.Fingerprints, []otr.Fingerprint{key}) {
			t.Errorf("after a restart: %+v", claim)
		}
		a.session.Opened(r)
		synctest.Wait()
		c := a.contact(b)
		if c.Lock != Unverified || c.Link.State != LinkMatches || *c.Link.Key != key {
			t.Fatalf("with the key that was named: %v %+v", c.Lock, c.Link)
		}
		if claim := restart(); claim == nil || claim.State != LinkMatches {
			t.Errorf("after another restart: %+v", claim)
		}
		a.session.Opened(r)
		synctest.Wait()
		if claim := follow(other); claim.State != LinkDiffers || *claim.Key != key {
			t.Errorf("with another key than the one that was named: %+v", claim)
		}
		if err := a.session.ConfirmLink(r, key); err != ErrKeyGone || a.contact(b).Lock != Unverified {
			t.Errorf("confirmed a link that names another key: %v", err)
		}
		follow(other, key)
		if err := a.session.ConfirmLink(r, other); err != ErrKeyGone {
			t.Errorf("confirmed the wrong one: %v", err)
		}
		if err := a.session.ConfirmLink(r, key); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if c = a.contact(b); c.Lock != Private || c.Verified != ByComparison || c.Link.State != LinkSettled {
			t.Errorf("confirmed: %v %v %+v", c.Lock, c.Verified, c.Link)
		}
		if claim := restart(); claim != nil {
			t.Errorf("what has served is kept: %+v", claim)
		}
		a.session.Opened(r)
		synctest.Wait()
		follow(other)
		a.session.DropLink(r)
		synctest.Wait()
		if c = a.contact(b); c.Link != nil || c.Lock != Private {
			t.Errorf("dropped: %+v", c.Link)
		}
		if claim := restart(); claim != nil {
			t.Errorf("what was dropped is kept: %+v", claim)
		}
		// A link to somebody else.
		if _, err := a.session.FollowLink(a.jid, Link{Address: jid.MustParse("carol@sotto.test"), Action: LinkMessage}); err != ErrUnknown {
			t.Errorf("to somebody who is no contact: %v", err)
		}
		if _, err := a.session.FollowLink(a.jid, Link{Address: jid.MustParse(a.jid)}); err == nil {
			t.Error("to ourselves")
		}
		if _, err := a.session.FollowLink("x@sotto.test", Link{Address: bob}); err != ErrUnknown {
			t.Errorf("with no account: %v", err)
		}
		if _, err := a.session.FollowLink(a.jid, Link{Address: bob, Action: LinkRegister}); err != ErrLink {
			t.Errorf("to make an account: %v", err)
		}
		if _, err := a.session.FollowLink(a.jid, Link{Address: jid.MustParse("carol@sotto.test"), Action: LinkAdd, Name: "Carol", Fingerprints: []otr.Fingerprint{other}}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if c := a.contacts["carol@sotto.test"]; !c.OnRoster || c.Name != "Carol" || c.Link == nil || c.Link.State != LinkWaiting {
			t.Errorf("added: %+v", c)
		}
	})
}
