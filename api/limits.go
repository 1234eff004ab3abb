package api

// IdempotencyKey is the header that makes a repeated push or campaign the same one.
const IdempotencyKey = "Idempotency-Key"

// Limits of requests. Those of messages, templates and items are told by the problem that a larger one gets.
const (
	// MaxBody is the size of a body in bytes, unless the server was told otherwise.
	MaxBody = 1 << 20
	// MaxIdempotencyKey is the length of an Idempotency-Key in bytes: printable ASCII.
	MaxIdempotencyKey = 128
	// MaxCode is the length of a wx.login code.
	MaxCode = 256
	// DefaultPage and MaxPage are how many campaigns a page has.
	DefaultPage = 50
	MaxPage     = 200
	// DefaultDeliveries and MaxDeliveries are how many deliveries a page has.
	DefaultDeliveries = 100
	MaxDeliveries     = 1000
)

// OpenIDHeader names the user of a report, for a relay that forwards the SDK's body unchanged.
const OpenIDHeader = "Minapush-Openid"
