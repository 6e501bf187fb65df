package libotr_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sotto-im/sotto/crypto/libotr"
	"github.com/sotto-im/sotto/crypto/otr"
)

// printed is what libotr said of testdata/otr.private_key, which it has written: accounts, protocols, fingerprints.
var printed = [][3]string{
	{"new\nline", "x", "b04c9c34c6902f5033b61f33c1fa600792603ea9"},
	{"a'b", "x", "ecc83d748694ed003cdf285a2b9fad2afe0a2a1f"},
	{"a\x7fb", "x", "a018863e3f1c87cf868316063bd27427591be6b6"},
	{"qu\"o\\te\ttab", "xmpp", "3b3689d774c520667e67ecff66057779adb388f5"},
	{"àÀ@x", "prpl jabber", "bda4577edaf9e2aa57902197856097b87a8b1acb"},
	{"alice", "xmpp", "30dda44e758c10930c83d8720db8050fdc526496"},
	{"alice@example.org/", "prpl-jabber", "2bbce8d73f572b98b2d6395a62ffafd3ee32c016"},
	{"", "xmpp", "88b47f705271888b8cc328db2c9e9adcbf9daacf"},
	{"münchen@x", "x", "2abf8d3325543699ded15629d9487c6baecfca78"},
	{"123abc", "x", "e677a58f8ad369897255b1ae53e7b6b902ba394d"},
	{"a_b=c+d*:/.-", "x", "d05c31a1b2764bc29ec5d2302b5c667ec50e650f"},
	{"last", "xmpp", "c24b212d468f84c361be6a41ead1a3238fc22c98"},
}

func writtenByLibotr(t testing.TB) []byte {
	t.Helper()
	file, err := os.ReadFile("testdata/otr.private_key")
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func parseKeys(t testing.TB, file []byte) []libotr.PrivateKey {
	t.Helper()
	all, err := libotr.ParsePrivateKeys(file)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// describe returns what printed has of keys.
func describe(keys []libotr.PrivateKey) [][3]string {
	var all [][3]string
	for _, k := range keys {
		f := k.Key.Fingerprint()
		all = append(all, [3]string{k.Account, k.Protocol, hex.EncodeToString(f[:])})
	}
	return all
}

func sameKeys(a, b []libotr.PrivateKey) bool {
	return slices.EqualFunc(a, b, func(a, b libotr.PrivateKey) bool {
		return a.Account == b.Account && a.Protocol == b.Protocol && bytes.Equal(a.Key.Bytes(), b.Key.Bytes())
	})
}

func TestParsePrivateKeys(t *testing.T) {
	keys := parseKeys(t, writtenByLibotr(t))
	if got := describe(keys); !slices.Equal(got, printed) {
		t.Errorf("read %q", got)
	}
	written, err := libotr.FormatPrivateKeys(keys)
	if err != nil {
		t.Fatal(err)
	}
	if again := parseKeys(t, written); !sameKeys(again, keys) {
		t.Errorf("read back %q", describe(again))
	}
	flat := func(file []byte) string { return strings.Join(strings.Fields(string(file)), "") }
	if flat(written) != flat(writtenByLibotr(t)) {
		t.Errorf("written, white space apart, unlike libotr: %s", written)
	}
}

// account returns the list of one account that libotr has written, "alice" of "xmpp", and the text of its x.
func account(t testing.TB) (list, x string) {
	file := string(writtenByLibotr(t))
	from := strings.Index(file, " (account\n(name alice)\n")
	list = file[from:]
	list = list[:strings.Index(list[1:], " (account")]
	x = list[strings.Index(list, "(x #")+4:]
	return list, x[:strings.Index(x, "#")]
}

// field returns one number of the account's key, with its list.
func field(t testing.TB, name string) string {
	list, _ := account(t)
	list = list[strings.Index(list, "("+name+" #"):]
	return list[:strings.Index(list, ")")+1]
}

// TestVariants: the same account in every notation.
func TestVariants(t *testing.T) {
	list, x := account(t)
	want := parseKeys(t, []byte("(privkeys"+list+")"))
	rawX, err := hex.DecodeString(x)
	if err != nil {
		t.Fatal(err)
	}
	replace := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(list) }
	for name, variant := range map[string]string{
		"quoted":                     replace("name alice", `name "alice"`),
		"escapes":                    replace("name alice", `name "\141\x6ci\143\x65"`),
		"broken line in quotes":      replace("name alice", "name \"al\\\nic\\\r\ne\""),
		"hexadecimal name":           replace("name alice", "name #61 6c\n696365#"),
		"verbatim name":              replace("name alice", "name 5:alice"),
		"base64 name":                replace("name alice", "name |YWxp Y2U=|"),
		"everything is verbatim":     replace("name alice", "4:name5:alice", "(account", "(7:account", "(private-key", "(11:private-key"),
		"verbatim number":            replace("#"+x+"#", fmt.Sprintf("%d:%s", len(rawX), rawX)),
		"lower case":                 replace(x, strings.ToLower(x)),
		"zeros before a number":      replace(x, "000000"+x),
		"white space in a number":    replace(x, " "+x[:3]+"\r\n\t"+x[3:]+"\v"),
		"carriage returns":           strings.ReplaceAll(list, "\n", "\r\n"),
		"one line":                   strings.ReplaceAll(list, "\n", " "),
		"no white space at all":      strings.NewReplacer("\n", "", " (", "(", " #", "#", "key (", "key(").Replace(list),
		"numbers in another order":   replace(field(t, "p"), field(t, "x"), field(t, "x"), field(t, "p"), field(t, "q"), field(t, "y"), field(t, "y"), field(t, "q")),
		"parts in another order":     replace("(name alice)\n", "", "(protocol xmpp)", "(protocol xmpp)(name alice)"),
		"an unknown part":            replace("(protocol", "(made (in (4:2014) \")\" #00#) by 3:abc) (protocol"),
		"something after a name":     replace("name alice", "name alice (really)"),
		"white space in front of it": "\n\n\t" + list,
	} {
		t.Run(name, func(t *testing.T) {
			if got := parseKeys(t, []byte("(privkeys"+variant+")\n\n")); !sameKeys(got, want) {
				t.Errorf("read %q", describe(got))
			}
		})
	}
	if got := parseKeys(t, []byte("(privkeys)")); len(got) != 0 {
		t.Errorf("read %q of no account", describe(got))
	}
}

// badKeys are files that must be refused, and the line where they are wrong.
func badKeys(t testing.TB) map[string]struct {
	file string
	line int
} {
	list, x := account(t)
	whole := "(privkeys\n" + list + ")"
	replace := func(old, new string) string {
		if !strings.Contains(whole, old) {
			t.Fatalf("no %q in the file", old)
		}
		return strings.Replace(whole, old, new, 1)
	}
	type bad = struct {
		file string
		line int
	}
	long := strings.Repeat("a", 4000)
	return map[string]bad{
		"nothing":                {"", 1},
		"white space":            {"\n\n", 3},
		"another list":           {"(public-key)", 1},
		"no list":                {"privkeys", 1},
		"no end":                 {strings.TrimSuffix(whole, ")"), 14},
		"something after it":     {whole + "x", 14},
		"NUL after it":           {whole + "\x00", 14},
		"a word for an account":  {"(privkeys\nalice)", 2},
		"another list in it":     {replace("account", "acount"), 2},
		"no name":                {replace("(name alice)\n", ""), 2},
		"two names":              {replace("(name alice)", "(name alice)(name bob)"), 3},
		"an empty name":          {replace("(name alice)", "(name)"), 3},
		"a list for a name":      {replace("(name alice)", "(name (alice))"), 3},
		"a name with NUL":        {replace("(name alice)", "(name #610062#)"), 3},
		"a name with @":          {replace("(name alice)", "(name alice@example.org)"), 3},
		"a name with a digit":    {replace("(name alice)", "(name 1alice)"), 3},
		"a long name":            {replace("(name alice)", "(name "+long+")"), 3},
		"a long name in quotes":  {replace("(name alice)", "(name \""+long+"\")"), 3},
		"a long name in hex":     {replace("(name alice)", "(name #"+long+long+"#)"), 3},
		"a long name in base64":  {replace("(name alice)", "(name |"+long+long+"|)"), 3},
		"a long verbatim name":   {replace("(name alice)", "(name 4000:"+long+")"), 3},
		"a verbatim name beyond": {replace("(name alice)", "(name 3000:alice)"), 3},
		"a length beyond":        {replace("(name alice)", "(name 99999999999999999999:alice)"), 3},
		"no end of quotes":       {replace("(name alice)", "(name \"alice)"), 14},
		"a backslash at the end": {"(\"\\", 1},
		"an unknown escape":      {replace("(name alice)", `(name "\q")`), 3},
		"a byte beyond octal":    {replace("(name alice)", `(name "\400")`), 3},
		"no hexadecimal escape":  {replace("(name alice)", `(name "\x6g")`), 3},
		"no base64":              {replace("(name alice)", "(name |!|)"), 3},
		"a display hint":         {replace("(name alice)", "(name [text]alice)"), 3},
		"no key":                 {"(privkeys (account (name a)\n(protocol b)))", 1},
		"another algorithm":      {replace("(dsa", "(rsa"), 6},
		"an odd digit":           {replace("(x #", "(x #0"), 11},
		"no digit":               {replace("(x #", "(x #g"), 11},
		"no end of a number":     {replace(x+"#", x), 11},
		"an empty number":        {replace(x, ""), 6},
		"zero":                   {replace(x, "00"), 6},
		"a long number":          {replace("(x #", "(x #"+strings.Repeat("00", 300)), 11},
		"a number twice":         {replace("(x #", "(x #01#)(x #"), 11},
		"two letters":            {replace("(q #", "(pq #"), 8},
		"no letter":              {replace("(q #", "(\"\" #"), 8},
		"a number missing":       {replace(field(t, "g"), ""), 6},
		"a number more":          {replace("(x #", "(z #01#)(x #"), 11},
		"another x":              {replace("(x #", "(x #01"), 6},
		"another y":              {replace(field(t, "y"), strings.Replace(field(t, "g"), "(g", "(y", 1)), 6},
		"another g":              {replace(field(t, "g"), strings.Replace(field(t, "y"), "(y", "(g", 1)), 6},
		"a longer p":             {replace("(p #00", "(p #0001"), 6},
		"a longer q":             {replace("(q #00", "(q #01"), 6},
		"too deep":               {replace("(name", "(other "+strings.Repeat("(", 40)+strings.Repeat(")", 40)+")(name"), 3},
		"endlessly deep":         {strings.Repeat("(", 1<<20), 1},
		"an account deep inside": {"(privkeys (account (other" + strings.Repeat("(a", 100000), 1},
		"too many accounts":      {"(privkeys" + strings.Repeat(list, 257) + ")", 1 + 256*12},
		"too large":              {whole + strings.Repeat(" ", 1<<20), 0},
	}
}

func TestBadPrivateKeys(t *testing.T) {
	_, x := account(t)
	for name, bad := range badKeys(t) {
		keys, err := libotr.ParsePrivateKeys([]byte(bad.file))
		if err == nil || keys != nil {
			t.Errorf("%s: %d keys, %v", name, len(keys), err)
			continue
		}
		if syntax := new(libotr.SyntaxError); bad.line != 0 && (!errors.As(err, &syntax) || syntax.Line != bad.line) {
			t.Errorf("%s: %v, want line %d", name, err, bad.line)
		}
		checkSecret(t, err, x)
	}
}

// checkSecret: nothing of x is in an error.
func checkSecret(t *testing.T, err error, x string) {
	t.Helper()
	for i := range len(x) - 6 {
		if strings.Contains(strings.ToUpper(err.Error()), x[i:i+6]) {
			t.Errorf("a piece of the private key is in the error %q", err)
		}
	}
}

// TestCutPrivateKeys: a file that was cut anywhere is refused.
func TestCutPrivateKeys(t *testing.T) {
	list, x := account(t)
	whole := "(privkeys\n" + list + ")"
	for n := range len(whole) {
		keys, err := libotr.ParsePrivateKeys([]byte(whole[:n]))
		if err == nil || keys != nil {
			t.Fatalf("of %d bytes %d: %d keys, %v", len(whole), n, len(keys), err)
		}
		checkSecret(t, err, x)
	}
}

// TestWrongDigit: a file with a wrong digit anywhere in the key is refused.
func TestWrongDigit(t *testing.T) {
	list, x := account(t)
	whole := []byte("(privkeys\n" + list + ")")
	numbers := bytes.Index(whole, []byte("(p #"))
	for n := numbers; n < len(whole); n++ {
		if !strings.ContainsRune("0123456789ABCDEF", rune(whole[n])) {
			continue
		}
		wrong := bytes.Clone(whole)
		wrong[n] = "123456789ABCDEF0"[strings.IndexByte("0123456789ABCDEF", whole[n])]
		_, err := libotr.ParsePrivateKeys(wrong)
		if err == nil {
			t.Fatalf("byte %d was %c and is %c: read", n, whole[n], wrong[n])
		}
		checkSecret(t, err, x)
	}
}

func TestFormatPrivateKeysRefuses(t *testing.T) {
	list, _ := account(t)
	good := parseKeys(t, []byte("(privkeys"+list+")"))[0]
	for name, bad := range map[string][]libotr.PrivateKey{
		"no key":            {{Account: "a", Protocol: "b"}},
		"NUL":               {{Account: "a\x00", Protocol: "b", Key: good.Key}},
		"NUL in protocol":   {{Account: "a", Protocol: "\x00", Key: good.Key}},
		"a long name":       {{Account: strings.Repeat("a", 3073), Protocol: "b", Key: good.Key}},
		"too many accounts": slices.Repeat([]libotr.PrivateKey{good}, 257),
	} {
		if file, err := libotr.FormatPrivateKeys(bad); err == nil {
			t.Errorf("%s: written, %d bytes", name, len(file))
		}
	}
	long := good
	long.Account, long.Protocol = strings.Repeat("\"", 3072), strings.Repeat("\x01", 3072)
	file, err := libotr.FormatPrivateKeys([]libotr.PrivateKey{long})
	if err != nil {
		t.Fatal(err)
	}
	if got := parseKeys(t, file); !sameKeys(got, []libotr.PrivateKey{long}) {
		t.Errorf("read %.100q", describe(got))
	}
}

const digits = "0123456789abcdef0123456789abcdef01234567"

var fingerprint = otr.Fingerprint{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67}

// fingerprintFiles are files and what is in them; bad is the lines that are not good.
var fingerprintFiles = map[string]struct {
	file string
	want []libotr.Fingerprint
	bad  []int
}{
	"nothing": {},
	"written by libotr": {
		"carol@example.org\talice@example.org/\tprpl-jabber\t" + digits + "\tsmp\n" +
			"bob\talice\txmpp\t" + digits + "\tverified\n" +
			"bob\talice\txmpp\t" + digits + "\t\n",
		[]libotr.Fingerprint{
			{"carol@example.org", "alice@example.org/", "prpl-jabber", fingerprint, libotr.TrustSMP},
			{"bob", "alice", "xmpp", fingerprint, libotr.TrustVerified},
			{"bob", "alice", "xmpp", fingerprint, ""},
		}, nil},
	"four columns":          {"bob\talice\txmpp\t" + digits + "\n", []libotr.Fingerprint{{"bob", "alice", "xmpp", fingerprint, ""}}, nil},
	"upper case":            {"bob\talice\txmpp\t" + strings.ToUpper(digits) + "\ttrust", []libotr.Fingerprint{{"bob", "alice", "xmpp", fingerprint, "trust"}}, nil},
	"carriage returns":      {"bob\talice\txmpp\t" + digits + "\tsmp\r\nbob\talice\txmpp\t" + digits + "\r\n", []libotr.Fingerprint{{"bob", "alice", "xmpp", fingerprint, "smp"}, {"bob", "alice", "xmpp", fingerprint, ""}}, nil},
	"comments":              {"# comment\n\n\r\n#bob\talice\txmpp\t" + digits + "\n#", []libotr.Fingerprint{{"#bob", "alice", "xmpp", fingerprint, ""}}, nil},
	"names":                 {"münchen@x\t\ta b\t" + digits + "\t by hand \n", []libotr.Fingerprint{{"münchen@x", "", "a b", fingerprint, " by hand "}}, nil},
	"bytes":                 {"\xff\x80\t\"\\\t'\t" + digits, []libotr.Fingerprint{{"\xff\x80", "\"\\", "'", fingerprint, ""}}, nil},
	"bad lines":             {"bob\n\nbob\talice\txmpp\t" + digits + "\nbob\talice\t" + digits + "\nbob\talice\txmpp\t" + digits[1:] + "\nbob\talice\txmpp\t" + digits[1:] + "g\n", []libotr.Fingerprint{{"bob", "alice", "xmpp", fingerprint, ""}}, []int{1, 4, 5, 6}},
	"a column more":         {"bob\talice\txmpp\t" + digits + "\tsmp\tmore\n", nil, []int{1}},
	"fingerprint in groups": {"bob\talice\txmpp\t01234567 89ABCDEF 01234567 89ABCDEF 01234567\t\n", nil, []int{1}},
	"41 digits":             {"bob\talice\txmpp\t" + digits + "0\t\n", nil, []int{1}},
	"NUL":                   {"bob\x00\talice\txmpp\t" + digits + "\t\n", nil, []int{1}},
	"carriage return":       {"bob\ralice\talice\txmpp\t" + digits + "\t\n", nil, []int{1}},
	"a long line":           {strings.Repeat("b", 8<<10) + "\talice\txmpp\t" + digits + "\t\n", nil, []int{1}},
	"many bad lines":        {strings.Repeat("b\n", 1000), nil, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 0}},
	"too many lines":        {strings.Repeat("\n", 20001), nil, []int{20001}},
	"too large":             {strings.Repeat("\n", 1<<20+1), nil, []int{0}},
}

// badLines returns the lines that an error speaks of, 0 for what speaks of none.
func badLines(err error) []int {
	var lines []int
	all := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		all = joined.Unwrap()
	}
	for _, err := range all {
		syntax := new(libotr.SyntaxError)
		if errors.As(err, &syntax) {
			lines = append(lines, syntax.Line)
		} else if err != nil {
			lines = append(lines, 0)
		}
	}
	return lines
}

func TestFingerprints(t *testing.T) {
	for name, f := range fingerprintFiles {
		t.Run(name, func(t *testing.T) {
			got, err := libotr.ParseFingerprints([]byte(f.file))
			if !slices.Equal(got, f.want) {
				t.Errorf("read %q", got)
			}
			if !slices.Equal(badLines(err), f.bad) {
				t.Errorf("error %v, want lines %d", err, f.bad)
			}
			written, err := libotr.FormatFingerprints(got)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := libotr.ParseFingerprints(written); err != nil || !slices.Equal(again, got) {
				t.Errorf("read back %q, %v", again, err)
			}
		})
	}
	for name, bad := range map[string]libotr.Fingerprint{
		"tab":         {Contact: "a\tb"},
		"line break":  {Account: "a\nb"},
		"return":      {Protocol: "a\r"},
		"NUL":         {Trust: "\x00"},
		"a long line": {Contact: strings.Repeat("a", 500), Account: strings.Repeat("a", 454)},
	} {
		if file, err := libotr.FormatFingerprints([]libotr.Fingerprint{bad}); err == nil {
			t.Errorf("%s: written, %q", name, file)
		}
	}
}

var tagFiles = map[string]struct {
	file string
	want []libotr.InstanceTag
	bad  []int
}{
	"nothing": {},
	"written by libotr": {"# WARNING! You shouldn't copy this file to another computer. It is unnecessary and can cause problems.\nalice@example.org/\tprpl-jabber\t46415dcf\n",
		[]libotr.InstanceTag{{"alice@example.org/", "prpl-jabber", 0x46415dcf}}, nil},
	"the whole range":  {"a\tb\t00000100\na\tb\tffffffff\r\na\tb\tABCDEF00", []libotr.InstanceTag{{"a", "b", 0x100}, {"a", "b", 0xffffffff}, {"a", "b", 0xabcdef00}}, nil},
	"a number sign":    {"#a\tb\t00000100", []libotr.InstanceTag{{"#a", "b", 0x100}}, nil},
	"below the range":  {"a\tb\t000000ff\na\tb\t00000000\n", nil, []int{1, 2}},
	"other digits":     {"a\tb\t100\na\tb\t0x000100\na\tb\t+0000100\na\tb\t000000100\na\tb\tabcdefgh\na\tb\t 0000100", nil, []int{1, 2, 3, 4, 5, 6}},
	"other columns":    {"a\tb\na\t00000100\na\tb\t00000100\tc\na\tb\t00000100", []libotr.InstanceTag{{"a", "b", 0x100}}, []int{1, 2, 3}},
	"carriage returns": {"a\tb\t00000100\r\r\n", nil, []int{1}},
}

func TestInstanceTags(t *testing.T) {
	for name, f := range tagFiles {
		t.Run(name, func(t *testing.T) {
			got, err := libotr.ParseInstanceTags([]byte(f.file))
			if !slices.Equal(got, f.want) {
				t.Errorf("read %v", got)
			}
			if !slices.Equal(badLines(err), f.bad) {
				t.Errorf("error %v, want lines %d", err, f.bad)
			}
			written, err := libotr.FormatInstanceTags(got)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := libotr.ParseInstanceTags(written); err != nil || !slices.Equal(again, got) {
				t.Errorf("read back %v, %v", again, err)
			}
		})
	}
	for name, bad := range map[string]libotr.InstanceTag{
		"below the range": {"a", "b", 0xff},
		"tab":             {"a\tb", "c", 0x100},
		"a long line":     {strings.Repeat("a", 980), "bbbbbbbb", 0x100},
	} {
		if file, err := libotr.FormatInstanceTags([]libotr.InstanceTag{bad}); err == nil {
			t.Errorf("%s: written, %q", name, file)
		}
	}
}

func FuzzPrivateKeys(f *testing.F) {
	f.Add(writtenByLibotr(f))
	list, _ := account(f)
	f.Add([]byte("(privkeys" + list + ")"))
	for _, bad := range badKeys(f) {
		if len(bad.file) < 64<<10 {
			f.Add([]byte(bad.file))
		}
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		keys, err := libotr.ParsePrivateKeys(file)
		if err != nil {
			if keys != nil {
				t.Errorf("%d keys beside the error %v", len(keys), err)
			}
			return
		}
		written, err := libotr.FormatPrivateKeys(keys)
		if err != nil {
			t.Fatal(err)
		}
		if again := parseKeys(t, written); !sameKeys(again, keys) {
			t.Errorf("read %q and then %q", describe(keys), describe(again))
		}
	})
}

func FuzzFingerprints(f *testing.F) {
	for _, seed := range fingerprintFiles {
		f.Add([]byte(seed.file))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		all, _ := libotr.ParseFingerprints(file)
		written, err := libotr.FormatFingerprints(all)
		if err != nil {
			return // a line that libotr could not read
		}
		if again, err := libotr.ParseFingerprints(written); err != nil || !slices.Equal(again, all) {
			t.Errorf("read %q and then %q, %v", all, again, err)
		}
	})
}

func FuzzInstanceTags(f *testing.F) {
	for _, seed := range tagFiles {
		f.Add([]byte(seed.file))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		all, _ := libotr.ParseInstanceTags(file)
		written, err := libotr.FormatInstanceTags(all)
		if err != nil {
			return // a line that libotr could not read
		}
		if again, err := libotr.ParseInstanceTags(written); err != nil || !slices.Equal(again, all) {
			t.Errorf("read %v and then %v, %v", all, again, err)
		}
	})
}

// TestWithLibotr: libotr reads what we wrote and finds the same in it, writes it its own way, and we find the same again.
func TestWithLibotr(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "files")
	flags, err := exec.Command("pkg-config", "--cflags", "--libs", "libotr").Output()
	if err != nil {
		t.Fatal("libotr is missing; on Debian: apt-get install gcc pkg-config libotr5-dev")
	}
	args := append([]string{"-O2", "-Wall", "-Werror", "-o", program, "testdata/files.c"}, strings.Fields(string(flags))...)
	if out, err := exec.Command("cc", append(args, "-lgcrypt")...).CombinedOutput(); err != nil {
		t.Fatalf("files.c does not compile: %v\n%s", err, out)
	}

	keys := parseKeys(t, writtenByLibotr(t))[:11] // libotr makes the last one
	keys[5].Account = strings.Repeat("a long name, ", 200)
	var prints []libotr.Fingerprint
	var tags []libotr.InstanceTag
	for i, p := range printed[:11] {
		if strings.ContainsAny(p[0], "\t\n") {
			continue // no name for a line
		}
		prints = append(prints, libotr.Fingerprint{Contact: p[0] + "'s friend", Account: p[0], Protocol: p[1], Fingerprint: keys[i].Key.Fingerprint(), Trust: []string{"", "verified", "smp", "в порядке"}[i%4]})
		tags = append(tags, libotr.InstanceTag{Account: p[0], Protocol: p[1], Tag: otr.InstanceTag(0x100 << i)})
	}
	prints = append(prints, libotr.Fingerprint{Contact: strings.Repeat("l", 999-46), Fingerprint: fingerprint})
	tags = append(tags, libotr.InstanceTag{Account: strings.Repeat("l", 999-12), Tag: 0xffffffff})

	ours, theirs := filepath.Join(dir, "ours"), filepath.Join(dir, "theirs")
	for _, folder := range []string{ours, theirs} {
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name string, file []byte, err error) {
		if err == nil {
			err = os.WriteFile(filepath.Join(ours, name), file, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	file, err := libotr.FormatPrivateKeys(keys)
	write("otr.private_key", file, err)
	file, err = libotr.FormatFingerprints(prints)
	write("otr.fingerprints", file, err)
	file, err = libotr.FormatInstanceTags(tags)
	write("otr.instance_tags", file, err)

	out, err := exec.Command(program, ours, theirs).CombinedOutput()
	if err != nil {
		t.Fatalf("libotr: %v\n%s", err, out)
	}
	sorted := func(lines []string) []string { slices.Sort(lines); return lines }
	if got, want := sorted(strings.Split(strings.TrimSpace(string(out)), "\n")), sorted(lines(keys, prints, tags)); !slices.Equal(got, want) {
		t.Errorf("libotr finds\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	read := func(name string) []byte {
		file, err := os.ReadFile(filepath.Join(theirs, name))
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	back := parseKeys(t, read("otr.private_key"))
	if len(back) != len(keys)+1 {
		t.Fatalf("libotr wrote %d keys", len(back))
	}
	back = slices.DeleteFunc(back, func(k libotr.PrivateKey) bool { return k.Account == "last" })
	byAccount := func(a, b libotr.PrivateKey) int { return strings.Compare(a.Account, b.Account) }
	slices.SortFunc(back, byAccount)
	slices.SortFunc(keys, byAccount)
	if !sameKeys(back, keys) {
		t.Errorf("libotr wrote the keys %q", describe(back))
	}
	backPrints, err := libotr.ParseFingerprints(read("otr.fingerprints"))
	if err != nil {
		t.Error(err)
	}
	backTags, err := libotr.ParseInstanceTags(read("otr.instance_tags"))
	if err != nil {
		t.Error(err)
	}
	if got, want := sorted(lines(nil, backPrints, backTags)), sorted(lines(nil, prints, tags)); !slices.Equal(got, want) {
		t.Errorf("libotr wrote\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// lines returns what files.c would print.
func lines(keys []libotr.PrivateKey, prints []libotr.Fingerprint, tags []libotr.InstanceTag) []string {
	word := func(s string) string {
		if s == "" {
			return "-"
		}
		return hex.EncodeToString([]byte(s))
	}
	var all []string
	for _, k := range keys {
		f := k.Key.Fingerprint()
		all = append(all, fmt.Sprintf("key %s %s %x", word(k.Account), word(k.Protocol), f[:]))
	}
	for _, f := range prints {
		all = append(all, fmt.Sprintf("fingerprint %s %s %s %x %s", word(f.Contact), word(f.Account), word(f.Protocol), f.Fingerprint[:], word(f.Trust)))
	}
	for _, k := range tags {
		all = append(all, fmt.Sprintf("tag %s %s %08x", word(k.Account), word(k.Protocol), uint32(k.Tag)))
	}
	return all
}

func Example() {
	// What Pidgin has in ~/.purple/otr.fingerprints.
	file := []byte("bob@example.org\talice@example.org/\tprpl-jabber\t0123456789abcdef0123456789abcdef01234567\tverified\n")
	all, err := libotr.ParseFingerprints(file)
	if err != nil {
		fmt.Println(err) // says which lines are missing in all
	}
	for _, f := range all {
		fmt.Println(f.Contact, f.Fingerprint, f.Trust)
	}
	// Output: bob@example.org 01234567 89ABCDEF 01234567 89ABCDEF 01234567 verified
}
