// Package audience is what is known of users beyond their permits, and who a message is for: profiles, audience expressions, and
// the rows of lists and imports.
//
// # Profiles
//
// Profiles.Change changes what the team told of a user: uid, tags, attributes, opt-out. Profile and the index of uids lie in different
// shards, so the steps have an order: the new uid is bound, the profile is written, the old uid is unbound. A crash in between leaves a
// uid in the index that no profile confirms; OpenID does not believe it, and the next user that is given the uid takes it over.
// Profiles.NoteEvents notes what users did.
//
// # Expressions
//
// An expression says who belongs to an audience. It is JSON: each condition is an object with exactly one of these words.
//
//	{"all": [condition, …]}          every one holds; at least one must be given
//	{"any": [condition, …]}          at least one holds; at least one must be given
//	{"not": condition}               it does not hold
//	{"seen_within": "7d"}            the user was seen within this time before now, its edge included
//	{"not_seen_within": "7d"}        the opposite: so it holds for a user who was never seen
//	{"tag": "vip"}                   the user has the tag
//	{"attribute": comparison}        the user has the attribute, and it compares; false for a user without it
//	{"has_uid": true}                the user has a uid; false: has none
//	{"list": "CAMPAIGN_ID"}          the user is on the list of that campaign
//	{"got": "CAMPAIGN_ID"}           a message of it was accepted, or may have arrived; not one that WeChat told of as undelivered
//	{"opened": "CAMPAIGN_ID"}        its message was opened
//	{"event": events}                the user did something, or did not
//	{"permits": permits}             the user holds so many permits, or is about to run out of them, or just did
//	{"share": share}                 the user is in a random share of all users
//
// A time is a whole number and one of s, m, h, d (24 hours) and w (7 days), from "1s" to "3650d".
//
// A comparison is an object with name and exactly one of four. Values are texts, numbers, true or false, and only values of the same
// type compare: the text "7" is not the number 7.
//
//	{"name": "level", "is": 7}             equal
//	{"name": "level", "at_least": 7}       not less; numbers, or texts byte by byte ("2026-11-22" is more than "2026-02-01")
//	{"name": "level", "at_most": 7}        not more
//	{"name": "city", "one_of": ["北京", "上海"]}   equal to one of them; at least one must be given
//
// Of a campaign that is gone, or whose rows are forgotten, nothing is known: then none of its three words holds. An expression asks of at
// most MaxCampaigns.
//
// Events are an object with name and exactly one of five. What lies a little ahead of now, since clocks differ, counts as now.
//
//	{"name": "checkin", "within": "24h"}   the last one was within this time before now, its edge included
//	{"name": "checkin", "days": 1}         the last one was on one of the last n calendar days, today included: 1 to 366. A day begins at
//	                                       its first moment in "time_zone", which may be given: minapush.DefaultTimeZone unless it is
//	{"name": "checkin", "ever": true}      there was one
//	{"name": "checkin", "at_least": 3}     so many were told of, 1 or more
//	{"name": "checkin", "at_most": 3}      no more were told of, 0 or more: so it holds for a user without any
//
// Permits are an object with exactly one of five. What is meant are uses that could be spent now: old enough, not within 10 minutes of their
// end, in no delivery's hand. They are those of a "template", of a "kind" (form, pay, subscribe or standing), or of both; form and pay
// permits belong to no template. With neither they are those that serve the message that the expression is asked for, form and pay permits
// for any legacy template; and all, where there is no message.
//
//	{"at_least": 1}                  so many uses, 1 or more
//	{"at_most": 1}                   no more uses, 0 or more
//	{"exactly": 0}                   as many uses
//	{"last_expires_within": "24h"}   one at least, and the last of them ends within this time from now, its edge included
//	{"ran_out_within": "3d"}         none, but within this time before now a message of the template, or of any if none is meant, took one
//	                                 and arrived, or may have
//
// A standing permit is without number: any at_least holds, no at_most and no exactly. One that never ends has no last. For ran_out_within a
// kind alone means messages of any template; a user's record remembers the last eight messages of campaigns and the last eight pushes.
//
// A share is an object with until, and from, which is 0 unless given: percentages from 0 to 100 with at most 4 decimals. Each user has a
// place from 0 to 100 that a hash of the openid and "salt", a text that may be given, decides once and for all; who is at from or above and
// below until is in the share. So shares of one salt that do not overlap have no user in common, and another salt draws anew.
//
//	{"from": 10, "until": 20, "salt": "ab-test"}
//
// Numbers that are counted are whole, up to 1000000000.
//
// So these are users who came this month, but not today, and do not have the flag quiet:
//
//	{"all": [{"seen_within": "30d"}, {"not_seen_within": "1d"}, {"not": {"attribute": {"name": "quiet", "is": true}}}]}
//
// And these did not check in today, and lose their last permit by tomorrow:
//
//	{"all": [{"not": {"event": {"name": "checkin", "days": 1}}}, {"permits": {"last_expires_within": "24h"}}]}
//
// An expression has at most MaxExpression bytes, MaxNodes conditions and listed values, and stands at most MaxDepth deep, where
// the outermost condition is 1 deep. What breaks a rule is refused with the path to it, such as "all[1].seen_within".
//
// Counter counts for whom an expression holds, and draws samples of them, in one pass over all users.
//
// # Rows
//
// Reader reads the rows of NDJSON and CSV one by one in bounded memory. A row that is no good is told alone, and reading goes on.
//
// A row for Profiles.Import names its user by "openid", an openid or "uid:…", and may have "uid", "tags", "opt_out" and attributes; what
// is there replaces, attributes one by one. In NDJSON tags are a list and attributes an object, in which null removes one; "" as uid
// removes it. In CSV tags are separated by "|", and every other column is an attribute: true and false are flags, a finite number that
// prints back the same ("7", "0.5", not "007" or "1e3") is a number, everything else is a text; an empty value is absent.
//
// This package may change at any release.
package audience
