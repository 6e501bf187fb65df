// Package interop runs Off-the-Record endpoints as processes and lets them talk to each other. Its tests hold ours,
// ../otrpeer, against one made of libotr, ../libotrpeer. The package comment of otrpeer has the protocol that both
// speak on their standard input and output.
package interop

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// patience is how long an endpoint may take for one command.
const patience = time.Minute

// An Endpoint is a running process. The first error of its input or output ends it: later calls return the same.
type Endpoint struct {
	Name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	err  error
}

// Output is what an endpoint printed in answer to one command.
type Output struct {
	Wires    []string // to be handed to the other side, in this order
	Messages []Message
	Events   []Record
	Status   []Record // one for each instance
	Keys     []Record
	Prints   [2]string // fingerprints, ours and theirs, of a "fp" line
	Errors   []string
}

// A Message is a text that an endpoint shows to its user.
type Message struct {
	How  string // encrypted, plain, plain-unexpected
	Text string
}

// A Record is a line of k=v pairs, after a name where the line has one.
type Record struct {
	Name   string
	Fields map[string]string
}

// Start runs an endpoint and waits until it is ready.
func Start(name, program string, args ...string) (*Endpoint, error) {
	cmd := exec.Command(program, args...)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	stderr := new(strings.Builder)
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	e := &Endpoint{Name: name, cmd: cmd, in: in, out: bufio.NewReaderSize(out, 1<<16)}
	if _, err := e.read(); err != nil {
		e.Close()
		return nil, fmt.Errorf("interop: %s does not start: %w: %s", name, err, stderr)
	}
	return e, nil
}

// Do gives a command whose arguments are words, and returns what it printed.
func (e *Endpoint) Do(words ...string) (Output, error) {
	if e.err != nil {
		return Output{}, e.err
	}
	if _, err := io.WriteString(e.in, strings.Join(words, " ")+"\n"); err != nil {
		e.err = fmt.Errorf("interop: %s: %w", e.Name, err)
		return Output{}, e.err
	}
	return e.read()
}

// Close ends the endpoint and returns an error if it did not end well.
func (e *Endpoint) Close() error {
	io.WriteString(e.in, "quit\n")
	e.in.Close()
	watchdog := time.AfterFunc(patience, func() { e.cmd.Process.Kill() })
	defer watchdog.Stop()
	return e.cmd.Wait()
}

// Kill ends the endpoint as a crash does.
func (e *Endpoint) Kill() {
	e.cmd.Process.Kill()
	e.cmd.Wait()
}

// Bytes returns the word for a byte string.
func Bytes(s string) string {
	if s == "" {
		return "-"
	}
	return base64.StdEncoding.EncodeToString([]byte(s))
}

func (e *Endpoint) read() (Output, error) {
	watchdog := time.AfterFunc(patience, func() { e.cmd.Process.Kill() })
	defer watchdog.Stop()
	var o Output
	for {
		line, err := e.out.ReadString('\n')
		if err != nil {
			e.err = fmt.Errorf("interop: %s ended: %w", e.Name, err)
			return o, e.err
		}
		line = strings.TrimSuffix(line, "\n")
		if line == "done" {
			return o, nil
		}
		if err := o.add(line); err != nil {
			e.err = fmt.Errorf("interop: %s printed %q: %w", e.Name, line, err)
			return o, e.err
		}
	}
}

func (o *Output) add(line string) (err error) {
	kind, rest, _ := strings.Cut(line, " ")
	switch kind {
	case "ready":
	case "wire":
		wire, err := decode(rest)
		o.Wires = append(o.Wires, wire)
		return err
	case "msg":
		how, text, _ := strings.Cut(rest, " ")
		text, err := decode(text)
		o.Messages = append(o.Messages, Message{how, text})
		return err
	case "fp":
		o.Prints[0], o.Prints[1], _ = strings.Cut(rest, " ")
	case "event":
		name, fields, _ := strings.Cut(rest, " ")
		o.Events = append(o.Events, record(name, fields))
	case "status":
		o.Status = append(o.Status, record("", rest))
	case "key":
		name, fields, _ := strings.Cut(rest, " ")
		o.Keys = append(o.Keys, record(name, fields))
	case "error":
		o.Errors = append(o.Errors, rest)
	default:
		return fmt.Errorf("unknown kind of line")
	}
	return nil
}

func decode(word string) (string, error) {
	if word == "-" {
		return "", nil
	}
	b, err := base64.StdEncoding.DecodeString(word)
	return string(b), err
}

func record(name, fields string) Record {
	r := Record{Name: name, Fields: map[string]string{}}
	for _, field := range strings.Fields(fields) {
		k, v, _ := strings.Cut(field, "=")
		r.Fields[k] = v
	}
	return r
}

// Event returns the first event of that name.
func (o *Output) Event(name string) (Record, bool) {
	for _, e := range o.Events {
		if e.Name == name {
			return e, true
		}
	}
	return Record{}, false
}

func (o *Output) join(p Output) {
	o.Wires = append(o.Wires, p.Wires...)
	o.Messages = append(o.Messages, p.Messages...)
	o.Events = append(o.Events, p.Events...)
	o.Errors = append(o.Errors, p.Errors...)
}
