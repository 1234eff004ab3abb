package dispatch

import (
	"sync"

	"github.com/minapush/minapush"
)

// senders are goroutines that send one message after the other. A goroutine of its own for each message would grow its stack anew each
// time, which costs about a tenth of a send. There are never more of them than messages were unanswered at a time.
type senders struct {
	next chan parcel
	all  sync.WaitGroup
}

// parcel is one message to be sent.
type parcel struct {
	v   *visit
	c   *campaignRun
	row minapush.Delivery
}

func newSenders() *senders { return &senders{next: make(chan parcel)} }

// send hands a message to a sender that is free, or to a new one. It does not wait.
func (s *senders) send(p parcel) {
	select {
	case s.next <- p:
	default:
		s.all.Go(func() {
			p.v.sendOne(p.c, p.row)
			for p := range s.next {
				p.v.sendOne(p.c, p.row)
			}
		})
	}
}

// stop ends the senders when they have sent what they were given. Nothing may be given to them any more.
func (s *senders) stop() {
	close(s.next)
	s.all.Wait()
}
