package assets

import (
	_ "embed"
	"encoding/json"
)

// A Licence says under which terms a work of others that is built into the program may be passed on.
type Licence struct {
	Name    string // of the module or the work
	Version string
	Licence string // by its SPDX identifier
	Text    string // the terms, as they came with it
}

//go:generate go run ./licences
//go:embed licences.json
var licences []byte

// Licences are those of everything that is built in, by name.
func Licences() []Licence {
	var all []Licence
	if err := json.Unmarshal(licences, &all); err != nil {
		panic("assets: internal error: the licences cannot be read: " + err.Error())
	}
	return all
}
