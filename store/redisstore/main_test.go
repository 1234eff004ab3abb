package redisstore

import (
	"flag"
	"os"
	"strconv"
	"testing"
)

// TestMain fits two defaults to this package; a flag that is given is what counts. Its tests wait for servers more than they work, so
// more of them may run at a time than there are processors. And every sequence of operations goes over a socket, on one server, on a
// cluster, and through copies of stores, so each has fewer of them in an ordinary run; the long one, which says how many rounds it wants
// of others, has them all.
func TestMain(m *testing.M) {
	flag.Parse()
	defaults := map[string]int{"test.parallel": 6}
	if os.Getenv("MINAPUSH_TEST_ROUNDS") == "" {
		defaults["rapid.checks"] = 30
	}
	flag.Visit(func(f *flag.Flag) { delete(defaults, f.Name) })
	for name, value := range defaults {
		if err := flag.Set(name, strconv.Itoa(value)); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
