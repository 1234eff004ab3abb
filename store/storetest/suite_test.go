package storetest_test

import (
	"testing"
	"time"

	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/storetest"
)

func TestTheModelConforms(t *testing.T) {
	storetest.Run(t, storetest.Backend{
		Open: func(_ testing.TB, clock func() time.Time) store.Store { return storetest.NewModel(clock) },
		Reopen: func(_ testing.TB, st store.Store, _ func() time.Time) store.Store {
			return st.(*storetest.Model).Reopen()
		},
	})
}
