package session

import (
	"strings"

	"mellium.im/xmpp/jid"
)

// parseAddress reads the bare address that a person typed. Its error is an *AddressError.
func parseAddress(typed string) (jid.JID, error) {
	s := strings.TrimSpace(typed)
	switch {
	case s == "":
		return jid.JID{}, &AddressError{AddressEmpty}
	case strings.Contains(s, "/"):
		return jid.JID{}, &AddressError{AddressHasResource}
	case !strings.Contains(s, "@"):
		return jid.JID{}, &AddressError{AddressNoDomain}
	case strings.HasSuffix(s, "@"):
		return jid.JID{}, &AddressError{AddressNoDomain}
	}
	// "example.org." and "example.org" are the same host (RFC 7622 3.2), but package jid keeps the dot.
	address, err := jid.Parse(strings.TrimSuffix(s, "."))
	if err != nil || strings.Contains("."+address.Domainpart()+".", "..") {
		return jid.JID{}, &AddressError{AddressMalformed}
	}
	return address, nil
}

// parseLogin is parseAddress for an address to sign in with.
func parseLogin(typed string) (jid.JID, error) {
	address, err := parseAddress(typed)
	if err != nil {
		return jid.JID{}, err
	}
	// SCRAM would have to escape these, and not every server reads that (RFC 5802 5.1).
	if strings.ContainsAny(address.Localpart(), "=,") {
		return jid.JID{}, &AddressError{AddressLocalUnusable}
	}
	return address, nil
}
