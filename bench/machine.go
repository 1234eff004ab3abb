package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// Machine is where a run took place. What cannot be found out is empty or 0: off Linux, much of it.
type Machine struct {
	Cores      int    `json:"cores"`
	MaxProcs   int    `json:"gomaxprocs"`
	Processor  string `json:"processor"`
	Memory     int64  `json:"memory_bytes"`
	OS         string `json:"os"`
	Kernel     string `json:"kernel"`
	Filesystem string `json:"filesystem"`
	Go         string `json:"go"`
}

// thisMachine describes the machine and the file system of a directory.
func thisMachine(dir string) Machine {
	return Machine{
		Cores: runtime.NumCPU(), MaxProcs: runtime.GOMAXPROCS(0), Processor: field("/proc/cpuinfo", "model name"),
		Memory: kilobytes(field("/proc/meminfo", "MemTotal")), OS: runtime.GOOS + "/" + runtime.GOARCH, Kernel: kernel(),
		Filesystem: filesystem(dir), Go: runtime.Version(),
	}
}

func kernel() string {
	b, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// field finds the first "name: value" of a file.
func field(file, name string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// kilobytes reads "123 kB" as bytes.
func kilobytes(s string) int64 {
	n, err := strconv.ParseInt(strings.TrimSuffix(s, " kB"), 10, 64)
	if err != nil {
		return 0
	}
	return n << 10
}

// filesystem finds the type of the file system that holds a directory: that of the longest mount point above it.
func filesystem(dir string) string {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return ""
	}
	if whole, err := filepath.EvalSymlinks(dir); err == nil {
		dir = whole
	}
	return filesystemIn(mounts, dir)
}

// filesystemIn reads lines of mountinfo: "36 35 98:0 /root /mount options - type source options", see proc(5).
func filesystemIn(mounts []byte, dir string) string {
	var longest, kind string
	lines := bufio.NewScanner(bytes.NewReader(mounts))
	for lines.Scan() {
		before, after, ok := strings.Cut(lines.Text(), " - ")
		fields, types := strings.Fields(before), strings.Fields(after)
		if !ok || len(fields) < 5 || len(types) == 0 {
			continue
		}
		point := strings.ReplaceAll(fields[4], `\040`, " ")
		below := dir == point || strings.HasPrefix(dir, strings.TrimSuffix(point, "/")+"/")
		if below && len(point) >= len(longest) { // of two on one point the later hides the other
			longest, kind = point, types[0]
		}
	}
	return kind
}

// peakMemory is the most memory that this process has had resident.
func peakMemory() (int64, error) {
	n := kilobytes(field("/proc/self/status", "VmHWM"))
	if n == 0 {
		return 0, fmt.Errorf("the peak of resident memory is read from /proc/self/status (VmHWM), which %s does not have", runtime.GOOS)
	}
	return n, nil
}
