package wechat

import (
	"context"
	"encoding/json"
	"slices"
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
	list, odd, ok := readTemplates(body)
	if !ok {
		return nil, badContent(callTemplates, "the answer is not a list of templates")
	}
	for _, id := range odd {
		c.log.Warn("leave out a template that cannot be sent", "app", app, "template", id)
	}
	return list, nil
}

// readTemplates reads the answer; odd are the ids of templates that subscribe/send does not send.
func readTemplates(body []byte) (list []minapush.Template, odd []string, ok bool) {
	var a struct {
		Data []struct {
			ID      string          `json:"priTmplId"`
			Title   string          `json:"title"`
			Content string          `json:"content"`
			Example string          `json:"example"`
			Type    int             `json:"type"`
			Enums   json.RawMessage `json:"keywordEnumValueList"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &a) != nil {
		return nil, nil, false
	}
	list = make([]minapush.Template, 0, len(a.Data))
	for _, d := range a.Data {
		t := minapush.Template{ID: d.ID, Kind: templateKinds[d.Type], Title: d.Title, Keys: contentKeys(d.Content), Example: d.Example}
		enums := enumValues(d.Enums)
		for i := range t.Keys {
			t.Keys[i].Enum = enums[t.Keys[i].Key]
		}
		if t.Validate() != nil {
			odd = append(odd, d.ID)
			continue
		}
		list = append(list, t)
	}
	return list, odd, true
}

// enumValues reads which values WeChat takes for keys: keywordEnumValueList, whose codes are keys with ".DATA" behind them. What is no
// such list tells nothing: then it is WeChat that refuses other values. [O] server API, getMessageTemplateList, read 2026-06.
func enumValues(raw json.RawMessage) map[string][]string {
	var list []struct {
		Values []string `json:"enumValueList"`
		Code   string   `json:"keywordCode"`
	}
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	enums := make(map[string][]string, len(list))
	for _, e := range list {
		key := strings.TrimSuffix(strings.Trim(e.Code, "{} "), ".DATA")
		for _, v := range e.Values {
			if v = strings.TrimSpace(v); v != "" && !slices.Contains(enums[key], v) {
				enums[key] = append(enums[key], v)
			}
		}
	}
	return enums
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
