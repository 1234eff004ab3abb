package audience

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/minapush/minapush"
)

const (
	// maxDays is the most calendar days that "days" may go back.
	maxDays = 366
	// maxSalt is the longest salt of a share, in bytes.
	maxSalt = 64
	// maxCampaignID is the longest id of a campaign.
	maxCampaignID = 64
)

// campaign reads the id of a campaign that is asked of.
func (p *parser) campaign(path string, raw json.RawMessage, o op) (node, error) {
	id, ok := text(raw)
	unprintable := func(r rune) bool { return r <= ' ' || r > '~' }
	if !ok || id == "" || len(id) > maxCampaignID || strings.ContainsFunc(id, unprintable) {
		return node{}, minapush.FieldError(path, "must be the id of a campaign: 1 to %d printable ASCII characters, no spaces", maxCampaignID)
	}
	p.named = append(p.named, Named{Path: path, Campaign: id, List: o == opList})
	place := slices.Index(p.campaigns, id)
	if place < 0 {
		if place = len(p.campaigns); place == MaxCampaigns {
			return node{}, minapush.FieldError(path, "names one campaign too many: an expression may ask of %d", MaxCampaigns)
		}
		p.campaigns = append(p.campaigns, id)
	}
	return node{op: o, campaign: place}, nil
}

var (
	eventShape = shape{
		any:  []string{"name", "time_zone"},
		one:  []string{"within", "days", "ever", "at_least", "at_most"},
		rule: "an object with name and exactly one of within, days, ever, at_least or at_most; days may have a time_zone",
	}
	permitsShape = shape{
		any:  []string{"template", "kind"},
		one:  []string{"at_least", "at_most", "exactly", "last_expires_within", "ran_out_within"},
		rule: "an object with exactly one of at_least, at_most, exactly, last_expires_within or ran_out_within; it may have a template and a kind",
	}
	shareShape = shape{
		any:  []string{"from", "until", "salt"},
		rule: "an object with until; it may have from and salt",
	}
)

func (p *parser) event(path string, raw json.RawMessage) (node, error) {
	f, err := eventShape.read(path, raw)
	if err != nil {
		return node{}, err
	}
	n := node{}
	at, raw := f.get("name")
	if raw == nil {
		return node{}, minapush.FieldError(path, "must be %s", eventShape.rule)
	}
	n.name, _ = text(raw)
	if err := rename(at, minapush.NamedEvent{Name: n.name, At: time.Unix(0, 0)}.Validate()); err != nil {
		return node{}, err
	}
	what, at, raw := f.first(eventShape.one)
	zoneAt, zone := f.get("time_zone")
	if zone != nil && what != "days" {
		return node{}, minapush.FieldError(zoneAt, "goes with days only")
	}
	switch what {
	case "within":
		n.op = opEventWithin
		n.within, err = within(at, raw)
	case "days":
		n.op = opEventDays
		n.days, err = p.days(at, raw, zoneAt, zone)
	case "ever":
		n.op, n.count = opEventAtLeast, 1
		if string(raw) != "true" {
			err = minapush.FieldError(at, "must be true; \"not\" says the opposite")
		}
	case "at_least":
		n.op = opEventAtLeast
		n.count, err = count(at, raw, 1, maxCount)
	case "at_most":
		n.op = opEventAtMost
		n.count, err = count(at, raw, 0, maxCount)
	}
	return n, err
}

// days reads how many days back, and of which time zone.
func (p *parser) days(path string, raw json.RawMessage, zonePath string, zone json.RawMessage) (*days, error) {
	n, err := count(path, raw, 1, maxDays)
	if err != nil {
		return nil, err
	}
	name := minapush.DefaultTimeZone
	if zone != nil {
		if name, _ = text(zone); name == "" {
			return nil, minapush.FieldError(zonePath, "must be a time zone such as %s", minapush.DefaultTimeZone)
		}
	}
	loc := p.zones[name]
	if loc == nil {
		if loc, err = minapush.Zone(zonePath, name); err != nil {
			return nil, err
		}
		if p.zones == nil {
			p.zones = map[string]*time.Location{}
		}
		p.zones[name] = loc
	}
	return &days{n: int(n), zone: loc}, nil
}

func readPermits(path string, raw json.RawMessage) (node, error) {
	f, err := permitsShape.read(path, raw)
	if err != nil {
		return node{}, err
	}
	n := node{}
	if n.permits, err = whichPermits(f); err != nil {
		return node{}, err
	}
	what, at, raw := f.first(permitsShape.one)
	switch what {
	case "at_least":
		n.op = opPermitsAtLeast
		n.count, err = count(at, raw, 1, maxCount)
	case "at_most":
		n.op = opPermitsAtMost
		n.count, err = count(at, raw, 0, maxCount)
	case "exactly":
		n.op = opPermitsExactly
		n.count, err = count(at, raw, 0, maxCount)
	case "last_expires_within":
		n.op = opLastExpires
		n.within, err = within(at, raw)
	case "ran_out_within":
		n.op = opRanOut
		n.within, err = within(at, raw)
	}
	return n, err
}

// whichPermits reads which permits are meant.
func whichPermits(f fields) (*permits, error) {
	p := &permits{}
	if at, raw := f.get("template"); raw != nil {
		p.template, _ = text(raw)
		// Of the rules of a template that of its id alone can be broken here.
		if err := rename(at, minapush.Template{ID: p.template, Kind: minapush.OneTimeTemplate}.Validate()); err != nil {
			return nil, err
		}
		p.hash = minapush.TemplateHash(p.template)
	}
	if at, raw := f.get("kind"); raw != nil {
		name, _ := text(raw)
		kind, err := minapush.ParsePermitKind(name)
		if err != nil {
			return nil, minapush.FieldError(at, "must be form, pay, subscribe or standing")
		}
		if kind.HasCode() && p.template != "" {
			return nil, minapush.FieldError(at, "cannot be %s beside a template: such permits belong to none", kind)
		}
		p.kind = kind
	}
	return p, nil
}

func readShare(path string, raw json.RawMessage) (node, error) {
	f, err := shareShape.read(path, raw)
	if err != nil {
		return node{}, err
	}
	var from, until uint64
	if at, raw := f.get("from"); raw != nil {
		if from, err = percent(at, raw); err != nil {
			return node{}, err
		}
	}
	at, raw := f.get("until")
	if raw == nil {
		return node{}, minapush.FieldError(path, "must be %s", shareShape.rule)
	}
	if until, err = percent(at, raw); err != nil {
		return node{}, err
	}
	if from >= until {
		return node{}, minapush.FieldError(at, "must be more than from")
	}
	salt := ""
	if at, raw := f.get("salt"); raw != nil {
		var ok bool
		if salt, ok = text(raw); !ok || len(salt) > maxSalt || !utf8.ValidString(salt) {
			return node{}, minapush.FieldError(at, "must be a text of at most %d bytes", maxSalt)
		}
	}
	return node{op: opShare, share: newShare(salt, from, until)}, nil
}
