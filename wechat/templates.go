package wechat

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/minapush/minapush"
)

// Templates lists the subscribe templates of an app. Ask seldom: frequent calls often answer 45009. [C] developer forum, read 2026-06.
// Templates of kinds that subscribe/send does not send are left out.
//
// Errors: as for Send, but never Uncertain; 200100 (the account's kind has no templates) is Unauthorized.
func (c *Client) Templates(ctx context.Context, app minapush.AppID) ([]minapush.Template, error) {
	body, err := c.authorized(ctx, app, request{call: callTemplates, header: plainHeader})
	if err != nil {
		return nil, err
	}
	var a struct {
		Data []struct {
			ID      string `json:"priTmplId"`
			Title   string `json:"title"`
			Content string `json:"content"`
			Example string `json:"example"`
			Type    int    `json:"type"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &a) != nil {
		return nil, badContent(callTemplates, "the answer is not a list of templates")
	}
	list := make([]minapush.Template, 0, len(a.Data))
	for _, d := range a.Data {
		t := minapush.Template{ID: d.ID, Kind: templateKinds[d.Type], Title: d.Title, Keys: contentKeys(d.Content), Example: d.Example}
		if t.Validate() != nil {
			c.log.Warn("leave out a template that cannot be sent", "app", app, "template", d.ID, "type", d.Type)
			continue
		}
		list = append(list, t)
	}
	return list, nil
}

// templateKinds are the kinds by WeChat's number. [O] server API, getMessageTemplateList, read 2026-06.
var templateKinds = map[int]minapush.TemplateKind{2: minapush.OneTimeTemplate, 3: minapush.LongTermTemplate}

// contentKeys reads the keys of a template: each line of its content is "label:{{key.DATA}}", with a half- or full-width colon, and
// a key's type is its name without the number. [O] server API, getMessageTemplateList, read 2026-06.
func contentKeys(content string) []minapush.TemplateKey {
	var keys []minapush.TemplateKey
	for line := range strings.Lines(content) {
		for {
			label, rest, ok := strings.Cut(line, "{{")
			if !ok {
				break
			}
			key, after, ok := strings.Cut(rest, ".DATA}}")
			if !ok {
				break
			}
			line = after
			if key = strings.TrimSpace(key); key == "" || strings.ContainsAny(key, "{}") {
				continue
			}
			label = strings.TrimSpace(label)
			label = strings.TrimSuffix(strings.TrimSuffix(label, ":"), "：")
			keys = append(keys, minapush.TemplateKey{Key: key, Label: strings.TrimSpace(label), Type: strings.TrimRight(key, "0123456789")})
		}
	}
	return keys
}
