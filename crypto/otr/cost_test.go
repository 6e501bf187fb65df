package otr_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/crypto/otr/otrtest"
)

// TestMarksWithoutEnd: the time that a body takes grows with its length and no faster, whatever marks of the protocol
// it repeats.
func TestMarksWithoutEnd(t *testing.T) {
	for _, mark := range []string{
		"?OTR", "?OTR:", "?OTR:A", "?OTR:AA", "?OTR:=", "?OTR:\n", "?OTR|", "?OTR|1", "?OTR|1|", "?OTR,", "?OTR,1", "?OTRv", "?OTRv3", "?OTR Error:",
		"?OTR:AAMD=", "?", " \t  \t\t\t\t \t \t \t  ", " ", "=", "?OTR|1|1,",
	} {
		_, alice, _ := otrtest.NewNetwork(otr.PolicyManual)
		// A body of 1 MiB with as many marks, each of which looks at all of the rest, is a million million steps.
		body := strings.Repeat(mark, 1<<20/len(mark))
		start := time.Now()
		alice.Receive(body)
		otr.IsOTR(body)
		otr.SenderTag(body)
		if d := time.Since(start); d > 20*time.Second {
			t.Errorf("1 MiB of %q takes %v", mark, d)
		}
	}
}
