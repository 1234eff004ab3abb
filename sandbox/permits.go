package sandbox

import (
	"encoding/hex"
	"slices"
	"time"
)

// formID is the permit of one form submit. The code is kept raw: bulk tests hold ten millions of them.
type formID struct {
	code    [16]byte
	expires int64 // Unix nanoseconds
	left    int32
}

// prepayID is the permit of one payment.
type prepayID struct {
	code      string
	notBefore int64
	expires   int64
	left      int32
}

// IssueFormIDs submits n forms as the user and returns the form ids, 32 lower-case hex digits each.
func (s *Sandbox) IssueFormIDs(appid, openid string, n int) ([]string, error) {
	_, u, err := s.user(appid, openid)
	if err != nil {
		return nil, err
	}
	if n < 0 {
		return nil, &ArgError{Field: "count", Problem: "must not be negative"}
	}
	return s.issueForms(u, n), nil
}

func (s *Sandbox) issueForms(u *user, n int) []string {
	now := s.Now()
	u.mu.Lock()
	defer u.mu.Unlock()
	// What has expired answers 41028 whether it is kept or not.
	u.forms = slices.DeleteFunc(u.forms, func(f formID) bool { return f.expires <= now.UnixNano() })
	u.forms = slices.Grow(u.forms, n)
	codes := make([]string, n)
	for i := range codes {
		f := formID{expires: s.permitEnd(now), left: s.uses(s.cfg.FormUses)}
		s.rand.fill(f.code[:])
		u.forms = append(u.forms, f)
		codes[i] = hex.EncodeToString(f.code[:])
	}
	return codes
}

// IssuePrepayID pays as the user and returns the prepay id: 36 characters, three messages by default, usable from
// Config.PrepayReadyAfter on.
func (s *Sandbox) IssuePrepayID(appid, openid string) (string, error) {
	_, u, err := s.user(appid, openid)
	if err != nil {
		return "", err
	}
	return s.issuePrepay(u), nil
}

func (s *Sandbox) issuePrepay(u *user) string {
	now := s.Now()
	code := s.rand.prepayID(now)
	s.addPrepay(u, code, now)
	return code
}

// addPrepay makes a prepay id good for messages: it was paid now.
func (s *Sandbox) addPrepay(u *user, code string, now time.Time) {
	p := prepayID{code: code, notBefore: now.UnixNano(), expires: s.permitEnd(now), left: s.uses(s.cfg.PrepayUses)}
	if s.cfg.PrepayReadyAfter > 0 {
		p.notBefore += int64(s.cfg.PrepayReadyAfter)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.prepays = slices.DeleteFunc(u.prepays, func(p prepayID) bool { return p.expires <= now.UnixNano() })
	u.prepays = append(u.prepays, p)
}

func (s *Sandbox) permitEnd(now time.Time) int64 {
	if s.cfg.PermitLife < 0 {
		return now.AddDate(100, 0, 0).UnixNano()
	}
	return now.Add(s.cfg.PermitLife).UnixNano()
}

func (s *Sandbox) uses(n int) int32 {
	if n < 0 {
		return 1 << 30
	}
	return int32(n)
}

// checkCode says what a legacy send with this code answers: zero, 41028 or 41029 (fact sheet §1.3.3). The caller holds u.mu.
func (u *user) checkCode(code string, now time.Time) (left *int32, answer int) {
	at := now.UnixNano()
	var raw [16]byte
	if len(code) == 2*len(raw) {
		if _, err := hex.Decode(raw[:], []byte(code)); err == nil && isLowerHex(code) {
			for i := range u.forms {
				if f := &u.forms[i]; f.code == raw {
					return spendable(&f.left, at < f.expires)
				}
			}
		}
	}
	for i := range u.prepays {
		if p := &u.prepays[i]; p.code == code {
			return spendable(&p.left, at >= p.notBefore && at < p.expires)
		}
	}
	return nil, codeFormID
}

func spendable(left *int32, alive bool) (*int32, int) {
	switch {
	case !alive:
		return nil, codeFormID
	case *left <= 0:
		return nil, codeFormIDUsed
	}
	return left, 0
}

func isLowerHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
