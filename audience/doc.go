// Package audience is what is known of users beyond their permits, and who a message is for: profiles, audience expressions, and
// the rows of lists and imports.
//
// # Profiles
//
// Profiles.Change changes what the team told of a user: uid, tags, attributes, opt-out. Profile and the index of uids lie in different
// shards, so the steps have an order: the new uid is bound, the profile is written, the old uid is unbound. A crash in between leaves a
// uid in the index that no profile confirms; OpenID does not believe it, and the next user that is given the uid takes it over.
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
// So these are users who came this month, but not today, and do not have the flag quiet:
//
//	{"all": [{"seen_within": "30d"}, {"not_seen_within": "1d"}, {"not": {"attribute": {"name": "quiet", "is": true}}}]}
//
// An expression has at most MaxExpression bytes, MaxNodes conditions and listed values, and stands at most MaxDepth deep, where
// the outermost condition is 1 deep. What breaks a rule is refused with the path to it, such as "all[1].seen_within".
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
