package assets

import (
	_ "embed"
	"encoding/json"
)

//go:embed servers.json
var servers []byte

// A Server is a public XMPP server where, as Source said in the month AsOf, anybody may have an account without paying. That it is in the
// list is a suggestion and no recommendation of who runs it.
//
// The list is renewed from Source, which publishes its data as JSON: of the servers that it rates best, those with inBandRegistration make
// accounts in the program, those with only a registrationWebPage get it as Web, and the others go.
type Server struct {
	Domain  string `json:"domain"`
	Web     string `json:"web,omitempty"`     // where an account is made, if that is only possible in a browser
	Country string `json:"country,omitempty"` // where it stands, as ISO 3166 writes it
	Source  string `json:"source"`            // which list named it
	AsOf    string `json:"as_of"`             // the month of the list
}

// Servers are the suggestions, best first: those that make accounts in the program before those that do it in a browser.
func Servers() []Server {
	var all []Server
	if err := json.Unmarshal(servers, &all); err != nil {
		panic("assets: internal error: " + err.Error()) // the test reads the same bytes
	}
	return all
}
