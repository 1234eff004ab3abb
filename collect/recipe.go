package collect

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/minapush/minapush"
)

// RecipeBody is what the original recipe uploads with the next request: formIds is JSON inside a string, an array of
// {"formId": "…", "expire": 1500000000000} with expire in Unix milliseconds or seconds. Elements that are plain strings are codes
// without expire.
type RecipeBody struct {
	OpenID  string `json:"openId"`
	FormIDs string `json:"formIds"`
}

const (
	// recipeLife is how far ahead of its taking the recipe sets expire: its constant for 7 days is wrong by ten.
	recipeLife = 16*time.Hour + 48*time.Minute
	// minRecipeLife is what expire must be ahead of arrival to be believed. A phone whose clock is a little fast writes more than
	// recipeLife, and its codes would be forgotten after a day and counted again when they come again.
	minRecipeLife = recipeLife + minapush.SpendMargin
)

// Recipe deposits an upload of the recipe. "", "null" and "[]" as formIds are an empty report. As the recipe never clears its array,
// the same codes come again and again; each counts once. expire is believed if it lies between 16.8 hours, with a margin for
// clocks, and 7 days ahead of arrival; otherwise a code ends 7 days after its first arrival. Errors: Invalid, for the openid, for formIds that are not a JSON
// array, or for too many elements (nothing was done); Unavailable (repeating is safe).
func (c *Collector) Recipe(ctx context.Context, app minapush.App, body RecipeBody) (Answer, error) {
	o := minapush.OpenID(body.OpenID)
	if err := o.Validate(); err != nil {
		return Answer{}, renameField(err, "openId")
	}
	codes, err := parseRecipe(body.FormIDs, c.cfg.MaxRecipeItems)
	if err != nil {
		return Answer{}, err
	}
	arrival := c.cfg.Now().UTC()
	items := make([]judged, len(codes))
	for i, code := range codes {
		items[i] = judgeCode(code, arrival)
	}
	return c.deposit(ctx, app, o, "formIds", items)
}

// renameField calls the field of an Invalid error what this body calls it.
func renameField(err error, field string) error {
	var e *minapush.Error
	if errors.As(err, &e) {
		return &minapush.Error{Kind: e.Kind, Field: field, Err: e.Err}
	}
	return err
}

// recipeCode is one element of an upload.
type recipeCode struct {
	formID string
	expire time.Time // zero: none that can be read
	broken bool      // neither a string nor an object
}

func judgeCode(code recipeCode, arrival time.Time) judged {
	if code.broken {
		return refuse(TypeForm, "", ReasonNotAnItem)
	}
	if reason, ok := minapush.CheckFormID(code.formID); !ok {
		return refuse(TypeForm, "formId", reason)
	}
	ends := arrival.Add(minapush.CodeLife)
	if ahead := code.expire.Sub(arrival); ahead >= minRecipeLife && ahead <= minapush.CodeLife {
		ends = code.expire
	}
	return judged{kind: TypeForm, permits: []minapush.Permit{{
		Kind: minapush.FormID, Identity: code.formID, Uses: minapush.FormID.Uses(),
		TakenAt: ends.Add(-minapush.CodeLife), ExpiresAt: ends, Evidence: minapush.ByClient,
	}}}
}

// parseRecipe reads the string of an upload.
func parseRecipe(formIDs string, limit int) ([]recipeCode, error) {
	text := strings.TrimSpace(formIDs)
	if text == "" || text == "null" || text == "undefined" {
		return nil, nil
	}
	d := json.NewDecoder(strings.NewReader(text))
	if open, err := d.Token(); err != nil || open != json.Delim('[') {
		return nil, minapush.FieldError("formIds", "must be a JSON array in a string")
	}
	var codes []recipeCode
	for d.More() {
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, minapush.FieldError("formIds", "must be a JSON array in a string")
		}
		if len(codes) == limit { // before the rest is read, however long it is
			return nil, minapush.FieldError("formIds", "must have at most %d elements", limit)
		}
		codes = append(codes, parseCode(raw))
	}
	if _, err := d.Token(); err != nil || d.InputOffset() != int64(len(text)) {
		return nil, minapush.FieldError("formIds", "must be a JSON array in a string and nothing else")
	}
	return codes, nil
}

// parseCode reads one element as far as it can be understood.
func parseCode(raw json.RawMessage) recipeCode {
	var plain string
	if json.Unmarshal(raw, &plain) == nil && raw[0] == '"' {
		return recipeCode{formID: plain}
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil || fields == nil {
		return recipeCode{broken: true}
	}
	return recipeCode{formID: textOf(fields["formId"]), expire: momentOf(fields["expire"])}
}

// textOf is a JSON string's text, or the raw text of what is not a string, which no code looks like.
func textOf(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// momentOf reads Unix milliseconds or seconds, as a number or as a string of one. Zero: neither.
func momentOf(raw json.RawMessage) time.Time {
	n, err := strconv.ParseFloat(string(bytes.Trim(raw, `"`)), 64)
	switch {
	case err != nil || math.IsNaN(n) || n <= 0 || n > maxUnixMilli:
		return time.Time{}
	case n > maxUnixSecond:
		return time.UnixMilli(int64(n)).UTC()
	}
	return time.Unix(int64(n), 0).UTC()
}

const (
	// maxUnixSecond tells seconds from milliseconds: as seconds it is the year 5138, as milliseconds 1973.
	maxUnixSecond = 1e11
	maxUnixMilli  = 1e14
)
