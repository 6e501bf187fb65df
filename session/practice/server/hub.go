package server

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"maps"
	"slices"

	"github.com/sotto-im/sotto/session/xmpp/stream"
	"mellium.im/xmpp/jid"
)

var (
	errTaken   = errors.New("server: there is such an account already")
	errFull    = errors.New("server: there are too many accounts")
	errUnknown = errors.New("server: there is no such account")
)

// hub is all that the clients share. One goroutine owns it.
type hub struct {
	domain   jid.JID
	accounts map[string]*account // by bare JID
	nobody   credentials         // for logins to accounts that do not exist
}

// account is a person with a roster, and the clients that are signed in.
type account struct {
	address jid.JID
	secrets credentials
	links   map[string]*link           // by full JID
	roster  map[string]*item           // by bare JID
	asked   map[string]*stream.Element // subscription requests to this account that wait for an answer, by bare JID
}

// item is a contact on a roster (RFC 6121, section 2.1.2).
type item struct {
	address  jid.JID
	name     string
	groups   []string
	to, from bool
	ask      bool // the person's own request waits for an answer
	listed   bool // false: only known from a request, not shown
}

func newHub(domain jid.JID) *hub {
	salt := make([]byte, saltSize)
	rand.Read(salt)
	// A stored key of zeroes is the hash of no key that anybody will find.
	nobody := credentials{salt, make([]byte, sha256.Size), make([]byte, sha256.Size)}
	return &hub{domain: domain, accounts: make(map[string]*account), nobody: nobody}
}

func (h *hub) addAccount(address jid.JID, secrets credentials) error {
	key := address.String()
	switch {
	case h.accounts[key] != nil:
		return errTaken
	case len(h.accounts) == maxAccounts:
		return errFull
	}
	h.accounts[key] = &account{
		address: address,
		secrets: secrets,
		links:   make(map[string]*link),
		roster:  make(map[string]*item),
		asked:   make(map[string]*stream.Element),
	}
	return nil
}

func (h *hub) introduce(a jid.JID, nameOfA string, b jid.JID, nameOfB string) error {
	first, second := h.accounts[a.String()], h.accounts[b.String()]
	if first == nil || second == nil || first == second {
		return errUnknown
	}
	first.roster[b.String()] = &item{address: b, name: nameOfB, to: true, from: true, listed: true}
	second.roster[a.String()] = &item{address: a, name: nameOfA, to: true, from: true, listed: true}
	return nil
}

func (h *hub) drop(address jid.JID) error {
	a := h.accounts[address.String()]
	if a == nil {
		return errUnknown
	}
	for _, l := range a.links {
		l.cut()
	}
	return nil
}

// bind makes l a client of its account. An older client with the same resource has to go (RFC 6120, section 7.7.2.2).
func (h *hub) bind(l *link) error {
	a := h.accounts[l.address.Bare().String()]
	if a == nil {
		return errUnknown
	}
	if old := a.links[l.address.String()]; old != nil {
		h.leave(old)
		old.end("conflict")
	}
	l.account = a
	a.links[l.address.String()] = l
	return nil
}

// leave takes l off its account, telling whoever saw it. Called twice it does nothing.
func (h *hub) leave(l *link) {
	if l.account.links[l.address.String()] != l {
		return
	}
	delete(l.account.links, l.address.String())
	if l.presence != nil {
		h.broadcast(l, stream.New(stream.NSClient, "presence", "type", "unavailable", "from", l.address.String()))
	}
}

// handle routes one stanza of the client l (RFC 6120, section 10). The sender is who signed in, whatever the stanza says.
func (h *hub) handle(l *link, e *stream.Element) {
	e.Set("from", l.address.String())
	to := l.account.address
	if text := e.Attr("to"); text != "" {
		var err error
		if to, err = jid.Parse(text); err != nil {
			l.refuse(e, "modify", "jid-malformed")
			return
		}
	}
	switch {
	case e.Name.Local == "presence":
		h.presence(l, e, to)
	case e.Name.Local == "iq":
		h.iq(l, e, to)
	case e.Attr("to") == "": // RFC 6121 8.1.1.1 would hand it to the sender's own clients: of use to nobody
		l.refuse(e, "modify", "bad-request")
	default:
		h.message(l, e, to)
	}
}

// message routes by RFC 6121, section 8.5.
func (h *hub) message(l *link, e *stream.Element, to jid.JID) {
	kind := e.Attr("type")
	a := h.accounts[to.Bare().String()]
	var receivers []*link
	switch {
	case to.Domain().String() != h.domain.String():
		l.refuse(e, "cancel", "remote-server-not-found")
		return
	case a == nil || kind == "groupchat":
		l.refuse(e, "cancel", "service-unavailable")
		return
	case a.links[to.String()] != nil:
		receivers = []*link{a.links[to.String()]}
	case to.Resourcepart() == "" || kind == "" || kind == "chat" || kind == "normal":
		if kind != "error" {
			receivers = a.receivers()
		}
	}
	if len(receivers) == 0 {
		l.refuse(e, "cancel", "service-unavailable")
		return
	}
	for _, r := range receivers {
		r.send(e)
	}
	h.carbons(l, e, a, receivers)
}

// receivers are the clients that a message to the bare address reaches.
func (a *account) receivers() []*link {
	return slices.DeleteFunc(slices.Collect(maps.Values(a.links)), func(l *link) bool { return l.presence == nil || l.priority < 0 })
}

// carbons copies a conversation to the other clients of both sides that want it (XEP-0280).
func (h *hub) carbons(l *link, e *stream.Element, to *account, receivers []*link) {
	kind := e.Attr("type")
	body := e.Child(stream.NSClient, "body") != nil
	if kind != "chat" && !(body && (kind == "" || kind == "normal")) || e.Child(nsCarbons, "private") != nil || e.Child(nsHints, "no-copy") != nil {
		return
	}
	for _, other := range l.account.links {
		if other != l && other.carbons && !slices.Contains(receivers, other) {
			other.carbon("sent", e)
		}
	}
	for _, other := range to.links {
		if other != l && other.carbons && !slices.Contains(receivers, other) && to != l.account {
			other.carbon("received", e)
		}
	}
}

// iq answers what is for the server and hands on what is for a client (RFC 6120, section 10.5).
func (h *hub) iq(l *link, e *stream.Element, to jid.JID) {
	kind := e.Attr("type")
	request := kind == "get" || kind == "set"
	if e.Attr("id") == "" || !request && kind != "result" && kind != "error" || request && len(e.Children) != 1 {
		if request {
			l.refuse(e, "modify", "bad-request")
		}
		return
	}
	if to.Resourcepart() != "" {
		if a := h.accounts[to.Bare().String()]; a != nil && a.links[to.String()] != nil {
			a.links[to.String()].send(e)
		} else if request {
			l.refuse(e, "cancel", "service-unavailable")
		}
		return
	}
	if !request {
		return // the answer to nothing: the server asks nobody
	}
	switch {
	case to.Equal(l.account.address):
		h.ownRequest(l, e)
	case to.Equal(h.domain):
		h.serverRequest(l, e)
	case to.Domain().String() != h.domain.String():
		l.refuse(e, "cancel", "remote-server-not-found")
	default:
		l.refuse(e, "cancel", "service-unavailable")
	}
}

// ownRequest is one to the client's own account, which is also where requests without an address go.
func (h *hub) ownRequest(l *link, e *stream.Element) {
	set, q := e.Attr("type") == "set", e.Children[0]
	switch {
	case q.Is(nsRoster, "query") && set:
		h.setRoster(l, e, q)
	case q.Is(nsRoster, "query"):
		l.wantsRoster = true
		l.send(result(e).Add(l.account.query()))
	case set && (q.Is(nsCarbons, "enable") || q.Is(nsCarbons, "disable")):
		l.carbons = q.Name.Local == "enable"
		l.send(result(e))
	case q.Is(nsDiscoInfo, "query") && !set && e.Attr("to") != "":
		l.send(result(e).Add(stream.New(nsDiscoInfo, "query").Add(identity("account", "registered"))))
	default:
		h.serverRequest(l, e)
	}
}

func (h *hub) serverRequest(l *link, e *stream.Element) {
	set, q := e.Attr("type") == "set", e.Children[0]
	switch {
	case q.Is(nsPing, "ping") && !set:
		l.send(result(e))
	case q.Is(nsDiscoInfo, "query") && !set && q.Attr("node") == "":
		info := stream.New(nsDiscoInfo, "query").Add(identity("server", "im"))
		for _, feature := range []string{nsDiscoInfo, nsDiscoItems, nsPing, nsCarbons, nsRoster} {
			info.Add(stream.New(nsDiscoInfo, "feature", "var", feature))
		}
		l.send(result(e).Add(info))
	case q.Is(nsDiscoItems, "query") && !set && q.Attr("node") == "":
		l.send(result(e).Add(stream.New(nsDiscoItems, "query")))
	case q.Is(nsSession, "session") && set:
		l.send(result(e)) // RFC 6121, appendix E: of old clients, and nothing to be done
	default:
		l.refuse(e, "cancel", "service-unavailable")
	}
}

func identity(category, kind string) *stream.Element {
	return stream.New(nsDiscoInfo, "identity", "category", category, "type", kind)
}
