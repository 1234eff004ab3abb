package sandbox

import "time"

// SpuriousRefusals answers 43101 to the count sends of the app that follow the first after ones and would have been accepted:
// the burst of fact sheet §4.2. Permits stay. Zero count means until the fault is removed.
func (s *Sandbox) SpuriousRefusals(appid string, after, count int64) (int64, error) {
	if _, err := s.app(appid); err != nil {
		return 0, err
	}
	return s.Script(Fault{Path: "/cgi-bin/message/*", AppID: appid, After: after, Count: count, Late: true, Errcode: codeRefused})
}

// FlappingToken makes a share of the app's sends answer 40001 for a while, although the token is good (fact sheet §4.3; 0.45
// for 26 minutes was seen).
func (s *Sandbox) FlappingToken(appid string, share float64, last time.Duration) (int64, error) {
	if _, err := s.app(appid); err != nil {
		return 0, err
	}
	return s.Script(Fault{Path: "/cgi-bin/message/*", AppID: appid, Probability: share, For: last, Errcode: codeCredential})
}

// EarlyDailyLimit answers 45009 after that many more sends, far below the documented limit (fact sheet §4.4), until the next
// Beijing midnight or until the quota is cleared.
func (s *Sandbox) EarlyDailyLimit(appid string, after int64) (int64, error) {
	if _, err := s.app(appid); err != nil {
		return 0, err
	}
	now := s.Now()
	f := Fault{Path: "/cgi-bin/message/*", AppID: appid, After: after, For: nextBeijingMidnight(now).Sub(now), Errcode: codeDaily}
	f.infer()
	if err := s.checkFault(f); err != nil {
		return 0, err
	}
	return s.arm(f, true), nil
}

// Weather is the background noise of the field (fact sheet §7.3), to be scripted one by one: -1 for 0.05 % of the sends that
// would succeed, no answer before and after consuming for 0.01 % each.
func Weather() []Fault {
	const sends = "/cgi-bin/message/*"
	return []Fault{
		{Path: sends, Probability: 0.0001, Action: ActHang},
		{Path: sends, Probability: 0.0001, Action: ActHang, Consume: true},
		{Path: sends, Probability: 0.0005, Late: true, Action: ActErrcode, Errcode: codeBusy},
	}
}
