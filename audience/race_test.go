//go:build race

package audience_test

// scale divides the sizes of large tests under the race detector, which is slow.
const scale = 10
