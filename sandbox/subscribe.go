package sandbox

import "strconv"

// Choice is a user's answer for one template.
type Choice string

const (
	Accept Choice = "accept"
	Reject Choice = "reject"
	Ban    Choice = "ban"    // the platform banned the template
	Filter Choice = "filter" // another template of the same request has the same title
	Ask    Choice = "ask"    // in the settings only: nothing is kept, a request shows the popup
)

// Subscribe gives the user n one-time permits for a template, as n accepted requests do; for a long-term template any n above
// zero subscribes until revoked. It goes past the popup: Tap has the popup's own rules.
func (s *Sandbox) Subscribe(appid, openid, templateID string, n int) error {
	a, u, err := s.user(appid, openid)
	if err != nil {
		return err
	}
	t, err := a.subscribable(templateID, n)
	if err != nil {
		return err
	}
	s.accept(u, t, n)
	return nil
}

// SubscribeAll is Subscribe for every user of the app.
func (s *Sandbox) SubscribeAll(appid, templateID string, n int) error {
	a, err := s.app(appid)
	if err != nil {
		return err
	}
	t, err := a.subscribable(templateID, n)
	if err != nil {
		return err
	}
	for u := range a.everybody() {
		s.accept(u, t, n)
	}
	return nil
}

func (a *app) subscribable(templateID string, n int) (*template, error) {
	t := a.template(templateID)
	switch {
	case t == nil:
		return nil, notFound("template_id", templateID)
	case t.kind == Legacy:
		return nil, &ArgError{Field: "template_id", Problem: "is a legacy template, which nobody subscribes to"}
	case n < 0:
		return nil, &ArgError{Field: "count", Problem: "must not be negative"}
	}
	return t, nil
}

// accept adds permits; each accepted request counts one and they stack (fact sheet §1.4.3).
func (s *Sandbox) accept(u *user, t *template, n int) {
	if n == 0 {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	sub := u.subOrNew(t)
	sub.rejected = false
	if limit := s.cfg.MaxStack; limit > 0 {
		n = min(n, limit-int(sub.permits))
	}
	sub.permits += int32(max(n, 0))
}

// revoke is the user refusing a template in the settings: the count falls to zero and stays there if the template is allowed
// again (fact sheet §1.4.3, "assume zero").
// It reports whether the user had not refused it before.
func (s *Sandbox) revoke(u *user, t *template) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	sub := u.subOrNew(t)
	before := sub.rejected
	sub.permits, sub.rejected, sub.always = 0, true, false
	return !before
}

// Revoke is SetChoice with Reject.
func (s *Sandbox) Revoke(appid, openid, templateID string) error {
	return s.SetChoice(appid, openid, templateID, Reject)
}

// SetChoice changes what the user's settings say of a template: Reject or Accept, always, or Ask. Reject takes all permits away;
// Accept gives none back: that needs a new request. A template that was not refused before makes a subscribe_msg_change_event.
func (s *Sandbox) SetChoice(appid, openid, templateID string, choice Choice) error {
	a, u, err := s.user(appid, openid)
	if err != nil {
		return err
	}
	t, err := a.subscribable(templateID, 0)
	if err != nil {
		return err
	}
	if choice != Accept && choice != Ask && choice != Reject {
		return &ArgError{Field: "choice", Problem: quote(string(choice)) + " is none of accept, reject and ask"}
	}
	if s.choose(u, t, choice) {
		s.tellRejected(a, u, []*template{t})
	}
	return nil
}

// choose changes a choice and reports whether the template was switched off by it.
func (s *Sandbox) choose(u *user, t *template, choice Choice) bool {
	if choice == Reject {
		return s.revoke(u, t)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	sub := u.subOrNew(t)
	sub.rejected, sub.always = false, choice == Accept
	return false
}

// TapError is the fail callback of wx.requestSubscribeMessage (fact sheet §3.3).
type TapError struct {
	Code int
	Msg  string
}

func (e *TapError) Error() string {
	return "requestSubscribeMessage:fail " + e.Msg + " (" + strconv.Itoa(e.Code) + ")"
}

// Tap is one successful call of wx.requestSubscribeMessage: every template is accepted, and gains a permit, but those named in
// rejects. It fails with a *TapError where the client would. The app is told by a subscribe_msg_popup_event, as after a popup on the
// phone; Subscribe makes none.
func (s *Sandbox) Tap(appid, openid string, templateIDs []string, rejects ...string) (map[string]Choice, error) {
	a, u, err := s.user(appid, openid)
	if err != nil {
		return nil, err
	}
	templates, err := s.requestable(a, u, templateIDs)
	if err != nil {
		return nil, err
	}
	refused := make(map[string]bool)
	for _, id := range rejects {
		refused[id] = true
	}
	answers, titles := make(map[string]Choice), make(map[string]bool)
	for _, t := range templates {
		switch {
		case t.banned.Load():
			answers[t.id] = Ban
		case t.title != "" && titles[t.title]:
			answers[t.id] = Filter
		case refused[t.id]:
			answers[t.id] = Reject
		default:
			answers[t.id] = Accept
			s.accept(u, t, 1)
		}
		titles[t.title] = true
	}
	s.tellPopup(a, u, templates, answers)
	return answers, nil
}

// requestable resolves template ids in the way the popup does.
func (s *Sandbox) requestable(a *app, u *user, templateIDs []string) ([]*template, error) {
	u.mu.Lock()
	mainOff := u.mainOff
	u.mu.Unlock()
	switch {
	case len(templateIDs) == 0:
		return nil, &TapError{10001, "TmplIds can't be empty"}
	case s.cfg.MaxIDsPerRequest > 0 && len(templateIDs) > s.cfg.MaxIDsPerRequest:
		return nil, &TapError{20003, "Templates count out of max bounds"}
	case a.snapshot().Flags.SubscribeBanned:
		return nil, &TapError{20005, "This mini program was banned from subscribing messages"}
	case mainOff:
		return nil, &TapError{20004, "The main switch is switched off"}
	}
	var templates []*template
	seen := make(map[string]bool)
	for _, id := range templateIDs {
		t := a.template(id)
		if t == nil || t.kind == Legacy {
			return nil, &TapError{20001, "No template data return, verify the template id exist"}
		}
		if len(templates) > 0 && templates[0].kind != t.kind {
			return nil, &TapError{20002, "Templates type must be same"}
		}
		if !seen[id] {
			templates = append(templates, t)
		}
		seen[id] = true
	}
	return templates, nil
}
