package stream

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

const header = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='" + NSStreams + "' version='1.0' from='h.test' id='7' xml:lang='en'>"

// The inside of a stream, and the XML of the elements in it; "" for what is refused.
var streams = []struct {
	name, in string
	want     []string
}{
	{"nothing", "", nil},
	{"keep-alives", " \n <presence/>\t\n ", []string{"<presence/>"}},
	{"message", "<message from='a@b' id='1'><body>x &amp; y</body></message><iq/>",
		[]string{"<message from='a@b' id='1'><body>x &amp; y</body></message>", "<iq/>"}},
	{"line feeds in text", "<message><body>one\n|two\r\nthree\n</body></message>",
		[]string{"<message><body>one&#10;|two&#10;three&#10;</body></message>"}},
	{"references", "<m>&#x41;&#13;&lt;&quot;&apos;</m>", []string{"<m>A&#13;&lt;&quot;&apos;</m>"}},
	{"cdata", "<m><![CDATA[<x>&]]></m>", []string{"<m>&lt;x&gt;&amp;</m>"}},
	{"prefixes", "<q:m xmlns:q='urn:q' xmlns='urn:d'><a/><q:b/></q:m>",
		[]string{"<m xmlns='urn:q'><a xmlns='urn:d'/><b/></m>"}},
	{"namespaced attribute", "<message xmlns:z='urn:z' z:from='boss@x' from='a@b'/>",
		[]string{"<message xmlns:n0='urn:z' n0:from='boss@x' from='a@b'/>"}},
	{"features", "<stream:features><bind xmlns='urn:b'/></stream:features>",
		[]string{"<stream:features><bind xmlns='urn:b'/></stream:features>"}},
	{"text around children", "<m>a<b/>c</m>", []string{"<m>ac<b/></m>"}},
	{"no namespace", "<m xmlns=''/>", []string{"<m xmlns=''/>"}},
	{"comment", "<a/><!-- x -->", []string{"<a/>", ""}},
	{"comment inside", "<a><!-- x --></a>", []string{""}},
	{"document type", "<!DOCTYPE x [<!ENTITY e 'x'>]><a/>", []string{""}},
	{"processing instruction", "<?php x?><a/>", []string{""}},
	{"second declaration", "<?xml version='1.0'?><a/>", []string{""}},
	{"unknown entity", "<a>&nbsp;</a>", []string{""}},
	{"text between", "x<a/>", []string{""}},
	{"not closed", "<a></b>", []string{""}},
	{"closed under another prefix", "<q:a xmlns:q='u' xmlns:r='u'></r:a>", []string{""}},
	{"closes too much", "<a/></a>", []string{"<a/>", ""}},
	{"attribute twice", "<a b='1' b='2'/>", []string{""}},
	{"attribute twice by prefix", "<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>", []string{""}},
	{"declaration twice", "<a xmlns='u' xmlns='v'/>", []string{""}},
	{"undeclared prefix", "<z:a/>", []string{""}},
	{"undeclared prefix of an attribute", "<a z:from='x'/>", []string{""}},
	{"prefix taken away", "<a xmlns:z=''/>", []string{""}},
	{"xml redeclared", "<a xmlns:xml='urn:x'/>", []string{""}},
	{"xmlns declared", "<a xmlns:xmlns='urn:x'/>", []string{""}},
	{"reserved namespace", "<a xmlns:q='" + NSXML + "'/>", []string{""}},
	{"two colons", "<a:b:c xmlns:a='u'/>", []string{""}},
	{"colon first", "<:a/>", []string{""}},
	{"colon first in an attribute", "<a :from='x'/>", []string{""}},
	{"attribute without quotes", "<a b=c/>", []string{""}},
	{"control character", "<a>\x01</a>", []string{""}},
	{"reference to a control character", "<a>&#0;</a>", []string{""}},
	{"bad UTF-8", "<a>\xff</a>", []string{""}},
	{"overlong UTF-8", "<a>\xc0\xaf</a>", []string{""}},
	{"surrogate reads as the replacement character", "<a>&#xD800;</a>", []string{"<a>\uFFFD</a>"}},
	{"end of a section in text", "<a>]]></a>", []string{""}},
	{"too many attributes", "<a" + attributes(65) + "/>", []string{""}},
	{"as many attributes as may be", "<a" + attributes(64) + "/>", []string{"<a" + attributes(64) + "/>"}},
	{"too deep", strings.Repeat("<a>", 65) + strings.Repeat("</a>", 65), []string{""}},
	{"as deep as may be", strings.Repeat("<a>", 64) + strings.Repeat("</a>", 64),
		[]string{strings.Repeat("<a>", 63) + "<a/>" + strings.Repeat("</a>", 63)}},
	{"too many children", "<a>" + strings.Repeat("<b/>", 2048) + "</a>", []string{""}},
	{"too long", "<a>" + strings.Repeat("x", 256<<10) + "</a>", []string{""}},
	{"too long in a tag", "<a b='" + strings.Repeat("x", 256<<10) + "'/>", []string{""}},
	{"too long a keep-alive", strings.Repeat(" ", 256<<10+1), []string{""}},
	{"too many namespaces", strings.Repeat("<a"+namespaces(63)+">", 5) + strings.Repeat("</a>", 5), []string{""}},
	{"xml declared as what it is", "<a xmlns:xml='" + NSXML + "' xml:lang='de'/>", []string{"<a xml:lang='de'/>"}},
}

func attributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " a%d='x'", i)
	}
	return b.String()
}

func namespaces(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " xmlns:a%d='x'", i)
	}
	return b.String()
}

// drain returns what a reader yields: XML of elements, and "" for a refusal; io errors fail the test.
func drain(t *testing.T, r *Reader) []string {
	t.Helper()
	if _, err := r.Header(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for {
		e, err := r.Next()
		switch {
		case err == io.EOF:
			return got
		case errors.Is(err, ErrRefused):
			return append(got, "")
		case err != nil:
			t.Fatal(err)
		}
		text, err := e.XML()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, text)
	}
}

func TestReader(t *testing.T) {
	for _, test := range streams {
		t.Run(test.name, func(t *testing.T) {
			got := drain(t, NewReader(strings.NewReader(header+test.in+End)))
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			got = drain(t, NewReader(iotest.OneByteReader(strings.NewReader(header+test.in+End))))
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("byte by byte: got %q, want %q", got, test.want)
			}
		})
	}
}

func TestContinueReadsLikeAReader(t *testing.T) {
	for _, test := range streams {
		r := continued(t, test.in+End)
		var got []string
		for {
			e, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				got = append(got, "")
				break
			}
			text, _ := e.XML()
			got = append(got, text)
		}
		// Only the length of what is between elements is the business of whoever feeds the decoder.
		if !reflect.DeepEqual(got, test.want) && test.name != "too long a keep-alive" && test.name != "too long in a tag" {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

// continued is a Reader that goes on where another decoder, which nobody bounds, is past the header.
func continued(t *testing.T, in string) *Reader {
	t.Helper()
	h, err := NewReader(strings.NewReader(header)).Header()
	if err != nil {
		t.Fatal(err)
	}
	dec := xml.NewDecoder(strings.NewReader(header + in))
	for range 2 { // the declaration and the header
		if _, err := dec.Token(); err != nil {
			t.Fatal(err)
		}
	}
	return Continue(dec, h)
}

// What strangers can write, and servers may hand on, is passed over when it is too much, and the stream goes on.
func TestPassedOver(t *testing.T) {
	const after = "<message><body>after</body></message>"
	long := strings.Repeat("x", DefaultLimits.Bytes)
	message := xml.Name{Space: NSClient, Local: "message"}
	for _, test := range []struct {
		name, in string
		want     xml.Name
	}{
		{"attributes", "<message" + attributes(65) + "><body/></message>", message},
		{"attributes of a child", "<message><body" + attributes(65) + ">x</body></message>", message},
		{"depth", "<message>" + strings.Repeat("<a>", 5000) + strings.Repeat("</a>", 5000) + "</message>", message},
		{"children", "<message>" + strings.Repeat("<a/>", 5000) + "</message>", message},
		{"children with children", "<message>" + strings.Repeat("<a><b/>x</a>", 5000) + "</message>", message},
		{"text", "<message><body>" + long + long + "</body><x/></message>", message},
		{"text in pieces", "<message>" + strings.Repeat("<a>"+long[:200]+"</a>", 1500) + "</message>", message},
		{"an attribute", "<message><a b='" + long + "'/></message>", message},
		{"its own attribute", "<message id='" + long + "'/>", message},
		{"namespaces", "<message>" + strings.Repeat("<a"+namespaces(63)+">", 5) + strings.Repeat("</a>", 5) + "</message>", message},
		{"attribute twice", "<message from='a@b' from='c@d'><body>x</body></message>", message},
		{"attribute twice inside", "<message><body a='1' a='2'>x</body></message>", message},
		{"undeclared prefix inside", "<message><z:body>x</z:body></message>", message},
		{"undeclared prefix of an attribute", "<message z:from='x'/>", message},
		{"undeclared prefix", "<z:message/>", xml.Name{}},
		{"a prefix of its own", "<q:message xmlns:q='jabber:client' a='1' a='2'/>", message},
		{"a namespace of its own", "<message xmlns='urn:x' a='1' a='2'/>", xml.Name{Space: "urn:x", Local: "message"}},
		{"reserved namespace", "<message xmlns:q='" + NSXML + "'/>", message},
		{"prefix taken away", "<message xmlns:z=''/>", message},
	} {
		r := continued(t, test.in+test.in+after)
		for range 2 {
			_, err := r.Next()
			var dropped *DroppedError
			if !errors.As(err, &dropped) || dropped.Name != test.want || !errors.Is(err, ErrRefused) {
				t.Errorf("%s: got %v, want %v dropped", test.name, err, test.want)
			}
		}
		if e, err := r.Next(); err != nil || e.Child(NSClient, "body").Text != "after" {
			t.Errorf("%s: then %+v, %v", test.name, e, err)
		}
	}
	for name, in := range map[string]string{
		"no end":            "<message>" + strings.Repeat("<a/>", MaxPassedOver/4),
		"comment inside":    "<message a='1' a='2'><!-- x --></message>",
		"not well-formed":   "<message a='1' a='2'><b c=></message>",
		"stray declaration": "<message a='1' a='2'><?xml version='1.0'?></message>",
	} {
		r := continued(t, in+after)
		for range 2 {
			_, err := r.Next()
			if errors.As(err, new(*DroppedError)) || !errors.Is(err, ErrRefused) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// pushed returns what a Pusher yields for chunks, in the form of drain.
func pushed(chunks ...string) []string {
	p := NewPusher()
	defer p.Close()
	var got []string
	for _, chunk := range chunks {
		items, err := p.Push([]byte(chunk))
		for _, item := range items {
			if item.Element != nil {
				text, _ := item.Element.XML()
				got = append(got, text)
			}
		}
		if err != nil {
			return append(got, "")
		}
	}
	return got
}

func TestPusherAtEveryCut(t *testing.T) {
	for _, test := range streams {
		all := header + test.in + End
		if got := pushed(all); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
		if len(all) > 1000 {
			continue
		}
		for i := range all {
			for j := i; j <= len(all); j += 31 {
				if got := pushed(all[:i], all[i:j], all[j:]); !reflect.DeepEqual(got, test.want) {
					t.Fatalf("%s cut at %d and %d: got %q, want %q", test.name, i, j, got, test.want)
				}
			}
		}
	}
}

func TestPusherReturnsWhatIsComplete(t *testing.T) {
	p := NewPusher()
	defer p.Close()
	for _, step := range []struct {
		chunk   string
		headers int
		items   int
	}{
		{header[:30], 0, 0}, {header[30:], 1, 1}, {"", 0, 0}, {"<a", 0, 0}, {"/>", 0, 1}, {"<b></b><c/> ", 0, 2},
		{End, 0, 1}, {"<d/>", 0, 0},
	} {
		items, err := p.Push([]byte(step.chunk))
		headers := 0
		for _, i := range items {
			if i.Header != nil {
				headers++
			}
		}
		if err != nil || len(items) != step.items || headers != step.headers {
			t.Errorf("Push(%q) = %d items, %d headers, %v", step.chunk, len(items), headers, err)
		}
	}
}

func TestHeader(t *testing.T) {
	want := Header{To: "a&b", From: "<c>", ID: "x'y", Lang: "de"}
	text, err := want.Open()
	if err != nil {
		t.Fatal(err)
	}
	got, err := NewReader(strings.NewReader(text)).Header()
	if err != nil {
		t.Fatal(err)
	}
	if got.To != want.To || got.From != want.From || got.ID != want.ID || got.Lang != "de" || got.Version != "1.0" || got.Space != NSClient {
		t.Errorf("got %+v", got)
	}
	for _, bad := range []string{"<stream/>", "<stream:stream xmlns:stream='urn:x'>", "x", "HTTP/1.1 400", " \nx<", "<!-- c -->" + header, header[1:],
		"<?xml version='1.0' encoding='utf-16'?>", "<?xml version='1.0'?>" + header} {
		if _, err := NewReader(strings.NewReader(bad)).Header(); !errors.Is(err, ErrRefused) {
			t.Errorf("%.40q: %v", bad, err)
		}
	}
}

func TestEndOfConnection(t *testing.T) {
	for _, in := range []string{"", " ", "<", "<a", "<a>", "<a>x", "<a>x&", "<a><b/></a"} {
		r := NewReader(strings.NewReader(header + in))
		if _, err := r.Header(); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if e, err := r.Next(); err != io.ErrUnexpectedEOF {
				t.Errorf("%q: %v, %v", in, e, err)
			}
		}
	}
	if _, err := NewReader(strings.NewReader(header[:20])).Header(); err != io.ErrUnexpectedEOF {
		t.Error(err)
	}
	broken := errors.New("cable cut")
	r := NewReader(io.MultiReader(strings.NewReader(header+"<a>"), iotest.ErrReader(broken)))
	r.Header()
	if _, err := r.Next(); err != broken {
		t.Errorf("got %v", err)
	}
}

func TestRestartKeepsWhatWasRead(t *testing.T) {
	r := NewReader(strings.NewReader(header + "<auth/>" + header + "<iq/>"))
	for range 2 {
		if _, err := r.Header(); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
		r.Restart()
	}
	if r.Buffered() != 0 {
		t.Error("more left")
	}
	r = NewReader(strings.NewReader(header + "<starttls/><injected/>"))
	r.Header()
	if r.Next(); r.Buffered() == 0 {
		t.Error("bytes after <starttls/> not noticed")
	}
}

func TestLimitsFor(t *testing.T) {
	r := NewReader(strings.NewReader(header + "<big>" + strings.Repeat("<i/>", 3000) + strings.Repeat("x", 300<<10) + "</big><small>" + strings.Repeat("<i/>", 3000) + "</small>"))
	r.LimitsFor = func(e *Element) (l Limits) {
		if e.Is(NSClient, "big") {
			l = Limits{Bytes: 1 << 20, Depth: 8, Attributes: 8, Elements: 4000}
		}
		return l
	}
	r.Header()
	if _, err := r.Next(); err != nil {
		t.Error(err)
	}
	if _, err := r.Next(); !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
}

func TestElement(t *testing.T) {
	e := New("urn:x", "a", "to", "b@c", "id", "").Add(New("urn:y", "k").WithText("t"), nil)
	e.Attrs = append(e.Attrs, xml.Attr{Name: xml.Name{Space: "urn:z", Local: "from"}, Value: "boss"})
	if e.Attr("from") != "" || e.Attr("to") != "b@c" || len(e.Attrs) != 2 || len(e.Children) != 1 {
		t.Errorf("%+v", e)
	}
	if e.Child("urn:x", "k") != nil || e.Child("urn:y", "k").Text != "t" {
		t.Error("Child")
	}
	e.Set("to", "")
	e.Set("from", "me")
	if e.Attr("to") != "" || e.Attr("from") != "me" {
		t.Errorf("%+v", e)
	}
}

func TestXMLRefuses(t *testing.T) {
	for _, e := range []*Element{
		New("u", "a b"), New("u", ""), New("u", "a:b"), New("u", "1a"),
		New("u", "a", "b c", "x"), New("u", "a", "xmlns", "x"), New("u", "a", "b", "\x00"),
		New("u", "a").WithText("\x1b"), New("u", "a").WithText("\xff"), New("u", "a").WithText("\ufffe"), New("u\x01", "a"),
		New("u", "a").Add(New("u", "<")),
	} {
		if text, err := e.XML(); !errors.Is(err, ErrRefused) {
			t.Errorf("%+v written as %q, %v", e, text, err)
		}
	}
}

func FuzzReader(f *testing.F) {
	for _, test := range streams {
		f.Add(test.in, len(test.in)/2)
	}
	f.Fuzz(func(t *testing.T, in string, cut int) {
		all := header + in
		cut = max(0, min(cut, len(all)))
		whole, parts := pushed(all), pushed(all[:cut], all[cut:])
		if !reflect.DeepEqual(whole, parts) {
			t.Fatalf("whole %q, cut at %d %q", whole, cut, parts)
		}
		r := NewReader(strings.NewReader(all))
		r.Header()
		for {
			e, err := r.Next()
			if err != nil {
				break
			}
			text, err := e.XML()
			if err != nil {
				continue // a name beyond ASCII can be read, and is never written
			}
			again, err := Parse(text)
			if err != nil || !reflect.DeepEqual(again, e) {
				t.Fatalf("%+v written as %q is read as %+v, %v", e, text, again, err)
			}
		}
	})
}

// FuzzXML builds an element from arbitrary strings: what can be written at all is read back the same.
func FuzzXML(f *testing.F) {
	f.Add("urn:x", "a", "to", "b@c", "text", "child")
	f.Add(NSStreams, "error", "xmlns", "'\"<>&", "]]>\r\n\t ", "text")
	f.Add("", "x", "_", "\n", "</stream:stream>", "y")
	f.Fuzz(func(t *testing.T, space, local, attr, value, text, child string) {
		e := New(space, local, attr, value).WithText(text).Add(New(NSStreams, child).Add(New("", local)), New(space, child, attr, text))
		e.Attrs = append(e.Attrs, xml.Attr{Name: xml.Name{Space: "urn:f" + space, Local: "from"}, Value: text})
		written, err := e.XML()
		if err != nil {
			return
		}
		read, err := Parse(written)
		if err != nil || !reflect.DeepEqual(read, e) {
			t.Fatalf("%+v written as %q is read as %+v, %v", e, written, read, err)
		}
	})
}
