package xmpptest

import (
	"os/exec"
	"syscall"
)

// dieWithTest keeps no server behind when the test program is killed.
func dieWithTest(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
