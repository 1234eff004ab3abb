package main

import (
	"fmt"
	"maps"
	"slices"

	"pgregory.net/rapid"
)

// agreeWords are all words of an expression but all, any and not.
var agreeWords = []string{
	"seen_within", "not_seen_within", "tag", "has_uid", "attribute is", "attribute at_least", "attribute at_most", "attribute one_of", "list", "got", "opened",
	"event within", "event days", "event ever", "event at_least", "event at_most", "permits at_least", "permits at_most", "permits exactly",
	"permits last_expires_within", "permits ran_out_within", "share",
}

// agreeCondition draws an expression that stands at most so deep.
func agreeCondition(t *rapid.T, depth int) map[string]any {
	if depth <= 1 || rapid.IntRange(0, 2).Draw(t, "leaf") == 0 {
		return agreeWord(t, rapid.SampledFrom(agreeWords).Draw(t, "word"))
	}
	word := rapid.SampledFrom([]string{"all", "any", "not"}).Draw(t, "word")
	if word == "not" {
		return map[string]any{word: agreeCondition(t, depth-1)}
	}
	var kids []any
	for range rapid.IntRange(1, 3).Draw(t, "kids") {
		kids = append(kids, agreeCondition(t, depth-1))
	}
	return map[string]any{word: kids}
}

// agreeName is which of agreeWords a condition is.
func agreeName(c map[string]any) string {
	for _, word := range agreeWords {
		var head, tail string
		if n, _ := fmt.Sscan(word, &head, &tail); n == 0 || c[head] == nil {
			continue
		}
		if inner, ok := c[head].(map[string]any); tail == "" || ok && inner[tail] != nil {
			return word
		}
	}
	panic(fmt.Sprint("no word: ", slices.Collect(maps.Keys(c))))
}

// agreeWord draws what belongs to a word.
func agreeWord(t *rapid.T, word string) map[string]any {
	draw := func(values ...any) any { return rapid.SampledFrom(values).Draw(t, "value") }
	times := func() any { return draw("5s", "10s", "10m", "1h", "24h", "3d", "7d", "2w", "3650d") }
	var head, tail string
	_, _ = fmt.Sscan(word, &head, &tail)
	switch head {
	case "seen_within", "not_seen_within":
		return map[string]any{head: times()}
	case "tag":
		return map[string]any{head: draw("a", "b", "c")}
	case "has_uid":
		return map[string]any{head: draw(true, false)}
	case "attribute":
		c := map[string]any{"name": draw("x", "y"), tail: draw("a", "b", 1, 2.5)}
		switch tail {
		case "is":
			c[tail] = draw("a", "b", 1, 2.5, true, false)
		case "one_of":
			c[tail] = rapid.SliceOfN(rapid.SampledFrom([]any{"a", "b", 1, 2.5, true, false}), 1, 3).Draw(t, "values")
		}
		return map[string]any{head: c}
	case "list", "got", "opened":
		return map[string]any{head: draw("A", "B", "C", "L", "M", "never")}
	case "event":
		return map[string]any{head: agreeEvent(t, tail, times)}
	case "permits":
		return map[string]any{head: agreePermits(t, tail, times)}
	}
	from := rapid.IntRange(0, 99_9999).Draw(t, "from")
	share := map[string]any{"from": float64(from) / 1e4, "until": float64(rapid.IntRange(from+1, 100_0000).Draw(t, "until")) / 1e4}
	if salt := draw("", "ab-test", "其他"); salt != "" {
		share["salt"] = salt
	}
	return map[string]any{head: share}
}

func agreeEvent(t *rapid.T, word string, times func() any) map[string]any {
	c := map[string]any{"name": rapid.SampledFrom([]string{"checkin", "pay"}).Draw(t, "event")}
	switch word {
	case "within":
		c[word] = times()
	case "days":
		c[word] = rapid.IntRange(1, 8).Draw(t, "days")
		if zone := rapid.SampledFrom([]string{"", "America/New_York", "Pacific/Kiritimati"}).Draw(t, "zone"); zone != "" {
			c["time_zone"] = zone
		}
	case "ever":
		c[word] = true
	default:
		c[word] = rapid.IntRange(1, 3).Draw(t, "times")
	}
	return c
}

func agreePermits(t *rapid.T, word string, times func() any) map[string]any {
	c := map[string]any{}
	switch rapid.IntRange(0, 5).Draw(t, "which") {
	case 1:
		c["template"] = rapid.SampledFrom([]string{"T", "U", "S", "L"}).Draw(t, "template")
	case 2:
		c["template"], c["kind"] = "S", "standing"
	case 3:
		c["template"], c["kind"] = rapid.SampledFrom([]string{"T", "U"}).Draw(t, "template"), "subscribe"
	case 4:
		c["kind"] = rapid.SampledFrom([]string{"form", "pay", "subscribe", "standing"}).Draw(t, "kind")
	}
	switch word {
	case "at_least":
		c[word] = rapid.IntRange(1, 4).Draw(t, "uses")
	case "at_most", "exactly":
		c[word] = rapid.IntRange(0, 3).Draw(t, "uses")
	default:
		c[word] = times()
	}
	return c
}
