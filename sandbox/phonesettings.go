package sandbox

import (
	"maps"
	"slices"
)

// phoneSettings is what the settings page shows.
type phoneSettings struct {
	MainSwitch bool            `json:"main_switch"`
	Offline    bool            `json:"offline"`
	Device     device          `json:"device"`
	Templates  []phoneTemplate `json:"templates"`
	// Subscriptions is as wx.getSetting has it (fact sheet §3.4).
	Subscriptions struct {
		MainSwitch bool              `json:"mainSwitch"`
		Items      map[string]Choice `json:"itemSettings"`
	} `json:"subscriptionsSetting"`
}

type phoneTemplate struct {
	TemplateID string `json:"template_id"`
	Title      string `json:"title"`
	Kind       string `json:"kind"`
	Choice     Choice `json:"choice"`
	Banned     bool   `json:"banned"`
	Permits    int    `json:"permits"`
}

func showSettings(c *phoneCall) (any, error) {
	ph := c.phone
	var st phoneSettings
	state := ph.user.state(c.sandbox.Now())
	st.MainSwitch, st.Subscriptions.MainSwitch = state.MainSwitch, state.MainSwitch
	st.Subscriptions.Items = make(map[string]Choice)
	ph.mu.Lock()
	st.Offline, st.Device = ph.offline, ph.device.name()
	ph.mu.Unlock()
	for _, t := range ph.app.listTemplates() {
		if t.kind == Legacy {
			continue
		}
		row := phoneTemplate{TemplateID: t.id, Title: t.title, Kind: kindName(t.kind), Choice: ph.user.choice(t), Banned: t.banned.Load(),
			Permits: state.Permits[t.id]}
		st.Templates = append(st.Templates, row)
		switch {
		case row.Choice == Ask:
		case row.Banned:
			st.Subscriptions.Items[t.id] = Ban
		default:
			st.Subscriptions.Items[t.id] = row.Choice
		}
	}
	return st, nil
}

type settingsRequest struct {
	MainSwitch *bool             `json:"main_switch"`
	Offline    *bool             `json:"offline"`
	Device     *device           `json:"device"`
	Templates  map[string]Choice `json:"templates"`
}

// changeSettings checks everything before it changes anything.
func changeSettings(c *phoneCall, req settingsRequest) (any, error) {
	s, ph := c.sandbox, c.phone
	if req.Device != nil && !req.Device.known() {
		return nil, errDevice(*req.Device)
	}
	ids := slices.Sorted(maps.Keys(req.Templates))
	for _, id := range ids {
		if _, err := ph.app.subscribable(id, 0); err != nil {
			return nil, named(err, "templates")
		}
		if choice := req.Templates[id]; choice != Accept && choice != Reject && choice != Ask {
			return nil, &ArgError{Field: "templates", Problem: quote(string(choice)) + " is none of accept, reject and ask"}
		}
	}
	var off []*template
	for _, id := range ids {
		if t := ph.app.template(id); t != nil && s.choose(ph.user, t, req.Templates[id]) {
			off = append(off, t)
		}
	}
	s.tellRejected(ph.app, ph.user, off)
	if req.MainSwitch != nil {
		if err := s.SetMainSwitch(ph.app.id, ph.user.openid, *req.MainSwitch); err != nil {
			return nil, err
		}
	}
	ph.mu.Lock()
	if req.Offline != nil {
		ph.offline = *req.Offline
	}
	if req.Device != nil {
		ph.device = *req.Device
	}
	ph.mu.Unlock()
	return showSettings(c)
}
