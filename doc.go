// Package minapush is the permit bank and broadcast engine for WeChat mini programs.
//
// A mini program may message a user only while it holds a permit (推送凭证) from that user. minapush collects every permit that
// a user's taps earn, keeps a ledger of each one, and spends them on pushes (one user) and campaigns (an audience), so that
// afterwards every number adds up.
//
// This package holds the nouns that all rooms share and the pure rules about them. It uses the standard library only, does no
// I/O and starts no goroutine.
//
// # The path of a permit
//
//	sdk report ----> server --+                                  console, CLI, client
//	                          v                                           |
//	                       collect --deposit--> bank --audience--> campaign
//	                          ^                  ^                        | plan
//	platform event -> wechat -+                  | reserve, settle        v
//	                    |                     dispatch --lease, outcome-> delivery --tallies--> console, metrics
//	                    |                        | send                   ^
//	                    +-- receipt -------------|------------------------+
//	                                             v
//	                                           wechat --> WeChat, or sandbox
//
// # Glossary
//
//   - app: one mini program
//   - openid: a recipient within one app
//   - permit: the right to message one openid; it has a kind, uses and an expiry
//   - report: what the SDK sends; it becomes permits through collect
//   - template, message: the platform's approved form, and one filled-in instance of it
//   - campaign, audience: a broadcast, and whom it is for
//   - delivery, attempt, outcome, receipt: one message to one recipient, one try, its result, the platform's answer
//   - reserve, settle, release, burn: hold a use, confirm it spent, give it back, mark it dead
//   - access token: the platform credential; the only thing called token
//
// This package follows semantic versioning.
package minapush
