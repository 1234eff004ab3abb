//go:build !race

package pebblestore

const slowIterators = false
