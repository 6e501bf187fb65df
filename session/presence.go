package session

import (
	"slices"
	"strings"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session/xmpp"
)

const (
	maxGroups = 32  // that a contact is in
	maxGroup  = 128 // bytes of a group's name
)

// A Resource is one client of a contact.
type Resource struct {
	Name     string // the resource part of its address: the contact's words
	Presence Presence
	Status   string // their words
	Priority int8   // RFC 6121 4.7.2.3
	Software string // its words; "" while not known
	Device   string // pc, phone, web, bot, console, handheld; "" while not known
}

var shows = map[Presence]string{PresenceChatty: "chat", PresenceAway: "away", PresenceLongAway: "xa", PresenceBusy: "dnd"}

var presenceWords = map[Presence]string{PresenceChatty: "chatty", PresenceAway: "away", PresenceLongAway: "long-away", PresenceBusy: "busy", PresenceInvisible: "invisible"}

func parsePresence(word string) Presence {
	for p, w := range presenceWords {
		if w == word {
			return p
		}
	}
	return PresenceOnline
}

// SetPresence says how contacts are to see the account while it is online, and in which words; it is kept for the next time. status is
// bounded and made one line. PresenceOffline is not for here: see Disconnect.
//
// With PresenceInvisible nobody sees us, and we see nobody; texts still go both ways. Nothing answers by itself that would give us away: no
// receipt, no invitation to a private conversation, no question of another program; what the person does is seen, of course. One limit is the
// library's that signs in: it announces us, so at every signing in contacts see us for the moment until we have taken it back.
func (s *Session) SetPresence(jid string, p Presence, status string) {
	if p == PresenceOffline {
		return
	}
	s.tell(jid, func(a *account) {
		a.record.Presence, a.record.Status = presenceWords[p], cleanName(status)
		a.keep()
		a.announce()
	})
}

// SetIdle says that nobody has touched the computer for a while, or that somebody does again. Meanwhile accounts that are online look away
// to their contacts. Any other presence was chosen, and stays; Account.Presence is what was chosen, always. It is not kept.
func (s *Session) SetIdle(idle bool) {
	if s.idle.Swap(idle) == idle {
		return
	}
	for _, a := range s.everyAccount() {
		a.tell(a.announce)
	}
}

func (a *account) ownShow() Presence { return parsePresence(a.record.Presence) }

// hiddenFrom tells whether an answer that nobody here has asked for would give away that an invisible person is there.
func (c *conversation) hiddenFrom() bool {
	return c.account.invisible() && c.otrState() != otr.Encrypted
}

func (a *account) invisible() bool { return a.ownShow() == PresenceInvisible }

// shown is how an account is to be seen; the zero value is not at all.
type shown struct {
	presence Presence
	status   string
}

func (a *account) showing() shown {
	p := a.ownShow()
	if a.session.idle.Load() && (p == PresenceOnline || p == PresenceChatty) {
		p = PresenceAway
	}
	return shown{p, a.record.Status}
}

// stanza tells it to the server. Who is invisible says nothing else.
func (s shown) stanza() xmpp.Presence {
	if s.presence == PresenceInvisible {
		return xmpp.Presence{Type: xmpp.Unavailable}
	}
	return xmpp.Presence{Show: shows[s.presence], Status: s.status}
}

// announce tells everybody who may see us, if they have not been told.
func (a *account) announce() {
	s := a.showing()
	if !a.online() || s == a.announced || a.conn.SendPresence(s.stanza()) != nil {
		return
	}
	a.announced = s
	if s.presence == PresenceInvisible {
		// From now on nobody tells us about themselves (RFC 6121 section 4.5.2).
		for _, c := range a.conversations {
			clear(c.resources)
			c.typing.stop()
			c.touch()
		}
	}
}

// SetGroups says in which groups of the roster a contact is. The names are made one line each and bounded; there are at most 32.
func (s *Session) SetGroups(r Ref, groups []string) {
	groups = slices.Clone(groups)
	s.with(r, func(c *conversation) {
		c.item.Groups = cleanGroups(groups)
		c.describe()
	})
}

// cleanGroups is for groups that others, or other programs of the person, have named.
func cleanGroups(names []string) []string {
	var clean []string
	for _, name := range names {
		name = strings.TrimSpace(bound(cleanName(name), maxGroup))
		if name != "" && len(clean) < maxGroups && !slices.Contains(clean, name) {
			clean = append(clean, name)
		}
	}
	slices.Sort(clean)
	return clean
}

// features fills in what this file, block.go, typing.go and link.go know of a contact.
func (c *conversation) features(v *Contact) {
	v.Blocked = c.blocked()
	v.Request = c.request
	v.Groups = c.item.Groups
	v.Typing = c.typing.theirs
	v.Link = c.linkClaim()
	for name, r := range c.resources {
		v.Resources = append(v.Resources, Resource{
			Name:     cleanName(name),
			Presence: r.presence,
			Status:   r.status,
			Priority: r.priority,
			Software: cleanName(r.software.Name),
			Device:   r.software.Device,
		})
	}
	slices.SortFunc(v.Resources, func(x, y Resource) int { return strings.Compare(x.Name, y.Name) })
}

// softwareKnown takes what a client says of itself.
func (a *account) softwareKnown(s *xmpp.Software) {
	c := a.conversations[s.From.Bare().String()]
	if c == nil {
		return
	}
	name := s.From.Resourcepart()
	if r, ok := c.resources[name]; ok {
		r.software = *s
		c.resources[name] = r
		c.touch()
	}
}
