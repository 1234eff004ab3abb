// Package wechat is the client of the WeChat API for mini programs: access tokens, sending, login codes, templates and quota.
//
// One Client serves every app of a process. It finds an app by its id, keeps the app's access token fresh with as few calls as the
// platform allows, renders a campaign's message once, and turns every answer and every failure of the network into a
// minapush.Kind, which says what to do next. What it promises about a message is narrow and kept: Send hands the bytes of a
// message to the network at most once, but for the cases in which WeChat itself said that it did not take it (a refused access
// token, a body it could not read) or in which no byte had left.
//
// Facts about WeChat carry the page they come from and the month in which it was read. "[O]" marks the platform's own
// documentation, "[O-old]" documentation since withdrawn, "[S]" the source of a widely used client library, "[C]" reports of
// the community: observed, not promised.
//
// The package starts no goroutine.
//
// This package follows semantic versioning.
package wechat
