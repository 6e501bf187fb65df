package assets

import (
	_ "embed"
	"encoding/json"
)

//go:embed servers.json
var servers []byte

// A Server is a public XMPP server where anybody may have an account without paying. That it is in the list is a suggestion and no
// recommendation of who runs it.
type Server struct {
	Domain  string `json:"domain"`
	Web     string `json:"web,omitempty"`     // where an account is made, if that is only possible in a browser
	Country string `json:"country,omitempty"` // where it stands, as ISO 3166 writes it
	Checked string `json:"checked"`           // the month of the list at providers.xmpp.net that this was taken from
}

// Servers are the suggestions, best first: those that make accounts in the program before those that do it in a browser.
func Servers() []Server {
	var all []Server
	if err := json.Unmarshal(servers, &all); err != nil {
		panic("assets: internal error: " + err.Error()) // the test reads the same bytes
	}
	return all
}
