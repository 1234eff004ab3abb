// Package console is the operator's console: pages that the server renders, in Chinese and English, over the other rooms.
//
// A page is three things: a handler that loads (campaigns.go), a struct with everything that it shows (campaignsPage), and a template
// (templates/campaigns.html). The struct holds values, the template words and form; so each page can be drawn from fixed data (see
// gallery_test.go). Pages work without script: forms and links do everything, and htmx only keeps figures alive.
//
// Numbers come from counters that are kept as permits move, or from the bank's survey, whose age stands beside them. No page walks users
// but one that somebody asked to: the check of a campaign or schedule, which does so for a bounded time (campaigncount.go).
//
// This package may change at any release.
package console
