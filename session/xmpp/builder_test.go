package xmpp

import (
	"bytes"
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"mellium.im/xmpp/jid"
)

// N-11: one builder, package stream's, makes every stanza. No XML is put together by hand, and nothing but what the
// builder wrote goes to the one function that sends.
func TestOneBuilder(t *testing.T) {
	fset := token.NewFileSet()
	names, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	tag := regexp.MustCompile(`</?[A-Za-z]`)
	sends := 0
	for _, name := range names {
		if !strings.HasSuffix(name.Name(), ".go") || strings.HasSuffix(name.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, name.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if n.Kind == token.STRING && tag.MatchString(n.Value) {
					t.Errorf("%s: XML by hand: %s", fset.Position(n.Pos()), n.Value)
				}
			case *ast.SelectorExpr:
				switch n.Sel.Name {
				case "SendOrg":
					sends++
				case "Send", "SendHtml", "SendPresence", "RawInformation", "RawInformationQuery", "Recv", "SendKeepAlive":
					if x, ok := n.X.(*ast.Ident); ok && x.Name == "client" {
						t.Errorf("%s: go-xmpp's %s", fset.Position(n.Pos()), n.Sel.Name)
					}
				}
			}
			return true
		})
	}
	if sends != 2 {
		t.Errorf("SendOrg is called in %d places, want 2: Conn.put, and for the first word about acknowledgements", sends)
	}
}

// N-12: go-xmpp's debugging, which we read from, is for nobody's eyes: nothing of a login or of what is said reaches
// the program's output.
func TestNothingIsPrinted(t *testing.T) {
	out, err := os.CreateTemp(t.TempDir(), "output")
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = out, out
	defer func() { os.Stdout, os.Stderr = stdout, stderr }()
	conn, heard := saying(t, "<message from='b@h.test/x' type='error' id='1'><body>canary</body><error type='cancel'/></message>"+mark)
	untilMark(t, conn)
	conn.Send(Message{ID: "1", To: jid.MustParse("b@h.test"), Type: Chat, Body: "canary"})
	for e := range heard {
		if e.Attr("id") == "1" {
			break
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	conn.Close(ctx)
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if text, _ := io.ReadAll(out); len(bytes.TrimSpace(text)) > 0 {
		t.Errorf("printed %q", text)
	}
}
