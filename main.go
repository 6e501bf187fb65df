// Sotto is a messenger for conversations that stay between two people: Off-the-Record messaging over XMPP.
package main

import (
	"context"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"fyne.io/fyne/v2/app"

	"github.com/sotto-im/sotto/session"
	"github.com/sotto-im/sotto/session/keyring"
	"github.com/sotto-im/sotto/session/practice"
	"github.com/sotto-im/sotto/session/store"
	"github.com/sotto-im/sotto/ui"
	"github.com/sotto-im/sotto/ui/access"
	"github.com/sotto-im/sotto/ui/door"
	"github.com/sotto-im/sotto/ui/lang"
)

const version = "0.1.0"

// closing is how long the program waits for private conversations to be ended politely.
const closing = 5 * time.Second

func main() {
	configured, err := os.UserConfigDir()
	if err != nil {
		configured = "."
	}
	profile := flag.String("profile", filepath.Join(configured, "sotto"), "keep settings in this `directory`")
	hidden := flag.Bool("hidden", false, "open no window yet, if it can be opened from the tray")
	practise := flag.Bool("practise", false, "begin in practice mode: no account, nothing leaves this computer")
	ca := flag.String("ca", "", "also accept servers certified by the authorities in this PEM `file`")
	show := flag.Bool("version", false, "print the version and exit")
	flag.Parse()
	if *show {
		fmt.Println("sotto", version)
		return
	}
	if err := run(*profile, *ca, flag.Arg(0), *practise, *hidden); err != nil {
		fmt.Fprintln(os.Stderr, "sotto:", err)
		os.Exit(1)
	}
}

func run(profile, ca, link string, practiseFirst, hidden bool) error {
	// Fyne's own choice may be Wayland, on which there is no input method yet.
	if os.Getenv("DISPLAY") != "" && os.Getenv("FYNE_PLATFORM") == "" {
		os.Setenv("FYNE_PLATFORM", "x11")
	}
	roots, err := authorities(ca)
	if err != nil {
		return err
	}
	settings, err := store.Open(profile)
	if errors.Is(err, store.ErrInUse) && door.Knock(profile, link) == nil {
		return nil // the window that is open already comes forward
	}
	language := ""
	if err == nil {
		language = settings.Settings().Window.Language
	}
	if err := lang.Speak(language); err != nil {
		return err
	}
	window := app.NewWithID("im.sotto.Sotto")
	if err != nil {
		ui.Excuse(window, err)
		return err
	}
	defer settings.Close()
	secrets := keyring.OS()
	var s *session.Session
	ui.Run(ui.Config{
		App: window, Open: func() ui.Engine {
			s = session.Open(session.Config{Store: settings, Keyring: secrets, RootCAs: roots()})
			return s
		}, Store: settings, Keyring: secrets, Practise: begin, PractiseFirst: practiseFirst,
		Profile: profile, Link: link, Spoken: access.New("Sotto", window.Driver().AllWindows),
		Around: ui.TheDesktop(again()...), Hidden: hidden, Version: version,
	})
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	s.Close(ctx)
	return nil
}

// again are the arguments that the session has to give, too, so that the same profile opens in the same way.
func again() []string {
	var arguments []string
	flag.Visit(func(f *flag.Flag) {
		switch f.Name {
		case "profile", "ca":
			path, err := filepath.Abs(f.Value.String())
			if err == nil {
				arguments = append(arguments, "-"+f.Name+"="+path)
			}
		}
	})
	return arguments
}

// authorities reads a file of certificates and returns what to ask for them together with the system's, which are read meanwhile; without
// a file that is nil, which means the system's.
func authorities(file string) (func() *x509.CertPool, error) {
	if file == "" {
		return func() *x509.CertPool { return nil }, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if !x509.NewCertPool().AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	pool := sync.OnceValue(func() *x509.CertPool {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		pool.AppendCertsFromPEM(pem)
		return pool
	})
	go pool()
	return pool, nil
}

func begin(ctx context.Context, w practice.Words) (ui.Practice, error) {
	p, err := practice.Start(ctx, w)
	if err != nil {
		return ui.Practice{}, err
	}
	return ui.Practice{Engine: p.Session(), Contact: p.Contact(), Close: p.Close}, nil
}
