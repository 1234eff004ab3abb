package bench

import (
	"os"
	"syscall"
)

// syncData makes what was written to a file durable, and of its metadata only what is needed to read it.
func syncData(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }
