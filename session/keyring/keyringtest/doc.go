// Package keyringtest gives tests keyrings of their own: a real gnome-keyring on a private bus, and a Secret Service that misbehaves.
// It works on Linux.
package keyringtest
