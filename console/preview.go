package console

import (
	"regexp"
	"strings"

	"github.com/minapush/minapush"
)

// card is a message as WeChat draws it in the service notifications.
type card struct {
	App, Title string
	// Lang is the language of the frame: zh_CN, en_US, zh_HK or zh_TW.
	Lang string
	Rows []cardRow
	// Large is the value in large type, of a legacy message; empty for most.
	Large []chunk
	// Opens tells that the card can be tapped.
	Opens bool
}

// Tag is Lang as HTML has it.
func (c card) Tag() string { return strings.ReplaceAll(c.Lang, "_", "-") }

type cardRow struct {
	Label string
	Value []chunk
}

// chunk is a part of a value; Name is set for a placeholder, and then Text is empty.
type chunk struct{ Text, Name string }

// cardOf draws a message. Values that are missing are rows without a value.
func cardOf(app minapush.App, t minapush.Template, m minapush.Message) card {
	c := card{App: app.Name, Title: t.Title, Lang: m.Lang, Opens: m.Page != ""}
	if c.App == "" {
		c.App = string(app.ID)
	}
	if c.Lang == "" {
		c.Lang = "zh_CN"
	}
	for _, k := range keysOf(t, m) {
		label := k.Label
		if label == "" {
			label = k.Key
		}
		c.Rows = append(c.Rows, cardRow{label, chunks(m.Values[k.Key])})
		if m.Emphasis != "" && m.Emphasis == k.Key {
			c.Large = chunks(m.Values[k.Key])
		}
	}
	return c
}

// keysOf are the keys of a template, or those of the message where the template's are not known.
func keysOf(t minapush.Template, m minapush.Message) []minapush.TemplateKey {
	if len(t.Keys) > 0 {
		return t.Keys
	}
	var keys []minapush.TemplateKey
	for _, name := range sortedKeys(m.Values) {
		keys = append(keys, minapush.TemplateKey{Key: name})
	}
	return keys
}

// placeholders finds what a list fills in, as minapush.Message does.
var placeholders = regexp.MustCompile(`\{\{\s*([A-Za-z_][A-Za-z0-9_.-]{0,63})\s*\}\}`)

// chunks splits a value at its placeholders.
func chunks(value string) []chunk {
	value = strings.TrimSpace(value)
	var parts []chunk
	end := 0
	for _, at := range placeholders.FindAllStringSubmatchIndex(value, -1) {
		if at[0] > end {
			parts = append(parts, chunk{Text: value[end:at[0]]})
		}
		parts = append(parts, chunk{Name: value[at[2]:at[3]]})
		end = at[1]
	}
	if end < len(value) {
		parts = append(parts, chunk{Text: value[end:]})
	}
	return parts
}
