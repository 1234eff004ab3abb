package minapush

import (
	"errors"
	"fmt"
	"hash/fnv"
	"regexp"
	"slices"
	"strings"
	"time"
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
	maxKey    = 64
	idLength  = 26
)

// OpenParam is the query parameter of a page that names the campaign or push whose card was tapped. The SDK reports its value as opened.
const OpenParam = "minapush"

// PageFor is the page as it is sent, with the id of the campaign or push in OpenParam. A page that has the parameter already stays as
// it is, as does no page; so does any page for an empty id.
func (m Message) PageFor(id string) string {
	path, query, asked := strings.Cut(m.Page, "?")
	if m.Page == "" || id == "" {
		return m.Page
	}
	for one := range strings.SplitSeq(query, "&") {
		if name, _, _ := strings.Cut(one, "="); name == OpenParam {
			return m.Page
		}
	}
	switch {
	case !asked || query == "":
		return path + "?" + OpenParam + "=" + id
	case strings.HasSuffix(query, "&"):
		return m.Page + OpenParam + "=" + id
	}
	return m.Page + "&" + OpenParam + "=" + id
}

// Validate refuses what no platform would take. It does not know the template's keys.
func (m Message) Validate() error {
	if err := checkTemplateID("template", m.Template); err != nil {
		return err
	}
	if len(m.Page) > maxPage || !utf8.ValidString(m.Page) {
		return FieldError("page", "must be UTF-8 of at most %d bytes", maxPage)
	}
	if n := len(m.PageFor(strings.Repeat("0", idLength))); n > maxPage {
		return FieldError("page", "must be at most %d bytes with the parameter %s that is added to it, and is %d", maxPage, OpenParam, n)
	}
	if !slices.Contains([]string{"", "formal", "trial", "developer"}, m.State) {
		return FieldError("miniprogram_state", "must be formal, trial or developer, not %q", m.State)
	}
	if !slices.Contains([]string{"", "zh_CN", "en_US", "zh_HK", "zh_TW"}, m.Lang) {
		return FieldError("lang", "must be zh_CN, en_US, zh_HK or zh_TW, not %q", m.Lang)
	}
	if len(m.Emphasis) > maxKey || !utf8.ValidString(m.Emphasis) {
		return FieldError("emphasis", "must be the name of a key, UTF-8 of at most %d bytes", maxKey)
	}
	if len(m.Values) > maxValues {
		return FieldError("values", "must have at most %d keys, has %d", maxValues, len(m.Values))
	}
	for k, v := range m.Values {
		if k == "" || len(k) > maxKey || !utf8.ValidString(k) {
			return FieldError("values", "key %q must be UTF-8 of 1 to %d bytes", k, maxKey)
		}
		if len(v) > maxValue || !utf8.ValidString(v) {
			return FieldError("values."+k, "must be UTF-8 of at most %d bytes", maxValue)
		}
		if err := checkPlaceholders(k, v); err != nil {
			return err
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

var placeholder = regexp.MustCompile(`\{\{\s*([A-Za-z_][A-Za-z0-9_.-]{0,63})\s*\}\}`)

// checkPlaceholders refuses braces that are no placeholder, since the user would see them.
func checkPlaceholders(key, value string) error {
	if rest := placeholder.ReplaceAllString(value, ""); strings.Contains(rest, "{{") || strings.Contains(rest, "}}") {
		return FieldError("values."+key, `has "{{" or "}}" that is not part of a placeholder such as {{name}}`)
	}
	return nil
}

// Placeholders lists the names that the values ask for, sorted, each once; nil for none.
func (m Message) Placeholders() []string {
	var names []string
	for _, v := range m.Values {
		for _, found := range placeholder.FindAllStringSubmatch(v, -1) {
			names = append(names, found[1])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Fill returns the message with each placeholder replaced by its value; one without a value becomes empty.
func (m Message) Fill(values map[string]string) Message {
	filled := make(map[string]string, len(m.Values))
	for k, v := range m.Values {
		filled[k] = placeholder.ReplaceAllStringFunc(v, func(found string) string {
			return values[placeholder.FindStringSubmatch(found)[1]]
		})
	}
	m.Values = filled
	return m
}

// CheckFilled refuses a message with placeholders, of which a user would see the braces.
func (m Message) CheckFilled() error {
	keys := make([]string, 0, len(m.Values))
	for k := range m.Values {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		if found := placeholder.FindString(m.Values[k]); found != "" {
			return FieldError("values."+k, "has the placeholder %s, which only a campaign with a list can fill", found)
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

// TemplateHash is a short form of a template id, to tell templates apart in one user's record. Stored data depends on it: it may never
// change, and is never 0.
func TemplateHash(id string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return max(h.Sum32(), 1)
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
	// ID is the id of the campaign or push, for Message.PageFor; empty: the page is sent as it is.
	ID string
	// Legacy chooses the template-message call and Code the permit that it carries; otherwise it is a subscribe message.
	Legacy  bool
	Code    string
	Message *Message
	// NotAfter is when the right to send it ends, by the clock of this process: a sender that comes so far only later must not begin, and
	// answers LapsedError. Zero: never.
	NotAfter time.Time
}

// Lapsed tells whether now is after NotAfter, as it is when the process was stopped for a while. Both clocks are asked, the one that
// counts on and the one on the wall, since the first may stand still while a machine sleeps.
func (m Outgoing) Lapsed(now time.Time) bool {
	return !m.NotAfter.IsZero() && (now.After(m.NotAfter) || now.Round(0).After(m.NotAfter.Round(0)))
}

// LapsedError is what a sender answers to a message that has lapsed: nothing was sent.
func LapsedError() *Error {
	return &Error{Kind: Unavailable, Op: "send", Reason: ReasonLapsed, Err: errors.New("the right to send it had ended: this process was stopped, or lost its store")}
}

// ReasonLapsed names LapsedError.
const ReasonLapsed = "lapsed"

// Receipt is the platform's word that it accepted a message.
type Receipt struct {
	// MsgID is the platform's number of the message; 0 when it gave none.
	MsgID int64
}
