package ui

import (
	"runtime/debug"
	"strings"
	"testing"

	"fyne.io/fyne/v2"

	"github.com/sotto-im/sotto/crypto/otr"
	"github.com/sotto-im/sotto/session"
)

func TestVersion(t *testing.T) {
	info := &debug.BuildInfo{GoVersion: "go1.26.8", Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.modified", Value: "false"}}}
	if got, want := versionOf("0.1.0", info), "Version 0.1.0, made from 0123456789ab, with go1.26.8"; got != want {
		t.Errorf("%q", got)
	}
	info.Settings[1].Value = "true"
	if got := versionOf("0.1.0", info); !strings.Contains(got, "and changes") {
		t.Errorf("%q", got)
	}
	if got, want := versionOf("0.1.0", nil), "Version 0.1.0"; got != want {
		t.Errorf("%q", got)
	}
}

// The terms of everything that is built in can be read, and Escape goes back step by step.
func TestLicences(t *testing.T) {
	s := newSettings(t)
	s.setting("Licences").control.(*button).OnTapped()
	w := s.shell.own.windows["licences"]
	if w == nil {
		t.Fatal("no window")
	}
	find := func() (rows []*settingRow) {
		for _, o := range laidOut(w.Content()) {
			if r, ok := o.(*settingRow); ok {
				rows = append(rows, r)
			}
		}
		return rows
	}
	rows := find()
	if len(rows) < 20 {
		t.Fatalf("%d works", len(rows))
	}
	rows[0].control.(*button).OnTapped()
	if len(find()) != 0 {
		t.Error("the terms are not shown")
	}
	escape := func() {
		if f := w.Canvas().Focused(); f != nil {
			f.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEscape})
			return
		}
		w.Canvas().OnTypedKey()(&fyne.KeyEvent{Name: fyne.KeyEscape})
	}
	escape()
	if len(find()) != len(rows) {
		t.Error("Escape does not go back to the list")
	}
	escape()
	if s.shell.own.windows["licences"] != nil {
		t.Error("Escape does not close the window")
	}
}

func TestSettingsOfAContact(t *testing.T) {
	c := bob()
	c.Devices = []session.Device{{Tag: otr.InstanceTag(0x100), Resource: "laptop", Selected: true}, {Tag: otr.InstanceTag(0x200), Resource: "phone"}}
	s := newTalk(t, c)
	rows := s.shell.own.contactRows(c, func() {})
	labels := ""
	for _, r := range rows {
		labels += r.label + "|"
	}
	if want := "How messages are protected|Notifications|" + deviceWords(c.Devices[0]) + "|" + deviceWords(c.Devices[1]) + "|Block sending|"; labels != want {
		t.Errorf("%q", labels)
	}
	rows[1].Tapped(nil)
	s.wantAsked("SetQuiet bob@example.org true")
	rows[3].control.(*button).OnTapped()
	s.wantAsked("SelectDevice bob@example.org 200")
	rows[4].Tapped(nil)
	s.wantAsked("Hold bob@example.org")
	s.shell.own.contactSheet(c.Ref)
	c.Quiet = true
	s.tell(session.ContactChanged{Contact: c})
	s.tell(session.ContactRemoved{Ref: c.Ref}) // the window closes with the contact
}

func TestPolicyOfAllAccounts(t *testing.T) {
	s := newSettings(t)
	second := onlineAccount()
	second.Account.JID, second.Account.Policy = "alice@example.com", session.ByHand
	s.tell(second)
	s.wantSeen("It differs between your accounts.")
}
