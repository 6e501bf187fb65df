package interop

import (
	"path/filepath"
	"slices"
	"testing"
)

// TestTwoClients: the correspondent is logged in with two clients, and the network delivers everything to both.
// Both answer the one D-H Commit Message, both sessions live, and each reads only what is meant for it.
func TestTwoClients(t *testing.T) {
	for _, program := range []string{"ours", "libotr"} {
		t.Run("with "+program, func(t *testing.T) { talkToTwoClients(t, program) })
	}
}

func talkToTwoClients(t *testing.T, program string) {
	clientTags := [2]string{"0000c001", "ffffc002"}
	start := func(name, program, account, tag string) *Endpoint {
		e, err := Start(name, programs[program], "--account", account, "--peer", "other", "--policy", "v3",
			"--key", filepath.Join(keys, account+"."+program), "--instag", tag)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		})
		return e
	}
	us := start("alice (ours)", "ours", "alice", "00000a11")
	clients := [2]*Endpoint{
		start("desk ("+program+")", program, "bob", clientTags[0]),
		start("lap ("+program+")", program, "bob", clientTags[1]),
	}
	var seen [2][]Message
	var shown []Message

	// run gives a command to an end and delivers what comes of it: ours to both clients, theirs to us.
	var run func(e *Endpoint, words ...string) Output
	run = func(e *Endpoint, words ...string) Output {
		out, err := e.Do(words...)
		if err != nil {
			t.Fatal(err)
		}
		for i, client := range clients {
			if e == client {
				seen[i] = append(seen[i], out.Messages...)
			}
		}
		if e == us {
			shown = append(shown, out.Messages...)
		}
		for _, wire := range out.Wires {
			if e != us {
				run(us, "recv", Bytes(wire))
				continue
			}
			for _, client := range clients {
				run(client, "recv", Bytes(wire))
			}
		}
		return out
	}

	run(us, "recv", Bytes("?OTRv3?")) // we commit
	live := map[string]bool{}
	for _, status := range run(us, "status").Status {
		if status.Fields["msgstate"] == "encrypted" {
			live[status.Fields["tags"]] = true
		}
	}
	if !live["00000a11,"+clientTags[0]] || !live["00000a11,"+clientTags[1]] {
		t.Fatalf("live sessions: %v", live)
	}
	count.sessions += 2

	for range 3 {
		for i, tag := range clientTags {
			seen, shown = [2][]Message{}, nil
			if out := run(us, "select", tag); len(out.Errors) > 0 {
				t.Fatal(out.Errors)
			}
			run(us, "send", Bytes("for "+tag))
			if want := []Message{{"encrypted", "for " + tag}}; !slices.Equal(seen[i], want) || len(seen[1-i]) != 0 {
				t.Errorf("for client %s: shown %q", tag, seen)
			}
			run(clients[i], "send", Bytes("from "+tag))
			if want := []Message{{"encrypted", "from " + tag}}; !slices.Equal(shown, want) {
				t.Errorf("from client %s: shown %q", tag, shown)
			}
			count.messages += 2
		}
	}

	run(us, "end")
	for _, client := range clients {
		for _, status := range run(client, "status").Status {
			if status.Fields["tags"][9:] == "00000a11" && status.Fields["msgstate"] != "finished" {
				t.Errorf("%s: %v after our end", client.Name, status)
			}
		}
	}
}
