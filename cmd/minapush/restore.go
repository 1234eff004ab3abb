package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/store/pebblestore"
	"github.com/spf13/cobra"
)

// restoration is one run of restore.
type restoration struct {
	e *env
	settings
	// takenAt is when the copy was taken that Redis was brought back from.
	takenAt string
	asJSON  bool
}

// restored is the answer of --json.
type restored struct {
	Store   string    `json:"store"`
	TakenAt time.Time `json:"taken_at"`
	Version string    `json:"version"`
	Apps    []string  `json:"apps"`
	Bytes   int64     `json:"bytes"`
	// SecretsKept tells that the sealing key was there. If not, AppSecrets must be given again.
	SecretsKept bool `json:"secrets_kept"`
}

func restoreCommand(e *env) *cobra.Command {
	r := &restoration{e: e}
	cmd := &cobra.Command{
		Use: "restore [FILE]", Short: "Make a store of a backup; every app of it is stopped until somebody lets it go on",
		Long: `Make a store of a backup, in a folder that has none; no server runs on it meanwhile. - is stdin. Everything is proved before
DIR/db appears; after an error nothing is left of it.

Every app is stopped then, since the backup does not know what happened after it was taken: nothing is sent until
"minapush apps go APPID", which says what that means.

The sealing key is not in a backup: copy the key file to DIR/secret.key before, or name it by --sealing-key-file. Without it AppSecrets,
secrets of token services and sessions are removed, and secrets have to be given again. API keys are those of the backup.

A store in Redis is backed up and brought back by Redis itself. Then, before any server runs on it, this command without FILE and with
--taken-at stops every app of it in the same way.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := r.where(args)
			switch {
			case err != nil:
				return err
			case p.redis != nil:
				return r.stopRedis(cmd.Context(), p)
			}
			return r.run(cmd.Context(), args[0])
		},
	}
	flags := cmd.Flags()
	r.addPlace(flags)
	flags.Lookup("store").Usage = "where the store is made: pebble:DIR; or one that Redis brought back: redis:// or rediss:// as for serve"
	flags.StringVar(&r.keyFile, "sealing-key-file", "", "file with the key that seals secrets (default DIR/secret.key; with Redis it must be given)")
	flags.StringVar(&r.takenAt, "taken-at", "", "when the copy was taken that Redis was brought back from, such as 2026-11-22T03:00:00+08:00")
	flags.BoolVar(&r.asJSON, "json", false, "print the answer as JSON")
	return cmd
}

func (r *restoration) run(ctx context.Context, path string) error {
	dir, err := storeDir(r.store)
	if err != nil {
		return err
	}
	db := filepath.Join(dir, "db")
	if _, err := os.Lstat(db); err == nil {
		return fmt.Errorf("%s exists: a backup is restored into a folder without a store", db)
	}
	key, err := r.key(dir)
	if err != nil {
		return err
	}
	in, err := r.open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	done, err := r.restore(ctx, in, dir, key)
	if err != nil {
		return err
	}
	return r.tell(done, filepath.Join(dir, "db"))
}

// open begins to read a backup.
func (r *restoration) open(path string) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(r.e.stdin), nil
	}
	return os.Open(path)
}

// key reads the sealing key; nil: there is none beside the store, and none was named.
func (r *restoration) key(dir string) ([]byte, error) {
	key, err := account.LoadKeyFile(sealingKeyFile(r.keyFile, dir), false)
	if r.keyFile == "" && errors.Is(err, minapush.NotFound) {
		return nil, nil
	}
	return key, err
}

// restore makes dir/db, whole and stopped, or leaves nothing behind.
func (r *restoration) restore(ctx context.Context, in io.Reader, dir string, key []byte) (done restored, err error) {
	leave, err := makeFolders(dir)
	if err != nil {
		return done, errors.Join(err, leave())
	}
	part := filepath.Join(dir, "db"+partSuffix)
	if err := os.Mkdir(part, 0o700); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return done, fmt.Errorf("%s exists: somebody restores a backup there, or was killed; remove it", part)
		}
		return done, errors.Join(err, leave())
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(part), leave())
		}
	}()
	m, err := r.unpack(ctx, in, part)
	if err != nil {
		return done, err
	}
	apps, err := prepare(ctx, part, key, m.TakenAt)
	if err != nil {
		return done, err
	}
	if err := errors.Join(syncFolder(part), os.Rename(part, filepath.Join(dir, "db"))); err != nil {
		return done, err
	}
	done = restored{Store: r.store, TakenAt: m.TakenAt, Version: m.Version, Apps: apps, Bytes: m.size(), SecretsKept: key != nil}
	return done, syncFolder(dir)
}

// makeFolders makes a folder and those above it. leave removes those that it made, as far as they are empty.
func makeFolders(dir string) (leave func() error, err error) {
	var made []string
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		if _, err := os.Lstat(at); err == nil || at == filepath.Dir(at) {
			break
		}
		made = append(made, at)
	}
	return func() error {
		for _, at := range made {
			if err := os.Remove(at); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		return nil
	}, os.MkdirAll(dir, 0o700)
}

// unpack writes the files of a backup into a folder, and proves them. They are on disk when it returns.
func (r *restoration) unpack(ctx context.Context, in io.Reader, to string) (manifest, error) {
	bar := newMeter(r.e.stderr, r.asJSON)
	defer func() { bar.end(false) }()
	var done, total int64
	m, err := backupReader{
		begin: func(m manifest) error {
			total = m.size()
			return nil
		},
		open: func(name string) (io.WriteCloser, error) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			f, err := os.OpenFile(filepath.Join(to, strings.TrimPrefix(name, "db/")), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return nil, err
			}
			return countWriter{syncedFile{f}, func(n int) {
				done += int64(n)
				bar.at(done, total, fmt.Sprintf(r.e.lang().say("restore.size"), bytesText(done)))
			}}, nil
		},
	}.read(withContext{ctx, in})
	bar.end(err == nil)
	return m, err
}

// syncedFile is on disk when it is closed.
type syncedFile struct{ *os.File }

// Close syncs and closes.
func (f syncedFile) Close() error { return errors.Join(f.Sync(), f.File.Close()) }

// withContext reads until a context ends.
type withContext struct {
	ctx context.Context
	io.Reader
}

// Read reads, unless the context has ended.
func (r withContext) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// prepare opens an unpacked store, makes sure that the key is its own (nil: forgets its secrets), stops every app, and returns them.
func prepare(ctx context.Context, dir string, key []byte, at time.Time) (stopped []string, err error) {
	st, err := pebblestore.Open(dir, pebblestore.Config{})
	if err != nil {
		return nil, fmt.Errorf("the backup holds no store that can be opened: %w", err)
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	lost := key == nil
	if lost {
		if err := account.ForgetSecrets(ctx, st); err != nil {
			return nil, err
		}
		key = make([]byte, account.KeySize) // seals nothing: the server's own key comes with its first start
		_, _ = rand.Read(key)               // never fails
	}
	sealer, err := account.OpenSealer(key)
	if err != nil {
		return nil, err
	}
	accounts, err := account.New(st, sealer, account.Config{})
	if err != nil {
		return nil, err
	}
	if !lost {
		if err := accounts.CheckSeal(ctx); err != nil {
			return nil, fmt.Errorf("this is not the sealing key of the backup: %w", err)
		}
	}
	return stopAll(ctx, accounts, at)
}

// stopAll stops every app because the store is older than what happened, and returns them.
func stopAll(ctx context.Context, accounts *account.Accounts, at time.Time) ([]string, error) {
	apps, err := accounts.Apps(ctx)
	if err != nil {
		return nil, err
	}
	stopped := []string{}
	for _, app := range apps {
		if err := stopRestored(ctx, accounts, app.ID, at); err != nil {
			return nil, fmt.Errorf("stop app %s: %w", app.ID, err)
		}
		stopped = append(stopped, string(app.ID))
	}
	return stopped, nil
}

// stopRestored stops an app because it is older than what happened.
func stopRestored(ctx context.Context, accounts *account.Accounts, id minapush.AppID, at time.Time) error {
	_, err := accounts.UpdateApp(ctx, id, func(app *minapush.App) error {
		app.Stopped = stoppedFor(restoredCode, app.Stopped, at)
		return nil
	}, nil)
	return err
}

// tell says what is there now, and what to do next.
func (r *restoration) tell(done restored, place string) error {
	if r.asJSON {
		return printJSON(r.e.stdout, done)
	}
	l, w := r.e.lang(), r.e.stdout
	fmt.Fprintf(w, l.say("restore.done")+"\n", place, shortTime(done.TakenAt), strings.Join(done.Apps, " "))
	fmt.Fprintln(w, l.say("restore.stopped"))
	serve := "  minapush serve --store " + quoted(done.Store)
	if r.keyFile != "" {
		serve += " --sealing-key-file " + quoted(r.keyFile)
	}
	fmt.Fprintln(w, serve)
	for _, app := range done.Apps {
		fmt.Fprintf(w, "  minapush apps go %s\n", app)
	}
	if !done.SecretsKept {
		fmt.Fprintln(r.e.stderr, l.say("restore.no_key"))
		for _, app := range done.Apps {
			fmt.Fprintf(r.e.stderr, "  minapush apps update %s --secret-file FILE\n", app)
		}
	}
	return nil
}
