package access

// A Change is one difference between two looks.
type Change struct {
	Kind    ChangeKind
	Element *Element // of the new look; Removed: of the old one
	Parent  *Element // Added, Removed: as it is in the new look
	State   State    // StateChanged: one bit; whether it is set now stands in Element
	At      int      // TextDeleted, TextInserted: where, in characters; Added, Removed: the index
	Text    string   // TextDeleted, TextInserted, Announced
	Polite  Polite   // Announced
}

// ChangeKind says what is different.
type ChangeKind uint8

const (
	Added ChangeKind = iota
	Removed
	Renamed
	HelpChanged
	TextDeleted
	TextInserted
	CaretMoved
	MarkedChanged
	StateChanged
	RangeChanged
	Announced
)

// compare lists what is different in the new look, in reading order; what has gone comes before what is there.
func compare(before, now *Look) []Change {
	if before.Root == nil {
		return nil
	}
	var changes []Change
	var gone func(*Element)
	gone = func(e *Element) {
		if _, here := now.By[e.Number]; !here {
			if parent := now.By[e.Parent.Number]; parent != nil {
				changes = append(changes, Change{Kind: Removed, Element: e, Parent: parent, At: e.Index})
			}
			return
		}
		for _, child := range e.Inside {
			gone(child)
		}
	}
	gone(before.Root)
	var visit func(*Element)
	visit = func(e *Element) {
		old := before.By[e.Number]
		if old == nil {
			changes = append(changes, Change{Kind: Added, Element: e, Parent: e.Parent, At: e.Index})
			if e.Live != Silent && e.spoken() != "" {
				changes = append(changes, Change{Kind: Announced, Element: e, Text: e.spoken(), Polite: e.Live})
			}
			if e.State&Focused != 0 {
				changes = append(changes, Change{Kind: StateChanged, Element: e, State: Focused})
			}
		} else {
			changes = append(changes, differences(old, e)...)
		}
		for _, child := range e.Inside {
			visit(child)
		}
	}
	visit(now.Root)
	return changes
}

func differences(old, e *Element) []Change {
	var changes []Change
	add := func(c Change) {
		c.Element = e
		changes = append(changes, c)
	}
	if old.Name != e.Name {
		add(Change{Kind: Renamed})
	}
	if old.Help != e.Help {
		add(Change{Kind: HelpChanged})
	}
	if old.Text != e.Text {
		at, deleted, inserted := edit([]rune(old.Text), []rune(e.Text))
		if deleted != "" {
			add(Change{Kind: TextDeleted, At: at, Text: deleted})
		}
		if inserted != "" {
			add(Change{Kind: TextInserted, At: at, Text: inserted})
		}
	}
	if e.Live != Silent && e.Role != PasswordEntry && (old.Text != e.Text || old.Name != e.Name) {
		add(Change{Kind: Announced, Text: e.spoken(), Polite: e.Live})
	}
	if old.Caret != e.Caret {
		add(Change{Kind: CaretMoved, At: e.Caret})
	}
	if old.Marked != e.Marked {
		add(Change{Kind: MarkedChanged})
	}
	for bit := State(1); bit <= Active; bit <<= 1 {
		if (old.State^e.State)&bit != 0 {
			add(Change{Kind: StateChanged, State: bit})
		}
	}
	if e.Range != nil && (old.Range == nil || *old.Range != *e.Range) {
		add(Change{Kind: RangeChanged})
	}
	return changes
}

// spoken is what is said of an element that has changed by itself.
func (e *Element) spoken() string {
	if e.Text == "" || e.Text == e.Name {
		return e.Name
	}
	if e.Name == "" {
		return e.Text
	}
	return e.Name + ": " + e.Text
}

// edit is the one replacement that makes now of old.
func edit(old, now []rune) (at int, deleted, inserted string) {
	for at < len(old) && at < len(now) && old[at] == now[at] {
		at++
	}
	end := 0
	for end < len(old)-at && end < len(now)-at && old[len(old)-1-end] == now[len(now)-1-end] {
		end++
	}
	return at, string(old[at : len(old)-end]), string(now[at : len(now)-end])
}
