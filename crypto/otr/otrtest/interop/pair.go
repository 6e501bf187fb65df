package interop

import "errors"

// maxHops bounds how many messages one command may cause, so that endpoints that answer each other for ever are
// found out.
const maxHops = 20000

// A Pair is two endpoints and the network between them, which delivers everything in order.
type Pair struct {
	Ends [2]*Endpoint
	// Transcript is all that the network carried.
	Transcript []Carried
	// Before, if there is one, is called for each message before it is delivered.
	Before func(to *Endpoint, wire string) error
	// Seen is what each end printed since it was last cleared, Wires apart.
	Seen [2]Output
}

// Carried is a message on its way.
type Carried struct {
	From int // which end sent it
	Wire string
}

// Do gives a command to one end and then carries messages until the network is empty.
func (p *Pair) Do(end int, words ...string) error {
	out, err := p.Ends[end].Do(words...)
	if err != nil {
		return err
	}
	return p.carry(p.took(end, out, nil))
}

// carry delivers messages, and those that come of it, until there are no more.
func (p *Pair) carry(queue []Carried) error {
	for hops := 0; len(queue) > 0; hops++ {
		if hops == maxHops {
			return errors.New("interop: the endpoints do not come to an end")
		}
		next := queue[0]
		to := 1 - next.From
		if p.Before != nil {
			if err := p.Before(p.Ends[to], next.Wire); err != nil {
				return err
			}
		}
		out, err := p.Ends[to].Do("recv", Bytes(next.Wire))
		if err != nil {
			return err
		}
		queue = p.took(to, out, queue[1:])
	}
	return nil
}

// took notes what an end printed and appends its messages to the queue.
func (p *Pair) took(end int, out Output, queue []Carried) []Carried {
	for _, wire := range out.Wires {
		p.Transcript = append(p.Transcript, Carried{end, wire})
		queue = append(queue, Carried{end, wire})
	}
	out.Wires = nil
	p.Seen[end].join(out)
	return queue
}

// Clear forgets what the ends have printed.
func (p *Pair) Clear() { p.Seen = [2]Output{} }

// Close ends both endpoints.
func (p *Pair) Close() error { return errors.Join(p.Ends[0].Close(), p.Ends[1].Close()) }
