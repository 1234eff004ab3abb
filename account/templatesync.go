package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/minapush/minapush"
)

// DriftKind says how a template here and at WeChat differ.
type DriftKind string

const (
	// DriftNone: not at all.
	DriftNone DriftKind = "same"
	// DriftNew: WeChat has it, and it was not known here.
	DriftNew DriftKind = "new"
	// DriftChanged: both have it, and Changes says what differs.
	DriftChanged DriftKind = "changed"
	// DriftDeleted: it is known here, and WeChat does not have it. It is marked, and stays: permits and campaigns name it.
	DriftDeleted DriftKind = "deleted"
)

// TemplateDrift is how one template differs.
type TemplateDrift struct {
	Kind    DriftKind
	ID      string
	Title   string
	Changes []TemplateChange
	// GoneSince is when WeChat was first seen without it, of a deleted one; zero: just now, and it was not written.
	GoneSince time.Time
}

// TemplateChange is one thing that differs: title, kind, example, keys (their order), gone_since, keys.thing1 (the key itself), or its
// label, enum or policy. Was is what is known here, and Is what WeChat has; empty: nothing. A policy changes when WeChat's new rule does
// not let it be kept.
type TemplateChange struct{ Field, Was, Is string }

// errSame ends an edit that would change nothing.
var errSame = errors.New("nothing to change")

// SyncTemplate compares a template of WeChat with what is known here and, with write, takes it over: all but the policies of keys, which
// are the team's. Errors: Invalid (WeChat has what cannot be kept); NotFound (no such app).
func (a *Accounts) SyncTemplate(ctx context.Context, app minapush.AppID, theirs minapush.Template, write bool) (TemplateDrift, error) {
	if err := checkTemplate(theirs); err != nil {
		return TemplateDrift{}, err
	}
	if _, err := a.App(ctx, app); err != nil {
		return TemplateDrift{}, err
	}
	var drift TemplateDrift
	err := edit(ctx, a, kindTemplate, templateDoc(app, theirs.ID), func(s *storedTemplate, exists bool) error {
		var merged minapush.Template
		merged, drift = driftOf(s.Template, exists, theirs)
		if !write || drift.Kind == DriftNone {
			return errSame
		}
		*s = storedTemplate{V: format, Template: merged}
		return nil
	})
	if err != nil && !errors.Is(err, errSame) {
		return TemplateDrift{}, fmt.Errorf("take over template %s: %w", theirs.ID, err)
	}
	return drift, nil
}

// driftOf tells how a template of WeChat differs from ours, and what it is with our policies.
func driftOf(ours minapush.Template, known bool, theirs minapush.Template) (minapush.Template, TemplateDrift) {
	d := TemplateDrift{Kind: DriftNew, ID: theirs.ID, Title: theirs.Title}
	if !known {
		return theirs, d
	}
	merged := theirs
	merged.Keys = slices.Clone(theirs.Keys)
	change := func(field, was, is string) {
		if was != is {
			d.Changes = append(d.Changes, TemplateChange{field, was, is})
		}
	}
	change("title", ours.Title, theirs.Title)
	change("kind", string(ours.Kind), string(theirs.Kind))
	change("example", ours.Example, theirs.Example)
	if !ours.GoneSince.IsZero() {
		change("gone_since", ours.GoneSince.UTC().Format(time.RFC3339), "")
	}
	for i := range merged.Keys {
		k := &merged.Keys[i]
		at := slices.IndexFunc(ours.Keys, func(o minapush.TemplateKey) bool { return o.Key == k.Key })
		if at < 0 {
			change("keys."+k.Key, "", k.Key)
			continue
		}
		was := ours.Keys[at]
		change("keys."+k.Key+".label", was.Label, k.Label)
		change("keys."+k.Key+".type", was.Type, k.Type)
		change("keys."+k.Key+".enum", strings.Join(was.Enum, ", "), strings.Join(k.Enum, ", "))
		k.Policy, k.Fallback = was.Policy, was.Fallback
		if (minapush.Template{ID: theirs.ID, Kind: theirs.Kind, Keys: []minapush.TemplateKey{*k}}).Validate() != nil {
			k.Policy, k.Fallback = "", ""
			change("keys."+k.Key+".policy", string(was.Policy), "")
		}
	}
	for _, was := range ours.Keys {
		if !slices.ContainsFunc(merged.Keys, func(k minapush.TemplateKey) bool { return k.Key == was.Key }) {
			change("keys."+was.Key, was.Key, "")
		}
	}
	if len(d.Changes) == 0 { // else the order is the least of it
		change("keys", names(ours.Keys), names(theirs.Keys))
	}
	d.Kind = DriftChanged
	if len(d.Changes) == 0 {
		d.Kind = DriftNone
	}
	return merged, d
}

func names(keys []minapush.TemplateKey) string {
	list := make([]string, len(keys))
	for i, k := range keys {
		list[i] = k.Key
	}
	return strings.Join(list, ", ")
}

// SyncDeleted tells which templates known here WeChat does not have, by id, and, with write, marks them since when. Legacy ones are never
// listed by WeChat, and not counted. Errors: NotFound (no such app).
func (a *Accounts) SyncDeleted(ctx context.Context, app minapush.AppID, theirs []minapush.Template, write bool) ([]TemplateDrift, error) {
	ours, err := a.Templates(ctx, app)
	if err != nil {
		return nil, err
	}
	var list []TemplateDrift
	for _, t := range ours {
		there := slices.ContainsFunc(theirs, func(o minapush.Template) bool { return o.ID == t.ID })
		if there || t.Kind == minapush.LegacyTemplate {
			continue
		}
		d := TemplateDrift{Kind: DriftDeleted, ID: t.ID, Title: t.Title, GoneSince: t.GoneSince}
		if write && d.GoneSince.IsZero() {
			if d.GoneSince, err = a.markGone(ctx, app, t.ID); err != nil {
				return nil, err
			}
		}
		list = append(list, d)
	}
	return list, nil
}

// markGone notes that WeChat does not have a template, and returns since when that has been known. One that was removed here meanwhile
// is none to mark.
func (a *Accounts) markGone(ctx context.Context, app minapush.AppID, id string) (since time.Time, err error) {
	err = edit(ctx, a, kindTemplate, templateDoc(app, id), func(s *storedTemplate, exists bool) error {
		switch {
		case !exists:
			return errSame
		case s.Template.GoneSince.IsZero():
			s.Template.GoneSince = a.utc()
		}
		since = s.Template.GoneSince
		return nil
	})
	if err != nil && !errors.Is(err, errSame) {
		return since, fmt.Errorf("mark template %s: %w", id, err)
	}
	return since, nil
}

// ScenesByTemplate lists the names of the scenes that ask for each template of an app.
func (a *Accounts) ScenesByTemplate(ctx context.Context, app minapush.AppID) (map[string][]string, error) {
	scenes, err := a.loadScenes(ctx, app)
	if err != nil {
		return nil, fmt.Errorf("list scenes of %s: %w", app, err)
	}
	of := map[string][]string{}
	for _, sc := range scenes {
		for _, id := range sc.Templates {
			of[id] = append(of[id], sc.Name)
		}
	}
	return of, nil
}
