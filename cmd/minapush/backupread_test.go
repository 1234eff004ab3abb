package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush/sandbox"
)

// smallBackup is a backup of a store with one app and a few permits, and the world that it is of.
func smallBackup(t *testing.T) (*world, []byte) {
	t.Helper()
	w := newWorld(t, sandbox.Config{}, nil)
	for _, o := range w.users(5) {
		w.forms(o, 2)
	}
	var b bytes.Buffer
	must(t, w.sys.backup(t.Context(), &b))
	return w, b.Bytes()
}

// entry is one entry of an archive.
type entry struct {
	header tar.Header
	body   []byte
}

type archive []entry

func openArchive(t *testing.T, b []byte) archive {
	t.Helper()
	var all archive
	for r := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		must(t, err)
		body, err := io.ReadAll(r)
		must(t, err)
		all = append(all, entry{*h, body})
	}
}

func (a archive) bytes(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, one := range a {
		h := one.header
		h.Size = int64(len(one.body))
		must(t, w.WriteHeader(&h))
		_, err := w.Write(one.body)
		must(t, err)
	}
	must(t, w.Close())
	return b.Bytes()
}

// index is the place of an entry.
func (a archive) index(name string) int {
	return slices.IndexFunc(a, func(e entry) bool { return e.header.Name == name })
}

// largest is the place of the largest file of the store.
func (a archive) largest() int {
	best := 1
	for i := 1; i < len(a)-1; i++ {
		if len(a[i].body) > len(a[best].body) {
			best = i
		}
	}
	return best
}

// manifest changes what the archive says of itself.
func (a archive) manifest(t *testing.T, change func(*manifest)) {
	t.Helper()
	var m manifest
	must(t, json.Unmarshal(a[0].body, &m))
	change(&m)
	b, err := json.Marshal(m)
	must(t, err)
	a[0].body = b
}

// without takes a file out, and all that speaks of it.
func (a archive) without(t *testing.T, name string) archive {
	t.Helper()
	i := a.index(name)
	a.manifest(t, func(m *manifest) { m.Files = slices.Delete(m.Files, i-1, i) })
	return slices.Delete(a, i, i+1)
}

func named(name string, body string) entry {
	return entry{tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o600}, []byte(body)}
}

func TestABackupThatIsNotWholeOrNotRightIsRefusedAndLeavesNothing(t *testing.T) {
	t.Parallel()
	w, good := smallBackup(t)
	type change func(t *testing.T, a archive) archive
	inManifest := func(f func(*manifest)) change {
		return func(t *testing.T, a archive) archive { a.manifest(t, f); return a }
	}
	renamed := func(to string) change {
		return func(t *testing.T, a archive) archive {
			a.manifest(t, func(m *manifest) { m.Files[0].Name = to })
			a[1].header.Name = to
			return a
		}
	}
	linked := func(kind byte) change {
		return func(_ *testing.T, a archive) archive {
			a[1].header.Typeflag, a[1].header.Linkname, a[1].body = kind, "/etc/passwd", nil
			return a
		}
	}
	for name, c := range map[string]struct {
		change change
		want   string
	}{
		"a flipped bit": {func(_ *testing.T, a archive) archive {
			i := a.largest()
			a[i].body[len(a[i].body)/2] ^= 1
			return a
		}, "is not what was written"},
		"another checksum": {func(_ *testing.T, a archive) archive {
			a[len(a)-1].body = bytes.Replace(a[len(a)-1].body, []byte("a"), []byte("b"), 1)
			return a
		}, "is not what was written"},
		"no checksums": {func(_ *testing.T, a archive) archive { return a[:len(a)-1] }, "not whole"},
		"a file gone":  {func(_ *testing.T, a archive) archive { return slices.Delete(a, 2, 3) }, "is to be"},
		"files in another order": {func(_ *testing.T, a archive) archive {
			a[1], a[2] = a[2], a[1]
			return a
		}, "is to be"},
		"a file too many": {func(_ *testing.T, a archive) archive { return append(a, named("db/more", "x")) }, "more than its manifest names"},
		"a file too many within": {func(_ *testing.T, a archive) archive {
			return slices.Insert(a, len(a)-1, named("db/more", "x"))
		}, "is to be"},
		"up and out":                 {renamed("db/../../evil"), "its manifest names"},
		"up":                         {renamed("../evil"), "its manifest names"},
		"from the root":              {renamed("/tmp/evil"), "its manifest names"},
		"a folder":                   {renamed("db/sub/evil"), "its manifest names"},
		"a Windows path":             {renamed(`db/..\evil`), "its manifest names"},
		"a symbolic link":            {linked(tar.TypeSymlink), "is to be"},
		"a hard link":                {linked(tar.TypeLink), "is to be"},
		"a device":                   {linked(tar.TypeBlock), "is to be"},
		"a name twice":               {inManifest(func(m *manifest) { m.Files = append(m.Files, m.Files[0]) }), "its manifest names"},
		"another size":               {inManifest(func(m *manifest) { m.Files[0].Size++ }), "its manifest says"},
		"a negative size":            {inManifest(func(m *manifest) { m.Files[0].Size = -1 }), "its manifest names"},
		"another product":            {inManifest(func(m *manifest) { m.Product = "other" }), "not a backup of minapush"},
		"a newer format":             {inManifest(func(m *manifest) { m.Format = 2 }), "use a newer one"},
		"no time":                    {inManifest(func(m *manifest) { m.TakenAt = time.Time{} }), "says too little"},
		"no files":                   {inManifest(func(m *manifest) { m.Files = nil }), "says too little"},
		"a manifest of nothing":      {func(_ *testing.T, a archive) archive { a[0].body = []byte("{"); return a }, "manifest.json"},
		"another archive":            {func(*testing.T, archive) archive { return archive{named("holiday.jpg", "x")} }, "is to be"},
		"a store without its marker": {func(t *testing.T, a archive) archive { return a.without(t, "db/MINAPUSH") }, "no file MINAPUSH"},
		"a store without its own manifest": {func(t *testing.T, a archive) archive {
			for _, e := range a {
				if strings.HasPrefix(e.header.Name, "db/MANIFEST") {
					return a.without(t, e.header.Name)
				}
			}
			return nil
		}, "no store that can be opened"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w.wantRefused(t, c.change(t, openArchive(t, good)).bytes(t), c.want)
		})
	}
	half := good[:len(good)/2]
	for name, c := range map[string]struct {
		archive []byte
		want    string
	}{
		"half of it": {half, "not whole"}, "all but its end": {good[:len(good)-1], "not whole"}, "nothing": {nil, "not whole"},
		"half of a block": {good[:300], "not whole"}, "no tar": {bytes.Repeat([]byte("permit "), 1000), "cannot be read as a tar"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w.wantRefused(t, c.archive, c.want)
		})
	}
}

// wantRefused wants that an archive is not restored, whatever key is there, and that nothing is left of the try.
func (w *world) wantRefused(t *testing.T, archive []byte, want string) {
	t.Helper()
	root := t.TempDir()
	file, dir := filepath.Join(root, "backup.tar"), filepath.Join(root, "new", "store")
	must(t, os.WriteFile(file, archive, 0o600))
	status, stdout, stderr := command(t, nil, "restore", file, "--store", "pebble:"+dir, "--sealing-key-file", filepath.Join(w.dir(), "secret.key"))
	if status != 1 || !strings.Contains(stderr, want) || stdout != "" {
		t.Errorf("status %d, %q does not say %q", status, stderr, want)
	}
	left, err := os.ReadDir(root)
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestABackupCutAnywhereIsNotWhole(t *testing.T) {
	t.Parallel()
	_, good := smallBackup(t)
	reader := backupReader{
		begin: func(manifest) error { return nil },
		open:  func(string) (io.WriteCloser, error) { return countWriter{io.Discard, func(int) {}}, nil },
	}
	if _, err := reader.read(bytes.NewReader(good)); err != nil {
		t.Fatal(err)
	}
	for cut := 0; cut < len(good); cut += 509 {
		if _, err := reader.read(bytes.NewReader(good[:cut])); !errors.Is(err, errNotWhole) {
			t.Errorf("cut at %d of %d: %v", cut, len(good), err)
		}
	}
}

func FuzzABackupIsProvedOrRefused(f *testing.F) {
	dir := f.TempDir()
	var m manifest
	for i, text := range []string{"minapush store, format 1\n", strings.Repeat("permit", 300)} {
		name := fmt.Sprintf("00000%d.sst", i)
		must(f, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
		m.Files = append(m.Files, backupFile{Name: "db/" + name, Size: int64(len(text))})
	}
	m.Product, m.Format, m.Version, m.TakenAt = backupProduct, backupFormat, "dev", time.Unix(1_790_000_000, 0).UTC()
	var b bytes.Buffer
	must(f, writeBackup(f.Context(), &b, m, dir))
	f.Add(b.Bytes())
	f.Add(b.Bytes()[:b.Len()-600])
	f.Add([]byte("no tar"))
	f.Fuzz(func(t *testing.T, archive []byte) {
		var begun manifest
		written := map[string]*bytes.Buffer{}
		got, err := backupReader{
			begin: func(m manifest) error { begun = m; return nil },
			open: func(name string) (io.WriteCloser, error) {
				if !backupName.MatchString(name) || written[name] != nil {
					t.Fatalf("asked for %q", name)
				}
				if begun.size() > 1<<20 {
					return nil, errors.New("large")
				}
				written[name] = &bytes.Buffer{}
				return countWriter{written[name], func(int) {}}, nil
			},
		}.read(bytes.NewReader(archive))
		if err != nil {
			return
		}
		for _, file := range got.Files {
			if int64(written[file.Name].Len()) != file.Size {
				t.Errorf("%s has %d bytes, not %d", file.Name, written[file.Name].Len(), file.Size)
			}
		}
	})
}
