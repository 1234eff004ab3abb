package bank

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

const (
	// UnknownSource is the number of a permit whose source was not told.
	UnknownSource uint16 = 0
	// OtherSource is the number of every source that has none of its own: its name is no name, or the dictionary is full.
	OtherSource uint16 = 1
	// MaxSources is how many sources an app can tell apart, OtherSource included.
	MaxSources = 4096
	// MaxSourceName is the longest name of a source, in bytes.
	MaxSourceName = 64

	kindSources = "bank.sources"
	otherName   = "other"
)

// storedSources is the dictionary of one app: the place of a name is its number. Names are only ever added.
type storedSources struct {
	V     int      `json:"v"`
	Names []string `json:"names"`
}

// SourceNumber returns the number of a source, a page or button that earns permits, and gives it one on first sight. A query
// ("?id=1") is cut off. "" is UnknownSource; a name that is too long or has control characters is OtherSource, as is every new
// one once the app has MaxSources. Numbers never change.
func (b *Bank) SourceNumber(ctx context.Context, app minapush.App, name string) (uint16, error) {
	numbers, err := b.SourceNumbers(ctx, app, []string{name})
	if err != nil {
		return UnknownSource, err
	}
	return numbers[0], nil
}

// SourceNumbers is SourceNumber for several names, in their order, with at most one write.
func (b *Bank) SourceNumbers(ctx context.Context, app minapush.App, names []string) ([]uint16, error) {
	if err := checkApp(app); err != nil {
		return nil, err
	}
	numbers := make([]uint16, len(names))
	known := b.knownSources(app.Number)
	var missing []string
	for i, raw := range names {
		name, number, plain := cleanSource(raw)
		if plain {
			if number = known[name]; number == UnknownSource && len(known) >= MaxSources-1 {
				number = OtherSource
			}
		}
		if plain && number == UnknownSource && !slices.Contains(missing, name) {
			missing = append(missing, name)
		}
		numbers[i] = number
	}
	if missing == nil {
		return numbers, nil
	}
	known, err := b.addSources(ctx, app, missing)
	if err != nil {
		return nil, err
	}
	for i, raw := range names {
		if name, _, plain := cleanSource(raw); plain {
			if numbers[i] = known[name]; numbers[i] == UnknownSource {
				numbers[i] = OtherSource
			}
		}
	}
	return numbers, nil
}

// SourceNames returns the names of an app's sources: the place is the number. Place 0, UnknownSource, is empty.
func (b *Bank) SourceNames(ctx context.Context, app minapush.App) ([]string, error) {
	if err := checkApp(app); err != nil {
		return nil, err
	}
	s, _, err := b.loadSources(ctx, app)
	if err != nil {
		return nil, err
	}
	b.rememberSources(app.Number, s)
	return s.Names, nil
}

// cleanSource turns what a client calls a source into a name for the dictionary, or says which number it has without one.
func cleanSource(raw string) (name string, number uint16, plain bool) {
	name, _, _ = strings.Cut(raw, "?")
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		return "", UnknownSource, false
	case name == otherName, len(name) > MaxSourceName, !utf8.ValidString(name), strings.ContainsFunc(name, unprintable):
		return "", OtherSource, false
	}
	return name, 0, true
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// addSources gives numbers to names that have none, while there is room, and returns the whole dictionary.
func (b *Bank) addSources(ctx context.Context, app minapush.App, names []string) (map[string]uint16, error) {
	for range maxEdits {
		s, version, err := b.loadSources(ctx, app)
		if err != nil {
			return nil, err
		}
		before := len(s.Names)
		known := b.rememberSources(app.Number, s)
		for _, name := range names {
			if known[name] == UnknownSource && len(s.Names) < MaxSources+1 {
				s.Names = append(s.Names, name)
			}
		}
		if len(s.Names) == before {
			return known, nil
		}
		value, err := encodePlain(s)
		if err != nil {
			return nil, err
		}
		_, err = b.st.Put(ctx, store.Document{Kind: kindSources, ID: appID(app), Version: version, Value: value})
		if err == nil {
			return b.rememberSources(app.Number, s), nil
		}
		if !errors.Is(err, minapush.Conflict) {
			return nil, fmt.Errorf("add sources to app %s: %w", app.ID, err)
		}
	}
	return nil, minapush.Errorf(minapush.Conflict, "sources of app %s are being changed by others all the time", app.ID)
}

func (b *Bank) loadSources(ctx context.Context, app minapush.App) (storedSources, uint64, error) {
	s := storedSources{V: format, Names: []string{UnknownSource: "", OtherSource: otherName}}
	d, err := b.st.Get(ctx, kindSources, appID(app))
	if errors.Is(err, minapush.NotFound) {
		return s, 0, nil
	}
	if err != nil {
		return s, 0, fmt.Errorf("sources of app %s: %w", app.ID, err)
	}
	if err := decode(d, &s); err != nil {
		return s, 0, err
	}
	if len(s.Names) < 2 || len(s.Names) > MaxSources+1 {
		return s, 0, minapush.Errorf(minapush.Internal, "document %s %q is damaged: it has %d names", d.Kind, d.ID, len(s.Names))
	}
	return s, d.Version, nil
}

// knownSources is the dictionary as this node last saw it. It may miss names, and is never wrong about those it has.
func (b *Bank) knownSources(app uint32) map[string]uint16 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sources[app]
}

// rememberSources keeps a dictionary that was read or written, unless a longer one is there, and returns it by name.
func (b *Bank) rememberSources(app uint32, s storedSources) map[string]uint16 {
	names := make(map[string]uint16, len(s.Names))
	for i, name := range s.Names[OtherSource+1:] {
		names[name] = uint16(i) + OtherSource + 1
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(names) >= len(b.sources[app]) {
		b.sources[app] = names
	}
	return names
}
