//go:build linux

package e2e

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/sotto-im/sotto/session/keyring/keyringtest"
	"github.com/sotto-im/sotto/session/xmpp/xmpptest"
	"github.com/sotto-im/sotto/ui/access/accesstest"
)

// TestSecondCopy starts the program twice: the window that is open comes forward, and there is no other.
func TestSecondCopy(t *testing.T) {
	erin := newPerson(t, "erin", keyringtest.StartBus(t), &xmpptest.Marks{})
	erin.start()
	erin.see("the first page", usable(called(practise)))
	erin.display.keys(t, "search", "--sync", "--onlyvisible", "--name", "^Sotto$", "windowminimize")
	visible := func() int {
		out, _ := erin.display.run("xdotool", "search", "--onlyvisible", "--name", "^Sotto$")
		return len(strings.Fields(string(out)))
	}
	if _, err := accesstest.Await(wait, func() (int, error) {
		if n := visible(); n != 0 {
			return n, fmt.Errorf("%d windows are still seen", n)
		}
		return 0, nil
	}); err != nil {
		erin.fail(err)
	}
	second := exec.Command(binaries.sotto)
	second.Env = erin.environ()
	if out, err := second.CombinedOutput(); err != nil {
		t.Fatalf("the second copy: %v: %s", err, out)
	}
	if _, err := accesstest.Await(wait, func() (int, error) {
		if n := visible(); n != 1 {
			return n, fmt.Errorf("%d windows are seen", n)
		}
		return 1, nil
	}); err != nil {
		erin.fail(err)
	}
	erin.quit()
}
