package account

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/minapush/minapush"
)

const (
	defaultBaseURL   = "https://api.weixin.qq.com"
	defaultTokenPath = "access_token"
	maxName          = 128
	maxURL           = 2048
	maxSecret        = 1024
	maxHeader        = 4096
	maxTokenPath     = 256
	maxInFlight      = 65536
)

var (
	appID       = regexp.MustCompile(`^[0-9A-Za-z_-]{4,64}$`)
	headerName  = regexp.MustCompile("^[0-9A-Za-z!#$%&'*+.^_`|~-]+$")
	headerValue = regexp.MustCompile(`^[\t\x20-\x7e\x{80}-\x{10ffff}]*$`)
)

// withDefaults fills in what App documents as a default.
func withDefaults(app minapush.App) minapush.App {
	if app.Shards == 0 {
		app.Shards = minapush.DefaultShards
	}
	if app.Rate == 0 {
		app.Rate = minapush.DefaultRate
	}
	if app.InFlight == 0 {
		app.InFlight = minapush.DefaultInFlight
	}
	if app.BaseURL == "" {
		app.BaseURL = defaultBaseURL
	}
	app.BaseURL = strings.TrimRight(app.BaseURL, "/")
	if app.TimeZone == "" {
		app.TimeZone = minapush.DefaultTimeZone
	}
	if app.Token.Kind == "" {
		app.Token.Kind = minapush.TokenStable
	}
	switch {
	case app.Token.Kind == minapush.TokenURL && app.Token.Path == "":
		app.Token.Path = defaultTokenPath
	case app.Token.Kind != minapush.TokenURL && app.Token.Path == defaultTokenPath:
		app.Token.Path = "" // left over from a change of kind
	}
	return app
}

func checkAppID(id minapush.AppID) error {
	if !appID.MatchString(string(id)) {
		return minapush.FieldError("id", "must be 4 to 64 letters, digits, _ or -")
	}
	return nil
}

// checkApp refuses an app that could not work. It expects withDefaults to have been there.
func checkApp(app minapush.App) error {
	if err := checkAppID(app.ID); err != nil {
		return err
	}
	switch {
	case len(app.Name) > maxName || !utf8.ValidString(app.Name):
		return minapush.FieldError("name", "must be UTF-8 of at most %d bytes", maxName)
	case app.Shards < 1 || app.Shards > minapush.MaxShards:
		return minapush.FieldError("shards", "must be 1 to %d, is %d", minapush.MaxShards, app.Shards)
	case app.Rate < 1 && app.Rate != minapush.Unlimited:
		return minapush.FieldError("rate", "must be at least 1 a second, or %d for unlimited, is %d", minapush.Unlimited, app.Rate)
	case app.InFlight < 1 || app.InFlight > maxInFlight:
		return minapush.FieldError("in_flight", "must be 1 to %d, is %d", maxInFlight, app.InFlight)
	}
	if err := checkToken(app.Token); err != nil {
		return err
	}
	if _, err := minapush.Zone("time_zone", app.TimeZone); err != nil {
		return err
	}
	if err := app.Guards.Validate(); err != nil {
		return err
	}
	return checkURL("base_url", app.BaseURL, false, func(host string) bool {
		return app.Token.Kind == minapush.TokenNone || loopback(host)
	})
}

// checkFixed refuses changes to what stored data depends on.
func checkFixed(before, after minapush.App) error {
	switch {
	case after.ID != before.ID:
		return minapush.FieldError("id", "is fixed when the app is created")
	case after.Number != before.Number:
		return minapush.FieldError("number", "is fixed when the app is created")
	case after.Shards != before.Shards:
		return minapush.FieldError("shards", "is fixed when the app is created: it is %d", before.Shards)
	case !after.CreatedAt.Equal(before.CreatedAt):
		return minapush.FieldError("created_at", "is fixed when the app is created")
	}
	return nil
}

func checkSecret(secret string) error {
	if len(secret) > maxSecret || strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return minapush.FieldError("secret", "must be printable ASCII without spaces, at most %d bytes", maxSecret)
	}
	return nil
}

// checkToken wants the fields that its kind needs, and no others.
func checkToken(t minapush.TokenSource) error {
	byURL, fixed := t.Kind == minapush.TokenURL, t.Kind == minapush.TokenFixed
	switch t.Kind {
	case minapush.TokenStable, minapush.TokenClassic, minapush.TokenNone, minapush.TokenURL, minapush.TokenFixed:
	default:
		return minapush.FieldError("token.kind", "must be stable, classic, url, fixed or none, not %.32q", t.Kind)
	}
	switch {
	case !byURL && t.URL != "":
		return minapush.FieldError("token.url", "belongs to token kind url only")
	case !byURL && t.Header != "":
		return minapush.FieldError("token.header", "belongs to token kind url only")
	case !byURL && t.Path != "":
		return minapush.FieldError("token.path", "belongs to token kind url only")
	case !fixed && t.Value != "":
		return minapush.FieldError("token.value", "belongs to token kind fixed only")
	case fixed && (t.Value == "" || len(t.Value) > maxHeader || !headerValue.MatchString(t.Value)):
		return minapush.FieldError("token.value", "must be 1 to %d printable bytes", maxHeader)
	case !byURL:
		return nil
	case len(t.Path) > maxTokenPath || !utf8.ValidString(t.Path):
		return minapush.FieldError("token.path", "must be UTF-8 of at most %d bytes", maxTokenPath)
	}
	if t.Header != "" {
		name, value, found := strings.Cut(t.Header, ":")
		if !found || len(t.Header) > maxHeader || !headerName.MatchString(name) || !headerValue.MatchString(value) {
			return minapush.FieldError("token.header", `must look like "Name: value", at most %d bytes`, maxHeader)
		}
	}
	return checkURL("token.url", t.URL, true, private)
}

// checkURL wants https, or http to a host that plain allows. Its errors do not repeat the URL, which may hold a secret.
func checkURL(field, raw string, query bool, plain func(host string) bool) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || len(raw) > maxURL || u.Hostname() == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return minapush.FieldError(field, "must be an http or https URL of at most %d bytes", maxURL)
	case u.User != nil || u.Fragment != "" || (u.RawQuery != "" && !query):
		return minapush.FieldError(field, "must have no user or fragment, and a base URL no query")
	case offLimits(u.Hostname()):
		return minapush.FieldError(field, "must not be the cloud's own service for this machine")
	case u.Scheme == "http" && !plain(u.Hostname()):
		return minapush.FieldError(field, "must be https: secrets would travel in clear")
	}
	return nil
}

// offLimits tells addresses that only hold secrets of the machine. Names that lead there are stopped when they are dialled.
func offLimits(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && minapush.CloudMetadata(a)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// private tells whether a host is inside: loopback, a private address, or a name that only an inner network resolves.
func private(host string) bool {
	ip := net.ParseIP(host)
	if ip != nil {
		return ip.IsLoopback() || ip.IsPrivate()
	}
	return !strings.Contains(host, ".") || strings.HasSuffix(host, ".internal") || strings.HasSuffix(host, ".local")
}
