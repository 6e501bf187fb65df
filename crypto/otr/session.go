package otr

import (
	"encoding/binary"
)

// This file is what data messages do to the session with a client.

// note notes that something authentic came from i.
func (c *Conversation) note(i *instance) {
	c.accepted++
	i.active, i.heard = c.accepted, c.now
}

// receiveData implements "Receiving a Data Message".
func (c *Conversation) receiveData(i *instance, m *dataMessage) []Event {
	reason := NotPrivate
	if i.state == Encrypted {
		if plaintext, extra, a, err := i.keys.open(m); err == nil {
			i.keys.accept(&a)
			return c.receivePlaintext(i, plaintext, extra)
		}
		reason = Unreadable
	}
	if m.flags&flagIgnoreUnreadable != 0 {
		return nil
	}
	events := reject(reason, i.tag)
	if reason == Unreadable && c.fits(unreadableText) && c.elapsed(c.lastError, errorInterval) {
		c.lastError = c.now
		events = append(events, Transmit{Body: unreadableText, To: i.tag})
	}
	return events
}

// receivePlaintext handles what a data message said, which is authentic. extra is the key that belongs to it.
func (c *Conversation) receivePlaintext(i *instance, plaintext []byte, extra [32]byte) []Event {
	before, was := c.view(), i.view()
	text, records := parsePlaintext(plaintext)
	c.note(i)

	if _, found := find(records, tlvDisconnected); found {
		events := said(nil, i.peer, text, records, extra)
		events = append(events, i.endSMP(SMPAborted)...)
		i.forget(Finished)
		c.choose(i)
		return append(events, c.changes(before, i, was)...)
	}

	c.choose(i)
	events := said(c.changes(before, i, was), i.peer, text, records, extra)
	if len(text) == 0 && isHeartbeat(records) {
		events = append(events, Heartbeat{})
	}
	events = append(events, c.receiveSMP(i, records)...)
	if len(text) > 0 && c.elapsed(i.sent, heartbeatInterval) || len(i.keys.reveal) > maxReveal {
		events = append(events, c.heartbeat(i)...)
	}
	return events
}

// said appends the events for what a data message brings to the application.
func said(events []Event, from Peer, text []byte, records []TLV, extra [32]byte) []Event {
	others := unknown(records)
	switch {
	case len(text) > 0:
		events = append(events, Message{Text: text, Encrypted: true, From: from, TLVs: others})
	case len(others) > 0:
		events = append(events, Records{TLVs: others, From: from})
	}
	if value, found := find(records, tlvExtraKey); found && len(value) >= 4 {
		use, data := binary.BigEndian.Uint32(value), value[4:]
		events = append(events, ExtraKey{Key: extra, Use: use, Data: data, From: from})
	}
	return events
}

func isHeartbeat(records []TLV) bool {
	for _, t := range records {
		if t.Type != tlvPadding {
			return false
		}
	}
	return true
}

// heartbeat sends an empty message, by which keys change and are revealed though the user does not write.
func (c *Conversation) heartbeat(i *instance) []Event {
	events, err := c.sendData(i, flagIgnoreUnreadable, nil)
	if err != nil {
		return failure(err)
	}
	return append(events, Heartbeat{Sent: true})
}

// sendData returns what sends a data message to i, in whose session we are.
func (c *Conversation) sendData(i *instance, flags byte, text []byte, records ...TLV) ([]Event, error) {
	if len(text) > maxEncoded {
		return nil, ErrTooLarge
	}
	h := c.header(i.version(), typeData, i.tag)
	message, announced, err := i.keys.seal(h, flags, c.content(text, records...), c.rand())
	if err != nil {
		return nil, cannotSend(err)
	}
	events, err := c.transmit(h, message, Transmit{To: i.tag, Text: len(text) > 0})
	if err != nil {
		return nil, err
	}
	i.keys.sent(&announced)
	i.sent = c.now
	return events, nil
}

// UseExtraKey implements "User requests to use the extra symmetric key": it tells the selected client what the key is
// used for, and returns the key. data is whatever belongs to such a use. The key is that of this one message; the next
// use has another one. The caller clears it after use.
func (c *Conversation) UseExtraKey(use uint32, data []byte) (key [32]byte, events []Event, err error) {
	c.expire()
	i := c.selected
	switch {
	case c.State() != Encrypted:
		return key, nil, ErrNotEncrypted
	case len(data) > maxValue-4:
		return key, nil, ErrTooLarge
	}
	value := append(binary.BigEndian.AppendUint32(nil, use), data...)
	events, err = c.sendData(i, flagIgnoreUnreadable, nil, TLV{tlvExtraKey, value})
	if err != nil {
		return key, nil, err
	}
	return i.keys.extra(), events, nil
}
