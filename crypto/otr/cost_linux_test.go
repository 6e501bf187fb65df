package otr_test

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
)

// What an input may cost: processor time for each 64 KiB or part of it, and memory in relation to its size.
const (
	maxTime       = 50 * time.Millisecond
	maxAllocation = 16       // bytes for each byte
	allowance     = 64 << 10 // bytes for any input
)

// What the race detector multiplies processor time with, generously; and memory, because it keeps values from the stack.
var (
	slowdown time.Duration = 1
	growth                 = 1
)

// threadTime returns how much processor time the thread has used, whatever else the machine is busy with.
func threadTime(t testing.TB) time.Duration {
	const thread = 1 // RUSAGE_THREAD
	var usage syscall.Rusage
	if err := syscall.Getrusage(thread, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// cost returns the least processor time and memory that f took, of three calls.
func cost(t testing.TB, f func()) (used time.Duration, allocated uint64) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	used, allocated = time.Hour, 1<<63
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := threadTime(t)
		f()
		used = min(used, threadTime(t)-start)
		runtime.ReadMemStats(&after)
		allocated = min(allocated, after.TotalAlloc-before.TotalAlloc)
	}
	return used, allocated
}

// TestCost gives the most expensive inputs that we could think of, authentic ones too, to conversations in several
// states.
func TestCost(t *testing.T) {
	v := variants[0]
	opened := v.open()
	const size = 128 << 10
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	inputs := map[string]string{
		"text": fill("x"), "marks": fill("?OTR"), "encoded marks": fill("?OTR:"), "fragment marks": fill("?OTR|"),
		"fragment marks of version 2": fill("?OTR,"), "queries": fill("?OTRv3?"), "open queries": fill("?OTRv"), "questions": fill("?OTR?v"),
		"query of many versions": "?OTRv" + fill("3") + "?", "query and much text": "?OTRv3?" + fill("x"),
		"blanks": fill(" "), "tabs": fill("\t"), "tag bases": fill(tag), "tag of many versions": tag + fill(tagOf["v3"]),
		"almost tags": fill(tag[:15]), "error": "?OTR Error:" + fill("x"), "error, not UTF-8": "?OTR Error:" + fill("\xff"),
		"encoded": "?OTR:AAMD" + fill("A") + ".", "encoded without end": "?OTR:AAMD" + fill("A"), "encoded in junk": "?OTR:" + fill("A!") + ".",
		"encoded junk": "?OTR:" + fill("!") + ".", "encoded not ASCII": "?OTR:AAMD" + fill("é") + ".", "equal signs": "?OTR:" + fill("=") + ".",
		"periods": "?OTR:AAMD" + fill("."), "fragment": "?OTR|00002000|00001000,1,2," + fill("A") + ",", "long numbers": "?OTR|" + fill("0") + "|1,1,1,x,",
		"fragment of fragments": "?OTR|00002000|00001000,1,1," + fill("?OTR|") + ",", "fragment of marks": "?OTR|00002000|00001000,1,1," + fill("?OTR:") + ",",
		"commas": "?OTR|00002000|00001000,1,1" + fill(","), "NULs": fill("\x00"), "long marks": fill("?OTR:" + strings.Repeat("!", 300)),
		"data": encoded(binary.BigEndian.AppendUint32([]byte("\x00\x03\x03\x00\x00\x20\x00\x00\x00\x10\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01"), 0xffffffff)),
	}
	records := func(record string) []byte { return []byte(strings.Repeat(record, 90<<10/len(record))) }
	authentic := map[string]otr.Forgery{
		"text":                {Text: records("x")},
		"empty records":       {Text: append([]byte{0}, records("\x00\x00\x00\x00")...)},
		"unknown records":     {Text: append([]byte("text\x00"), records("\x12\x34\x00\x00")...)},
		"records of a byte":   {Text: append([]byte("text\x00"), records("\x12\x34\x00\x01x")...)},
		"requests of SMP":     {Text: append([]byte{0}, strings.Repeat(smpRecord("SMP 1"), 60)...)},
		"all of SMP":          {Text: append([]byte{0}, smpRecord("SMP 1Q")+smpRecord("SMP 1")+smpRecord("SMP 2")+smpRecord("SMP 3")+smpRecord("SMP 4")+smpRecord("SMP abort")...)},
		"extra keys":          {Text: append([]byte{0}, records("\x00\x08\x00\x04\x00\x00\x00\x01")...)},
		"long question":       {Record: true, Kind: recordTypes["SMP 1Q"], Value: []byte(strings.Repeat("?", 60<<10) + "\x00" + string(values()["SMP 1"]))},
		"SMP of many numbers": {Record: true, Kind: recordTypes["SMP 1"], Value: append([]byte{0, 0, 0x40, 0}, make([]byte, 60<<10)...)},
	}
	for _, c := range []cell{{"plaintext", "none", "1"}, {"plaintext", "awaiting-dhkey", "1"}, {"plaintext", "awaiting-revealsig", "1"},
		{"plaintext", "awaiting-sig", "1"}, {"encrypted", "none", "1"}, {"encrypted", "none", "2"}, {"encrypted", "none", "3"}, {"encrypted", "none", "4"}} {
		base := opened.set(v, c)
		check := func(name string, s *stage, body string) {
			var copies []*stage // made before the clock runs
			for range 3 {
				copies = append(copies, s.cloneAlice())
			}
			used, allocated := cost(t, func() {
				copies[0].alice.Receive(body)
				copies = copies[1:]
			})
			if limit := maxTime * time.Duration(1+(len(body)-1)/(64<<10)) * slowdown; used > limit {
				t.Errorf("%v: %s: %d bytes cost %v", c, name, len(body), used)
			}
			if limit := uint64(growth * (maxAllocation*len(body) + allowance)); allocated > limit {
				t.Errorf("%v: %s: %d bytes cost %d bytes, %d are allowed", c, name, len(body), allocated, limit)
			}
		}
		for name, body := range inputs {
			check(name, base, body)
		}
		for _, kind := range matrixKinds {
			s := base.clone()
			check(kind, s, s.next(v, c, kind))
		}
		if c.message != "encrypted" {
			continue
		}
		for name, f := range authentic {
			s := base.clone()
			check("authentic "+name, s, s.bob.Forge(f))
		}
		// The last of many fragments.
		s := base.clone()
		body := s.bob.Forge(otr.Forgery{Text: records("x")})
		piece := len(body)/999 + 1
		n := (len(body) + piece - 1) / piece
		for k := 1; k <= n; k++ {
			f := fmt.Sprintf("?OTR|00002000|00001000,%d,%d,%s,", k, n, body[:min(piece, len(body))])
			body = body[min(piece, len(body)):]
			if k == 1 || k == n/2 {
				check(fmt.Sprintf("fragment %d of %d", k, n), s, f)
			}
			if k < n {
				s.alice.Receive(f)
			}
		}
	}
}

// smpRecord returns a record of SMP with its header.
func smpRecord(kind string) string {
	b := binary.BigEndian.AppendUint16(nil, recordTypes[kind])
	b = binary.BigEndian.AppendUint16(b, uint16(len(values()[kind])))
	return string(append(b, values()[kind]...))
}
