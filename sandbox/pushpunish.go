package sandbox

import (
	"slices"
	"strings"
)

// Kinds of punishment (event_type of wxa_punish_event; the documents number the last one 5 in one place and 10 in others).
const (
	PunishWarning   = 1
	PunishFunctions = 2
	PunishRemoval   = 3
	PunishAccount   = 4
	PunishPage      = 10
)

// subscribeFunction is how a punishment names subscribe messages; the very words are inferred.
const subscribeFunction = "订阅消息"

// Punishment is what the platform does to an app that broke its rules.
type Punishment struct {
	// Type is one of the kinds above, or 5.
	Type int `json:"type"`
	// Reason, Content and Rule say why. Default to sample texts.
	Reason  string `json:"reason"`
	Content string `json:"content"`
	Rule    string `json:"rule"`
	// Functions are banned, or with a warning may be. Defaults to subscribe messages, for PunishFunctions.
	Functions []string `json:"functions"`
	// Days is how long it lasts; zero means for ever. Nothing ends by itself here: SetFlags does that.
	Days int `json:"days"`
	// Path is the page that PunishPage bans.
	Path string `json:"path"`
}

// Punish punishes an app and tells it by wxa_punish_event. A ban of functions among which are subscribe messages sets
// Flags.SubscribeBanned, a removal Flags.Forbidden, a ban of the account that and Flags.AccountFrozen; what else follows from a
// warning or from the ban of a page is not simulated. Which errors follow in truth is inferred.
func (s *Sandbox) Punish(appid string, p Punishment) error {
	a, err := s.app(appid)
	if err != nil {
		return err
	}
	if !slices.Contains([]int{PunishWarning, PunishFunctions, PunishRemoval, PunishAccount, PunishPage, 5}, p.Type) {
		return &ArgError{Field: "type", Problem: "must be 1, 2, 3, 4, 5 or 10"}
	}
	if p.Days < 0 {
		return &ArgError{Field: "days", Problem: "must not be negative"}
	}
	if p.Type == PunishFunctions && p.Functions == nil {
		p.Functions = []string{subscribeFunction}
	}
	now := s.Now()
	detail, err := marshal(p.detail(now.Unix()))
	if err != nil {
		return err
	}
	a.mu.Lock()
	p.mark(&a.info.Flags)
	a.mu.Unlock()
	e := s.newEvent(a, eventPunished, s.platformID(appid), now)
	if e == nil {
		return nil
	}
	e.fields = []field{{"punish_id", itoa(10_000_000 + e.rng.Int64N(90_000_000)), asText}, {"appid", appid, asText},
		{"punish_time", itoa(now.Unix()), asNumber}, {"illegal_reason", or(p.Reason, "存在诱导分享行为"), asText},
		{"illegal_content", or(p.Content, "违规内容测试"), asList}, {"rule_name", or(p.Rule, "《微信小程序平台运营规范》5.行为规范-5.1滥用分享行为"), asText},
		{"rule_url", "https://developers.weixin.qq.com/miniprogram/product/index.html", asText},
		{"adjust_guide_url", "https://mp.weixin.qq.com/s/73rLZmwPeQ87Q89DYQcfkw", asText}, {"detail", string(detail), asText},
		{"event_type", itoa(int64(p.Type)), asNumber}}
	s.queueEvent(e)
	return nil
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func (p Punishment) mark(f *Flags) {
	switch p.Type {
	case PunishFunctions:
		named := slices.ContainsFunc(p.Functions, func(name string) bool { return strings.Contains(name, subscribeFunction) })
		f.SubscribeBanned = f.SubscribeBanned || named
	case PunishRemoval:
		f.Forbidden = true
	case PunishAccount:
		f.Forbidden, f.AccountFrozen = true, true
	}
}

// detail is the inner JSON, which differs by kind.
func (p Punishment) detail(now int64) map[string]any {
	days := make([]int, len(p.Functions))
	for i := range days {
		days[i] = p.Days
	}
	switch p.Type {
	case PunishWarning:
		kind, names := 1, []string{} // of the account
		if len(p.Functions) > 0 {
			kind, names = 2, p.Functions
		} else {
			days = []int{p.Days}
		}
		return map[string]any{"warned_type": kind, "rectify_deadline": now + 3*86400, "warned_function_names": names, "warned_ban_days": days}
	case PunishFunctions:
		return map[string]any{"banned_days": days, "banned_function_names": p.Functions}
	case PunishRemoval:
		return map[string]any{"suspended_days": p.Days}
	case PunishAccount:
		return map[string]any{"banned_days": p.Days}
	}
	return map[string]any{"path": p.Path}
}

// platformID is the FromUserName of what no user caused: the platform's own, not an openid of the app.
func (s *Sandbox) platformID(appid string) string { return s.PhoneOpenID(appid, "the platform") }

// CancelAuthorization is a user who has closed their account: the app is told by user_authorization_cancellation, whose sender is
// the platform, and all permits of the user are gone.
func (s *Sandbox) CancelAuthorization(appid, openid string) error {
	a, u, err := s.user(appid, openid)
	if err != nil {
		return err
	}
	u.mu.Lock()
	u.subs, u.forms, u.prepays = nil, nil, nil
	u.mu.Unlock()
	e := s.newEvent(a, eventCancelled, s.platformID(appid), s.Now())
	if e == nil {
		return nil
	}
	e.fields = []field{{"OpenID", openid, asText}, {"AppID", appid, asText}}
	s.queueEvent(e)
	return nil
}
