package minapush

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"unicode/utf8"
)

// Message is one filled-in template. It is immutable once a campaign that sends it has started.
type Message struct {
	// Template is the id of the template.
	Template string `json:"template"`
	// Page opens when the card is tapped: a page of the mini program with an optional query. Empty: the card is not clickable.
	Page string `json:"page,omitempty"`
	// State says which build the card opens: formal, trial or developer. Defaults to formal.
	State string `json:"miniprogram_state,omitempty"`
	// Lang is the language of the card's frame: zh_CN, en_US, zh_HK or zh_TW. Defaults to zh_CN.
	Lang string `json:"lang,omitempty"`
	// Values are the texts of the template's keys. A legacy message may have none.
	Values map[string]string `json:"values,omitempty"`
	// Emphasis is the key shown in large type, of a legacy message.
	Emphasis string `json:"emphasis,omitempty"`
}

const (
	maxPage   = 1024
	maxValue  = 1024
	maxValues = 32
)

// Validate refuses what no platform would take. It does not know the template's keys.
func (m Message) Validate() error {
	if err := checkTemplateID("template", m.Template); err != nil {
		return err
	}
	if len(m.Page) > maxPage || !utf8.ValidString(m.Page) {
		return FieldError("page", "must be UTF-8 of at most %d bytes", maxPage)
	}
	if !slices.Contains([]string{"", "formal", "trial", "developer"}, m.State) {
		return FieldError("miniprogram_state", "must be formal, trial or developer, not %q", m.State)
	}
	if !slices.Contains([]string{"", "zh_CN", "en_US", "zh_HK", "zh_TW"}, m.Lang) {
		return FieldError("lang", "must be zh_CN, en_US, zh_HK or zh_TW, not %q", m.Lang)
	}
	if len(m.Values) > maxValues {
		return FieldError("values", "must have at most %d keys, has %d", maxValues, len(m.Values))
	}
	for k, v := range m.Values {
		if k == "" || len(k) > 64 || !utf8.ValidString(k) {
			return FieldError("values", "key %q must be UTF-8 of 1 to 64 bytes", k)
		}
		if len(v) > maxValue || !utf8.ValidString(v) {
			return FieldError("values."+k, "must be UTF-8 of at most %d bytes", maxValue)
		}
		if strings.Contains(v, "{{") {
			return FieldError("values."+k, "holds a placeholder, and this release fills none")
		}
	}
	return nil
}

// CheckAgainst refuses a message whose keys are not those of its template. A template without known keys accepts any, and a
// legacy message may leave keys out.
func (m Message) CheckAgainst(t Template) error {
	if len(t.Keys) == 0 {
		return nil
	}
	known := map[string]bool{}
	for _, k := range t.Keys {
		known[k.Key] = true
		if _, ok := m.Values[k.Key]; !ok && t.Kind != LegacyTemplate {
			return FieldError("values."+k.Key, "is missing; template %s needs it", t.ID)
		}
	}
	for k := range m.Values {
		if !known[k] {
			return FieldError("values."+k, "is not a key of template %s", t.ID)
		}
	}
	return nil
}

// Content is a hash of what the user sees, to recognise the same content in another campaign.
func (m Message) Content() uint64 {
	h := fnv.New64a()
	keys := make([]string, 0, len(m.Values))
	for k := range m.Values {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	fmt.Fprintf(h, "%q %q", m.Template, m.Page)
	for _, k := range keys {
		fmt.Fprintf(h, " %q=%q", k, m.Values[k])
	}
	return h.Sum64()
}

// Keywords turns the recipe's shorthand "a,b,c" into keyword1..keyword3. An empty string is an empty message.
func Keywords(s string) map[string]string {
	if s == "" {
		return nil
	}
	values := map[string]string{}
	for i, v := range strings.Split(s, ",") {
		values[fmt.Sprintf("keyword%d", i+1)] = strings.TrimSpace(v)
	}
	return values
}

// Outgoing is one message on its way to one user.
type Outgoing struct {
	App    AppID
	OpenID OpenID
	// Batch names the campaign; senders may keep what they rendered of Message under it. Empty for a push.
	Batch string
	// Legacy chooses the template-message call and Code the permit that it carries; otherwise it is a subscribe message.
	Legacy  bool
	Code    string
	Message *Message
}

// Receipt is the platform's word that it accepted a message.
type Receipt struct {
	// MsgID is the platform's number of the message; 0 when it gave none.
	MsgID int64
}
