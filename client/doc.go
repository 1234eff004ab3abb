// Package client calls a minapush server: every call of package api, with typed errors, and with repeats where repeating is safe.
//
//	c, err := client.New("https://push.example.com", key, client.Config{})
//	got, err := c.Push(ctx, app, api.NewPush{OpenID: openid, Message: message}, "order-7-paid")
//
// An answer with a status of 400 or more is an *Error; errors.Is(err, api.Throttled) asks what to do next. Wherever a call takes an
// openid, "uid:" and the team's own number of the person stands for it as well.
//
// # What is repeated
//
// A call that failed is made again, up to Config.Tries times in all, if both its kind and its error allow that.
//
//	kind of call                                              repeated
//	reading: all GET calls and lists, DryRun, CheckSchedule,  yes
//	Check without an OpenID
//	Backup                                                    until its first byte was written
//	CountAudience, SampleAudience                             until their first line has come
//	replacing: PutTemplate, PutScene, SetProfile, SetOptOut   yes, unless SetProfile gives the user it names another uid
//	Report, ReportRecipe, Relay, SessionToken                 yes: items have identities, so they count once
//	NoteEvents                                                yes: events are given their time before the first try, so they
//	                                                          count once; with a session token no
//	Push, CreateCampaign, RetryCampaign, Spent,               yes: they carry an idempotency key, made for the call if none is given
//	CreateSchedule
//	ImportPermits, ImportUsers, FillAudience                  part by part, up to Rows.Tries times: what is there counts as duplicate
//	Ready                                                     no: api.Unavailable is an answer
//	Session, Deposit, CreateApp, UpdateApp, StopApp,          no
//	CreateKey, RevokeKey, Start-, Pause-, Resume- and
//	CancelCampaign, Pause-, Resume- and EndSchedule,
//	SyncTemplates, Check with an OpenID, and all that delete
//
//	error                                                     repeated
//	no answer: connection refused, reset or timed out         yes
//	an answer of minapush that is cut short, or of a proxy    yes
//	with 2xx, 408, 429, 502, 503 or 504
//	429 throttled, 503 unavailable, 408 for a body that       yes
//	came too slowly
//	409 for an idempotency key whose call is in progress      yes
//	503 for an app whose kill switch is on, or whose          no: somebody has to act
//	credential WeChat refused; 502 for an answer of WeChat
//	that leaves no outcome to tell
//	every other answer                                        no: the next one would be the same
//	the context's end                                         no
//
// The wait before the second try is Config.Backoff; it doubles with each, up to Config.MaxWait, and half of it is left to chance. A
// longer wait that the server asks for by Retry-After is kept; if it is longer than Config.MaxWait, the error is returned at once and
// tells it. The context ends a wait as it ends a call.
//
// This package follows semantic versioning.
package client
