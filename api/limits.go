package api

// IdempotencyKey is the header that makes a repeated push, campaign or retry the same one.
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
	// DefaultExport and MaxExport are the permits of how many users a page of GET permits/export has.
	DefaultExport = 500
	MaxExport     = 2000
	// MaxImportID is the length of an import's id in bytes: printable ASCII without #.
	MaxImportID = 64
)

// NextHeader has the cursor of the next page, of a page of lines (GET permits/export); absent at the end.
const NextHeader = "Minapush-Next"

// OpenIDHeader names the user of a report, for a relay that forwards the SDK's body unchanged.
const OpenIDHeader = "Minapush-Openid"
