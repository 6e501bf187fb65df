//go:build linux

package keyringtest

import (
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/prop"
)

// Behaviour is how a Secret Service made by Mock treats its users.
type Behaviour uint8

const (
	Honest       Behaviour = iota // keeps what it is given
	NoAnswer                      // never answers a call
	NeverPrompts                  // locked; shows a prompt that nobody answers
	Dismisses                     // locked; the person dismisses the prompt
	DropsItem                     // unlocked; the person dismisses the prompt for a new item, which is not stored
	Forgets                       // unlocked; says that it stored the item, but did not
	Alters                        // stores something else
	Unforeseen                    // answers a prompt in a form that the specification does not know
	PromptsLate                   // locked; the person answers the prompt after two seconds, and it is unlocked from then on
	Denies                        // unlocked; the person allows this program nothing
	KeepsDeleted                  // the person dismisses the prompt for deleting, and the item stays
)

const (
	mockSession = dbus.ObjectPath("/org/freedesktop/secrets/session/1")
	mockItem    = dbus.ObjectPath("/org/freedesktop/secrets/collection/login/1")
	mockPrompt  = dbus.ObjectPath("/org/freedesktop/secrets/prompt/1")
	none        = dbus.ObjectPath("/")
)

// Mock puts a Secret Service on the bus of s that behaves as b says.
func (s *Service) Mock(t testing.TB, b Behaviour) {
	t.Helper()
	bus := s.connect(t)
	m := &mock{bus: bus, behaviour: b, state: make(chan mockState, 1)}
	m.state <- mockState{}
	for path, exported := range map[dbus.ObjectPath][]any{
		secretsPath: {mockService{m}, secretService},
		login:       {mockCollection{m}, "org.freedesktop.Secret.Collection"},
		mockItem:    {mockItemObject{m}, "org.freedesktop.Secret.Item"},
		mockSession: {mockSessionObject{}, "org.freedesktop.Secret.Session"},
		mockPrompt:  {mockPromptObject{m}, "org.freedesktop.Secret.Prompt"},
	} {
		if err := bus.Export(exported[0], path, exported[1].(string)); err != nil {
			t.Fatal("keyringtest: ", err)
		}
	}
	_, err := prop.Export(bus, secretsPath, prop.Map{secretService: {
		"Collections": {Value: []dbus.ObjectPath{login}, Emit: prop.EmitFalse},
	}})
	if err != nil {
		t.Fatal("keyringtest: ", err)
	}
	if reply, err := bus.RequestName(secrets, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatal("keyringtest: the name of the service is taken: ", reply, err)
	}
}

type mock struct {
	bus       *dbus.Conn
	behaviour Behaviour
	state     chan mockState // holds the one state
}

type mockState struct {
	stored   bool
	unlocked bool
	secret   mockSecret
}

type mockSecret struct {
	Session     dbus.ObjectPath
	Parameters  []byte
	Value       []byte
	ContentType string
}

// wait is for a service that never answers: the call stays open until the bus ends.
func (m *mock) wait() {
	if m.behaviour == NoAnswer {
		<-m.bus.Context().Done()
	}
}

func (m *mock) present() mockState {
	state := <-m.state
	m.state <- state
	return state
}

func (m *mock) change(f func(*mockState)) {
	state := <-m.state
	f(&state)
	m.state <- state
}

type mockService struct{ *mock }

func (m mockService) OpenSession(string, dbus.Variant) (dbus.Variant, dbus.ObjectPath, *dbus.Error) {
	m.wait()
	return dbus.MakeVariant(""), mockSession, nil
}

func (m mockService) ReadAlias(string) (dbus.ObjectPath, *dbus.Error) {
	m.wait()
	return login, nil
}

// denied is how a service says that the person has denied access.
var denied = dbus.NewError("org.freedesktop.DBus.Error.AccessDenied", nil)

func (m mockService) Unlock(objects []dbus.ObjectPath) ([]dbus.ObjectPath, dbus.ObjectPath, *dbus.Error) {
	m.wait()
	switch m.behaviour {
	case NeverPrompts, Dismisses, Unforeseen:
		return nil, mockPrompt, nil
	case PromptsLate:
		if state := m.present(); !state.unlocked {
			return nil, mockPrompt, nil
		}
	}
	return objects, none, nil
}

type mockCollection struct{ *mock }

func (m mockCollection) CreateItem(_ map[string]dbus.Variant, secret mockSecret, _ bool) (dbus.ObjectPath, dbus.ObjectPath, *dbus.Error) {
	m.wait()
	switch m.behaviour {
	case Denies:
		return none, none, denied
	case DropsItem:
		return none, mockPrompt, nil
	case Forgets:
		return mockItem, none, nil
	case Alters:
		secret.Value = append(secret.Value, '=')
	}
	m.change(func(s *mockState) { s.stored, s.secret = true, secret })
	return mockItem, none, nil
}

func (m mockCollection) SearchItems(map[string]string) ([]dbus.ObjectPath, *dbus.Error) {
	m.wait()
	if m.behaviour == Denies {
		return nil, denied
	}
	if !m.present().stored {
		return nil, nil
	}
	return []dbus.ObjectPath{mockItem}, nil
}

type mockItemObject struct{ *mock }

func (m mockItemObject) GetSecret(dbus.ObjectPath) (mockSecret, *dbus.Error) {
	m.wait()
	return m.present().secret, nil
}

func (m mockItemObject) Delete() (dbus.ObjectPath, *dbus.Error) {
	m.wait()
	if m.behaviour == KeepsDeleted {
		return mockPrompt, nil
	}
	m.change(func(s *mockState) { s.stored, s.secret = false, mockSecret{} })
	return none, nil
}

type mockSessionObject struct{}

func (mockSessionObject) Close() *dbus.Error { return nil }

type mockPromptObject struct{ *mock }

// Prompt answers with the signal Completed, or not at all.
func (m mockPromptObject) Prompt(string) *dbus.Error {
	const completed = "org.freedesktop.Secret.Prompt.Completed"
	switch m.behaviour {
	case NeverPrompts:
	case Unforeseen:
		m.bus.Emit(mockPrompt, completed, "neither", "nor")
	case PromptsLate:
		time.AfterFunc(2*time.Second, func() {
			m.change(func(s *mockState) { s.unlocked = true })
			m.bus.Emit(mockPrompt, completed, false, dbus.MakeVariant([]dbus.ObjectPath{login}))
		})
	default:
		m.bus.Emit(mockPrompt, completed, true, dbus.MakeVariant(""))
	}
	return nil
}
