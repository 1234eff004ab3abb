package sandbox

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

const (
	// streamBeat is how often a quiet stream says that it is alive.
	streamBeat = 15 * time.Second
	// streamPatience is how long a client may take for what is written to it.
	streamPatience = 30 * time.Second
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// stream is one caller of events.
type stream struct {
	*phoneCall
	filter  filter
	since   int64
	cleared int64
	offset  time.Duration
	conn    *http.ResponseController
}

// phoneEvents streams messages as they arrive.
func phoneEvents(c *phoneCall) (any, error) {
	f, err := c.sandbox.filter(c.q)
	if err != nil {
		return nil, err
	}
	_, last, cleared := c.sandbox.inbox.watch()
	since, err := bounded(c.q, "since", last, 0, 1<<62)
	if err != nil {
		return nil, err
	}
	if id := c.r.Header.Get("Last-Event-ID"); id != "" {
		if since, err = strconv.ParseInt(id, 10, 64); err != nil {
			return nil, &ArgError{Field: "Last-Event-ID", Problem: "must be a whole number"}
		}
	}
	st := &stream{phoneCall: c, filter: f, since: since, cleared: cleared, offset: -1, conn: http.NewResponseController(c.w)}
	h := c.w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	st.run()
	return streamed{}, nil
}

func (st *stream) run() {
	beat := time.NewTicker(streamBeat)
	defer beat.Stop()
	for {
		changed, _, cleared := st.sandbox.inbox.watch()
		if st.catchUp(cleared) != nil {
			return
		}
		select {
		case <-changed:
		case <-beat.C:
			if st.write(": alive\n\n") != nil || st.conn.Flush() != nil {
				return
			}
		case <-st.r.Context().Done():
			return
		case <-st.sandbox.hungUp:
			return
		}
	}
}

// catchUp sends what is new.
func (st *stream) catchUp(cleared int64) error {
	if offset := st.sandbox.Offset(); offset != st.offset {
		st.offset = offset
		clock := map[string]any{"now": st.sandbox.Now().UTC().Truncate(time.Millisecond), "offset_ms": offset.Milliseconds()}
		if err := st.event("clock", "", clock); err != nil {
			return err
		}
	}
	if cleared != st.cleared {
		st.cleared = cleared
		if err := st.event("cleared", "", struct{}{}); err != nil {
			return err
		}
	}
	for _, m := range st.sandbox.received(st.filter, st.since) {
		if err := st.event("message", "id: "+itoa(m.seq)+"\n", st.sandbox.phoneMessage(m)); err != nil {
			return err
		}
		st.since = m.seq
	}
	return st.conn.Flush()
}

func (st *stream) event(name, id string, data any) error {
	b, err := json.Marshal(data)
	if err != nil {
		return err
	}
	return st.write("event: " + name + "\n" + id + "data: " + string(b) + "\n\n")
}

func (st *stream) write(text string) error {
	_ = st.conn.SetWriteDeadline(time.Now().Add(streamPatience)) //arch:allow a connection's deadlines are of real time
	_, err := st.w.Write([]byte(text))
	return err
}
