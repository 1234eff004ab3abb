package server

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
)

// lint tells what would become of values.
func (s *Server) lint(ctx context.Context, c *call, in *api.NewLint) (api.Lint, error) {
	m := minapush.Message{Template: in.Template, Values: in.Values}
	if err := m.Validate(); err != nil {
		return api.Lint{}, below("body", err)
	}
	if len(in.Fill) > maxFills {
		return api.Lint{}, wrong("body.fill", "must have at most 256 values")
	}
	for name, v := range in.Fill {
		if len(v) > maxFill {
			return api.Lint{}, wrong(clip("body.fill."+name), "must have at most 1024 bytes")
		}
	}
	t, err := s.parts.Accounts.Template(ctx, c.app.ID, m.Template)
	if errors.Is(err, minapush.NotFound) {
		return api.Lint{}, wrong("body.template", "is not a template of this app: PUT it first")
	}
	if err != nil {
		return api.Lint{}, err
	}
	if !t.HasRules() {
		if err := m.CheckAgainst(t); err != nil {
			return api.Lint{}, below("body", err)
		}
	}
	if len(in.Fill) > 0 {
		return lintBody(t, t.Fit(m.Fill(in.Fill)), false), nil
	}
	return lintBody(t, t.Lint(m), true), nil
}

const (
	// maxFill is the longest value of a placeholder, in bytes, as lists have it, and maxFills how many there may be.
	maxFill  = 1024
	maxFills = 256
)

// lintBody shows a message as it would go out; later tells that values with placeholders are still to be filled.
func lintBody(t minapush.Template, fitted minapush.Fitted, later bool) api.Lint {
	out := api.Lint{OK: len(fitted.Findings) == 0, Values: []api.LintValue{}}
	found := make(map[string]minapush.Finding, len(fitted.Findings))
	for _, f := range fitted.Findings {
		found[f.Key] = f
	}
	known := make(map[string]bool, len(t.Keys))
	show := func(v api.LintValue) {
		known[v.Key] = true
		text, given := fitted.Message.Values[v.Key]
		f, bad := found[v.Key]
		switch {
		case bad:
			v.Reason, v.Message = reasonBody(f.Reason), f.Message()
		case !given: // a key that a legacy message leaves out
			return
		default:
			v.Sent, v.Policy = text, string(fitted.Applied[v.Key])
			v.Later = later && len(minapush.Message{Values: map[string]string{v.Key: text}}.Placeholders()) > 0
		}
		out.Values = append(out.Values, v)
	}
	for _, k := range t.Keys {
		v := api.LintValue{Key: k.Key, Label: k.Label}
		if t.HasRules() {
			v.Type = k.ValueType()
		}
		show(v)
	}
	for _, key := range slices.Sorted(maps.Keys(fitted.Message.Values)) {
		if !known[key] {
			show(api.LintValue{Key: key})
		}
	}
	return out
}

// badValues is the problem of values that break the rules of their types; nil for none.
func badValues(location string, findings []minapush.Finding) error {
	if len(findings) == 0 {
		return nil
	}
	p := &problem{row: rowInvalid, reason: minapush.ReasonBadValue}
	for _, f := range findings[:min(len(findings), maxFieldProblems)] {
		p.fields = append(p.fields, api.FieldProblem{Location: location + ".values." + f.Key, Message: f.Message(), Reason: reasonBody(f.Reason)})
	}
	p.detail = p.fields[0].Location + ": " + p.fields[0].Message
	return p
}
