// Package account keeps what operators set up: apps with their secrets, templates, scenes, API keys, and the sessions and
// access tokens that hang on them.
//
// Everything lives in store.Documents as JSON with a format version, so that all nodes of a store share it. Secrets (AppSecret,
// the token source's header and value, the signing key of sessions, access tokens) are sealed before they are stored; API keys
// are stored as hashes. No secret appears in an error, and none is logged.
//
// This package may change at any release.
package account
