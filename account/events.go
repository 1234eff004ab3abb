package account

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/minapush/minapush"
)

// EventMode is how WeChat pushes to an app, as chosen in its console. Package wechat knows the same ones.
type EventMode string

const (
	// EventPlain (明文): in clear; the body is not signed.
	EventPlain EventMode = "plain"
	// EventCompatible (兼容): in clear and encrypted; what is encrypted counts.
	EventCompatible EventMode = "compatible"
	// EventSecurity (安全): encrypted.
	EventSecurity EventMode = "security"
)

// EventSettings say how WeChat pushes its events to an app, as its console has it, and where those go that are for others.
type EventSettings struct {
	// Token signs: 3 to 32 letters and digits. It is stored sealed.
	Token string
	// AESKey is the EncodingAESKey: 43 letters and digits; it may be empty with EventPlain. It is stored sealed.
	AESKey string
	// Mode defaults to EventSecurity.
	Mode EventMode
	// PassOnURL gets what is pushed and not ours, as it came. Empty: it goes nowhere. Its query may hold a secret of the team's.
	PassOnURL string
	// PassOnAll sends our own events there too, after they had their effect.
	PassOnAll bool
}

// LogValue keeps the secrets out of logs.
func (s EventSettings) LogValue() slog.Value { return slog.StringValue(string(s.Mode)) }

// HasSecrets tells whether events can be checked: the settings have what their mode needs. After the sealing key was lost they do not.
func (s EventSettings) HasSecrets() bool {
	return s.Token != "" && (s.AESKey != "" || s.Mode == EventPlain)
}

type storedEvents struct {
	V            int       `json:"v"`
	Mode         EventMode `json:"mode"`
	PassOnURL    string    `json:"pass_on_url,omitempty"`
	PassOnAll    bool      `json:"pass_on_all,omitempty"`
	SealedToken  []byte    `json:"sealed_token,omitempty"`
	SealedAESKey []byte    `json:"sealed_aes_key,omitempty"`
}

const (
	eventTokenPurpose = "event token"
	eventKeyPurpose   = "event key"
)

// ChangeEvents lets change alter the event settings of an app, or make them, and stores them; an app without any has the zero ones. change
// is called again, on the newer ones, when somebody else was first; an error of it is returned as it is. Errors: Invalid, naming the
// field; NotFound (no such app).
func (a *Accounts) ChangeEvents(ctx context.Context, id minapush.AppID, change func(*EventSettings) error) (EventSettings, error) {
	if _, err := a.App(ctx, id); err != nil {
		return EventSettings{}, err
	}
	var s EventSettings
	err := edit(ctx, a, kindEvents, string(id), func(d *storedEvents, exists bool) (err error) {
		s = EventSettings{}
		if exists {
			if s, err = a.openEvents(id, *d); err != nil {
				return err
			}
		}
		if err := change(&s); err != nil {
			return err
		}
		if s.Mode == "" {
			s.Mode = EventSecurity
		}
		if err := s.check(); err != nil {
			return err
		}
		*d = a.sealEvents(id, s)
		return nil
	})
	a.events.forget(string(id))
	if err != nil {
		return EventSettings{}, err
	}
	return s, nil
}

func (s EventSettings) check() error {
	switch {
	case s.Mode != EventPlain && s.Mode != EventCompatible && s.Mode != EventSecurity:
		return minapush.FieldError("mode", "must be plain, compatible or security, not %.40q", string(s.Mode))
	case s.Token == "":
		return minapush.FieldError("token", "is required: the one in WeChat's console")
	case len(s.Token) < 3 || len(s.Token) > 32 || strings.ContainsFunc(s.Token, notAlphanumeric):
		return minapush.FieldError("token", "must be 3 to 32 letters and digits")
	case s.AESKey == "" && s.Mode != EventPlain:
		return minapush.FieldError("encoding_aes_key", "is required, but in mode plain: the one in WeChat's console")
	case s.AESKey != "" && (len(s.AESKey) != 43 || strings.ContainsFunc(s.AESKey, notAlphanumeric)):
		return minapush.FieldError("encoding_aes_key", "must be 43 letters and digits")
	case s.PassOnAll && s.PassOnURL == "":
		return minapush.FieldError("pass_on", "all goes with pass_on_url only")
	case s.PassOnURL == "":
		return nil
	}
	return checkURL("pass_on_url", s.PassOnURL, true, func(string) bool { return true })
}

func notAlphanumeric(c rune) bool {
	return (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
}

// Events returns the event settings of an app, at most Config.CacheFor old. Errors: NotFound (no such app, or it has none).
func (a *Accounts) Events(ctx context.Context, id minapush.AppID) (EventSettings, error) {
	if err := checkAppID(id); err != nil {
		return EventSettings{}, unknownApp(id)
	}
	d, err := a.events.get(string(id), func() (d storedEvents, err error) {
		_, err = a.get(ctx, kindEvents, string(id), &d)
		return d, err
	})
	switch {
	case errors.Is(err, minapush.NotFound):
		return EventSettings{}, minapush.Errorf(minapush.NotFound, "app %s has no event settings", id)
	case err != nil:
		return EventSettings{}, fmt.Errorf("read event settings of app %s: %w", id, err)
	}
	return a.openEvents(id, d)
}

// DeleteEvents removes the event settings of an app: nothing that WeChat pushes is taken any more. Errors: NotFound.
func (a *Accounts) DeleteEvents(ctx context.Context, id minapush.AppID) error {
	none := minapush.Errorf(minapush.NotFound, "app %.64q has no event settings", id)
	if checkAppID(id) != nil {
		return none
	}
	err := a.remove(ctx, kindEvents, string(id))
	a.events.forget(string(id))
	if errors.Is(err, minapush.NotFound) {
		return none
	}
	return err
}

func (a *Accounts) sealEvents(id minapush.AppID, s EventSettings) storedEvents {
	d := storedEvents{V: format, Mode: s.Mode, PassOnURL: s.PassOnURL, PassOnAll: s.PassOnAll}
	if s.Token != "" {
		d.SealedToken = a.sealer.Seal(eventTokenPurpose, string(id), []byte(s.Token))
	}
	if s.AESKey != "" {
		d.SealedAESKey = a.sealer.Seal(eventKeyPurpose, string(id), []byte(s.AESKey))
	}
	return d
}

func (a *Accounts) openEvents(id minapush.AppID, d storedEvents) (EventSettings, error) {
	s := EventSettings{Mode: d.Mode, PassOnURL: d.PassOnURL, PassOnAll: d.PassOnAll}
	for _, secret := range []struct {
		purpose string
		sealed  []byte
		into    *string
	}{{eventTokenPurpose, d.SealedToken, &s.Token}, {eventKeyPurpose, d.SealedAESKey, &s.AESKey}} {
		if secret.sealed == nil {
			continue
		}
		clear, err := a.sealer.Open(secret.purpose, string(id), secret.sealed)
		if err != nil {
			return EventSettings{}, err
		}
		*secret.into = string(clear)
	}
	return s, nil
}
