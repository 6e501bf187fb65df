package session

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sotto-im/sotto/crypto/libotr"
	"github.com/sotto-im/sotto/crypto/otr"
	"mellium.im/xmpp/jid"
)

const (
	maxSource = 64 // bytes of the name of a file
	maxClaim  = 32 // bytes of a word about trust
)

// A KeyFile is what a file of another program says about keys of contacts.
type KeyFile struct {
	Source  string   // the name of the file
	Names   []string // what it calls the accounts that its keys are known to, as they first appear
	Keys    int      // lines about keys of XMPP
	Foreign int      // lines about other networks
	Bad     int      // lines that cannot be understood

	lines []keyLine
}

type keyLine struct {
	name    string // of the account
	contact jid.JID
	key     otr.Fingerprint
	claim   string
}

// ErrKeyFile means that a file is none with keys of contacts.
var ErrKeyFile = errors.New("session: no key of a contact is in this file")

// xmppNames are what programs call XMPP in their files.
var xmppNames = []string{"prpl-jabber", "xmpp", "jabber", "libpurple-jabber", "libpurple-jabber-gtalk"}

// ReadKeyFile understands a file in libotr's form (otr.fingerprints), as Pidgin, Adium, Profanity and others keep it. source is the name of
// the file. Nothing is changed by it. The error is ErrKeyFile.
func ReadKeyFile(file []byte, source string) (KeyFile, error) {
	all, err := libotr.ParseFingerprints(file)
	f := KeyFile{Source: bound(cleanName(source), maxSource), Bad: badLines(err)}
	for _, k := range all {
		if !slices.Contains(xmppNames, strings.ToLower(k.Protocol)) {
			f.Foreign++
			continue
		}
		contact, err := parseAddress(bareOf(k.Contact))
		if err != nil {
			f.Bad++
			continue
		}
		f.Keys++
		f.lines = append(f.lines, keyLine{k.Account, contact, k.Fingerprint, bound(cleanName(k.Trust), maxClaim)})
		if !slices.Contains(f.Names, k.Account) {
			f.Names = append(f.Names, k.Account)
		}
	}
	if f.Keys == 0 {
		return f, ErrKeyFile
	}
	return f, nil
}

// badLines counts what is wrong with a file: at least one thing where there is an error.
func badLines(err error) int {
	if err == nil {
		return 0
	}
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		return len(joined.Unwrap())
	}
	return 1
}

// bareOf cuts off what follows the slash: programs write "alice@example.org/" and "alice@example.org/Home".
func bareOf(address string) string {
	bare, _, _ := strings.Cut(address, "/")
	return bare
}

// An ImportedKey is one key of a KeyFile, and what taking it over would change. Trust is for the person: without it the key is noted as one
// that the file names, and its claim with it, but it is not verified.
type ImportedKey struct {
	Ref
	Name     string // of the contact; the address of who is none
	Key      otr.Fingerprint
	Claim    string // what the file says about trust
	Change   ImportChange
	Verified bool // it is verified here
	Another  bool // the contact has another key here that is verified
	Trust    bool // the person wants it counted as verified
}

// ImportChange says what taking over a key would change.
type ImportChange uint8

const (
	ImportNothing ImportChange = iota // it is known and verified here, or known and the file claims nothing new
	ImportClaim                       // it is known here, not verified; the file claims that it is
	ImportKey                         // it is not known here
)

// accountNamed is the account that a name in a file stands for, "" if it is none of the person's.
func (s *Session) accountNamed(name string) string {
	address, err := parseLogin(bareOf(name))
	if err != nil {
		return ""
	}
	if _, ok := s.account(address.String()); !ok {
		return ""
	}
	return address.String()
}

// AccountsOf says for each name of a KeyFile which of the person's accounts it stands for, "" where that cannot be told.
func (s *Session) AccountsOf(f KeyFile) map[string]string {
	accounts := map[string]string{}
	for _, name := range f.Names {
		accounts[name] = s.accountNamed(name)
	}
	return accounts
}

// PlanImport says what taking over a file would change: the keys of those of its accounts that stand for one of the person's in accounts.
func (s *Session) PlanImport(f KeyFile, accounts map[string]string) []ImportedKey {
	var plan []ImportedKey
	for _, name := range f.Names {
		if a, ok := s.account(accounts[name]); ok {
			a.ask(func() { plan = a.planImport(plan, f, name) })
		}
	}
	return plan
}

func (a *account) planImport(plan []ImportedKey, f KeyFile, name string) []ImportedKey {
	for _, l := range f.lines {
		if l.name != name || l.contact.Equal(a.address) {
			continue
		}
		k := ImportedKey{Ref: Ref{a.ref(), l.contact.String()}, Name: l.contact.String(), Key: l.key, Claim: l.claim, Change: ImportKey}
		if i := slices.IndexFunc(plan, func(p ImportedKey) bool { return p.Ref == k.Ref && p.Key == k.Key }); i >= 0 {
			plan[i].Claim = max(plan[i].Claim, k.Claim) // the same key twice: a word about trust rather than none
			continue
		}
		if c := a.keysOf(k.Contact); c != nil {
			k.Change, k.Another = c.importChange(k)
			k.Verified = c.known(k.Key).Verified != NotVerified
			if a.conversations[k.Contact] == c {
				k.Name = c.name()
			}
		}
		plan = append(plan, k)
	}
	return plan
}

func (c *conversation) importChange(k ImportedKey) (change ImportChange, another bool) {
	known := c.known(k.Key)
	old, verified := c.verifiedKey()
	another = verified && old.Fingerprint != k.Key
	switch {
	case c.indexKey(k.Key) < 0:
		return ImportKey, another
	case known.Verified == NotVerified && k.Claim != "" && known.Claim != k.Claim:
		return ImportClaim, another
	}
	return ImportNothing, another
}

// Import takes over keys of a plan, and returns how many of them changed something. No key becomes verified by it but those with Trust, none
// loses its verification, and none is removed.
func (s *Session) Import(f KeyFile, plan []ImportedKey) int {
	changed := 0
	byAccount := map[string][]ImportedKey{}
	for _, k := range plan {
		byAccount[k.Account] = append(byAccount[k.Account], k)
	}
	for name, keys := range byAccount {
		if a, ok := s.account(name); ok {
			a.ask(func() {
				for _, k := range keys {
					if a.importKey(f.Source, k) {
						changed++
					}
				}
			})
		}
	}
	return changed
}

func (a *account) importKey(source string, k ImportedKey) (changed bool) {
	address, err := parseAddress(k.Contact)
	if err != nil || address.Equal(a.address) {
		return false
	}
	c := a.keysOfAnybody(address)
	change, _ := c.importChange(k)
	i := c.indexKey(k.Key)
	if i < 0 {
		i = len(c.keys)
		c.keys = append(c.keys, Key{Fingerprint: k.Key})
	}
	if change != ImportNothing {
		c.keys[i].Imported, c.keys[i].Source, c.keys[i].Claim = a.now(), source, k.Claim
		c.tell(KeyEvent{What: KeyImported, Key: k.Key, Device: source})
		c.forgetOldKey(k.Key)
		c.remember()
	}
	if k.Trust && c.known(k.Key).Verified == NotVerified {
		return c.verify(k.Key, ByImport) == nil
	}
	return change != ImportNothing
}

// TakeOver counts a key as verified because the person says that what a file claims about it is right. The error is ErrKeyGone where no file
// claims that of a key.
func (s *Session) TakeOver(r Ref, fp otr.Fingerprint) error {
	return s.keysOf(r, func(c *conversation) error {
		if k := c.known(fp); k.Claim == "" {
			return ErrKeyGone
		}
		return c.verify(fp, ByImport)
	})
}

// ---- writing

// An ExportStyle says how programs name accounts and XMPP in their files.
type ExportStyle uint8

const (
	LikePidgin ExportStyle = iota // "alice@example.org/" and "prpl-jabber"
	LikeOthers                    // "alice@example.org" and "xmpp", as Profanity has it
)

// ExportKeys writes every key of every contact in libotr's form. left is how many could not be written: libotr reads no line of more than
// 998 bytes.
func (s *Session) ExportKeys(style ExportStyle) (file []byte, keys, left int) {
	for _, c := range s.KnownKeys() {
		for _, k := range c.Keys {
			line, err := libotr.FormatFingerprints([]libotr.Fingerprint{exported(style, c, k)})
			if err != nil {
				left++
				continue
			}
			file = append(file, line...)
			keys++
		}
	}
	return file, keys, left
}

func exported(style ExportStyle, c ContactKeys, k Key) libotr.Fingerprint {
	f := libotr.Fingerprint{Contact: c.Contact, Account: c.Account, Protocol: "xmpp", Fingerprint: k.Fingerprint}
	if style == LikePidgin {
		f.Account, f.Protocol = fmt.Sprint(c.Account, "/"), "prpl-jabber"
	}
	switch k.Verified {
	case ByQuestion, BySecret:
		f.Trust = libotr.TrustSMP
	case ByComparison:
		f.Trust = libotr.TrustVerified
	case ByImport:
		if f.Trust = k.Claim; f.Trust == "" {
			f.Trust = libotr.TrustVerified
		}
	}
	return f
}
