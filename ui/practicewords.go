package ui

import (
	"strings"

	"github.com/sotto-im/sotto/session/practice"
	"github.com/sotto-im/sotto/ui/lang"
)

// practiceWords is what the contact of practice mode says and listens for. A translation may choose other words to listen for; they
// are separated by commas, and a star stands for any ending.
func practiceWords() practice.Words {
	return practice.Words{
		Name:      lang.L("Robin"),
		Question:  lang.L("Where did we first meet?"),
		Answer:    lang.L("on the ferry"),
		Challenge: lang.L("What do I always bring along?"),
		Reply:     lang.L("an umbrella"),
		Greeting: practice.Say{
			lang.L("Hello, I am Robin. I am a small program inside your computer, made to practise with."),
			lang.L("Look at the lock at the top. Unverified means: what we write is private, but nobody has checked yet that I am really Robin."),
			lang.L("To check it, press the lock and choose Verify. Ask me: {question}"),
			lang.L("My answer will be: {answer}\nA friend of flesh and blood would never tell you the answer in the conversation. I do, because we practise."),
		},
		Reactions: practiceReactions(),
		Topics:    practiceTopics(),
		AskMe: practice.Topic{
			Asks: listen(lang.L("ask me, ask away, ask again, check me, verify me, authenticate me, test me, quiz me, your turn, do you know me, who am i")),
			Say:  practice.Say{lang.L("With pleasure. I ask: {challenge}\nThe right answer is: {reply}\nPress Answer, below our conversation, and type it there.")},
		},
		WrongIt: practice.Topic{
			Asks: listen(lang.L("wrong, wrongly, mistake*, fail*, typo*, be wrong, wrong answer, answer wrong, answer wrongly, give a wrong answer, incorrect, lie, lie to me")),
			Say:  practice.Say{lang.L("At your next check I will answer wrongly, on purpose. Press the lock, choose Verify, and ask me something.")},
		},
		WantIt: practice.Topic{
			Asks: listen(lang.L("other direction, other way round, other way around, remind*, your wish, your request, verify you, shall i verify you, should i verify you, do you want me to verify you")),
			Say:  practice.Say{lang.L("Then I ask for it. Look below our conversation: my wish stands there, and you decide.")},
		},
		EndIt: practice.Topic{
			Asks: listen(lang.L("end, end it, finish*, stop, quit, exit, bye, bye bye, goodbye, good bye, see you, leave")),
			Say:  practice.Say{lang.L("I end our private conversation now. Look: the lock says Finished, and nothing can be sent by mistake. Press Start again when you like.")},
		},
		Lost: []practice.Say{
			{lang.L("I am a program with few words. Try: lock, verify, secret, fingerprint, wrong, remind me, ask me, or end.")},
			{lang.L("That was private, but I did not understand it. I can tell you about the lock, or you can write: ask me.")},
			{lang.L("Robin here, still a small program. Press the lock at the top when you want to verify me.")},
		},
	}
}

func practiceReactions() practice.Reactions {
	return practice.Reactions{
		Verified: practice.Say{
			lang.L("The answers are the same. Your lock says Private now: you know that it is really me."),
			lang.L("I do not know yet that it is really you. Press the lock and choose “Ask Robin to verify you”, or write: ask me."),
		},
		VerifiedBoth: practice.Say{
			lang.L("We typed the same secret. Your lock says Private now: you know that it is really me, and I know that it is really you."),
		},
		Differs: practice.Say{lang.L("The answers differ, so nothing is proved. Often it is a typo: they are compared exactly as typed. Mine was: {answer}")},
		Lied: practice.Say{
			lang.L("That was wrong on purpose. You would see the same if somebody stood between us. Your lock has not changed, and Sotto counts how often."),
			lang.L("With a friend: try once more, then call. With me: ask again, I will answer: {answer}"),
		},
		Compared: practice.Say{
			lang.L("You have compared, so your lock says Private now. My Sotto was told: I see that you have verified me. I have not verified you yet; write: ask me."),
		},
		Requested: practice.Say{lang.L("You would like me to verify you. I ask: {challenge}\nThe right answer is: {reply}\nPress Answer, below our conversation, and type it there.")},
		NoRequest: practice.Say{lang.L("I have no wish to ask for: you have verified me already, or I asked a moment ago.")},
		Stopped:   practice.Say{lang.L("The check was stopped. Nothing has changed, and you can begin again whenever you like.")},
		ReplyRight: practice.Say{
			lang.L("Right. Now I know that it is really you. It changes nothing on your lock: yours shows whether you have checked me."),
		},
		ReplyWrong:  practice.Say{lang.L("That is not what I expected. Write “ask me” to try once more, and then exactly this: {reply}")},
		OneAtATime:  practice.Say{lang.L("One check at a time, please. Finish or cancel the one that is going on, then write: ask me.")},
		Unencrypted: practice.Say{lang.L("What you wrote just now came without encryption: any server on the way could have read it. I only write privately.")},
		BackAfterPerson: practice.Say{
			lang.L("Welcome back. When you ended our private conversation, my lock said Finished and I could not send anything, so nothing went out unencrypted by mistake."),
		},
		BackAfterContact: practice.Say{lang.L("Here we are again, with new keys. If you had verified me, you still know that it is me.")},
	}
}

func practiceTopics() []practice.Topic {
	return []practice.Topic{
		{
			Asks: listen(lang.L("hello*, hi, hey, hiya, good morning, good afternoon, good evening, good day, how are you, how do you do, whats up, how is it going, nice to meet you")),
			Say:  practice.Say{lang.L("Hello. I am well, as programs go. Have you looked at the lock?")},
		},
		{
			Asks: listen(lang.L("lock*, padlock, unverified, not private, private, privacy, colour*, color*, symbol*, icon*, amber, yellow, red, green, tick, question mark")),
			Say: practice.Say{
				lang.L("An open lock means Not private. With a question in it: Unverified, private with somebody nobody has checked. With a tick: Private, and you have checked. Crossed out: Finished, nothing is sent."),
				lang.L("Each message keeps the lock it was sent under, for ever."),
			},
		},
		{
			Asks: listen(lang.L("verif*, authenticat*, check, checking, question*, answer*, how do i verify, how do i check, how can i verify, how to verify, how to check, want to verify, let me verify, can i verify, prove, proof, really you, is it you, is that you, are you robin, are you really, identity, trust")),
			Say: practice.Say{
				lang.L("Press the lock, choose Verify, and ask me: {question} My answer will be: {answer}"),
				lang.L("Neither answer is sent. The two programs only find out whether they are the same."),
			},
		},
		{
			Asks: listen(lang.L("fingerprint*, finger print*, compare, comparing, phone, telephone, phone call, in person")),
			Say: practice.Say{
				lang.L("A fingerprint is the short name of a key. On the phone, each reads theirs to the other. Mine is {fingerprint}"),
				lang.L("Reading it here proves nothing: a stranger in between would send you another one. That is why one does it by phone or in person."),
				lang.L("Between two Sottos words are enough. Press the lock, choose Compare fingerprints, and imagine that I am on the phone: {words}"),
			},
		},
		{
			Asks: listen(lang.L("secret*, shared secret, password*, passphrase*, pin")),
			Say: practice.Say{
				lang.L("A secret both of us know verifies both at once. Press the lock, choose Verify, then the second way, and type: {answer}"),
				lang.L("With a friend one agrees on it by phone or in person, never here."),
			},
		},
		{
			Asks: listen(lang.L("server*, provider*, who can read, who can see, who reads, can anyone read, can anybody read, can others read, listen*, spy, spies, spying, eavesdrop*, intercept*, surveillance, police, man in the middle, secure, safe, security")),
			Say: practice.Say{
				lang.L("Servers see that two people write to each other, and when. What they write they cannot read while the lock is closed."),
				lang.L("A stranger could only have stepped in before it began. Verifying finds that out."),
			},
		},
		{
			Asks: listen(lang.L("key, keys, encrypt*, encryption, crypto*, otr, off the record, end to end, forward secrecy, deniab*, prove to others")),
			Say: practice.Say{
				lang.L("Both programs keep making new keys and forget the old ones. Whoever steals a key later cannot open with it what was written before."),
				lang.L("Nor can anybody prove to others what you wrote. It is like talking in a room."),
			},
		},
		{
			Asks: listen(lang.L("who are you, what are you, your name, robot, bot, chatbot, ai, artificial intelligence, program, machine, human, person, real, are you real")),
			Say:  practice.Say{lang.L("I am a program with a few sentences. But I have a real key, and the lock between us is as real as any other.")},
		},
		{
			Asks: listen(lang.L("help*, what can you, what can i, what do you know, what now, now what, what next, what else, what should i, how does this work, how does it work, i dont understand, i do not understand, i am lost, commands")),
			Say:  practice.Say{lang.L("Verify me with the lock at the top. Then write “ask me”, “secret”, “fingerprint”, “wrong” or “remind me”, and at last “end” to see what Finished looks like.")},
		},
		{
			Asks: listen(lang.L("thank*, thanks, thx, cheers, great, nice, good, cool, perfect, awesome, wonderful, understood, got it, i see, makes sense, ok, okay")),
			Say:  practice.Say{lang.L("You are welcome. When you have practised enough, press Leave practice above.")},
		},
	}
}

// listen cuts the words to listen for.
func listen(s string) []string {
	phrases := strings.Split(s, ",")
	for i := range phrases {
		phrases[i] = strings.TrimSpace(phrases[i])
	}
	return phrases
}
