package main

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// meter shows how far long work is: a bar on a terminal; elsewhere lines, at most one a second and, where the whole is known, one for
// each tenth of it; with quiet nothing. It is for one goroutine. Who makes one ends it.
type meter struct {
	w     io.Writer
	quiet bool
	// eachSecond gives a line a second, also between two tenths.
	eachSecond bool
	now        func() time.Time

	bars *mpb.Progress // nil: lines
	bar  *mpb.Bar
	text atomic.Value // a string, read by the bar's own goroutine

	last         time.Time // when a line was written
	said, unsaid string    // the last line, and the one that is kept back
	tenth        int64     // of the last line
	ended        bool
}

// newMeter makes the meter of a command.
func newMeter(w io.Writer, quiet bool) *meter {
	m := &meter{w: w, quiet: quiet, now: time.Now}
	if !quiet && hasRoom(w) {
		m.drawBar()
	}
	return m
}

// hasRoom tells whether a bar can be drawn: on a terminal whose size is known, which some in containers and scripts is not.
func hasRoom(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return false
	}
	width, height, err := term.GetSize(int(f.Fd()))
	return err == nil && width > 0 && height > 0
}

func (m *meter) drawBar(options ...mpb.ContainerOption) {
	m.text.Store("")
	m.bars = mpb.New(append(options, mpb.WithOutput(m.w), mpb.WithWidth(32))...)
	m.bar = m.bars.AddBar(0, mpb.PrependDecorators(decor.Name("  ")), mpb.AppendDecorators(
		decor.Any(func(decor.Statistics) string { return " " + m.text.Load().(string) })))
}

// at tells how far the work is, of how much (0: not known), in words too.
func (m *meter) at(done, total int64, text string) {
	switch {
	case m.quiet:
	case m.bar != nil:
		m.text.Store(text)
		m.bar.SetTotal(total, false)
		m.bar.SetCurrent(done)
	default:
		m.line(done, total, text)
	}
}

func (m *meter) line(done, total int64, text string) {
	tenth := int64(-1)
	if total > 0 {
		tenth = done * 10 / total
	}
	m.unsaid = text
	if m.now().Sub(m.last) < time.Second || (total > 0 && tenth == m.tenth && !m.eachSecond && !m.last.IsZero()) {
		return
	}
	m.tenth = tenth
	m.flush()
}

// flush writes the line that is kept back, if it says anything new.
func (m *meter) flush() {
	if m.quiet || m.bar != nil || m.unsaid == m.said {
		return
	}
	m.last, m.said = m.now(), m.unsaid
	fmt.Fprintln(m.w, "  "+m.said)
}

// end shows the last of it; whole tells that the work was done. It may be called twice: the first call counts.
func (m *meter) end(whole bool) {
	if m.ended {
		return
	}
	m.ended = true
	if m.bar == nil {
		m.flush()
		return
	}
	if whole {
		m.bar.SetTotal(-1, true)
	} else {
		m.bar.Abort(false)
	}
	m.bars.Wait()
}
