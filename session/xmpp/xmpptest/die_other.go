//go:build !linux

package xmpptest

import "os/exec"

// dieWithTest has nothing to offer here: only Linux ends a process with its parent.
func dieWithTest(*exec.Cmd) {}
