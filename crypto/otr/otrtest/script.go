package otrtest

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
)

// A Script is a conversation of alice and bob, written down line by line so that it can be read beside the
// specification. Empty lines and what follows a # are ignored. "case TITLE" begins a new conversation. Everything
// that a party sends or tells must be in the script, in order.
//
//	alice policy require tag        one or more of require, tag, tag-starts, error-starts, v2, v3, off; v3 if no version
//	bob2 logs in                    a second client of bob's; it receives what alice sends, and she what it sends
//	alice start                     the user asks for a private conversation
//	alice send "hello"              the user writes; with 256 "value" adds a record; fails with ERROR may follow
//	alice uses 7 "data"             the user needs an extra symmetric key for the use with a number
//	alice selects bob2              the user chooses a client; best and recent are choices too
//	alice end
//	alice ask "question" "secret"   the user verifies bob; an empty question means none
//	alice answer "secret"           the user answers the request told last; fails with ERROR may follow
//	alice abort                     the user aborts the verification
//	alice > KIND                    the next message that alice sends is of this kind; bob receives it. KIND is query,
//	                                commit, key, reveal, signature, data, error, text or tagged
//	alice > KIND as NAME            and it gets a name
//	alice > KIND same as NAME       and it is the named message again (unlike NAME: it is not)
//	alice > KIND lost               and bob does not receive it (may follow the others)
//	alice < NAME                    alice receives the named message, once more
//	alice < "text"                  alice receives this, from whomever
//	alice is STATE                  Plaintext, Encrypted or Finished
//	alice tells WORDS               the next event, see describe; of an extra symmetric key also that it is the one used
//	higher NAME NAME                the hash in the first named D-H Commit Message is the higher one
//	wait 60s                        time passes, and both parties' Poll is called
//	private                         the whole key exchange, asked for by alice
type Script struct {
	Cases []Case
}

// A Case is one conversation of a Script.
type Case struct {
	Title string
	lines []line
}

type line struct {
	number int
	words  []string
}

// ReadScript reads a script.
func ReadScript(r io.Reader) (*Script, error) {
	s := new(Script)
	scanner := bufio.NewScanner(r)
	for n := 1; scanner.Scan(); n++ {
		words, err := split(scanner.Text())
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		switch {
		case len(words) == 0:
		case words[0] == "case":
			s.Cases = append(s.Cases, Case{Title: strings.Join(words[1:], " ")})
		case len(s.Cases) == 0:
			return nil, fmt.Errorf("line %d: before the first case", n)
		default:
			last := &s.Cases[len(s.Cases)-1]
			last.lines = append(last.lines, line{n, words})
		}
	}
	return s, scanner.Err()
}

// split returns the words of a line; a quoted string is one of them, with its first quote as a mark.
func split(s string) (words []string, err error) {
	for {
		s = strings.TrimSpace(s)
		switch {
		case s == "" || s[0] == '#':
			return words, nil
		case s[0] == '"':
			quoted, err := strconv.QuotedPrefix(s)
			if err != nil {
				return nil, err
			}
			text, err := strconv.Unquote(quoted)
			if err != nil {
				return nil, err
			}
			words, s = append(words, `"`+text), s[len(quoted):]
		default:
			word, rest, _ := strings.Cut(s, " ")
			words, s = append(words, word), rest
		}
	}
}

// errOrder makes Run try again with other random values, because the hashes came out in the other order.
var errOrder = errors.New("hashes in the other order")

// Run plays the case and returns where it went otherwise than written.
func (c Case) Run() error {
	for seed := range 100 {
		p := newPlay(seed)
		err := p.run(c.lines)
		if err == nil {
			err = p.rest()
		}
		if !errors.Is(err, errOrder) {
			return err
		}
	}
	return errOrder
}

type play struct {
	clock   *Clock
	parties map[string]*Party
	named   map[string]Packet
	request uint64
	extra   [32]byte // the extra symmetric key that was used last
}

func newPlay(seed int) *play {
	p := &play{clock: NewClock(), named: map[string]Packet{}}
	p.parties = map[string]*Party{
		"alice": NewParty("alice", 0x1000, otr.PolicyManual, p.clock),
		"bob":   NewParty("bob", 0x2000, otr.PolicyManual, p.clock),
	}
	for name, party := range p.parties {
		party.Config.Rand = Rand(fmt.Sprint("script of ", name, seed))
	}
	return p
}

// tags of the clients in scripts.
var tags = map[string]otr.InstanceTag{
	"alice": 0x1000, "bob": 0x2000, "bob2": 0x3000, "best": otr.SelectBest, "recent": otr.SelectRecent,
}

func (p *play) run(lines []line) error {
	for _, l := range lines {
		if err := p.line(l.words); err != nil {
			return fmt.Errorf("line %d: %w", l.number, err)
		}
	}
	return nil
}

// rest fails if anything happened that the script does not have.
func (p *play) rest() error {
	for name, party := range p.parties {
		if len(party.Packets) > 0 {
			return fmt.Errorf("at the end: %s also sends %s", name, Kind(party.Packets[0].Body))
		}
		if len(party.Told) > 0 {
			return fmt.Errorf("at the end: %s also tells %s", name, describe(party.Told[0]))
		}
	}
	return nil
}

func (p *play) line(words []string) error {
	switch words[0] {
	case "private":
		return p.private()
	case "wait":
		d, err := time.ParseDuration(words[1])
		p.clock.Advance(d)
		for _, party := range p.parties {
			party.Do(party.Poll())
		}
		return err
	case "higher":
		a, b := commitHash(p.named[words[1]].Body), commitHash(p.named[words[2]].Body)
		if bytes.Compare(a, b) <= 0 {
			return errOrder
		}
		return nil
	}
	if words[0] == "bob2" && p.parties["bob2"] == nil {
		p.parties["bob2"] = NewParty("bob", tags["bob2"], otr.PolicyManual, p.clock)
		return nil
	}
	party := p.parties[words[0]]
	if party == nil || len(words) < 2 {
		return fmt.Errorf("cannot read %q", words)
	}
	action, words := words[1], words[2:]
	switch action {
	case "policy":
		return setPolicy(party.Config, words)
	case "start":
		party.Do(party.Start())
	case "end":
		party.Do(party.End())
	case "abort":
		party.Do(party.AbortSMP())
	case "send":
		text, words := []byte(words[0][1:]), words[1:]
		var records []otr.TLV
		for len(words) >= 3 && words[0] == "with" {
			kind, err := strconv.ParseUint(words[1], 10, 16)
			if err != nil {
				return err
			}
			records, words = append(records, otr.TLV{Type: uint16(kind), Value: []byte(words[2][1:])}), words[3:]
		}
		return user(party, words)(party.Send(text, records...))
	case "uses":
		use, err := strconv.ParseUint(words[0], 10, 32)
		if err != nil {
			return err
		}
		key, events, err := party.UseExtraKey(uint32(use), []byte(words[1][1:]))
		p.extra = key
		return user(party, words[2:])(events, err)
	case "selects":
		party.Do(party.Select(tags[words[0]]))
	case "ask":
		return user(party, words[2:])(party.StartSMP(words[0][1:], []byte(words[1][1:])))
	case "answer":
		return user(party, words[1:])(party.AnswerSMP(p.request, []byte(words[0][1:])))
	case ">":
		return p.sends(party, words)
	case "<":
		return p.receives(party, words[0])
	case "is":
		if got := party.State().String(); got != words[0] {
			return fmt.Errorf("is %s", got)
		}
	case "tells":
		return p.tells(party, words)
	default:
		return fmt.Errorf("cannot read %q", action)
	}
	return nil
}

// private lets alice ask for a private conversation and get it.
func (p *play) private() error {
	alice, bob := p.parties["alice"], p.parties["bob"]
	n := Network{Clock: p.clock, Left: []*Party{alice}, Right: []*Party{bob}}
	alice.Do(alice.Start())
	n.Run()
	alice.Take()
	bob.Take()
	if alice.State() != otr.Encrypted || bob.State() != otr.Encrypted {
		return errors.New("the key exchange failed")
	}
	return nil
}

// user carries out what a method returned and compares its error with the script's "fails with ERROR".
func user(party *Party, rest []string) func([]otr.Event, error) error {
	return func(events []otr.Event, err error) error {
		party.Do(events)
		want := strings.TrimPrefix(strings.Join(rest, " "), "fails with ")
		if got := errorName(err); got != want {
			return fmt.Errorf("fails with %q: %v", got, err)
		}
		return nil
	}
}

func errorName(err error) string {
	switch err {
	case nil:
		return ""
	case otr.ErrEncryptionRequired:
		return "encryption required"
	case otr.ErrFinished:
		return "finished"
	case otr.ErrNotEncrypted:
		return "not encrypted"
	case otr.ErrTextHasNUL:
		return "text has NUL"
	case otr.ErrTooLarge:
		return "too large"
	case otr.ErrNoRequest:
		return "no request"
	}
	return err.Error()
}

func setPolicy(config *otr.Config, words []string) error {
	config.Policy = 0
	for _, w := range words {
		switch w {
		case "require":
			config.Policy |= otr.RequireEncryption
		case "tag":
			config.Policy |= otr.SendWhitespaceTag
		case "tag-starts":
			config.Policy |= otr.WhitespaceStartAKE
		case "error-starts":
			config.Policy |= otr.ErrorStartAKE
		case "v2":
			config.Policy |= otr.AllowV2
		case "v3":
			config.Policy |= otr.AllowV3
		case "off":
			config.Policy = otr.PolicyNever
			return nil
		default:
			return fmt.Errorf("cannot read policy %q", w)
		}
	}
	if config.Policy&(otr.AllowV2|otr.AllowV3) == 0 {
		config.Policy |= otr.AllowV3
	}
	return nil
}

func (p *play) sends(party *Party, words []string) error {
	if len(party.Packets) == 0 {
		return errors.New("sends nothing")
	}
	packet := party.Packets[0]
	party.Packets = party.Packets[1:]
	if got := Kind(packet.Body); got != words[0] {
		return fmt.Errorf("sends %s", got)
	}
	words = words[1:]
	for len(words) >= 2 {
		switch words[0] {
		case "as":
			p.named[words[1]] = packet
			words = words[2:]
		case "same": // as NAME
			if p.named[words[2]].Body != packet.Body {
				return errors.New("it is not the same")
			}
			words = words[3:]
		case "unlike":
			if p.named[words[1]].Body == packet.Body {
				return errors.New("it is the same")
			}
			words = words[2:]
		default:
			return fmt.Errorf("cannot read %q", words)
		}
	}
	if len(words) == 1 && words[0] == "lost" {
		return nil
	}
	for _, other := range p.parties {
		if other.Name != party.Name {
			other.Do(other.Receive(packet.Body))
		}
	}
	return nil
}

func (p *play) receives(party *Party, word string) error {
	body, raw := strings.CutPrefix(word, `"`)
	if !raw {
		packet, ok := p.named[word]
		if !ok {
			return fmt.Errorf("no message is named %s", word)
		}
		body = packet.Body
	}
	party.Do(party.Receive(body))
	return nil
}

func (p *play) tells(party *Party, words []string) error {
	if len(party.Told) == 0 {
		return errors.New("tells nothing")
	}
	e := party.Told[0]
	party.Told = party.Told[1:]
	switch e := e.(type) {
	case otr.SMPRequest:
		p.request = e.ID
	case otr.ExtraKey:
		if e.Key != p.extra {
			return errors.New("tells another key")
		}
	}
	got := describe(e)
	want := make([]string, len(words))
	for i, w := range words {
		want[i] = w
		if text, ok := strings.CutPrefix(w, `"`); ok {
			want[i] = strconv.Quote(text)
		}
	}
	if got != strings.Join(want, " ") {
		return fmt.Errorf("tells %s", got)
	}
	return nil
}

// describe returns an event in the words of scripts.
func describe(e otr.Event) string {
	switch e := e.(type) {
	case otr.Offer:
		words := "offer"
		if e.ByTag {
			words = "offer by tag"
		}
		if e.Versions.String() == "3" {
			return words
		}
		return words + " " + digits(e.Versions)
	case otr.Records:
		return "records" + describeRecords(e.TLVs)
	case otr.ExtraKey:
		return fmt.Sprintf("extra key %d %q", e.Use, e.Data)
	case otr.Message:
		switch {
		case e.Encrypted:
			return fmt.Sprintf("private %q", e.Text) + describeRecords(e.TLVs)
		case e.Unexpected:
			return fmt.Sprintf("unexpected %q", e.Text)
		}
		return fmt.Sprintf("clear %q", e.Text)
	case otr.StateChange:
		switch {
		case e.Refreshed:
			return "refreshed"
		case e.Old == e.New:
			return "other peer" + byVersion(e.Peer)
		}
		return e.New.String() + byVersion(e.Peer)
	case otr.InstanceChange:
		return "other client " + e.New.String() + byVersion(e.Peer)
	case otr.Rejected:
		if e.Versions != 0 {
			return "rejected " + reasons[e.Reason] + " " + digits(e.Versions)
		}
		return "rejected " + reasons[e.Reason]
	case otr.PeerError:
		return fmt.Sprintf("error %q", e.Text)
	case otr.Heartbeat:
		if e.Sent {
			return "heartbeat sent"
		}
		return "heartbeat"
	case otr.SMPRequest:
		if e.Asked {
			return fmt.Sprintf("asked %q", e.Question)
		}
		return "asked"
	case otr.SMPProgress:
		return fmt.Sprintf("progress %d", e.Percent)
	case otr.SMPResult:
		return outcomes[e.Outcome]
	}
	return fmt.Sprintf("%T", e)
}

func digits(v otr.Versions) string { return strings.ReplaceAll(v.String(), ", ", " ") }

func byVersion(p otr.Peer) string {
	if p.Version == 2 {
		return " by version 2"
	}
	return ""
}

func describeRecords(records []otr.TLV) string {
	var b strings.Builder
	for _, r := range records {
		fmt.Fprintf(&b, " with %d %q", r.Type, r.Value)
	}
	return b.String()
}

var reasons = map[otr.Reason]string{
	otr.Malformed:     "malformed",
	otr.OtherInstance: "other instance",
	otr.Unreadable:    "unreadable",
	otr.NotPrivate:    "not private",
	otr.Reflected:     "reflected",
	otr.BadVersion:    "bad version",
	otr.SetupFailed:   "setup failed",
	otr.TooMany:       "too many",
}

var outcomes = map[otr.SMPOutcome]string{
	otr.SMPSuccess: "success",
	otr.SMPFailure: "failure",
	otr.SMPAborted: "aborted",
	otr.SMPCheated: "cheated",
}

// Kind says what a body is, in the words of scripts.
func Kind(body string) string {
	for _, version := range []string{"?OTR:AAM", "?OTR:AAI"} {
		if message, ok := strings.CutPrefix(body, version); ok && message != "" {
			if kind, ok := kinds[message[0]]; ok {
				return kind
			}
		}
	}
	switch {
	case strings.HasPrefix(body, "?OTR|"), strings.HasPrefix(body, "?OTR,"):
		return "fragment"
	case strings.HasPrefix(body, "?OTR Error:"):
		return "error"
	case strings.HasPrefix(body, "?OTRv"):
		return "query"
	case strings.Contains(body, "\x20\x09\x20\x20\x09\x09\x09\x09\x20\x09\x20\x09\x20\x09\x20\x20"):
		return "tagged"
	}
	return "text"
}

// kinds of encoded messages, by the letter that tells their type.
var kinds = map[byte]string{'C': "commit", 'K': "key", 'R': "reveal", 'S': "signature", 'D': "data"}

// commitHash returns the hash in a D-H Commit Message, which is its end.
func commitHash(body string) []byte {
	b, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(strings.TrimPrefix(body, "?OTR:"), "."))
	if err != nil || len(b) < 32 {
		return nil
	}
	return b[len(b)-32:]
}
