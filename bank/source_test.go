package bank_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
	"github.com/minapush/minapush/store"
)

func TestASourceKeepsItsNumberOnEveryNode(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := b.node(bank.Config{})
	first, err := b.bank.SourceNumber(b.ctx, b.app, "pages/index/index")
	must(t, err)
	second, err := other.SourceNumber(b.ctx, b.app, "pages/cart")
	must(t, err)
	for _, node := range []*bank.Bank{b.bank, other, b.node(bank.Config{})} {
		got, err := node.SourceNumbers(b.ctx, b.app, []string{"pages/cart", "", "pages/index/index?id=7", "pages/cart"})
		must(t, err)
		if diff := cmp.Diff([]uint16{second, bank.UnknownSource, first, second}, got); diff != "" {
			t.Fatal(diff)
		}
	}
	names, err := other.SourceNames(b.ctx, b.app)
	must(t, err)
	if diff := cmp.Diff([]string{"", "other", "pages/index/index", "pages/cart"}, names); diff != "" {
		t.Fatal(diff)
	}
}

func TestSourcesOfOneAppAreNotThoseOfAnother(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.bank.SourceNumber(b.ctx, b.app, "a")
	must(t, err)
	names, err := b.bank.SourceNames(b.ctx, minapush.App{ID: "wx4567", Number: 2, Shards: 1})
	must(t, err)
	wantEqual(t, len(names), 2)
}

func TestWhatIsNoNameIsOther(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, want := range map[string]uint16{
		"":                      bank.UnknownSource,
		"  ":                    bank.UnknownSource,
		"?only=query":           bank.UnknownSource,
		"other":                 bank.OtherSource,
		strings.Repeat("x", 65): bank.OtherSource,
		"\xff\xfe":              bank.OtherSource,
		"a\x00b":                bank.OtherSource,
		"line\nbreak":           bank.OtherSource,
	} {
		got, err := b.bank.SourceNumber(b.ctx, b.app, name)
		must(t, err)
		if got != want {
			t.Errorf("%q is %d, want %d", name, got, want)
		}
	}
	names := []string{strings.Repeat("页", 21), `<b>&"quotes"\</b>`, strings.Repeat("<", 64)}
	_, err := b.bank.SourceNumbers(b.ctx, b.app, names)
	must(t, err)
	got, err := b.bank.SourceNames(b.ctx, b.app)
	must(t, err)
	if diff := cmp.Diff(append([]string{"", "other"}, names...), got); diff != "" {
		t.Fatal(diff)
	}
}

func TestNodesThatAddSourcesAtOnceAgree(t *testing.T) {
	t.Parallel()
	b := setup(t)
	nodes := []*bank.Bank{b.bank, b.node(bank.Config{}), b.node(bank.Config{})}
	numbers := make([][]uint16, len(nodes))
	var wg sync.WaitGroup
	for i, node := range nodes {
		wg.Go(func() {
			for n := range 30 {
				number, err := node.SourceNumber(b.ctx, b.app, fmt.Sprintf("page-%d", n))
				if err != nil {
					t.Error(err)
				}
				numbers[i] = append(numbers[i], number)
			}
		})
	}
	wg.Wait()
	for _, other := range numbers[1:] {
		if diff := cmp.Diff(numbers[0], other); diff != "" {
			t.Fatal(diff)
		}
	}
	names, err := b.bank.SourceNames(b.ctx, b.app)
	must(t, err)
	wantEqual(t, len(names), 32)
}

func TestAFullDictionaryAnswersOtherWithoutReadingOrWriting(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var names []string
	for i := range bank.MaxSources + 100 {
		names = append(names, fmt.Sprintf("%04d%s", i, strings.Repeat(`"`, bank.MaxSourceName-4)))
	}
	numbers, err := b.bank.SourceNumbers(b.ctx, b.app, names)
	must(t, err)
	wantEqual(t, numbers[bank.MaxSources-2], bank.MaxSources)
	wantEqual(t, numbers[bank.MaxSources-1], bank.OtherSource)
	d, err := b.st.Get(b.ctx, "bank.sources", "1")
	must(t, err)
	if len(d.Value) > 1<<20 {
		t.Fatalf("a full dictionary has %d bytes, more than a document may have", len(d.Value))
	}
	full, err := bank.New(&noDocuments{Store: b.st, reads: 1}, bank.Config{Now: b.clock.now})
	must(t, err)
	for range 3 {
		number, err := full.SourceNumber(b.ctx, b.app, "one more")
		must(t, err)
		wantEqual(t, number, bank.OtherSource)
	}
}

// noDocuments refuses every write, and reads beyond a number of them.
type noDocuments struct {
	store.Store
	reads int
}

func (n *noDocuments) Get(ctx context.Context, kind, id string) (store.Document, error) {
	if n.reads--; n.reads < 0 {
		return store.Document{}, minapush.Errorf(minapush.Internal, "read of %s %s", kind, id)
	}
	return n.Store.Get(ctx, kind, id)
}

func (n *noDocuments) Put(_ context.Context, d store.Document) (uint64, error) {
	return 0, minapush.Errorf(minapush.Internal, "write of %s %s", d.Kind, d.ID)
}
