// Package api is the HTTP contract of minapush: the bodies of requests and answers, the problems that tell what went wrong, and
// the limits. It holds no logic, so that the server, the Go client and the SDK can be tested against one thing; testdata holds
// golden bodies for that.
//
// Names on the wire are snake_case, times are RFC 3339 in UTC and absent when there is none, outcomes and kinds are told by name,
// and a reason is a stable code with parameters that whoever shows it puts into words.
//
// This package follows semantic versioning: fields are added, never renamed or removed within a major version.
package api
