//go:build !race

package audience_test

const scale = 1
