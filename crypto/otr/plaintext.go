package otr

import "strings"

// This file is the section "Unencoded messages", and tells what arrives apart.

// form is what a body is.
type form uint8

const (
	formText     form = iota // anything else
	formQuery                // OTR Query Message
	formError                // OTR Error Message
	formEncoded              // encoded message
	formFragment             // fragment of one
)

// A body is what arrived, taken apart. Only what has the full form of a message of the protocol is one: everything
// else that happens to contain "?OTR" is text and is shown as text.
type body struct {
	form     form
	text     string   // what is to be shown: of a text or query; of an encoded message that turns out to be none
	words    string   // of an error
	offer    Versions // what a query or whitespace tag offers
	tagged   bool     // there was a whitespace tag
	fragment fragment
	version  int    // of an encoded message or fragment
	message  []byte // an encoded message; nil if it is too long
	ended    bool   // it ended with a period
}

func parseBody(s string) body {
	if len(s) == 0 {
		return body{}
	}
	if words, ok := strings.CutPrefix(strings.TrimLeft(s, " \t\r\n"), errorPrefix); ok {
		return body{form: formError, words: words}
	}
	for at := 0; ; at++ {
		i := strings.Index(s[at:], "?OTR")
		if i < 0 {
			return parseText(s)
		}
		at += i
		if b, ok := parseMarked(s, at); ok {
			return b
		}
	}
}

// parseMarked reads the message of the protocol that begins at s[at:] with "?OTR", if one does. Fragments come
// first: their pieces contain other marks ("Receiving Fragments").
func parseMarked(s string, at int) (body, bool) {
	marked := s[at:]
	if f, ok := parseFragment(marked); ok {
		return body{form: formFragment, fragment: f, version: f.version}, true
	}
	if digits, ok := strings.CutPrefix(marked, encodedPrefix); ok {
		version := peekVersion(digits)
		if version == 0 {
			return body{}, false
		}
		digits, rest, ended := strings.Cut(digits, ".")
		b := body{form: formEncoded, version: version, ended: ended}
		if len(digits) <= maxEncoded {
			b.message = decode(digits)
		}
		if strings.TrimSpace(s[:at]+rest) != "" {
			b.text = s
		}
		return b, true
	}
	offer, rest, ok := parseQuery(marked)
	if !ok {
		return body{}, false
	}
	b := body{form: formQuery, offer: offer}
	if strings.TrimSpace(s[:at]) != "" || !isExplanation(rest) {
		b.text = s
	}
	return b, true
}

// parseQuery reads the query that s begins with ("OTR Query Messages").
func parseQuery(s string) (offer Versions, rest string, ok bool) {
	rest = s[len("?OTR"):]
	rest, ok = strings.CutPrefix(rest, "?")
	if ok {
		offer = versionSet(version1)
	}
	if list, found := strings.CutPrefix(rest, "v"); found {
		end := strings.IndexFunc(list, func(r rune) bool { return !isIdentifier(r) })
		if end >= 0 && list[end] == '?' {
			return offer | listed(list[:end]), list[end+1:], true
		}
	}
	return offer, rest, ok
}

// listed returns the versions in the list of a query. There is none that is not a digit.
func listed(identifiers string) Versions {
	var v Versions
	for _, r := range identifiers {
		if '0' <= r && r <= '9' {
			v |= versionSet(int(r - '0'))
		}
	}
	return v
}

// isIdentifier says whether r may stand for a version.
func isIdentifier(r rune) bool {
	return '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

// query returns the query that offers versions.
func query(v Versions) string { return "?OTRv" + strings.ReplaceAll(v.String(), ", ", "") + "?" }

// explanation follows a query, for people whose program does not know the protocol.
const explanation = "\nI have requested an Off-the-Record private conversation, but your program does not seem to know how to answer."

// isExplanation says whether what follows a query is nothing, or the sentence that clients put there for programs
// that do not know the protocol, and that is not shown by those that do.
func isExplanation(s string) bool {
	return strings.TrimSpace(s) == "" || strings.Contains(s, "requested an") && strings.Contains(s, "Off-the-Record")
}

// Whitespace tags ("Tagged plaintext messages").
const (
	tagBase     = "\x20\x09\x20\x20\x09\x09\x09\x09\x20\x09\x20\x09\x20\x09\x20\x20"
	tagVersion1 = "\x20\x09\x20\x09\x20\x20\x09\x20"
	tagVersion2 = "\x20\x20\x09\x09\x20\x20\x09\x20"
	tagVersion3 = "\x20\x20\x09\x09\x20\x20\x09\x09"
	tagGroup    = 8 // bytes that stand for one version
)

var tagVersions = map[string]int{tagVersion1: version1, tagVersion2: version2, tagVersion3: version3}

// whitespaceTag returns the tag that offers versions.
func whitespaceTag(v Versions) string {
	tag := tagBase
	if v.Has(version2) {
		tag += tagVersion2
	}
	if v.Has(version3) {
		tag += tagVersion3
	}
	return tag
}

// parseText takes the whitespace tag out of a text, with every group that follows its base, known or not.
func parseText(s string) body {
	before, after, found := strings.Cut(s, tagBase)
	if !found {
		return body{text: s}
	}
	b := body{tagged: true}
	for len(after) >= tagGroup && strings.Trim(after[:tagGroup], " \t") == "" {
		if version, known := tagVersions[after[:tagGroup]]; known {
			b.offer |= versionSet(version)
		}
		after = after[tagGroup:]
	}
	b.text = before + after
	return b
}

// errorPrefix begins an error message ("OTR Error Messages").
const errorPrefix = "?OTR Error:"

// unreadableText tells the correspondent that its message was lost.
const unreadableText = errorPrefix + " You sent a private message that could not be read here."

// clean makes the correspondent's words valid UTF-8 of at most size bytes.
func clean(s string, size int) string {
	return strings.ToValidUTF8(s[:min(len(s), size)], "?")
}
