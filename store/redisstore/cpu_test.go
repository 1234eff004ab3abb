package redisstore

import (
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/minapush/minapush/store/redisstore/redistest"
)

// clientCPU is the processor time that this process has used.
func clientCPU(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// serverCPU is the processor time that the server has used.
func serverCPU(b *testing.B, server *redistest.Server) time.Duration {
	b.Helper()
	text, err := server.Do("INFO", "cpu")
	if err != nil {
		b.Fatal(err)
	}
	var sum float64
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name == "used_cpu_sys" || name == "used_cpu_user" {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				b.Fatal(err)
			}
			sum += n
		}
	}
	return time.Duration(sum * float64(time.Second))
}
