package xmpp

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/png"
	"reflect"
	"strings"
	"testing"
	"time"

	"mellium.im/xmpp/jid"

	"github.com/sotto-im/sotto/session/xmpp/stream"
	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
)

func registerKind(err error) RegisterKind {
	var e *RegisterError
	if !errors.As(err, &e) {
		return 255
	}
	return e.Kind
}

// picture is a PNG of this size, as bits of binary (XEP-0231).
func picture(width, height int) (b []byte, cid string) {
	var out bytes.Buffer
	png.Encode(&out, image.NewGray(image.Rect(0, 0, width, height)))
	sum := sha1.Sum(out.Bytes())
	return out.Bytes(), "sha1+" + hex.EncodeToString(sum[:]) + "@bob.xmpp.org"
}

func bits(cid string, b []byte) string {
	return "<data xmlns='urn:xmpp:bob' cid='" + cid + "' type='image/png'>" + base64.StdEncoding.EncodeToString(b) + "</data>"
}

const dataField = "<field type='%s' var='%s' label='%s'>%s</field>"

// Forms as servers send them, and what is made of them.
var forms = []struct {
	name, in string
	want     string
}{
	{"legacy", "<instructions>Choose.</instructions><username/><password/><email/><key>k1</key>",
		"i=Choose. [username 0 true] [password 1 true] [email 0 true] hidden=[key k1]"},
	{"web only", "<instructions>Go to the web.</instructions><x xmlns='jabber:x:oob'><url>https://h.test/new?a=b</url></x>", "i=Go to the web. web=https://h.test/new?a=b"},
	{"web in the instructions", "<instructions>See https://h.test/new. Thanks</instructions>", "i=See https://h.test/new. Thanks web=https://h.test/new"},
	{"no web for a browser", "<x xmlns='jabber:x:oob'><url>javascript:alert(1)</url></x>", ""},
	{"no web with a password in it", "<x xmlns='jabber:x:oob'><url>https://a:b@h.test/</url></x>", ""},
	{"no web at a file", "<instructions>file:///etc/passwd</instructions>", "i=file:///etc/passwd"},
	{"data form", "<username/><x xmlns='jabber:x:data' type='form'><title>T</title><instructions>one</instructions><instructions>two</instructions>" +
		fmt.Sprintf(dataField, "hidden", "FORM_TYPE", "", "<value>jabber:iq:register</value>") +
		fmt.Sprintf(dataField, "text-single", "username", "Name", "<required/>") + fmt.Sprintf(dataField, "text-private", "password", "", "<desc>long</desc><required/>") +
		fmt.Sprintf(dataField, "list-single", "where", "", "<value>b</value><option label='A'><value>a</value></option><option><value>b</value></option>") +
		fmt.Sprintf(dataField, "boolean", "news", "", "<value>1</value>") + fmt.Sprintf(dataField, "fixed", "", "", "<value>read this</value><required/>") +
		fmt.Sprintf(dataField, "text-single", "", "", "") + fmt.Sprintf(dataField, "strange", "x", "", "") + "</x>",
		"t=T i=one\ntwo [username 0 true Name] [password 1 true help=long] [where 4 false b options=A:a,:b] [news 3 false 1] [ 6 false read this] [x 0 false] hidden=[FORM_TYPE jabber:iq:register]"},
	{"a form that is none", "<x xmlns='jabber:x:data' type='result'><field var='username'/></x>", ""},
	{"a foreign form", "<x xmlns='urn:evil' type='form'><field var='username'/></x>", ""},
}

func describe(f *Form) string {
	var b []string
	add := func(key, value string) {
		if value != "" {
			b = append(b, key+"="+value)
		}
	}
	add("t", f.Title)
	add("i", f.Instructions)
	add("web", f.Web)
	for _, field := range f.Fields {
		line := fmt.Sprintf("[%s %d %v", field.Name, field.Kind, field.Required)
		for _, s := range append([]string{field.Label}, field.Values...) {
			if s != "" {
				line += " " + s
			}
		}
		if field.Help != "" {
			line += " help=" + field.Help
		}
		var options []string
		for _, o := range field.Options {
			options = append(options, o.Label+":"+o.Value)
		}
		if options != nil {
			line += " options=" + strings.Join(options, ",")
		}
		b = append(b, line+"]")
	}
	for _, field := range f.hidden {
		b = append(b, fmt.Sprintf("hidden=[%s %s]", field.Name, strings.Join(field.Values, ",")))
	}
	return strings.Join(b, " ")
}

func TestForms(t *testing.T) {
	for _, test := range forms {
		t.Run(test.name, func(t *testing.T) {
			query, err := stream.Parse("<query xmlns='jabber:iq:register'>" + test.in + "</query>")
			if err != nil {
				t.Fatal(err)
			}
			if got := describe(readForm(query)); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

// Whatever a server calls a form is read within bounds, and filling it in makes a stanza.
func FuzzForm(f *testing.F) {
	for _, form := range forms {
		f.Add(form.in, "answer")
	}
	b, cid := picture(10, 10)
	f.Add("<x xmlns='jabber:x:data' type='form'><field var='ocr'><media xmlns='urn:xmpp:media-element'><uri type='image/png'>cid:"+cid+"</uri></media></field></x>"+bits(cid, b), "x")
	f.Fuzz(func(t *testing.T, in, answer string) {
		query, err := stream.Parse("<query xmlns='jabber:iq:register'>" + in + "</query>")
		if err != nil {
			return
		}
		form := readForm(query)
		if len(form.Fields)+len(form.hidden) > maxFields || len(form.Title)+len(form.Instructions)+len(form.Web) > 3*maxFormText {
			t.Fatal("not bounded")
		}
		answers := map[string][]string{}
		for _, field := range form.Fields {
			if len(field.Label) > maxFormText || len(field.Picture) > maxPicture {
				t.Fatal("not bounded")
			}
			answers[field.Name] = []string{answer}
		}
		e, err := form.submission(answers)
		if err != nil {
			if answer != "" && prepare(answer) != "" {
				t.Fatalf("everything is answered, and still: %v", err)
			}
			return
		}
		xml, err := e.XML()
		if err != nil {
			return // the answer cannot be carried: said by ask
		}
		if _, err := stream.Parse(xml); err != nil {
			t.Fatal(err)
		}
	})
}

func TestPictures(t *testing.T) {
	small, cid := picture(100, 50)
	wide, wideCID := picture(maxPictureWidth+1, 10)
	for _, test := range []struct {
		name, cid string
		b         []byte
		want      bool
	}{
		{"right", cid, small, true},
		{"of another hash", wideCID, small, false},
		{"too wide", wideCID, wide, false},
		{"no picture", "x", []byte("GIF89a..................."), false},
		{"cut in the header", "x", small[:20], false},
		{"too long", "x", append(small, make([]byte, maxPicture)...), false},
		{"nothing", "x", nil, false},
	} {
		e, err := stream.Parse(bits(test.cid, test.b))
		if err != nil {
			t.Fatal(err)
		}
		if got := readPicture(e) != nil; got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

// registering runs a script as a server that has done TLS and greeted.
func registering(t *testing.T, script func(*xmpptest.Peer)) Config {
	config := scripted(t, func(p *xmpptest.Peer) {
		p.TLS()
		p.Stream("<register xmlns='http://jabber.org/features/iq-register'/>")
		script(p)
	})
	config.JID = jid.MustParse(domain)
	return config
}

// reply answers an IQ.
func reply(p *xmpptest.Peer, iq *stream.Element, inside string) {
	p.Say("<iq type='result' id='" + iq.Attr("id") + "'>" + inside + "</iq>")
}

func refuse(p *xmpptest.Peer, iq *stream.Element, kind, condition, text string) {
	p.Say("<iq type='error' id='" + iq.Attr("id") + "'><error type='" + kind + "'><" + condition +
		" xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>" + text + "</text></error></iq>")
}

// A CAPTCHA as it is in XEP-0158, with one picture beside the form and one that must be asked for: answered wrong, then with a name
// that is taken, then right, on one stream.
func TestRegisterWithCaptcha(t *testing.T) {
	beside, cid := picture(120, 40)
	asked, askedCID := picture(121, 41)
	got := make(chan string, 10)
	config := registering(t, func(p *xmpptest.Peer) {
		challenge := 0
		for {
			iq := p.HearUntil("iq")
			if iq.Attr("to") != domain {
				t.Errorf("asked %q", iq.Attr("to"))
			}
			query := iq.Child(nsRegister, "query")
			switch {
			case query == nil:
				data := iq.Child(nsBits, "data")
				if data == nil || data.Attr("cid") != askedCID {
					t.Error("asked for something else")
				}
				reply(p, iq, bits(askedCID, asked))
			case iq.Attr("type") == "get":
				challenge++
				reply(p, iq, "<query xmlns='jabber:iq:register'><instructions>legacy</instructions><username/><password/>"+
					"<x xmlns='jabber:x:data' type='form'>"+
					fmt.Sprintf(dataField, "hidden", "FORM_TYPE", "", "<value>urn:xmpp:captcha</value>")+
					fmt.Sprintf(dataField, "hidden", "challenge", "", fmt.Sprintf("<value>c%d</value>", challenge))+
					fmt.Sprintf(dataField, "text-single", "username", "", "<required/>")+fmt.Sprintf(dataField, "text-private", "password", "", "<required/>")+
					fmt.Sprintf(dataField, "text-single", "ocr", "Type what you see", "<required/><media xmlns='urn:xmpp:media-element'>"+
						"<uri type='image/png'>cid:"+cid+"</uri><uri type='audio/wav'>https://h.test/sound.wav</uri></media>")+
					fmt.Sprintf(dataField, "text-single", "second", "", "<media xmlns='urn:xmpp:media-element'><uri type='image/png'>cid:"+askedCID+"</uri></media>")+
					"</x>"+bits(cid, beside)+"</query>")
			default:
				x := query.Child(nsForms, "x")
				if x == nil || x.Attr("type") != "submit" || query.Child(nsRegister, "username") != nil {
					t.Error("the form was not answered with a form")
					return
				}
				var line []string
				answers := map[string]string{}
				for _, field := range x.Children {
					value := field.Child(nsForms, "value").Text
					answers[field.Attr("var")] = value
					line = append(line, field.Attr("var")+"="+value)
				}
				got <- strings.Join(line, " ")
				switch {
				case answers["challenge"] != fmt.Sprintf("c%d", challenge) || answers["ocr"] != "seven":
					refuse(p, iq, "cancel", "not-allowed", "The CAPTCHA verification has failed")
				case answers["username"] == "alice":
					refuse(p, iq, "cancel", "conflict", "")
				default:
					reply(p, iq, "")
				}
			}
		}
	})
	r, err := Register(within(t), config, "")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f := r.Form()
	if len(f.Fields) != 4 || !bytes.Equal(f.Fields[2].Picture, beside) || f.Fields[2].Link != "https://h.test/sound.wav" || !bytes.Equal(f.Fields[3].Picture, asked) || !f.Offered() {
		t.Fatalf("form %s", describe(f))
	}
	answers := map[string][]string{"username": {"alice"}, "password": {"secret"}, "ocr": {"six"}, "challenge": {"mine"}}
	for _, step := range []struct {
		name, value string
		want        RegisterKind
	}{{"ocr", "", Incomplete}, {"ocr", "six", ChallengeFailed}, {"ocr", "seven", NameTaken}} {
		answers[step.name] = []string{step.value}
		if err := r.Submit(within(t), answers); registerKind(err) != step.want {
			t.Errorf("%s %s: %v", step.name, step.value, err)
		}
	}
	answers["username"] = []string{"carol"}
	if err := r.Submit(within(t), answers); err != nil {
		t.Fatal(err)
	}
	close(got)
	n := 0
	for line := range got {
		if n++; !strings.HasPrefix(line, fmt.Sprintf("FORM_TYPE=urn:xmpp:captcha challenge=c%d username=", n)) {
			t.Errorf("the hidden fields did not come back as they were: %s", line)
		}
	}
	if n != 3 {
		t.Errorf("submitted %d times", n)
	}
}

// What servers say to a request, before and after it is filled in.
func TestRegisterRefusals(t *testing.T) {
	for _, test := range []struct {
		kind, condition string
		get, set        RegisterKind
	}{
		{"cancel", "service-unavailable", NotOffered, NotOffered},
		{"cancel", "feature-not-implemented", NotOffered, NotOffered},
		{"cancel", "not-allowed", NotOffered, Refused},
		{"auth", "forbidden", NotOffered, Refused},
		{"cancel", "conflict", NotOffered, NameTaken},
		{"modify", "not-acceptable", NotOffered, BadAnswers},
		{"modify", "bad-request", NotOffered, BadAnswers},
		{"modify", "jid-malformed", NotOffered, BadAnswers},
		{"wait", "resource-constraint", TooMany, TooMany},
		{"wait", "policy-violation", TooMany, TooMany},
		{"cancel", "internal-server-error", NotOffered, Refused},
	} {
		t.Run(test.condition, func(t *testing.T) {
			for _, at := range []string{"get", "set"} {
				config := registering(t, func(p *xmpptest.Peer) {
					for {
						switch iq := p.HearUntil("iq"); {
						case iq.Attr("type") == at:
							refuse(p, iq, test.kind, test.condition, "their words")
						default:
							reply(p, iq, "<query xmlns='jabber:iq:register'><username/><password/></query>")
						}
					}
				})
				r, err := Register(within(t), config, "")
				want := test.get
				if at == "set" {
					if err != nil {
						t.Fatal(err)
					}
					want = test.set
					err = r.Submit(within(t), map[string][]string{"username": {"x"}, "password": {"y"}})
					defer r.Close()
				}
				var refusal *RegisterError
				if !errors.As(err, &refusal) || refusal.Kind != want || refusal.Text != "their words" {
					t.Errorf("%s: %v", at, err)
				}
			}
		})
	}
}

func TestRegisterWithAnInvitation(t *testing.T) {
	config := registering(t, func(p *xmpptest.Peer) {
		iq := p.HearUntil("iq")
		if preauth := iq.Child("urn:xmpp:pars:0", "preauth"); preauth == nil || iq.Attr("type") != "set" {
			t.Error("the invitation did not come first")
		} else if preauth.Attr("token") != "right" {
			refuse(p, iq, "cancel", "item-not-found", "no such invitation")
			return
		}
		reply(p, iq, "")
		reply(p, p.HearUntil("iq"), "<query xmlns='jabber:iq:register'><username>alice</username><password/></query>")
		p.HearUntil("nothing more")
	})
	if _, err := Register(within(t), config, "wrong"); registerKind(err) != TokenRefused {
		t.Errorf("a wrong token: %v", err)
	}
	r, err := Register(within(t), config, "right")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got := r.Form().Fields[0].Values; !reflect.DeepEqual(got, []string{"alice"}) {
		t.Errorf("suggested %q", got)
	}
}

// A server does not wait for ever for a person. What was filled in is then sent on a new stream, if the questions are the same and none of
// them is good for one stream only.
func TestRegisterAfterTheServerLostPatience(t *testing.T) {
	for _, test := range []struct {
		name  string
		again string
		want  RegisterKind
	}{
		{"the same questions", "<username/><password/>", 255},
		{"other questions", "<username/><password/><email/>", Outdated},
	} {
		t.Run(test.name, func(t *testing.T) {
			left, streams := make(chan bool), 0
			config := registering(t, func(p *xmpptest.Peer) {
				streams++
				if streams == 1 {
					reply(p, p.HearUntil("iq"), "<query xmlns='jabber:iq:register'><username/><password/></query>")
					p.Say("<stream:error><connection-timeout xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>")
					p.Close()
					close(left)
					return
				}
				reply(p, p.HearUntil("iq"), "<query xmlns='jabber:iq:register'>"+test.again+"</query>")
				reply(p, p.HearUntil("iq"), "")
			})
			r, err := Register(within(t), config, "")
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			<-left
			for deadline := time.Now().Add(patience); !r.line.ended(); {
				if time.Now().After(deadline) {
					t.Fatal("the end of the stream is not noticed")
				}
				time.Sleep(time.Millisecond)
			}
			if err := r.Submit(within(t), map[string][]string{"username": {"x"}, "password": {"y"}}); registerKind(err) != test.want || test.want == 255 && err != nil {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Nothing of the person's goes anywhere before TLS with the right certificate (N-01, N-02), and nothing waits for ever.
func TestRegisterNeedsTLS(t *testing.T) {
	inClear := func(script func(*xmpptest.Peer)) Config {
		c := scripted(t, func(p *xmpptest.Peer) {
			p.Stream("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
			script(p)
		})
		c.TLS = TLSStart
		return c
	}
	other := scripted(t, func(p *xmpptest.Peer) { p.TLS() })
	other.JID = jid.MustParse("other.test")
	noTLS := scripted(t, func(p *xmpptest.Peer) { p.Stream("<register xmlns='http://jabber.org/features/iq-register'/>") })
	noTLS.TLS = TLSStart
	for _, test := range []struct {
		name   string
		config Config
		want   ErrorKind
	}{
		{"no STARTTLS", noTLS, NoTLS},
		{"STARTTLS refused", inClear(func(p *xmpptest.Peer) {
			p.HearUntil("starttls")
			p.Say("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>")
		}), NoTLS},
		{"something in clear before TLS", inClear(func(p *xmpptest.Peer) {
			p.HearUntil("starttls")
			p.Say("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><iq type='result' id='1'/>")
			p.HearUntil("nothing more")
		}), BrokenStream},
		{"another domain's certificate", other, BadCertificate},
		{"not XMPP", scripted(t, func(p *xmpptest.Peer) {
			p.TLS()
			p.Say("HTTP/1.1 400 Bad Request\r\n\r\n")
			p.Read(make([]byte, 1000))
		}), BrokenStream},
		{"cut", registering(t, func(p *xmpptest.Peer) { p.HearUntil("iq") }), Unreachable},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := Register(within(t), test.config, "")
			if err == nil {
				r.Close()
			}
			if kindOf(err) != test.want {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestRegisterIsCancelled(t *testing.T) {
	asked := make(chan bool)
	config := registering(t, func(p *xmpptest.Peer) {
		reply(p, p.HearUntil("iq"), "<query xmlns='jabber:iq:register'><username/><password/></query>")
		p.HearUntil("iq")
		close(asked)
		p.HearUntil("nothing more")
	})
	r, err := Register(within(t), config, "")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-asked
		r.Close()
	}()
	if err := r.Submit(within(t), map[string][]string{"username": {"x"}, "password": {"y"}}); kindOf(err) != Unreachable {
		t.Errorf("got %v", err)
	}
	if err := r.Submit(within(t), map[string][]string{"username": {"x"}, "password": {"y"}}); err == nil {
		t.Error("goes on after Close")
	}
}
