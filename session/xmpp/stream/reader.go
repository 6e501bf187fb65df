package stream

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"iter"
	"strings"
)

// A Reader reads one stream: its Header first, then element after element. It is for one goroutine.
//
// After STARTTLS make a new Reader on the TLS connection, and refuse to go on if Buffered is not 0: those bytes came
// in clear and belong to nobody. After SASL call Restart.
type Reader struct {
	// LimitsFor, if set, is asked for each stanza's limits when only its opening tag is known, its attributes read.
	LimitsFor func(opening *Element) Limits

	source *meter // nil when the decoder is another's, see Continue
	dec    *xml.Decoder
	header *Header
	limits Limits
	err    error
}

// NewReader reads a stream from its beginning.
func NewReader(r io.Reader) *Reader {
	reader := &Reader{source: &meter{r: bufio.NewReader(r)}}
	reader.Restart()
	return reader
}

// Continue reads the elements of a stream whose Header was read elsewhere, from the decoder that is past it. The
// limit on bytes is then checked after each token only: whoever feeds the decoder must bound a single one.
func Continue(dec *xml.Decoder, header *Header) *Reader {
	return &Reader{dec: dec, header: header}
}

// Restart expects a new header next, on the same connection.
func (r *Reader) Restart() {
	r.header, r.err = nil, nil
	r.dec = xml.NewDecoder(r.source)
}

// Buffered is the number of bytes read from the connection and not looked at yet.
func (r *Reader) Buffered() int { return r.source.r.Buffered() }

// A meter stops a single element from being as long as it likes. It is an io.ByteReader, so that the decoder reads no
// further than it must.
type meter struct {
	r    *bufio.Reader
	left int
}

func (m *meter) ReadByte() (byte, error) {
	if m.left == 0 {
		return 0, refuse("longer than the limit")
	}
	m.left--
	return m.r.ReadByte()
}

func (m *meter) Read([]byte) (int, error) {
	panic("stream: internal error: encoding/xml reads by the byte when it can")
}

// Header reads the header of the stream.
func (r *Reader) Header() (*Header, error) {
	r.allow(DefaultLimits)
	h, err := r.readHeader()
	if err != nil {
		return nil, r.fail(err)
	}
	r.header = h
	return h, nil
}

func (r *Reader) readHeader() (*Header, error) {
	// What does not even begin as XML is some other protocol, which may go on without ever sending a tag.
	if b, err := r.source.r.Peek(1); err == nil && b[0] != '<' && !isSpace(b) {
		return nil, refuse("not XML")
	}
	declared := false
	for {
		tok, err := r.dec.RawToken()
		if err != nil {
			return nil, err
		}
		switch tok := tok.(type) {
		case xml.ProcInst:
			if declared || tok.Target != "xml" {
				return nil, refuse("processing instruction")
			}
			declared = true
		case xml.CharData: // before the declaration it belongs to the stream before: some clients end each element with a line feed
			if !isSpace(tok) {
				return nil, refuse("text before the stream")
			}
		case xml.StartElement:
			return newHeader(tok)
		default:
			return nil, refuse("not the beginning of a stream")
		}
	}
}

func newHeader(tag xml.StartElement) (*Header, error) {
	e, scope, err := resolve(tag, outermost, DefaultLimits)
	if err != nil {
		return nil, err
	}
	if !e.Is(NSStreams, "stream") {
		return nil, refuse("the stream begins with <%s xmlns='%s'>", e.Name.Local, e.Name.Space)
	}
	content, _ := scope.lookup("")
	h := &Header{To: e.Attr("to"), From: e.Attr("from"), ID: e.Attr("id"), Version: e.Attr("version"), Space: content,
		name: tag.Name, scope: scope}
	for _, a := range e.Attrs {
		if a.Name == (xml.Name{Space: NSXML, Local: "lang"}) {
			h.Lang = a.Value
		}
	}
	return h, nil
}

// Next reads the next element on the level of stanzas. It returns io.EOF when the other side has closed the stream
// and io.ErrUnexpectedEOF when the connection ended without that. After a *DroppedError the next element can be read,
// after any other the same error is returned.
func (r *Reader) Next() (*Element, error) {
	if r.err != nil {
		return nil, r.err
	}
	e, err := r.next()
	var dropped *DroppedError
	switch {
	case err == nil:
		return e, nil
	case errors.As(err, &dropped):
		return nil, err
	}
	return nil, r.fail(err)
}

func (r *Reader) fail(err error) error {
	var syntax *xml.SyntaxError
	switch {
	case err == errClosed:
		r.err = io.EOF
	case err == io.EOF, errors.As(err, &syntax) && syntax.Msg == "unexpected EOF":
		r.err = io.ErrUnexpectedEOF
	case errors.As(err, &syntax):
		r.err = refuse("%s", syntax.Msg)
	case strings.HasPrefix(err.Error(), "xml: "): // version or encoding of the declaration
		r.err = refuse("%s", err)
	default:
		r.err = err
	}
	return r.err
}

// errClosed keeps </stream:stream> apart from the end of the connection, for which decoders use io.EOF.
var errClosed = errors.New("stream: closed")

func (r *Reader) next() (*Element, error) {
	if r.header == nil {
		return nil, errors.New("stream: internal error: Next before Header")
	}
	r.allow(DefaultLimits)
	for {
		begin := r.dec.InputOffset()
		tok, err := r.dec.RawToken()
		if err != nil {
			return nil, err
		}
		switch tok := tok.(type) {
		case xml.CharData:
			// White space between stanzas keeps connections alive (RFC 6120 section 4.6.1).
			if !isSpace(tok) {
				return nil, refuse("text between stanzas")
			}
		case xml.StartElement:
			return r.element(tok, begin)
		case xml.EndElement:
			if tok.Name != r.header.name {
				return nil, refuse("</%s> closes nothing", tok.Name.Local)
			}
			return nil, errClosed
		default:
			return nil, refuse("comment, processing instruction or document type")
		}
	}
}

func (r *Reader) allow(l Limits) {
	r.limits = l
	if r.source != nil {
		r.source.left = l.Bytes
	}
}

// open is an element whose end has not come yet.
type open struct {
	tag   xml.Name // as written
	e     *Element
	scope *scope
	text  []byte
}

// element reads what follows an opening tag, which began at begin, up to and with the tag that closes it. It keeps its
// own stack, so depth costs no recursion.
func (r *Reader) element(tag xml.StartElement, begin int64) (*Element, error) {
	e, inner, err := resolve(tag, r.header.scope, r.limits)
	if err != nil {
		return nil, r.passOver(tag, 1, begin, err)
	}
	if r.LimitsFor != nil {
		if l := r.LimitsFor(e); l != (Limits{}) {
			r.allow(l)
		}
	}
	stack, elements := []open{{tag.Name, e, inner, nil}}, 1
	for {
		tok, err := r.dec.RawToken()
		if err != nil {
			return nil, err
		}
		top := &stack[len(stack)-1]
		if r.dec.InputOffset()-begin > int64(r.limits.Bytes) {
			return nil, r.passOver(tag, len(stack)+depthOf(tok), begin, refuse("longer than the limit"))
		}
		switch tok := tok.(type) {
		case xml.CharData:
			top.text = append(top.text, tok...)
		case xml.StartElement:
			if elements++; elements > r.limits.Elements || len(stack) == r.limits.Depth {
				return nil, r.passOver(tag, len(stack)+1, begin, refuse("more or deeper elements than the limit"))
			}
			child, inner, err := resolve(tok, top.scope, r.limits)
			if err != nil {
				return nil, r.passOver(tag, len(stack)+1, begin, err)
			}
			top.e.Children = append(top.e.Children, child)
			stack = append(stack, open{tok.Name, child, inner, nil})
		case xml.EndElement:
			if tok.Name != top.tag {
				return nil, refuse("</%s> closes <%s>", tok.Name.Local, top.tag.Local)
			}
			top.e.Text = string(top.text)
			if stack = stack[:len(stack)-1]; len(stack) == 0 {
				return e, nil
			}
		default:
			return nil, refuse("comment, processing instruction or document type")
		}
	}
}

// MaxPassedOver is how long an element may be that is beyond the limits and passed over.
const MaxPassedOver = 2 << 20

// A DroppedError says that one element was passed over: it was beyond the limits, or its names were in no order. Servers
// hand on what strangers write, and other servers have other limits; if such an element ended the stream, anybody could
// end it, again and again from the offline store. Only what no stranger can cause ends it: XML that is not well-formed.
type DroppedError struct {
	Name xml.Name // of the element, as far as that is known
	Err  error    // wraps ErrRefused
}

func (d *DroppedError) Error() string { return "stream: element passed over: " + d.Err.Error() }
func (d *DroppedError) Unwrap() error { return d.Err }

// passOver reads on to the end of the element that tag opened, of which depth levels are still open, and keeps nothing.
func (r *Reader) passOver(tag xml.StartElement, depth int, begin int64, reason error) error {
	for depth > 0 {
		if r.dec.InputOffset()-begin > MaxPassedOver {
			return reason
		}
		tok, err := r.dec.RawToken()
		if err != nil {
			return err
		}
		switch tok.(type) {
		case xml.CharData:
		case xml.StartElement, xml.EndElement:
			depth += depthOf(tok)
		default:
			return refuse("comment, processing instruction or document type")
		}
	}
	return &DroppedError{Name: rough(tag, r.header.scope), Err: reason}
}

func depthOf(tok xml.Token) int {
	switch tok.(type) {
	case xml.StartElement:
		return 1
	case xml.EndElement:
		return -1
	}
	return 0
}

// rough is the name of an element whose tag could not be resolved as a whole; zero when it has none.
func rough(tag xml.StartElement, s *scope) xml.Name {
	for _, a := range tag.Attr {
		if a.Name.Space == "xmlns" && a.Name.Local == tag.Name.Space || tag.Name.Space == "" && a.Name == (xml.Name{Local: "xmlns"}) {
			s = s.declare(tag.Name.Space, a.Value)
		}
	}
	name, err := resolveName(tag.Name, s)
	if err != nil {
		return xml.Name{}
	}
	return name
}

// resolve turns a tag as written into an element with its names in their namespaces (Namespaces in XML 1.0).
func resolve(tag xml.StartElement, outer *scope, l Limits) (*Element, *scope, error) {
	if len(tag.Attr) > l.Attributes {
		return nil, nil, refuse("more attributes than the limit")
	}
	inner := outer
	for _, a := range tag.Attr {
		var prefix string
		switch {
		case a.Name.Space == "xmlns":
			prefix = a.Name.Local
			if prefix == "xml" && a.Value == NSXML {
				continue // as it is anyway
			}
			if a.Value == "" || prefix == "xml" || prefix == "xmlns" {
				return nil, nil, refuse("xmlns:%s declared as %q", prefix, a.Value)
			}
		case a.Name.Space != "" || a.Name.Local != "xmlns":
			continue
		}
		if a.Value == NSXML || a.Value == "http://www.w3.org/2000/xmlns/" {
			return nil, nil, refuse("a reserved namespace declared")
		}
		if inner = inner.declare(prefix, a.Value); inner.length > maxNamespaces {
			return nil, nil, refuse("more namespaces than the limit")
		}
	}
	e := &Element{}
	var err error
	if e.Name, err = resolveName(tag.Name, inner); err != nil {
		return nil, nil, err
	}
	seen := make(map[xml.Name]bool, len(tag.Attr))
	for _, a := range tag.Attr {
		declaration := a.Name.Space == "xmlns" || a.Name == xml.Name{Local: "xmlns"}
		name := a.Name
		if name.Space != "" && !declaration {
			// Only a prefix puts an attribute into a namespace; the default one does not apply to it.
			if name, err = resolveName(name, inner); err != nil {
				return nil, nil, err
			}
		}
		if strings.Contains(name.Local, ":") {
			return nil, nil, refuse("%q is not a name", name.Local)
		}
		if seen[name] {
			return nil, nil, refuse("attribute %s twice", name.Local)
		}
		seen[name] = true
		if !declaration {
			e.Attrs = append(e.Attrs, xml.Attr{Name: name, Value: a.Value})
		}
	}
	return e, inner, nil
}

func resolveName(written xml.Name, s *scope) (xml.Name, error) {
	space, ok := s.lookup(written.Space)
	if !ok {
		return xml.Name{}, refuse("prefix %q is not declared", written.Space)
	}
	if strings.Contains(written.Local, ":") {
		return xml.Name{}, refuse("%q is not a name", written.Local)
	}
	return xml.Name{Space: space, Local: written.Local}, nil
}

func isSpace(text []byte) bool { return len(bytes.Trim(text, " \t\r\n")) == 0 }

// Parse reads one element as it stands inside a stream opened by [Header.Open]: what [Element.XML] wrote.
func Parse(text string) (*Element, error) {
	r := NewReader(strings.NewReader(text))
	r.header = &Header{scope: inStream, name: xml.Name{Space: "stream", Local: "stream"}}
	e, err := r.Next()
	if err != nil {
		return nil, err
	}
	r.allow(Limits{Bytes: 1})
	if _, err := r.source.ReadByte(); err != io.EOF {
		return nil, refuse("more than one element")
	}
	return e, nil
}

// An Item is what a Pusher found: the Header, an Element, or, when both are nil, the end of the stream.
type Item struct {
	Header  *Header
	Element *Element
}

// A Pusher is a Reader turned inside out: it is handed the bytes of a stream as they come, cut anywhere, and returns
// what is complete. Call Close when done with it.
type Pusher struct {
	chunk []byte
	next  func() (step, bool)
	stop  func()
}

// step is one step of the parser: it found an item, failed, or needs more bytes.
type step struct {
	item Item
	err  error
	more bool
}

// NewPusher expects a stream from its beginning.
func NewPusher() *Pusher {
	p := &Pusher{}
	p.next, p.stop = iter.Pull(p.parse)
	return p
}

// Push hands over the next bytes and returns what they complete. Items found before an error come with it; after an
// error or the end of the stream there are no more.
func (p *Pusher) Push(chunk []byte) ([]Item, error) {
	p.chunk = chunk
	var items []Item
	for {
		s, ok := p.next()
		switch {
		case !ok || s.more:
			return items, nil
		case s.err != nil:
			return items, s.err
		}
		items = append(items, s.item)
	}
}

// Close frees what the Pusher holds.
func (p *Pusher) Close() { p.stop() }

// parse runs as a coroutine: where the Reader would wait for the connection, it steps aside until the next Push.
func (p *Pusher) parse(yield func(step) bool) {
	r := NewReader(readFunc(func(buf []byte) (int, error) {
		for len(p.chunk) == 0 {
			if !yield(step{more: true}) {
				return 0, io.EOF
			}
		}
		n := copy(buf, p.chunk)
		p.chunk = p.chunk[n:]
		return n, nil
	}))
	h, err := r.Header()
	if err == nil && !yield(step{item: Item{Header: h}}) {
		return
	}
	for err == nil {
		var e *Element
		if e, err = r.Next(); err == nil && !yield(step{item: Item{Element: e}}) {
			return
		}
	}
	if err == io.EOF {
		yield(step{})
	} else {
		yield(step{err: err})
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(buf []byte) (int, error) { return f(buf) }
