package api

import "time"

// Media types of streamed bodies: one JSON object a line, or CSV with a first line of names (RFC 4180). CSV may be UTF-8, with or
// without BOM, or "text/csv; charset=gb18030".
const (
	NDJSONType = "application/x-ndjson"
	CSVType    = "text/csv"
)

// Limits of streamed bodies.
const (
	// MaxStream is the size of a streamed body in bytes; longer ones are sent in parts.
	MaxStream = 1 << 30
	// MaxRow is the size of one row in bytes.
	MaxRow = 64 << 10
	// MaxRowProblems is how many refused rows an answer names.
	MaxRowProblems = 100
)

// RowProblem names a refused row of a streamed body.
type RowProblem struct {
	// Line is the row's line, from 1 (the first line of names counts), or from the query's first_line for a body that is a part.
	Line    int64  `json:"line"`
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
}

// ImportAnswer answers POST permits/import and POST users/import. What it calls accepted is durable. A body that is sent again after a
// lost answer counts as duplicate what is there.
type ImportAnswer struct {
	// Rows counts the rows read; each is one of the others.
	Rows      int64 `json:"rows"`
	Accepted  int64 `json:"accepted"`
	Duplicate int64 `json:"duplicate"`
	Evicted   int64 `json:"evicted"`
	Refused   int64 `json:"refused"`
	// Problems names the first refused rows, at most MaxRowProblems.
	Problems []RowProblem `json:"problems"`
}

// PermitRow is one row of POST permits/import and of GET permits/export, as NDJSON or CSV with these names.
type PermitRow struct {
	OpenID string `json:"openid"`
	// Kind is form, pay, subscribe or standing.
	Kind string `json:"kind"`
	// Code is the form id or prepay id.
	Code     string `json:"code,omitempty"`
	Template string `json:"template,omitempty"`
	// ID tells permits without a code apart: the same id counts once. Absent in an import: the import's id and the line.
	ID string `json:"id,omitempty"`
	// Uses is how many messages it still gives; absent: as many as a new one.
	Uses int `json:"uses,omitempty"`
	// TakenAt is when the user gave it; absent in an import: now.
	TakenAt time.Time `json:"taken_at,omitzero"`
	// ExpiresAt is when it ends, in an export. An import computes it.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	Source    string    `json:"source,omitempty"`
}

// ListRow is one row of PUT campaigns/{id}/audience, as NDJSON, or as CSV with a column openid and one of each placeholder's name.
type ListRow struct {
	OpenID string `json:"openid"`
	// Values fill the message's {{placeholders}} for this user.
	Values map[string]string `json:"values,omitempty"`
}

// PermitPage answers GET permits/export.
type PermitPage struct {
	Permits []PermitRow `json:"permits"`
	// Next is the cursor of the next page; absent at the end. A page may be short, or empty, and not the last.
	Next string `json:"next,omitempty"`
	// ShardsDone of Shards are through, for a progress bar.
	ShardsDone int `json:"shards_done"`
	Shards     int `json:"shards"`
}
