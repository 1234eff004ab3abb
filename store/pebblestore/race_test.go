//go:build race

package pebblestore

// Under the race detector Pebble keeps a stack for every iterator that it opens.
const slowIterators = true
