//go:build !race

package collect_test

const scale = 1
