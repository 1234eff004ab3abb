package storetest_test

import (
	"testing"
	"time"

	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/storetest"
)

func TestTheModelStandsFaultsInEveryForm(t *testing.T) {
	storetest.RunFaults(t, storetest.Backend{
		Open: func(_ testing.TB, clock func() time.Time) store.Store { return storetest.NewModel(clock) },
	})
}
