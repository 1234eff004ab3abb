package minapush

import (
	"hash/fnv"
	"log/slog"
	"net/netip"
	"strings"
	"time"
)

// AppID is the id that WeChat gave a mini program, such as "wx0123456789abcdef".
type AppID string

// OpenID is a recipient within one app. It never appears whole in logs.
type OpenID string

// LogValue shows enough of an openid to tell two apart in one log, and no more.
func (o OpenID) LogValue() slog.Value { return slog.StringValue(o.Masked()) }

// Masked is the openid as logs may show it: its first four and last two bytes.
func (o OpenID) Masked() string {
	if len(o) < 10 {
		return "…"
	}
	return string(o[:4]) + "…" + string(o[len(o)-2:])
}

// MaxOpenID is the longest openid accepted, in bytes. WeChat's have 28.
const MaxOpenID = 64

// Validate refuses what cannot be an openid: empty, longer than MaxOpenID, or with characters outside the printable ASCII.
func (o OpenID) Validate() error {
	if o == "" {
		return FieldError("openid", "must not be empty")
	}
	if len(o) > MaxOpenID {
		return FieldError("openid", "must have at most %d bytes, has %d", MaxOpenID, len(o))
	}
	if strings.ContainsFunc(string(o), func(r rune) bool { return r <= ' ' || r > '~' }) {
		return FieldError("openid", "must be printable ASCII without spaces")
	}
	return nil
}

const (
	// DefaultShards suits up to a million users.
	DefaultShards = 256
	// MaxShards suits ten million users and more.
	MaxShards = 16384
	// DefaultRate is the pace of sends of an app, in messages a second.
	DefaultRate = 100
	// DefaultInFlight is how many sends of an app may be unanswered at a time.
	DefaultInFlight = 128
	// Unlimited as a Rate removes the pace.
	Unlimited = -1
)

// App is one mini program. Its secret is not part of it.
type App struct {
	ID AppID
	// Number is the app's short id inside a store, given when it is created and never used again. It starts at 1.
	Number uint32
	// Name is what people call it.
	Name string
	// Shards is over how many shards its users are spread; fixed when the app is created. Defaults to DefaultShards.
	Shards int
	// Rate is how many messages a second may be sent; Unlimited removes the pace. Defaults to DefaultRate.
	Rate int
	// InFlight is how many sends may be unanswered at a time. Defaults to DefaultInFlight.
	InFlight int
	// BaseURL is where the WeChat API is reached. Defaults to https://api.weixin.qq.com.
	BaseURL string
	// Token says where the access token comes from.
	Token TokenSource
	// EventsOnly counts subscriptions, one-time and standing, by WeChat's own events alone: a client's report of one is refused
	// (events_only). What the team's backend vouches for still counts. For apps whose message push is set up.
	EventsOnly bool
	// TimeZone names the time zone of its days and hours, in the IANA database. Defaults to DefaultTimeZone.
	TimeZone string `json:",omitempty"`
	// Guards keep campaigns from wearing its users out. The zero Guards are none; whoever makes a new app for people to use gives it
	// DefaultGuards unless told otherwise.
	Guards Guards `json:",omitzero"`
	// Stopped is the kill switch: while it is not empty nothing is sent, and it says why.
	Stopped Reason
	// CreatedAt is when the app was made, in UTC.
	CreatedAt time.Time
}

// Shard returns the shard that holds everything of one user.
func (a App) Shard(o OpenID) Shard { return Shard{App: a.Number, N: ShardOf(o, a.Shards)} }

// UIDShard returns the shard that holds the index entry of a uid.
func (a App) UIDShard(uid string) Shard {
	return Shard{App: a.Number, N: ShardOf(OpenID("uid:"+uid), a.Shards)}
}

// Shard is one shard of one app: what a single atomic step can reach.
type Shard struct {
	App uint32
	N   uint32
}

// ShardOf spreads openids over shards evenly. Stored data depends on it: it may never change.
func ShardOf(o OpenID, shards int) uint32 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(o))
	x := h.Sum64()
	x ^= x >> 33 // FNV leaves its low bits weak for short keys
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return uint32(x % uint64(shards))
}

// TokenKind says where an app's access token comes from.
type TokenKind string

const (
	// TokenStable asks WeChat's stable_token; it is the default.
	TokenStable TokenKind = "stable"
	// TokenClassic asks WeChat's classic token call, where each new token ends the one before.
	TokenClassic TokenKind = "classic"
	// TokenURL asks an outside service: the team's central token server.
	TokenURL TokenKind = "url"
	// TokenFixed uses one given token, for tests.
	TokenFixed TokenKind = "fixed"
	// TokenNone sends no token: a gateway or WeChat cloud hosting adds it.
	TokenNone TokenKind = "none"
)

// TokenSource says where an app's access token comes from. Secrets in it are sealed by the account room before they are stored.
type TokenSource struct {
	// Kind defaults to TokenStable.
	Kind TokenKind
	// URL is asked with GET, for TokenURL.
	URL string
	// Header is sent to URL as "Name: value"; it may hold a secret.
	Header string
	// Path finds the token in URL's JSON answer, such as "data.access_token". Defaults to "access_token".
	Path string
	// Value is the token of TokenFixed.
	Value string
}

// CloudMetadata tells the addresses at which clouds hand out the credentials of a machine to whoever asks from it. No app's WeChat or
// token service is there: who may set its address must not learn the machine's secrets by it. Read 2026-06: 169.254.169.254 (Amazon,
// Google, Azure, Huawei, Baidu), 169.254.170.2 and fd00:ec2::254 (Amazon), 100.100.100.200 (Alibaba), 169.254.0.23 (Tencent,
// metadata.tencentyun.com).
func CloudMetadata(a netip.Addr) bool {
	switch a.Unmap().WithZone("").String() {
	case "169.254.169.254", "169.254.170.2", "fd00:ec2::254", "100.100.100.200", "169.254.0.23":
		return true
	}
	return false
}

// LogValue keeps what may be secret out of logs.
func (t TokenSource) LogValue() slog.Value { return slog.StringValue(string(t.Kind)) }

// Reason is why something stands as it does: a stable code with parameters, put into words at the edge.
type Reason struct {
	// Code is a stable name, such as "bad_page" or "operator"; empty means no reason.
	Code string `json:"code"`
	// Params fill the sentence: "errcode", "until", "page".
	Params map[string]string `json:"params,omitempty"`
}

// IsZero tells that there is no reason.
func (r Reason) IsZero() bool { return r.Code == "" }
