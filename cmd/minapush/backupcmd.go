package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/minapush/minapush/client"
	"github.com/spf13/cobra"
)

// backedUp is the answer of --json.
type backedUp struct {
	File    string    `json:"file"`
	Bytes   int64     `json:"bytes"`
	TakenAt time.Time `json:"taken_at"`
	Version string    `json:"version"`
	Apps    []string  `json:"apps"`
}

func backupCommand(e *env) *cobra.Command {
	var (
		r     *remote
		force bool
	)
	cmd := &cobra.Command{
		Use: "backup FILE", Short: "Copy the whole store of a running server into a file",
		Long: `Copy the whole store of a running server into a file, a tar, while it serves; - is stdout. It needs an admin key for every app.

The copy is proved while it is written: FILE appears only once it is whole, right and on disk. An existing one is not replaced.

It holds openids, permits, and the hashes of API keys. The key that seals AppSecrets is NOT in it: keep a copy of the key file
(DIR/secret.key, or what serve has as --sealing-key-file) in another place. Without it a restored store has lost its secrets.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.dial(client.Config{})
			if err != nil {
				return err
			}
			return r.backup(cmd.Context(), c, args[0], force)
		},
	}
	r = remoteFlags(e, cmd, false)
	cmd.Flags().BoolVar(&force, "force", false, "replace FILE if it is there")
	return cmd
}

func (r *remote) backup(ctx context.Context, c *client.Client, path string, force bool) error {
	if path == "-" && isTerminal(r.e.stdout) {
		return errors.New("a backup is not written to a terminal: give a file, or pipe it somewhere")
	}
	file, err := r.e.create(path, force)
	if err != nil {
		return err
	}
	defer file.drop()
	m, n, err := r.fetchBackup(ctx, c, file)
	if err != nil {
		return err
	}
	if err := file.keep(); err != nil {
		return err
	}
	done := backedUp{File: path, Bytes: n, TakenAt: m.TakenAt, Version: m.Version, Apps: m.appNames()}
	switch {
	case r.asJSON && path == "-":
		return nil // stdout has the backup
	case r.asJSON:
		return printJSON(r.e.stdout, done)
	}
	l := r.e.lang()
	fmt.Fprintf(r.e.stderr, l.say("backup.done")+"\n%s\n", path, shortTime(m.TakenAt), bytesText(n), strings.Join(done.Apps, " "), l.say("backup.key"))
	return nil
}

func (m manifest) appNames() []string {
	names := []string{}
	for _, id := range m.Apps {
		names = append(names, string(id))
	}
	return names
}

// fetchBackup writes a backup to w, and reads it along the way to prove it.
func (r *remote) fetchBackup(ctx context.Context, c *client.Client, w io.Writer) (m manifest, n int64, err error) {
	bar := newMeter(r.e.stderr, r.asJSON)
	defer func() { bar.end(err == nil) }()
	pipe, copied := io.Pipe()
	proved := make(chan error, 1)
	go func() {
		var err error
		if m, err = r.backupProver(bar).read(pipe); err == nil {
			_, err = io.Copy(io.Discard, pipe) // nothing: the client takes nothing behind the end for good
		}
		pipe.CloseWithError(err) // ends the download
		proved <- err
	}()
	n, err = c.Backup(ctx, io.MultiWriter(w, copied))
	copied.CloseWithError(err)
	wrong := <-proved
	switch {
	case wrong != nil && (err == nil || errors.Is(err, wrong)): // the archive is at fault, not the line
		return m, n, wrong
	case err != nil:
		return m, n, err
	}
	return m, n, nil
}

// backupProver reads a backup and keeps nothing of it.
func (r *remote) backupProver(bar *meter) backupReader {
	var done, total int64
	return backupReader{
		begin: func(m manifest) error {
			total = m.size()
			return nil
		},
		open: func(string) (io.WriteCloser, error) {
			return countWriter{io.Discard, func(n int) {
				done += int64(n)
				bar.at(done, total, fmt.Sprintf(r.e.lang().say("backup.size"), bytesText(done)))
			}}, nil
		},
	}
}

// countWriter tells how much is written.
type countWriter struct {
	io.Writer
	tell func(n int)
}

// Write writes, and tells.
func (c countWriter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.tell(n)
	return n, err
}

// Close closes what can be closed.
func (c countWriter) Close() error {
	if closer, ok := c.Writer.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}

// bytesText is a size as people read it.
func bytesText(n int64) string {
	switch {
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.2f GiB", float64(n)/(1<<30))
}
