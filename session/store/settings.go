package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/language"
)

// Version is the version of the settings that this package writes. It reads version 1 as well, see upgrade.
const Version = 2

// Settings is everything that is kept. Changes are made through Store.Update.
type Settings struct {
	Version     int         `json:"version"` // set by Update
	Accounts    []Account   `json:"accounts,omitempty"`
	Window      Window      `json:"window"`
	Preferences Preferences `json:"preferences,omitzero"`
}

// Window is how the person left the window.
type Window struct {
	Width  float32         `json:"width,omitempty"`
	Height float32         `json:"height,omitempty"`
	Others map[string]Size `json:"others,omitempty"` // of other windows, by what they are for

	FoldedGroups []string `json:"folded_groups,omitempty"` // of contacts: those that are not shown

	Language string `json:"language,omitempty"` // "": as the system; otherwise a tag of BCP 47
}

// Account is an account of the person. Its password and its key are in the keyring.
type Account struct {
	ID          string      `json:"id"`                     // random, opaque: names the account's secrets in the keyring
	JID         string      `json:"jid"`                    // bare
	Server      string      `json:"server,omitempty"`       // host or host:port that the person gave; "": as DNS says
	TLS         string      `json:"tls,omitempty"`          // "": whatever the server has; starttls, direct
	AllowPlain  bool        `json:"allow_plain,omitempty"`  // the person agreed to send the password itself
	Resource    string      `json:"resource"`               // of this installation
	UserAgentID string      `json:"user_agent_id"`          // XEP-0388
	InstanceTag uint32      `json:"instance_tag"`           // of OTR
	Fingerprint string      `json:"fingerprint,omitempty"`  // of our own key, to notice a missing or replaced one
	SCRAM       bool        `json:"scram,omitempty"`        // signed in with it before: never again with less
	Binding     bool        `json:"binding,omitempty"`      // the same for channel binding
	Unique      bool        `json:"unique,omitempty"`       // the same for one to the connection itself, see xmpp.Strength
	Hash        int         `json:"hash,omitempty"`         // the same for the bits of SCRAM's hash
	Proxy       string      `json:"proxy,omitempty"`        // "": none; socks5, tor
	ProxyServer string      `json:"proxy_server,omitempty"` // of socks5: host:port
	ProxyUser   string      `json:"proxy_user,omitempty"`   // of socks5; its password is in the keyring
	ServerKeys  []ServerKey `json:"server_keys,omitempty"`  // that were accepted; the last one used first
	KeyCheck    string      `json:"key_check,omitempty"`    // what another key takes; a word of package session
	Policy      string      `json:"policy,omitempty"`       // "" is require; otherwise a word of package session
	Disabled    bool        `json:"disabled,omitempty"`     // stays offline when the program starts
	Presence    string      `json:"presence,omitempty"`     // "": available; otherwise a word of package session
	Status      string      `json:"status,omitempty"`       // the words beside it, which contacts see
	Typing      string      `json:"typing,omitempty"`       // who is told that the person is typing; "": as package session has it
	KeyRule     string      `json:"key_rule,omitempty"`     // which keys may be written to; "": as package session has it
	NoReceipts  bool        `json:"no_receipts,omitempty"`  // nobody is told that a message has arrived here
	Contacts    []Contact   `json:"contacts,omitempty"`
}

// ServerKey is a key that an account's server had.
type ServerKey struct {
	Hash      string    `json:"hash"` // SHA-256 of the SubjectPublicKeyInfo, 64 hexadecimal digits
	Issuer    string    `json:"issuer,omitempty"`
	NotBefore time.Time `json:"not_before"` // of the certificate
	NotAfter  time.Time `json:"not_after"`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
}

// Contact is what Sotto itself knows of a contact; the roster lives on the server.
type Contact struct {
	JID     string     `json:"jid"`                // bare
	Policy  string     `json:"policy,omitempty"`   // "": the account's
	KeyRule string     `json:"key_rule,omitempty"` // "": the account's
	Held    time.Time  `json:"held,omitzero"`      // since when the person has nothing sent to them; zero: they are written to
	Keys    []Key      `json:"keys,omitempty"`     // every key they have used or are said to have, newest first
	Story   []KeyEvent `json:"story,omitempty"`    // what happened with their keys, oldest first
	Quiet   bool       `json:"quiet,omitempty"`    // what comes from them is not announced
	AllowV2 bool       `json:"allow_v2,omitempty"` // the person lets this contact speak version 2 of OTR
	Link    []string   `json:"link,omitempty"`     // fingerprints that a link named, until a key with one of them is verified

	VerifiedUs bool `json:"verified_us,omitempty"` // of version 1: now it is kept with the key of whoever did it
}

// Key is one fingerprint a contact has used, or is said to have by a file from another program.
type Key struct {
	Fingerprint string    `json:"fingerprint"`          // 40 hexadecimal digits
	FirstSeen   time.Time `json:"first_seen"`           // zero: never here
	LastSeen    time.Time `json:"last_seen"`            // the same
	Device      string    `json:"device,omitempty"`     // what the device that had it last calls itself: words of others
	Verified    string    `json:"verified,omitempty"`   // "": no; question, secret, compared, imported
	VerifiedAt  time.Time `json:"verified_at,omitzero"` // by the person
	Accepted    bool      `json:"accepted,omitempty"`   // a changed key the person decided to use unverified
	PutOff      bool      `json:"put_off,omitempty"`    // the person did not want to verify it when it was offered
	Failed      int       `json:"failed,omitempty"`     // checks in which the answers differed

	VerifiedUs   string    `json:"verified_us,omitempty"` // whoever holds it verified our present key: "": not as far as the protocol told; question, secret, told
	VerifiedUsAt time.Time `json:"verified_us_at,omitzero"`

	Imported time.Time `json:"imported,omitzero"` // when a file named it; zero: none did
	Source   string    `json:"source,omitempty"`  // the name of that file
	Claim    string    `json:"claim,omitempty"`   // what the file said about trust, in its own word
}

// KeyEvent is one thing that happened with a contact's keys.
type KeyEvent struct {
	Time        time.Time `json:"time"`
	What        string    `json:"what"`                  // a word of package session
	Fingerprint string    `json:"fingerprint,omitempty"` // of the key
	Other       string    `json:"other,omitempty"`       // of the key that was there before, or instead
	How         string    `json:"how,omitempty"`         // how it was verified, in the words of Key
	Device      string    `json:"device,omitempty"`      // what the device called itself, or the name of a file
}

const (
	maxText           = 4096 // bytes of any text; an address has at most 3071 (RFC 7622)
	fingerprintLength = 20
	maxKeys           = 1000
	maxStory          = 1000
	maxServerKeys     = 100
	maxContacts       = 100_000
	maxFoldedGroups   = 1000
	maxWindows        = 32
)

// parse understands data wholly or not at all: half of what was known about keys would be worse than nothing, because a contact's
// changed key would look like a first one. Fields it does not know are left out.
func parse(data []byte) (*Settings, error) {
	if !utf8.Valid(data) {
		return nil, invalid("text") // encoding/json would put a replacement character into an address
	}
	// The version first: what is wrong in our eyes may be right in those of a later Sotto.
	var header struct {
		Version int `json:"version"`
		Window  struct {
			Theme string `json:"theme"` // where the choice stood in Sotto 0.1
		} `json:"window"`
	}
	if err := json.Unmarshal(data, &header); err == nil && header.Version > Version {
		return nil, ErrNewer
	}
	var s Settings
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&s); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("%w: more than one value", ErrInvalid)
	}
	if s.Version < 1 {
		return nil, fmt.Errorf("%w: version %d", ErrInvalid, s.Version)
	}
	if s.Version < Version {
		s.upgrade()
	}
	if s.Preferences.Theme == "" {
		s.Preferences.Theme = header.Window.Theme
	}
	s.Preferences.mend()
	if err := s.check(); err != nil {
		return nil, err
	}
	return &s, nil
}

// Told stands in Key.VerifiedUs where it is not known how they verified us.
const Told = "told"

// The words for what version 1 told of a key; package session has more of them.
const (
	keyMet      = "met"
	keyReplaced = "replaced"
	keyVerified = "verified"
)

// upgrade makes of version 1 what this version keeps: the story of each contact's keys, as far as their dates tell it, and who it was that
// verified us.
func (s *Settings) upgrade() {
	s.Version = Version
	for i := range s.Accounts {
		for j := range s.Accounts[i].Contacts {
			s.Accounts[i].Contacts[j].upgrade()
		}
	}
}

func (c *Contact) upgrade() {
	for i, k := range c.Keys {
		if !k.FirstSeen.IsZero() {
			c.Story = append(c.Story, KeyEvent{Time: k.FirstSeen, What: keyMet, Fingerprint: k.Fingerprint})
		}
		if k.Verified != "" && !k.VerifiedAt.IsZero() {
			c.Story = append(c.Story, KeyEvent{Time: k.VerifiedAt, What: keyVerified, Fingerprint: k.Fingerprint, How: k.Verified})
		}
		if heir, ok := c.heir(i); ok {
			c.Story = append(c.Story, KeyEvent{Time: heir.FirstSeen, What: keyReplaced, Fingerprint: k.Fingerprint, Other: heir.Fingerprint})
		}
	}
	slices.SortStableFunc(c.Story, func(x, y KeyEvent) int { return x.Time.Compare(y.Time) })
	if over := len(c.Story) - maxStory; over > 0 {
		c.Story = slices.Delete(c.Story, 0, over)
	}
	if c.VerifiedUs && len(c.Keys) > 0 {
		last := 0
		for i, k := range c.Keys {
			if k.LastSeen.After(c.Keys[last].LastSeen) {
				last = i
			}
		}
		c.Keys[last].VerifiedUs = Told
	}
	c.VerifiedUs = false
}

// heir is the key that came first after key i was seen for the last time.
func (c *Contact) heir(i int) (heir Key, ok bool) {
	for _, k := range c.Keys {
		if k.FirstSeen.After(c.Keys[i].LastSeen) && (!ok || k.FirstSeen.Before(heir.FirstSeen)) {
			heir, ok = k, true
		}
	}
	return heir, ok
}

// check holds for everything that is read and everything that is written.
func (s *Settings) check() error {
	if _, err := language.Parse(s.Window.Language); s.Window.Language != "" && err != nil {
		return invalid("language")
	}
	if !(s.Window.Width >= 0 && s.Window.Height >= 0) { // also refuses NaN
		return invalid("window size")
	}
	if len(s.Window.FoldedGroups) > maxFoldedGroups || slices.ContainsFunc(s.Window.FoldedGroups, func(g string) bool { return !isText(g) }) {
		return invalid("folded groups")
	}
	if len(s.Window.Others) > maxWindows {
		return invalid("too many windows")
	}
	for name, size := range s.Window.Others {
		if !isWord(name) || !(size.Width >= 0 && size.Height >= 0) {
			return invalid("window size")
		}
	}
	if err := s.Preferences.check(); err != nil {
		return err
	}
	ids, addresses := map[string]bool{}, map[string]bool{}
	for i := range s.Accounts {
		a := &s.Accounts[i]
		if ids[a.ID] || addresses[a.JID] {
			return invalid("two accounts are the same")
		}
		ids[a.ID], addresses[a.JID] = true, true
		if err := a.check(); err != nil {
			return err
		}
	}
	return nil
}

func (a *Account) check() error {
	switch {
	case a.ID == "" || !isText(a.ID):
		return invalid("account id")
	case a.JID == "" || !isText(a.JID):
		return invalid("account address")
	case !isText(a.Server), !isText(a.Resource), !isText(a.UserAgentID), !isText(a.Status):
		return invalid("account text")
	case a.TLS != "" && a.TLS != "starttls" && a.TLS != "direct":
		return invalid("tls")
	case !slices.Contains([]string{"", "socks5", "tor"}, a.Proxy):
		return invalid("proxy")
	case !isText(a.ProxyServer), !isText(a.ProxyUser), !isWord(a.KeyCheck):
		return invalid("account text")
	case len(a.ServerKeys) > maxServerKeys:
		return invalid("too many keys of the server")
	case slices.ContainsFunc(a.ServerKeys, func(k ServerKey) bool { return !k.valid() }):
		return invalid("key of the server")
	case a.Fingerprint != "" && !isFingerprint(a.Fingerprint):
		return invalid("account fingerprint")
	case !isWord(a.Policy), !isWord(a.Presence), !isWord(a.Typing), !isWord(a.KeyRule):
		return invalid("account word")
	case len(a.Contacts) > maxContacts:
		return invalid("too many contacts")
	}
	addresses := map[string]bool{}
	for i := range a.Contacts {
		c := &a.Contacts[i]
		if addresses[c.JID] {
			return invalid("two contacts are the same")
		}
		addresses[c.JID] = true
		if err := c.check(); err != nil {
			return err
		}
	}
	return nil
}

func (k ServerKey) valid() bool {
	b, err := hex.DecodeString(k.Hash)
	return err == nil && len(b) == sha256.Size && isText(k.Issuer)
}

func (c *Contact) check() error {
	switch {
	case c.JID == "" || !isText(c.JID):
		return invalid("contact address")
	case !isWord(c.Policy), !isWord(c.KeyRule):
		return invalid("contact policy")
	case len(c.Keys) > maxKeys:
		return invalid("too many keys")
	case len(c.Link) > maxKeys, slices.ContainsFunc(c.Link, func(fp string) bool { return !isFingerprint(fp) }):
		return invalid("fingerprints of a link")
	case len(c.Story) > maxStory:
		return invalid("too long a story")
	case slices.ContainsFunc(c.Story, func(e KeyEvent) bool { return !e.valid() }):
		return invalid("story of a key")
	}
	seen := map[string]bool{}
	for _, k := range c.Keys {
		if !isFingerprint(k.Fingerprint) || seen[strings.ToUpper(k.Fingerprint)] {
			return invalid("fingerprint")
		}
		seen[strings.ToUpper(k.Fingerprint)] = true
		if !slices.Contains([]string{"", "question", "secret", "compared", "imported"}, k.Verified) {
			return invalid("verification")
		}
		if !slices.Contains([]string{"", "question", "secret", Told}, k.VerifiedUs) {
			return invalid("verification by them")
		}
		if !isText(k.Device) || !isText(k.Source) || !isText(k.Claim) {
			return invalid("text about a key")
		}
	}
	return nil
}

func (e KeyEvent) valid() bool {
	return e.What != "" && isWord(e.What) && isWord(e.How) && isText(e.Device) &&
		(e.Fingerprint == "" || isFingerprint(e.Fingerprint)) && (e.Other == "" || isFingerprint(e.Other))
}

func invalid(what string) error { return fmt.Errorf("%w: %s", ErrInvalid, what) }

func isText(s string) bool { return len(s) <= maxText && utf8.ValidString(s) }

func isFingerprint(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == fingerprintLength
}

// isWord accepts the names of policies, which belong to package session.
func isWord(s string) bool {
	return len(s) <= 32 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz-_") == ""
}

func (s *Settings) clone() Settings {
	c := *s
	c.Window.Others = maps.Clone(s.Window.Others)
	c.Window.FoldedGroups = slices.Clone(s.Window.FoldedGroups)
	c.Accounts = slices.Clone(s.Accounts)
	for i := range c.Accounts {
		a := &c.Accounts[i]
		a.ServerKeys = slices.Clone(a.ServerKeys)
		a.Contacts = slices.Clone(a.Contacts)
		for j := range a.Contacts {
			a.Contacts[j].Keys = slices.Clone(a.Contacts[j].Keys)
			a.Contacts[j].Story = slices.Clone(a.Contacts[j].Story)
			a.Contacts[j].Link = slices.Clone(a.Contacts[j].Link)
		}
	}
	return c
}
