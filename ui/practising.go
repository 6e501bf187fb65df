package ui

import (
	"context"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"github.com/sotto-im/sotto/ui/lang"
	"github.com/sotto-im/sotto/ui/look"
)

// practiceMode is practice while it lasts.
type practiceMode struct {
	cancel   context.CancelFunc
	practice Practice
	desk     *desk // nil until practice mode is ready
}

// stop ends practice mode and waits, not long, until it has gone.
func (p *practiceMode) stop() {
	p.cancel()
	if p.desk == nil {
		return
	}
	ctx, cancel := closingContext()
	defer cancel()
	p.practice.Close(ctx)
}

// practise begins practice mode. It takes a moment: keys are made for two.
func (s *shell) practise() {
	if s.practice != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	mode := &practiceMode{cancel: cancel}
	s.practice = mode
	s.own.atStart().trouble.say("")
	s.show(s.band(placard(lang.L("One moment: making keys for two."))))
	go func() {
		p, err := s.begin(ctx, practiceWords())
		s.do(func() { s.practiceReady(mode, p, err) })
	}()
}

// practiceReady shows practice mode, unless the person has left it before it was ready.
func (s *shell) practiceReady(mode *practiceMode, p Practice, err error) {
	if err != nil {
		if s.practice == mode {
			s.practice = nil
			s.show(s.own.root)
			s.own.atStart().trouble.say(lang.L("Practice could not begin: this computer did not let Sotto talk to itself. Nothing else is affected."))
		}
		mode.cancel()
		return
	}
	mode.practice = p
	if s.practice != mode {
		go closePractice(mode)
		return
	}
	mode.desk = newDesk(s, p.Engine)
	mode.desk.practising = true
	mode.desk.awaited = p.Contact
	mode.desk.main.contacts.refresh()
	mode.desk.route()
	s.show(s.band(mode.desk.root))
	mode.desk.run()
}

func closePractice(mode *practiceMode) {
	mode.cancel()
	ctx, cancel := closingContext()
	defer cancel()
	mode.practice.Close(ctx)
}

// leavePractice goes back to the person's own session.
func (s *shell) leavePractice() {
	mode := s.practice
	if mode == nil {
		return
	}
	s.practice = nil
	s.show(s.own.root)
	s.own.takeKeyboard()
	if mode.desk != nil {
		mode.desk.leave()
		go closePractice(mode)
		return
	}
	mode.cancel()
}

func (s *shell) show(o fyne.CanvasObject) {
	s.root.Objects = []fyne.CanvasObject{o}
	s.root.Refresh()
	s.window.Canvas().Unfocus()
}

// band stands above everything in practice mode, so that it is never taken for the real thing.
func (s *shell) band(inside fyne.CanvasObject) fyne.CanvasObject {
	b := newTopBanner()
	b.show(notice{
		words: lang.L("Practice: nothing leaves this computer or is kept."),
		tint:  look.ColorOwnBubble, ink: theme.ColorNameForeground,
		actions: []offer{{label: lang.L("Leave practice"), do: s.leavePractice}},
	})
	return stacked(b, inside, nil)
}
