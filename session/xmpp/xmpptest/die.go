package xmpptest

import "os/exec"

// DieWithTest keeps no process behind when the test program is killed, where the system offers that. Call it before Start.
func DieWithTest(c *exec.Cmd) { dieWithTest(c) }
