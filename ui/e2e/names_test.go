//go:build linux

package e2e

// The names by which the tests find things: what a person would call them, in English.
const (
	practise      = "Practise first"
	signIn        = "Sign in"
	signUp        = "Create an account"
	makeAccount   = "Create account"
	addContact    = "Add contact"
	add           = "Add"
	accept        = "Accept"
	lock          = "Lock"
	verify        = "Verify"
	compare       = "Compare fingerprints"
	digits        = "Fingerprints instead"
	endPrivate    = "End the private conversation"
	answer        = "Answer"
	account       = "Account"
	advanced      = "Advanced"
	connection    = "Connection…"
	ownKey        = "Your fingerprint…"
	tryAgain      = "Try again"
	usePassphrase = "Use a passphrase"
	untilQuit     = "Only until I quit"
	next          = "Next"
	closes        = "Close"
	done          = "Done"
	notNow        = "Not now"

	// Entries.
	address  = "Address"
	password = "Password"
	server   = "Server"
	domain   = "Another server"
	reached  = "Where it is reached"
	userName = "Name"
	email    = "Email" // the server's word
	composer = "Message"
	question = "Question"
	expected = "The right answer"
	given    = "Your answer"

	// The words of the lock.
	unverified = "Unverified"
	private    = "Private"
	finished   = "Finished"

	// What the send button says.
	sendPrivately = "Send privately"

	// Sentences, or enough of them to know them by.
	online            = "online"
	greeting          = "Conversations that stay between you."
	nameTaken         = "Somebody else has this name"
	wrongPassword     = "did not accept this address and password"
	serverConfirms    = "The server confirms each message"
	noKeyring         = "There is no keyring to use"
	wantsContact      = "wants to be your contact"
	rightAnswer       = "gave the right answer. You now know that it is really"
	hasVerified       = "has verified you"
	endedByPeer       = "ended the private conversation. Nothing is sent until you decide."
	sentPrivately     = "sent privately"
	receivedPrivately = "received privately"
	delivered         = "Delivered"
	practiceBand      = "Practice: nothing leaves this computer"
)
