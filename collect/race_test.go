//go:build race

package collect_test

// scale divides the sizes of large tests under the race detector, which is slow.
const scale = 10
