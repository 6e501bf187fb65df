package lang

import (
	"encoding/json"
	"fmt"

	"fyne.io/fyne/v2"
	fynelang "fyne.io/fyne/v2/lang"

	"github.com/sotto-im/sotto/assets"
)

// fynes are the languages that Fyne brings words of its own for.
var fynes = []string{"cs", "de", "el", "en", "es", "fr", "ja", "pl", "pt", "pt-BR", "ru", "sv", "ta", "uk", "zh-Hans"}

// toolkit has Fyne say its own words, such as those of the menu of an entry, in our language too. Fyne follows the system alone, so
// it is given these words for whatever language that is.
func toolkit(tag string) error {
	data, err := assets.Translations.ReadFile("translations/toolkit/" + tag + ".json")
	if err != nil {
		return fmt.Errorf("lang: %w", err)
	}
	var words map[string]string
	if err := json.Unmarshal(data, &words); err != nil {
		return fmt.Errorf("lang: %w", err)
	}
	const known = "Select all"
	if fynelang.L(known) == words[known] {
		return nil // it speaks like us already
	}
	for _, of := range fynes {
		if err := fynelang.AddTranslationsForLocale(data, fyne.Locale(of)); err != nil {
			return fmt.Errorf("lang: %w", err)
		}
	}
	return nil
}
