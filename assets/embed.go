// Package assets holds the pictures and the words that are built into the program.
package assets

import "embed"

// Icons are the drawings of the interface: icons/NAME-SIZE.svg, black on nothing. Package ui/look gives them their colours.
//
//go:embed icons/*.svg
var Icons embed.FS

// Icon is the program's own icon, 256 pixels square: a larger one would be decoded before the first window opens, and seen nowhere.
//
//go:embed icon-256.png
var Icon []byte

// Translations are the words of the interface in each language: translations/LANGUAGE.json.
//
//go:embed translations/*.json translations/toolkit/*.json
var Translations embed.FS

// Sounds are what the program plays where the person wants it: sounds/NAME.wav, made by tones.
//
//go:generate go run ./tones sounds
//go:embed sounds/*.wav
var Sounds embed.FS

// Emoji are those that can be chosen, by group, with names and words to find them by in English, German and Arabic: a text, compressed, which
// .ci/emoji makes from data of the Unicode Consortium (see emoji-license.txt).
//
//go:embed emoji.gz
var Emoji []byte

// EmojiLicense is that of the data Emoji was made from.
//
//go:embed emoji-license.txt
var EmojiLicense string
