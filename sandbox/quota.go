package sandbox

import (
	"strconv"
	"sync"
	"time"
)

// quota is the use of one endpoint by one app. Limits of zero or less mean none.
type quota struct {
	mu        sync.Mutex
	perDay    int64
	perMinute int64
	day       int64 // Beijing day of used; counters start anew at Beijing midnight (fact sheet §1.6)
	used      int64
	minute    minuteCount
}

// minuteCount counts within one clock minute.
type minuteCount struct {
	minute int64
	n      int64
}

// take counts one call and reports false, without counting it, beyond the limit.
func (m *minuteCount) take(now time.Time, limit int64) bool {
	if minute := now.Unix() / 60; minute != m.minute {
		m.minute, m.n = minute, 0
	}
	if limit > 0 && m.n >= limit {
		return false
	}
	m.n++
	return true
}

// take counts one call and answers zero, or 45009 or 45011 without counting it.
func (q *quota) take(now time.Time) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.roll(now)
	if q.perDay > 0 && q.used >= q.perDay {
		return codeDaily
	}
	if !q.minute.take(now, q.perMinute) {
		return codeMinute
	}
	q.used++
	return 0
}

func (q *quota) roll(now time.Time) {
	if day := beijingDay(now); day != q.day {
		q.day, q.used = day, 0
	}
}

func (q *quota) clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.used = 0
}

// setLimits gives every endpoint of the app its limits.
func (a *app) setLimits() {
	cfg := &a.sandbox.cfg
	for i := range a.quotas {
		a.quotas[i].perDay = cfg.OtherPerDay
	}
	a.quotas[endpointClassicToken].perDay = cfg.ClassicTokenPerDay
	a.quotas[endpointStableToken].perDay = cfg.StableTokenPerDay
	a.quotas[endpointStableToken].perMinute = cfg.StableTokenPerMinute
	a.quotas[endpointLegacySend].perDay = cfg.LegacyPerDay
	a.quotas[endpointLogin].perDay = 0 // only a limit per user is known, in redeem
	send := &a.quotas[endpointSend]
	send.perDay, send.perMinute = cfg.SendPerDay, a.info.MinuteLimit
	if a.info.Pay {
		send.perDay = cfg.PaySendPerDay
	}
	if a.info.DailyLimit != 0 {
		send.perDay = a.info.DailyLimit
	}
}

// Quota is the state of one endpoint's quota.
type Quota struct {
	Path      string `json:"path"`
	PerDay    int64  `json:"per_day"` // zero means no limit
	PerMinute int64  `json:"per_minute"`
	Used      int64  `json:"used"` // today, Beijing time
}

func (q *quota) snapshot(path string, now time.Time) Quota {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.roll(now)
	return Quota{Path: path, PerDay: max(q.perDay, 0), PerMinute: max(q.perMinute, 0), Used: q.used}
}

// SetQuota replaces the limits of one endpoint for an app; zero or less means no limit. The clear_quota endpoints count by
// month instead and take no notice.
func (s *Sandbox) SetQuota(appid, path string, perDay, perMinute int64) error {
	a, err := s.app(appid)
	if err != nil {
		return err
	}
	ep := s.endpoints[path]
	if ep == nil {
		return notFound("path", path)
	}
	q := &a.quotas[ep.id]
	q.mu.Lock()
	defer q.mu.Unlock()
	q.perDay, q.perMinute = perDay, perMinute
	return nil
}

// Quota returns the quota of one endpoint for an app.
func (s *Sandbox) Quota(appid, path string) (Quota, error) {
	a, err := s.app(appid)
	if err != nil {
		return Quota{}, err
	}
	ep := s.endpoints[path]
	if ep == nil {
		return Quota{}, notFound("path", path)
	}
	return a.quotas[ep.id].snapshot(path, s.Now()), nil
}

// ClearQuota resets all daily counters of the app without counting against the ten times a month, and ends the early 45009 of
// EarlyDailyLimit.
func (s *Sandbox) ClearQuota(appid string) error {
	a, err := s.app(appid)
	if err != nil {
		return err
	}
	s.clearQuota(a)
	return nil
}

func (s *Sandbox) clearQuota(a *app) {
	for i := range a.quotas {
		a.quotas[i].clear()
	}
	a.tokens.clearForced()
	s.faults.removeEarlyLimits(a.id)
}

// clears counts clear_quota calls by Beijing month.
type clears struct {
	mu    sync.Mutex
	month int64
	n     int64
}

func (c *clears) take(now time.Time, limit int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if month := beijingMonth(now); month != c.month {
		c.month, c.n = month, 0
	}
	if limit > 0 && c.n >= limit {
		return false
	}
	c.n++
	return true
}

// serveQuotaGet: fact sheet §1.6.
func serveQuotaGet(c *call) reply {
	var req struct {
		Path string `json:"cgi_path"`
	}
	if !c.decode(&req) {
		return refuse(codeJSON)
	}
	if len(req.Path) >= 5 && req.Path[:5] == "/sns/" {
		return refuse(codePathUnsupported)
	}
	ep := c.sandbox.endpoints[req.Path]
	if ep == nil {
		return refuse(codePathUnknown)
	}
	q := c.app.quotas[ep.id].snapshot(req.Path, c.now)
	refresh := 0
	if q.PerMinute > 0 {
		refresh = 60
	}
	limit := q.PerDay
	if limit == 0 {
		limit = 1 << 40 // no limit: a number that no day reaches
	}
	b := append([]byte(nil), `{"errcode":0,"errmsg":"ok","quota":{"daily_limit":`...)
	b = strconv.AppendInt(b, limit, 10)
	b = append(b, `,"used":`...)
	b = strconv.AppendInt(b, q.Used, 10)
	b = append(b, `,"remain":`...)
	b = strconv.AppendInt(b, max(limit-q.Used, 0), 10)
	b = append(b, `},"rate_limit":{"call_count":`...)
	b = strconv.AppendInt(b, q.PerMinute, 10)
	b = append(b, `,"refresh_second":`...)
	b = strconv.AppendInt(b, int64(refresh), 10)
	b = append(b, `},"component_rate_limit":{"call_count":0,"refresh_second":0}}`...)
	return reply{body: b}
}

func serveClearQuota(c *call) reply {
	var req struct {
		AppID string `json:"appid"`
	}
	if !c.decode(&req) {
		return refuse(codeJSON)
	}
	if req.AppID != c.app.id {
		return refuse(codeAppID)
	}
	return c.clear()
}

// serveClearQuotaV2 needs the secret instead of a token.
func serveClearQuotaV2(c *call) reply {
	var req struct {
		AppID  string `json:"appid"`
		Secret string `json:"appsecret"`
	}
	if !c.decode(&req) {
		return refuse(codeJSON)
	}
	if code := c.checkSecret(req.AppID, req.Secret); code != 0 {
		return refuse(code)
	}
	return c.clear()
}

func (c *call) clear() reply {
	if !c.app.clears.take(c.now, c.sandbox.cfg.ClearPerMonth) {
		return refuse(codeClearLimit)
	}
	c.sandbox.clearQuota(c.app)
	return reply{}
}
