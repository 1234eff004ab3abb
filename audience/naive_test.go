package audience_test

import (
	"math/big"
	"strconv"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
)

// naive evaluates an expression from its JSON, slowly, and without a look at the package's code.
func naive(c map[string]any, p person, a audience.Asked) bool {
	for word, v := range c {
		switch word {
		case "all":
			for _, kid := range v.([]any) {
				if !naive(kid.(map[string]any), p, a) {
					return false
				}
			}
			return true
		case "any":
			for _, kid := range v.([]any) {
				if naive(kid.(map[string]any), p, a) {
					return true
				}
			}
			return false
		case "not":
			return !naive(v.(map[string]any), p, a)
		case "seen_within":
			return !p.LastSeen.IsZero() && a.Now.Sub(p.LastSeen) <= naiveTime(v)
		case "not_seen_within":
			return p.LastSeen.IsZero() || a.Now.Sub(p.LastSeen) > naiveTime(v)
		case "tag":
			for _, tag := range p.Profile.Tags {
				if tag == v {
					return true
				}
			}
			return false
		case "has_uid":
			return (p.Profile.UID != "") == v
		case "attribute":
			return naiveAttribute(v.(map[string]any), p)
		case "list":
			return p.in[v.(string)].Listed
		case "got":
			row := p.in[v.(string)].Row
			arrived := map[minapush.Outcome]bool{minapush.Accepted: true, minapush.Unknown: true}[row.Outcome]
			return row.Batch != "" && arrived && row.Confirmed.String() != "undelivered"
		case "opened":
			return p.in[v.(string)].Row.OpenedAt != time.Time{}
		case "event":
			return naiveEvent(v.(map[string]any), p, a.Now)
		case "permits":
			return naivePermits(v.(map[string]any), p, a)
		case "share":
			return naiveShare(v.(map[string]any), string(p.OpenID))
		}
	}
	panic("no word")
}

func naiveTime(v any) time.Duration {
	s := v.(string)
	n, err := strconv.Atoi(s[:len(s)-1])
	if err != nil {
		panic(err)
	}
	return time.Duration(n) * map[string]time.Duration{"m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[s[len(s)-1:]]
}

func naiveAttribute(c map[string]any, p person) bool {
	a, there := p.Profile.Attributes[c["name"].(string)]
	if !there {
		return false
	}
	var has any
	switch a.Kind {
	case minapush.Text:
		has = a.Text
	case minapush.Number:
		has = a.Number
	case minapush.Flag:
		has = a.Number == 1
	}
	order := func(v any) (int, bool) {
		switch v := v.(type) {
		case string:
			if s, ok := has.(string); ok {
				return map[bool]int{true: 1, false: -1}[s > v] * map[bool]int{true: 0, false: 1}[s == v], true
			}
		case float64:
			if f, ok := has.(float64); ok {
				return map[bool]int{true: 1, false: -1}[f > v] * map[bool]int{true: 0, false: 1}[f == v], true
			}
		}
		return 0, false
	}
	if list, ok := c["one_of"].([]any); ok {
		for _, v := range list {
			if v == has {
				return true
			}
		}
		return false
	}
	if v, ok := c["is"]; ok {
		return v == has
	}
	if v, ok := c["at_least"]; ok {
		o, same := order(v)
		return same && o >= 0
	}
	o, same := order(c["at_most"])
	return same && o <= 0
}

func naiveEvent(c map[string]any, p person, now time.Time) bool {
	e, there := p.Events[c["name"].(string)]
	if v, ok := c["at_most"]; ok {
		return float64(e.Count) <= v.(float64)
	}
	if !there {
		return false
	}
	if v, ok := c["at_least"]; ok {
		return float64(e.Count) >= v.(float64)
	}
	if v, ok := c["within"]; ok {
		return now.Sub(e.Last) <= naiveTime(v)
	}
	if v, ok := c["days"]; ok {
		name, _ := c["time_zone"].(string)
		if name == "" {
			name = "Asia/Shanghai"
		}
		zone, err := time.LoadLocation(name)
		if err != nil {
			panic(err)
		}
		today := now.In(zone)
		first := time.Date(today.Year(), today.Month(), today.Day()-int(v.(float64))+1, 12, 0, 0, 0, time.UTC)
		return e.Last.In(zone).Format(time.DateOnly) >= first.Format(time.DateOnly)
	}
	return c["ever"] == true
}

func naivePermits(c map[string]any, p person, a audience.Asked) bool {
	template, byTemplate := c["template"].(string)
	kind, byKind := c["kind"].(string)
	var ends []time.Time // of each use that could be spent
	standing := false
	for _, h := range p.Permits {
		meant := (!byTemplate || h.Template == template) && (!byKind || h.Kind.String() == kind)
		if !byTemplate && !byKind && a.Kind != "" {
			meant = false
			for _, k := range a.Kind.PermitKinds() {
				meant = meant || k == h.Kind && (h.Kind.HasCode() || h.Template == a.Template)
			}
		}
		tooSoon := h.Kind == minapush.PrepayID && a.Now.Sub(h.TakenAt) < 10*time.Second
		tooLate := h.ExpiresAt != time.Time{} && h.ExpiresAt.Sub(a.Now) <= 10*time.Minute
		if !meant || tooSoon || tooLate {
			continue
		}
		uses := h.Uses
		if h.State != minapush.Available {
			uses--
		}
		if h.Kind == minapush.Standing {
			standing, uses = true, 1
		}
		for range uses {
			ends = append(ends, h.ExpiresAt)
		}
	}
	for word, compare := range map[string]func(float64) bool{
		"at_least": func(n float64) bool { return standing || float64(len(ends)) >= n },
		"at_most":  func(n float64) bool { return !standing && float64(len(ends)) <= n },
		"exactly":  func(n float64) bool { return !standing && float64(len(ends)) == n },
	} {
		if v, ok := c[word]; ok {
			return compare(v.(float64))
		}
	}
	if v, ok := c["last_expires_within"]; ok {
		for _, end := range ends {
			if end.IsZero() || end.Sub(a.Now) > naiveTime(v) {
				return false
			}
		}
		return len(ends) > 0
	}
	if len(ends) > 0 {
		return false
	}
	if !byTemplate && !byKind {
		template = a.Template
	}
	for _, r := range p.Recent {
		same := template == "" || r.Template == minapush.TemplateHash(template)
		if same && !r.Missed && a.Now.Sub(r.At) <= naiveTime(c["ran_out_within"]) {
			return true
		}
	}
	return false
}

// naiveShare does the arithmetic of a share on whole numbers without a bound: what is stored nowhere, and may never change.
func naiveShare(c map[string]any, openid string) bool {
	number := func(s string) *big.Int {
		n, _ := new(big.Int).SetString(s, 0)
		return n
	}
	two64 := new(big.Int).Lsh(big.NewInt(1), 64)
	fnv := func(x *big.Int, s string) *big.Int {
		for _, b := range []byte(s) {
			x = new(big.Int).Xor(x, big.NewInt(int64(b)))
			x.Mul(x, number("1099511628211")).Mod(x, two64)
		}
		return x
	}
	mix := func(x *big.Int) *big.Int {
		for _, by := range []string{"0xff51afd7ed558ccd", "0xc4ceb9fe1a85ec53"} {
			x = new(big.Int).Xor(x, new(big.Int).Rsh(x, 33))
			x.Mul(x, number(by)).Mod(x, two64)
		}
		return new(big.Int).Xor(x, new(big.Int).Rsh(x, 33))
	}
	salt, _ := c["salt"].(string)
	from, _ := c["from"].(float64)
	x := mix(fnv(mix(fnv(number("14695981039346656037"), salt)), openid))
	percent := float64(x.Mul(x, big.NewInt(1_000_000)).Rsh(x, 64).Int64()) / 10_000
	return from <= percent && percent < c["until"].(float64)
}
