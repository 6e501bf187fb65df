package store

// Size is how large a window was.
type Size struct {
	Width  float32 `json:"width"`
	Height float32 `json:"height"`
}

// Preferences are what the person chose about the program itself: nothing secret, nothing about anybody. The zero value is what holds for
// somebody who never chose. Words belong to package ui; one that it does not know is as "".
type Preferences struct {
	Theme        string `json:"theme,omitempty"`          // "": as the system; light, dark
	AtStart      bool   `json:"at_start,omitempty"`       // Sotto starts with the session
	ToTray       bool   `json:"to_tray,omitempty"`        // closing the window leaves Sotto in the tray
	TextSize     string `json:"text_size,omitempty"`      // "": 14; small, large, largest
	Accent       string `json:"accent,omitempty"`         // "": Sotto's own
	Contrast     bool   `json:"contrast,omitempty"`       // as high as it can be
	Still        bool   `json:"still,omitempty"`          // nothing moves
	Notify       string `json:"notify,omitempty"`         // "": that something has come; none, who, text
	DoNotDisturb bool   `json:"do_not_disturb,omitempty"` // neither notifications nor sounds
	Sounds       bool   `json:"sounds,omitempty"`
	AwayAfter    string `json:"away_after,omitempty"`   // "": ten minutes; never, five, thirty
	HideOffline  bool   `json:"hide_offline,omitempty"` // contacts that are offline are not on the list
	EnterBreaks  bool   `json:"enter_breaks,omitempty"` // Enter begins a new line and Ctrl+Enter sends
	Apart        bool   `json:"apart,omitempty"`        // each conversation has a window of its own
	SkinTone     string `json:"skin_tone,omitempty"`    // of emoji; "": none
}

// mend takes out words that cannot be any: a later Sotto may know more of them, and none is worth the rest of the settings.
func (p *Preferences) mend() {
	for _, word := range p.words() {
		if !isWord(*word) {
			*word = ""
		}
	}
}

func (p *Preferences) words() []*string {
	return []*string{&p.Theme, &p.TextSize, &p.Accent, &p.Notify, &p.AwayAfter, &p.SkinTone}
}

func (p *Preferences) check() error {
	for _, word := range p.words() {
		if !isWord(*word) {
			return invalid("preference")
		}
	}
	return nil
}
