package sandbox

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// PushAttempt is one request by which an event was sent.
type PushAttempt struct {
	ID        int64     `json:"id"` // of the event: the tries and copies of one event share it
	AppID     string    `json:"appid"`
	Event     string    `json:"event"`
	OpenID    string    `json:"openid"` // FromUserName
	Try       int       `json:"try"`    // from 1
	Copy      bool      `json:"copy"`   // the event had been answered well before
	Time      time.Time `json:"time"`   // on the sandbox's clock
	Message   string    `json:"message"`
	Status    int       `json:"status"`            // zero: no answer
	Answer    string    `json:"answer"`            // its first 1 KiB
	Delivered bool      `json:"delivered"`         // the answer was 200 with "success", with nothing, or with a valid reply
	Problem   string    `json:"problem,omitempty"` // why not
}

// PushCounts sums up the events of one name since the app was added.
type PushCounts struct {
	Queued     int64 `json:"queued"`     // that were to be sent
	Waiting    int64 `json:"waiting"`    // now, under way and copies included
	Attempts   int64 `json:"attempts"`   // requests
	Delivered  int64 `json:"delivered"`  // answered well, copies not included
	Retried    int64 `json:"retried"`    // further tries of an event that was not answered well
	Duplicated int64 `json:"duplicated"` // copies of an event that was
	GivenUp    int64 `json:"given_up"`   // after the last try
	Lost       int64 `json:"lost"`       // on purpose, by PushKnobs.Lose; not queued
	Overflowed int64 `json:"overflowed"` // for which Config.PushQueue had no room; not queued
	Dropped    int64 `json:"dropped"`    // when the setting was removed, or the sandbox closed
}

// counts returns the counters of an event, which pusher.mu guards.
func (e *event) counts() *PushCounts {
	c := e.app.pushed[e.kind]
	if c == nil {
		c = new(PushCounts)
		if e.app.pushed == nil {
			e.app.pushed = make(map[string]*PushCounts)
		}
		e.app.pushed[e.kind] = c
	}
	return c
}

// PushStats counts the events of an app by name.
func (s *Sandbox) PushStats(appid string) (map[string]PushCounts, error) {
	a, err := s.app(appid)
	if err != nil {
		return nil, err
	}
	s.pusher.mu.Lock()
	defer s.pusher.mu.Unlock()
	stats := make(map[string]PushCounts)
	for kind, counts := range maps.All(a.pushed) {
		stats[kind] = *counts
	}
	return stats, nil
}

// PushAttempts lists the last requests by which events of an app were sent, oldest first. Config.PushLog of all apps are kept.
func (s *Sandbox) PushAttempts(appid string) ([]PushAttempt, error) {
	if _, err := s.app(appid); err != nil {
		return nil, err
	}
	s.pusher.mu.Lock()
	defer s.pusher.mu.Unlock()
	kept := s.pusher.log
	kept = kept[max(0, len(kept)-max(s.cfg.PushLog, 0)):]
	list := []PushAttempt{}
	for _, one := range kept {
		if one.AppID == appid {
			list = append(list, one)
		}
	}
	return list, nil
}

// remember keeps a try in the log; twice the limit, so that most cost no move of the others. The caller holds p.mu.
func (p *pusher) remember(one PushAttempt, limit int) {
	if limit <= 0 {
		return
	}
	if len(p.log) >= 2*limit {
		p.log = append(p.log[:0], p.log[len(p.log)-limit+1:]...)
	}
	p.log = append(p.log, one)
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 10

// deliver is one try: a signature, and in the encrypted modes a ciphertext, of its own (fact sheet §2.5).
func (s *Sandbox) deliver(ctx context.Context, e *event, set *pushSetting) PushAttempt {
	e.tries++
	now, k := s.Now(), s.pushKnobs()
	done := PushAttempt{ID: e.seq, AppID: set.appid, Event: e.kind, OpenID: e.from, Try: e.tries, Copy: e.again, Time: now.UTC()}
	ctx, cancel := context.WithTimeout(ctx, k.Wait)
	defer cancel()
	req, err := s.pushRequest(ctx, e, set, now)
	done.Message = string(e.text)
	if err != nil {
		done.Problem = err.Error()
		return done
	}
	status, body, err := s.exchangePush(req)
	done.Status, done.Answer = status, string(body[:min(len(body), 1<<10)])
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		done.Problem = "no answer within " + k.Wait.String()
	case err != nil:
		done.Problem = err.Error()
	case status != http.StatusOK:
		done.Problem = "the answer is not HTTP 200"
	case !set.understands(body):
		done.Problem = "the answer is neither success, nor empty, nor a valid reply"
	default:
		done.Delivered = true
	}
	return done
}

func (s *Sandbox) pushRequest(ctx context.Context, e *event, set *pushSetting, now time.Time) (*http.Request, error) {
	if err := e.write(set, s.pushKnobs()); err != nil {
		return nil, err
	}
	stamp, nonce := itoa(now.Unix()), itoa(e.rng.Int64N(2_000_000_000))
	query := url.Values{"signature": {sign(set.Token, stamp, nonce)}, "timestamp": {stamp}, "nonce": {nonce}, "openid": {e.from}}
	var encrypted string
	if set.Mode != PushPlain {
		var random [16]byte
		binary.LittleEndian.PutUint64(random[:8], e.rng.Uint64())
		binary.LittleEndian.PutUint64(random[8:], e.rng.Uint64())
		var err error
		if encrypted, err = set.encrypt(random, e.text); err != nil {
			return nil, err
		}
		query.Set("encrypt_type", "aes")
		query.Set("msg_signature", sign(set.Token, stamp, nonce, encrypted))
	}
	body, err := e.envelope(set, encrypted)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, set.address(query), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if e.format == PushXML {
		req.Header.Set("Content-Type", "text/xml")
	}
	return req, nil
}

// newPushTransport keeps connections between events, so that thousands a second need no new ones, but none for long.
func newPushTransport(cfg Config) *http.Transport {
	return &http.Transport{MaxIdleConns: cfg.PushWorkers, MaxIdleConnsPerHost: cfg.PushWorkers, IdleConnTimeout: 5 * time.Second}
}

// exchangePush makes one request to a push URL. Redirects are answers like others.
func (s *Sandbox) exchangePush(req *http.Request) (status int, body []byte, err error) {
	req.Header.Set("User-Agent", "Mozilla/4.0")
	resp, err := s.pushTransport.RoundTrip(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = errors.New("the answer is longer than 64 KiB")
	}
	return resp.StatusCode, body, err
}

// pushReply is what a receiver may answer instead of success, in the encrypted modes (fact sheet §2.4).
type pushReply struct {
	Encrypt      string      `xml:"Encrypt"`
	MsgSignature string      `xml:"MsgSignature"`
	TimeStamp    json.Number `xml:"TimeStamp"`
	Nonce        string      `xml:"Nonce"`
}

// understands reports whether WeChat takes the answer for one. In plain mode any XML or JSON object is a reply.
func (set *pushSetting) understands(body []byte) bool {
	if answer := string(body); answer == "" || answer == "success" {
		return true
	}
	var r pushReply
	var err error
	switch {
	case strings.HasPrefix(string(body), "<xml>"):
		err = xml.Unmarshal(body, &r)
	case strings.HasPrefix(string(body), "{"):
		err = json.Unmarshal(body, &r)
	default:
		return false
	}
	if err != nil {
		return false
	}
	if set.Mode == PushPlain {
		return r.Encrypt == ""
	}
	_, ours := set.decrypt(r.Encrypt)
	return ours && r.MsgSignature == sign(set.Token, r.TimeStamp.String(), r.Nonce, r.Encrypt)
}
