// Package collect is the intake of permits: it turns what clients and backends hand in into validated permits and deposits them in
// the bank.
//
// There are four doors: Report, what the SDK sends; Recipe, the upload of the original recipe, still accepted as it was; Trusted,
// what the team's own backend vouches for; Import, rows of the same in any number. All but Import answer item by
// item, and Import counts rows: one that is no good is refused alone, with a reason, and the others are taken. An answer is durable: what it calls accepted is in the store. Repeating a call is safe, and answers duplicate.
//
// A fifth door is for what nobody asked for: Event does to the bank what a platform's event tells. A report and an event of the same accept
// count once, in whatever order they come.
//
// ReadListed reads what teams keep by the original recipe in lists of their own, for whoever brings that to Import.
//
// Clocks of clients are not trusted: an item's time is its arrival less the age that the client tells.
//
// This package may change at any release.
package collect
