package account_test

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
)

func TestAKeyFileIsMadeOnceAndReadAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	_, err := account.LoadKeyFile(path, false)
	wantKind(t, err, minapush.NotFound)
	key, err := account.LoadKeyFile(path, true)
	must(t, err)
	wantEqual(t, len(key), account.KeySize)
	info, err := os.Stat(path)
	must(t, err)
	wantEqual(t, info.Mode().Perm(), 0o600)
	for _, create := range []bool{true, false} {
		again, err := account.LoadKeyFile(path, create)
		must(t, err)
		wantEqual(t, bytes.Equal(again, key), true)
	}
}

func TestProcessesThatMakeTheKeyFileAtOnceGetOneKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keys := make([][]byte, 16)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			key, err := account.LoadKeyFile(filepath.Join(dir, "key"), true)
			if err != nil {
				t.Error(err)
			}
			keys[i] = key
		})
	}
	wg.Wait()
	for _, key := range keys {
		wantEqual(t, bytes.Equal(key, keys[0]), true)
	}
	files, err := os.ReadDir(dir)
	must(t, err)
	wantEqual(t, len(files), 1)
}

func TestAKeyFileIsRefusedInClearWords(t *testing.T) {
	t.Parallel()
	good := strings.Repeat("0f", 32)
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
		want string
	}{
		"readable by all":   {good, 0o644, "chmod 600"},
		"readable by group": {good, 0o640, "chmod 600"},
		"writable by all":   {good, 0o602, "chmod 600"},
		"empty":             {"", 0o600, "64 hexadecimal digits"},
		"too short":         {good[2:], 0o600, "64 hexadecimal digits"},
		"too long":          {good + "00", 0o600, "64 hexadecimal digits"},
		"very long":         {strings.Repeat("00", 1<<20), 0o600, "64 hexadecimal digits"},
		"not hexadecimal":   {strings.Repeat("zz", 32), 0o600, "64 hexadecimal digits"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "key")
			must(t, os.WriteFile(path, []byte(c.text), 0o600))
			must(t, os.Chmod(path, c.mode))
			_, err := account.LoadKeyFile(path, true)
			wantKind(t, err, minapush.Invalid)
			if !strings.Contains(err.Error(), c.want) || (c.text == good && strings.Contains(err.Error(), good)) {
				t.Fatalf("got %v, want the text %q and no key", err, c.want)
			}
		})
	}
	_, err := account.LoadKeyFile(t.TempDir(), true)
	wantKind(t, err, minapush.Invalid)
	_, err = account.LoadKeyFile(filepath.Join(t.TempDir(), "no", "such", "dir"), true)
	if err == nil {
		t.Fatal("a key was returned that is nowhere kept")
	}
}

func TestAKeyFileMayBeWrittenByHand(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	must(t, os.WriteFile(path, []byte(" "+strings.ToUpper(strings.Repeat("0f", 32))+"\r\n"), 0o400))
	key, err := account.LoadKeyFile(path, false)
	must(t, err)
	wantEqual(t, hex.EncodeToString(key), strings.Repeat("0f", 32))
}
