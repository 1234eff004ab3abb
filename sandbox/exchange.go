package sandbox

import "context"

// outcome is what becomes of a call: an answer, a broken connection, or a caller that gave up.
type outcome struct {
	status int
	plain  bool
	body   []byte
	broken Action // ActDrop, ActReset or ActRefuse; empty if there is an answer
	err    error  // why the caller gave up
}

// exchange takes one platform call from its arrival to its outcome. The caller then writes the outcome and calls c.finish.
//
// A send is judged and counted when it arrives, and stays in flight while the latency passes. So a caller that gives up
// waiting changes nothing: the message was sent.
func (s *Sandbox) exchange(ctx context.Context, c *call) outcome {
	c.now = s.Now()
	c.ep = s.endpoints[c.path]
	if c.ep == nil {
		return c.render(refuse(codeURL))
	}
	c.identify()
	c.tally.begin(c.ep)
	fault, hit := s.faults.match(c, false)
	instead := hit && fault.Action != ActDelay
	if instead && fault.Action == ActRefuse {
		c.tally.lost()
		return outcome{broken: ActRefuse}
	}
	var r reply
	if !instead || fault.Consume {
		r = c.process()
		c.owner = r.owner
	}
	if err := wait(ctx, s.drawLatency()+fault.Delay); err != nil {
		c.tally.lost()
		return outcome{err: err}
	}
	if instead {
		return c.spoil(ctx, fault)
	}
	return c.render(r)
}

// spoil puts a fault in the place of the answer.
func (c *call) spoil(ctx context.Context, f Fault) outcome {
	switch f.Action {
	case ActErrcode:
		return c.render(reply{code: f.Errcode, msg: f.Errmsg})
	case ActHTTP:
		c.tally.lost()
		return outcome{status: f.Status, body: []byte(f.Body), plain: true}
	case ActHang:
		c.release() // the platform is done with it, only the answer is missing
		c.tally.lost()
		<-ctx.Done()
		return outcome{err: context.Cause(ctx)}
	}
	c.tally.lost()
	return outcome{broken: f.Action}
}
