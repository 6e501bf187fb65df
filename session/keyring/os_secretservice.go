//go:build unix && !darwin

package keyring

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"
)

const (
	secrets          = "org.freedesktop.secrets"
	secretsPath      = "/org/freedesktop/secrets"
	serviceInterface = "org.freedesktop.Secret.Service"
	loginCollection  = "/org/freedesktop/secrets/collection/login"
	noCollection     = dbus.ObjectPath("/")
)

var errNoBus = errors.New("there is no session bus")

// available says whether asking makes sense. Without an address of a session bus it does not: the client library would start a bus
// of its own, which nobody would ever end.
func available() error {
	if a := os.Getenv("DBUS_SESSION_BUS_ADDRESS"); a == "" || strings.HasPrefix(a, "autolaunch:") {
		return errNoBus
	}
	return nil
}

// cause finds out what an error of the client library means for the person; the library has one text for a locked keyring,
// a dismissed prompt and a missing keyring.
func cause(ctx context.Context, err error) error {
	var busError dbus.Error
	if errors.As(err, &busError) {
		switch busError.Name {
		case "org.freedesktop.Secret.Error.IsLocked", "org.freedesktop.DBus.Error.AccessDenied":
			return ErrLocked
		case "org.freedesktop.DBus.Error.NoReply", "org.freedesktop.DBus.Error.Timeout", "org.freedesktop.DBus.Error.TimedOut":
			return ErrTimeout
		}
		return ErrAbsent
	}
	if !strings.Contains(err.Error(), "failed to unlock") {
		return ErrAbsent
	}
	if hasCollection(ctx) {
		return ErrLocked
	}
	return ErrAbsent
}

// hasCollection asks the Secret Service whether there is a collection to keep anything in, over a connection of its own.
func hasCollection(ctx context.Context) bool {
	bus, err := dbus.ConnectSessionBus(dbus.WithContext(ctx))
	if err != nil {
		return false
	}
	defer bus.Close()
	object := bus.Object(secrets, secretsPath)
	var alias dbus.ObjectPath
	err = object.CallWithContext(ctx, serviceInterface+".ReadAlias", 0, "default").Store(&alias)
	if err == nil && alias != noCollection {
		return true
	}
	var property dbus.Variant
	err = object.CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0, serviceInterface, "Collections").Store(&property)
	collections, _ := property.Value().([]dbus.ObjectPath)
	return err == nil && slices.Contains(collections, loginCollection)
}
