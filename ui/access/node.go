// Package access says in words what is on the screen, so that people who do not see it, and programs that test it, can use all of
// Sotto.
//
// Widgets of our own implement [Semantic] and describe themselves with a [Node]; the widgets of Fyne are understood as they are,
// also when a struct embeds them. [Name], [Describe] and [Secret] add what a standard widget cannot know about itself. A [Tree]
// turns the open windows into elements with stable numbers and tells what changed between two looks. [Serve] hands the tree to the
// screen readers of a Linux desktop (AT-SPI over D-Bus); on other systems it has nothing to do.
//
// The text of a password entry never leaves this package's reading of it: its element carries the same few dots whatever it is, also
// while the person has the characters shown.
package access

import "fyne.io/fyne/v2"

// Role is what kind of thing a Node is.
type Role uint8

const (
	Transparent   Role = iota // not a thing of its own: only what is inside counts
	Unknown                   // a widget that tells nothing about itself; a test can look for these
	Application               // used by Tree
	Window                    // used by Tree
	Dialog                    // asks for something before the rest goes on
	Alert                     // a notice that must not be missed
	Notification              // a sentence that was announced; used by Serve
	Panel                     // a group of things with a name
	Label                     // text to read
	Heading                   // text that names what follows
	Paragraph                 // a longer text: a message, a notice
	Status                    // text that changes by itself and is worth saying: the lock
	Image                     // a picture; Name says what it shows
	Button                    // press
	ToggleButton              // press; Checked
	MenuButton                // press opens a menu
	CheckBox                  // press; Checked
	RadioButton               // press; Checked
	ComboBox                  // Text is what is chosen
	Entry                     // Text, SetText
	PasswordEntry             // dots for any Text, SetText
	Link                      // press
	List                      // of ListItem
	ListItem                  // press
	Log                       // a list that grows at its end: the conversation
	LogItem                   // a message or notice in it
	Menu                      // of MenuItem
	MenuItem                  // press
	MenuBar
	TabList // of Tab
	Tab     // press
	ProgressBar
	Slider
	ScrollPane
	Separator
	Form
	ToolBar
)

// State is a set of things that are true about a Node.
type State uint32

const (
	Disabled  State = 1 << iota // cannot be used now
	Hidden                      // not shown; such nodes are left out of the tree
	Checkable                   // can be Checked
	Checked
	Selectable // can be Selected
	Selected
	Expandable // can be Expanded
	Expanded
	Editable
	MultiLine
	ReadOnly
	Required
	Invalid // what is entered cannot be used
	Busy    // working
	Modal   // the rest of the window waits
	Focusable
	Focused // set by Tree from the canvas; a node with parts sets it for the part that has the focus
	Active  // of a window: the one that has the keyboard; set by Tree
)

// Polite says how pressing it is to speak a change.
type Polite uint8

const (
	Silent    Polite = iota
	Politely         // when the reader has finished what it is saying
	Assertive        // at once
)

// A Semantic is a widget that describes itself. Semantics is called on the UI goroutine, often: it must be quick and change nothing.
type Semantic interface {
	Semantics() Node
}

// A Node describes one thing on the screen, or, with Role Transparent, only holds others.
type Node struct {
	Role Role
	Name string // what it is called, in the person's language: what they would ask for
	Help string // more about it, where there is more to say
	// Text is what it shows, where that is not its name: the content of an entry, the words of a message. It is never set for a secret.
	Text  string
	State State
	Range *Range // of a progress bar or slider

	// Press does what a click does. Nil: nothing to press. It is not called while Disabled.
	Press func()
	// More are further things that can be done with it, such as opening its menu.
	More []Action
	// SetText replaces the content, as if the person had typed it. It is not called while Disabled or ReadOnly.
	SetText func(text string)
	// Caret is where the next character is put, in characters. Nil where there is no caret.
	Caret func() int
	// Marked is the part of Text that is selected, and Mark selects another one and leaves the caret at its end: an empty one only moves
	// the caret. Nil where nothing can be selected. They are not called for a secret.
	Marked func() Stretch
	Mark   func(Stretch) bool
	// Focus gives it the keyboard. The Tree does this by itself for a widget that is fyne.Focusable.
	Focus func()

	// Live asks for Text (or Name, without Text) to be spoken when it changes.
	Live Polite

	// Inside are the widgets within, in reading order: they are described in their turn.
	Inside []fyne.CanvasObject
	// Parts are things within that are no widgets of their own, in reading order, before Inside. Each has a Key that no other part of
	// this widget has and that stays the same as long as the thing does.
	Parts []Node
	Key   any
	// At is where a part is, relative to its widget, also for a part of a part. The zero value is where the thing is that it is a part of.
	At Area
}

// An Action is something that can be done with a Node. Verb is a short word in English, such as "menu".
type Action struct {
	Verb string
	Do   func()
}

// Range is a value between two others.
type Range struct{ Min, Max, Now float64 }

// Area is a rectangle in Fyne's units.
type Area struct {
	Position fyne.Position
	Size     fyne.Size
}
