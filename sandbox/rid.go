package sandbox

import (
	"regexp"
	"sync"
	"time"
)

// ridLog remembers the last errors for rid/get.
type ridLog struct {
	mu    sync.Mutex
	ring  []ridEntry
	next  int
	byRID map[string]int
}

type ridEntry struct {
	rid, query, ip    string
	appid             string
	request, response []byte
	at                time.Time
}

func (l *ridLog) reset(size int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ring = make([]ridEntry, 0, max(size, 0))
	l.next = 0
	l.byRID = make(map[string]int)
}

func (l *ridLog) add(rid string, c *call, response []byte) {
	e := ridEntry{rid: rid, query: c.query, ip: c.ip, request: c.body, response: response, at: c.now}
	if c.app != nil {
		e.appid = c.app.id
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case cap(l.ring) == 0:
		return
	case len(l.ring) < cap(l.ring):
		l.next = len(l.ring)
		l.ring = append(l.ring, e)
	default:
		l.next = (l.next + 1) % len(l.ring)
		delete(l.byRID, l.ring[l.next].rid)
		l.ring[l.next] = e
	}
	l.byRID[rid] = l.next
}

func (l *ridLog) find(rid string) (ridEntry, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, ok := l.byRID[rid]
	if !ok {
		return ridEntry{}, false
	}
	return l.ring[i], true
}

// serveRIDGet: fact sheet §1.6; a rid is kept 7 days, and only for the app it was answered to.
func serveRIDGet(c *call) reply {
	var req struct {
		RID string `json:"rid"`
	}
	if !c.decode(&req) {
		return refuse(codeJSON)
	}
	if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$`).MatchString(req.RID) {
		return refuse(codeRIDFormat)
	}
	e, ok := c.sandbox.rids.find(req.RID)
	switch life := c.sandbox.cfg.RIDLife; {
	case !ok:
		return refuse(codeRIDUnknown)
	case e.appid != c.app.id:
		return refuse(codeRIDOther)
	case life > 0 && c.now.Sub(e.at) >= life:
		return refuse(codeRIDExpired)
	}
	type request struct {
		At       int64  `json:"invoke_time"`
		Cost     int64  `json:"cost_in_ms"`
		URL      string `json:"request_url"`
		Request  string `json:"request_body"`
		Response string `json:"response_body"`
		IP       string `json:"client_ip"`
	}
	return answerJSON(struct {
		Code    int     `json:"errcode"`
		Msg     string  `json:"errmsg"`
		Request request `json:"request"`
	}{0, "ok", request{e.at.Unix(), 0, e.query, string(e.request), string(e.response), e.ip}})
}
