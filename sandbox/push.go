package sandbox

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// PushMode says how the body of an event is protected (消息推送, fact sheet §2.1).
type PushMode string

const (
	// PushPlain sends the message as it is; nothing protects the body.
	PushPlain PushMode = "plain"
	// PushCompatible sends the message, and encrypted once more beside it.
	PushCompatible PushMode = "compatible"
	// PushSecurity sends the message encrypted only.
	PushSecurity PushMode = "security"
)

// PushFormat is the format of an event's body.
type PushFormat string

const (
	PushJSON PushFormat = "json"
	PushXML  PushFormat = "xml"
)

// Push says where an app's events go, and how: the developer's page "message push" of the real platform.
type Push struct {
	// URL gets the events, such as "https://shop.example.com/v1/apps/wx…/wechat". Any port will do, unlike at WeChat.
	URL string `json:"url"`
	// Token signs: 3 to 32 letters and digits.
	Token string `json:"token"`
	// AESKey is the EncodingAESKey, 43 letters and digits. It may be empty in plain mode.
	AESKey string `json:"aes_key"`
	// Mode defaults to PushPlain, Format to PushJSON.
	Mode   PushMode   `json:"mode"`
	Format PushFormat `json:"format"`
	// ToUserName is the original id of the mini program, "gh_" and 12 hex digits. It is made up if it is empty.
	ToUserName string `json:"to_user_name"`
}

// pushSetting is a checked Push. It never changes: another one takes its place.
type pushSetting struct {
	Push
	appid  string
	target *url.URL
	key    []byte // 32 bytes; nil without an AESKey
}

func (s *Sandbox) newPushSetting(appid string, p Push) (*pushSetting, error) {
	if p.Mode == "" {
		p.Mode = PushPlain
	}
	if p.Format == "" {
		p.Format = PushJSON
	}
	bad := func(field, problem string) (*pushSetting, error) {
		return nil, &ArgError{Field: field, Problem: problem}
	}
	target, err := url.Parse(p.URL)
	switch {
	case err != nil || target.Scheme != "http" && target.Scheme != "https" || target.Host == "" || target.User != nil || target.Fragment != "":
		return bad("url", quote(p.URL)+" must look like https://shop.example.com/events")
	case len(p.Token) < 3 || len(p.Token) > 32 || !all(p.Token, isAlphanumeric):
		return bad("token", "must be 3 to 32 letters and digits")
	case p.Mode != PushPlain && p.Mode != PushCompatible && p.Mode != PushSecurity:
		return bad("mode", quote(string(p.Mode))+" is none of plain, compatible and security")
	case p.Format != PushJSON && p.Format != PushXML:
		return bad("format", quote(string(p.Format))+" is neither json nor xml")
	case p.AESKey == "" && p.Mode != PushPlain:
		return bad("aes_key", "is missing: modes compatible and security encrypt")
	}
	set := &pushSetting{appid: appid, target: target}
	if p.AESKey != "" {
		if len(p.AESKey) != 43 || !all(p.AESKey, isAlphanumeric) {
			return bad("aes_key", "must be 43 letters and digits")
		}
		// Not strict: the last character may leave bits that are not zero (fact sheet §2.4).
		if set.key, err = base64.StdEncoding.DecodeString(p.AESKey + "="); err != nil {
			return bad("aes_key", "is not base64")
		}
	}
	if p.ToUserName == "" {
		p.ToUserName = "gh_" + s.rand.hex(12)
	}
	set.Push = p
	return set, nil
}

func isAlphanumeric(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// inPush tells an error of a Push by its place in an App.
func inPush(err error) error {
	var arg *ArgError
	if errors.As(err, &arg) {
		return &ArgError{Field: "push." + arg.Field, Problem: arg.Problem, status: arg.status}
	}
	return err
}

// SetPush sets where the events of an app go and returns the setting with its defaults filled in. As WeChat does when a setting is
// saved, it calls the URL first, and refuses it unless the answer is the echostr and nothing else (fact sheet §2.2); what was set
// before stays then. Events that wait already go to the new URL.
func (s *Sandbox) SetPush(ctx context.Context, appid string, p Push) (Push, error) {
	return s.setPush(appid, p, func(set *pushSetting) error { return s.verifyPush(ctx, set) })
}

// SetUnverifiedPush is SetPush without that call, for a server that is not up yet.
func (s *Sandbox) SetUnverifiedPush(appid string, p Push) (Push, error) {
	return s.setPush(appid, p, func(*pushSetting) error { return nil })
}

func (s *Sandbox) setPush(appid string, p Push, verify func(*pushSetting) error) (Push, error) {
	a, err := s.app(appid)
	if err != nil {
		return Push{}, err
	}
	if old := a.push.Load(); old != nil && p.ToUserName == "" {
		p.ToUserName = old.ToUserName
	}
	set, err := s.newPushSetting(appid, p)
	if err != nil {
		return Push{}, err
	}
	if err := verify(set); err != nil {
		return Push{}, err
	}
	a.push.Store(set)
	return set.Push, nil
}

// Push returns where the events of an app go; an empty URL means nowhere.
func (s *Sandbox) Push(appid string) (Push, error) {
	a, err := s.app(appid)
	if err != nil {
		return Push{}, err
	}
	if set := a.push.Load(); set != nil {
		return set.Push, nil
	}
	return Push{}, nil
}

// RemovePush ends the events of an app. Those that wait are dropped, and counted so.
func (s *Sandbox) RemovePush(appid string) error {
	a, err := s.app(appid)
	if err != nil {
		return err
	}
	a.push.Store(nil)
	return nil
}

// verifyPush is the GET by which WeChat makes sure that the URL is the developer's.
func (s *Sandbox) verifyPush(ctx context.Context, set *pushSetting) error {
	stamp, nonce, echo := itoa(s.Now().Unix()), itoa(s.rand.msgID()%1_000_000_000), itoa(s.rand.msgID())
	query := url.Values{"signature": {sign(set.Token, stamp, nonce)}, "timestamp": {stamp}, "nonce": {nonce}, "echostr": {echo}}
	ctx, cancel := context.WithTimeout(ctx, s.pushKnobs().Wait)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, set.address(query), nil)
	if err != nil {
		return &ArgError{Field: "url", Problem: err.Error()}
	}
	status, body, err := s.exchangePush(req)
	switch {
	case err != nil:
		return refusedURL("did not answer the verification: " + err.Error())
	case status != http.StatusOK:
		return refusedURL("answered the verification with HTTP " + itoa(int64(status)) + ", not 200")
	case string(body) != echo:
		return refusedURL("answered the verification with " + quote(string(body)) + ", not with the bare echostr " + quote(echo))
	}
	return nil
}

func refusedURL(problem string) error {
	return &ArgError{Field: "url", Problem: problem, status: http.StatusUnprocessableEntity}
}

// address is the URL with these parameters behind its own.
func (set *pushSetting) address(query url.Values) string {
	u := *set.target
	u.RawQuery = strings.TrimPrefix(u.RawQuery+"&"+query.Encode(), "&")
	return u.String()
}
