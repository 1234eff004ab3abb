package storetest

import (
	"reflect"
	"testing"
)

// Run judges a backend by the contract of package store. Each subtest is one sentence of it, has a store of its own, runs beside
// the others, and ends with Check. A backend's own test is this call and nothing else; what is found in one backend becomes a
// subtest for all.
func Run(t *testing.T, b Backend) {
	suiteGroup(t, b, "Deposit", func(k *suiteKit) suiteDeposit { return suiteDeposit{k} })
	suiteGroup(t, b, "Identity", func(k *suiteKit) suiteIdentity { return suiteIdentity{k} })
	suiteGroup(t, b, "Pair", func(k *suiteKit) suitePair { return suitePair{k} })
	suiteGroup(t, b, "Void", func(k *suiteKit) suiteVoid { return suiteVoid{k} })
	suiteGroup(t, b, "Eviction", func(k *suiteKit) suiteEviction { return suiteEviction{k} })
	suiteGroup(t, b, "User", func(k *suiteKit) suiteUser { return suiteUser{k} })
	suiteGroup(t, b, "Recent", func(k *suiteKit) suiteRecent { return suiteRecent{k} })
	suiteGroup(t, b, "Walk", func(k *suiteKit) suiteWalk { return suiteWalk{k} })
	suiteGroup(t, b, "Beside", func(k *suiteKit) suiteBeside { return suiteBeside{k} })
	suiteGroup(t, b, "Sweep", func(k *suiteKit) suiteSweep { return suiteSweep{k} })
	suiteGroup(t, b, "Erase", func(k *suiteKit) suiteErase { return suiteErase{k} })
	suiteGroup(t, b, "Flow", func(k *suiteKit) suiteFlow { return suiteFlow{k} })
	suiteGroup(t, b, "Profile", func(k *suiteKit) suiteProfile { return suiteProfile{k} })
	suiteGroup(t, b, "UIDs", func(k *suiteKit) suiteUIDs { return suiteUIDs{k} })
	suiteGroup(t, b, "NamedEvents", func(k *suiteKit) suiteNamedEvents { return suiteNamedEvents{k} })
	suiteGroup(t, b, "Push", func(k *suiteKit) suitePush { return suitePush{k} })
	suiteGroup(t, b, "PushKey", func(k *suiteKit) suitePushKey { return suitePushKey{k} })
	suiteGroup(t, b, "PushEnd", func(k *suiteKit) suitePushEnd { return suitePushEnd{k} })
	suiteGroup(t, b, "Reserve", func(k *suiteKit) suiteReserve { return suiteReserve{k} })
	suiteGroup(t, b, "Again", func(k *suiteKit) suiteAgain { return suiteAgain{k} })
	suiteGroup(t, b, "Skip", func(k *suiteKit) suiteSkip { return suiteSkip{k} })
	suiteGroup(t, b, "List", func(k *suiteKit) suiteList { return suiteList{k} })
	suiteGroup(t, b, "Listed", func(k *suiteKit) suiteListed { return suiteListed{k} })
	suiteGroup(t, b, "OptOut", func(k *suiteKit) suiteOptOut { return suiteOptOut{k} })
	suiteGroup(t, b, "Guard", func(k *suiteKit) suiteGuard { return suiteGuard{k} })
	suiteGroup(t, b, "PushGuard", func(k *suiteKit) suitePushGuard { return suitePushGuard{k} })
	suiteGroup(t, b, "Codes", func(k *suiteKit) suiteCodes { return suiteCodes{k} })
	suiteGroup(t, b, "Mark", func(k *suiteKit) suiteMark { return suiteMark{k} })
	suiteGroup(t, b, "Settle", func(k *suiteKit) suiteSettle { return suiteSettle{k} })
	suiteGroup(t, b, "Recover", func(k *suiteKit) suiteRecover { return suiteRecover{k} })
	suiteGroup(t, b, "Suspects", func(k *suiteKit) suiteSuspects { return suiteSuspects{k} })
	suiteGroup(t, b, "Progress", func(k *suiteKit) suiteProgress { return suiteProgress{k} })
	suiteGroup(t, b, "Lease", func(k *suiteKit) suiteLease { return suiteLease{k} })
	suiteGroup(t, b, "Rate", func(k *suiteKit) suiteRate { return suiteRate{k} })
	suiteGroup(t, b, "Deliveries", func(k *suiteKit) suiteDeliveries { return suiteDeliveries{k} })
	suiteGroup(t, b, "Open", func(k *suiteKit) suiteOpen { return suiteOpen{k} })
	suiteGroup(t, b, "Confirm", func(k *suiteKit) suiteConfirm { return suiteConfirm{k} })
	suiteGroup(t, b, "Note", func(k *suiteKit) suiteNote { return suiteNote{k} })
	suiteGroup(t, b, "Documents", func(k *suiteKit) suiteDocuments { return suiteDocuments{k} })
	suiteGroup(t, b, "Contenders", func(k *suiteKit) suiteContenders { return suiteContenders{k} })
	suiteGroup(t, b, "Hostile", func(k *suiteKit) suiteHostile { return suiteHostile{k} })
	suiteGroup(t, b, "Context", func(k *suiteKit) suiteContext { return suiteContext{k} })
	suiteGroup(t, b, "Durable", func(k *suiteKit) suiteDurable { return suiteDurable{k} })
}

// suiteGroup runs every exported method of G as a subtest of the method's name.
func suiteGroup[G any](t *testing.T, b Backend, name string, group func(*suiteKit) G) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		typ := reflect.TypeFor[G]()
		if typ.NumMethod() == 0 {
			t.Fatalf("%v has no exported method: nothing would be tested", typ)
		}
		for i := range typ.NumMethod() {
			m := typ.Method(i)
			t.Run(m.Name, func(t *testing.T) {
				t.Parallel()
				m.Func.Call([]reflect.Value{reflect.ValueOf(group(newSuiteKit(t, b)))})
			})
		}
	})
}
