package api

// Health answers GET /healthz and /readyz. A server that is not ready answers /readyz with 503 and a problem.
type Health struct {
	Status  string `json:"status"`
	Version string `json:"version,omitempty"`
	// Limited is, on /readyz, what does not work although requests can be taken; empty: all does.
	Limited string `json:"limited,omitempty"`
}
