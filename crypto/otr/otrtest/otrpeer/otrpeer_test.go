package main

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/crypto/otr/otrtest/lines"
)

var testKey = sync.OnceValues(func() (*otr.PrivateKey, error) { return otr.GenerateKey(rand.Reader) })

// answers returns what an endpoint prints for some lines of input.
func answers(t *testing.T, input string) string {
	t.Helper()
	key, err := testKey()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	e := newEndpoint(&out, &otr.Config{Key: key, Tag: 0x1234, Policy: otr.AllowV3})
	if err := lines.Serve(strings.NewReader(input), e.out, e.command); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// commands and what the lines of the answer begin with.
var commands = []struct{ input, want string }{
	{"send aGVsbG8=", "wire aGVsbG8=\ndone\n"},
	{"recv aGVsbG8=", "msg plain aGVsbG8=\ndone\n"},
	{"recv aGVsbG8=\r", "msg plain aGVsbG8=\ndone\n"},
	{"status", "status msgstate=plaintext authstate=none version=0 ssid=- bold=second smp=1 trust=- tags=00001234,00000000 selected=false\nfp "},
	{"end", "done\n"},
	{"poll", "done\n"},
	{"clock 100", "done\n"},
	{"select best", "done\n"},
	{"select recent", "done\n"},
	{"loggedin 0", "done\n"},
	{"policy v2", "done\n"},
	{"policy v2\nstart", "done\nwire P09UUnYyPwpJ"},
	{"policy always", "done\n"},
	{"policy never", "done\n"},
	{"max 1000", "done\n"},

	{"smp-abort", "error"},
	{"select 0000abcd", "error"},
	{"", "error"},
	{" ", "error"},
	{"nonsense", "error"},
	{"send", "error"},
	{"send a b", "error"},
	{"send ???", "error"},
	{"send AA==", "error"}, // a NUL
	{"recv", "error"},
	{"recv =", "error"},
	{"start now", "error"},
	{"smp-start c2VjcmV0", "error"},
	{"smp-start c2VjcmV0 cXVlc3Rpb24=", "error"},
	{"smp-respond c2VjcmV0", "error"},
	{"tlv 9 AA==", "error"},
	{"tlv 65536 AA==", "error"},
	{"tlv x AA==", "error"},
	{"symkey 1 AA==", "error"},
	{"symkey x AA==", "error"},
	{"policy never\nstart", "done\nerror"},
	{"policy v3,nonsense", "error"},
	{"max -1", "error"},
	{"clock -1", "error"},
	{"clock 1e9", "error"},
	{"select 00000001", "error"},
	{"select xyz", "error"},
	{"select master", "error"},
	{"loggedin 2", "error"},
	{"debug-keys", "error"},
	{"send -", "done\n"},
	{"send ", "error"},
}

func TestCommands(t *testing.T) {
	for _, c := range commands {
		got := answers(t, c.input+"\nrecv YWxpdmU=\nquit\nsend bm90IHNlZW4=\n")
		if !strings.HasPrefix(got, c.want) {
			t.Errorf("%q: answered by %q", c.input, got)
		}
		if !strings.HasSuffix(got, " YWxpdmU=\ndone\n") || countDone(got) != 2+strings.Count(c.input, "\n") {
			t.Errorf("%q: not alive after it: %q", c.input, got)
		}
	}
}

func countDone(output string) int {
	n := 0
	for line := range strings.Lines(output) {
		if line == "done\n" {
			n++
		}
	}
	return n
}

// FuzzCommands: each line is answered, by lines of which only the last is "done".
func FuzzCommands(f *testing.F) {
	for _, c := range commands {
		f.Add(c.input)
	}
	f.Add("policy v2\nstart\nrecv P09UUnYyPw==\nstatus\nselect master\nsymkey 1 AA==\ndebug-keys\nloggedin 0\nend")
	f.Add("recv P09UUnYzPw==\nrecv P09UUiwxLDIseCw=\ntlv 1 -\nselect recent\nsend aGVsbG8=\nselect best")
	f.Add("policy always\nsend aGVsbG8=\nrecv P09UUnYzPw==\nstatus\nclock 70\npoll\nstatus\nend")
	f.Fuzz(func(t *testing.T, input string) {
		lines := 0
		for line := range strings.Lines(input) {
			if strings.TrimRight(line, "\r\n") == "quit" {
				break
			}
			lines++
		}
		if got := countDone(answers(t, input)); got != lines {
			t.Errorf("%d answers to %d lines", got, lines)
		}
	})
}

func TestKeyFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	var prints [2]string
	for i := range prints {
		var out bytes.Buffer
		if err := run(strings.NewReader(""), &out, []string{"--key", file, "--policy", "v2,v3", "--instag", "ffffffff"}); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(out.String(), "\n")
		if len(lines) != 4 || lines[0] != "ready sotto v2 v3" || lines[2] != "done" {
			t.Errorf("printed at the start: %q", lines)
		}
		prints[i] = lines[1]
	}
	if prints[0] != prints[1] || len(prints[0]) != len("fp ")+40+len(" -") {
		t.Errorf("fingerprints of the same key: %q", prints)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(file, []byte("AAAA"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"--key", file}, {}, {"--key", file, "--instag", "ff"}} {
		if err := run(strings.NewReader(""), new(bytes.Buffer), args); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}
