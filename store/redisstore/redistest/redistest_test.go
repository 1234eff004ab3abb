package redistest

import (
	"strings"
	"syscall"
	"testing"
)

func TestAKilledServerComesBackWithWhatItAcknowledged(t *testing.T) {
	t.Parallel()
	s := One(t)
	if _, err := s.Do("SET", "a", "1"); err != nil {
		t.Fatal(err)
	}
	old := s.Pid()
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Do("PING"); err == nil {
		t.Fatal("a killed server answers")
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Do("GET", "a"); err != nil || got != "1" {
		t.Errorf("got %q, %v", got, err)
	}
	if s.Pid() == old {
		t.Error("it is the same process")
	}
}

func TestAServerEndsWithTheTest(t *testing.T) {
	t.Parallel()
	var pid int
	t.Run("inner", func(t *testing.T) { pid = One(t).Pid() })
	if t.Failed() || pid == 0 {
		t.Skip("nothing was started")
	}
	if err := syscall.Kill(pid, 0); err == nil {
		t.Error("it still runs")
	}
}

func TestALineChangesTheConfiguration(t *testing.T) {
	t.Parallel()
	s := One(t, "maxmemory 8mb")
	if got, err := s.Do("CONFIG", "GET", "maxmemory"); err != nil || !strings.Contains(got, "8388608") {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestEveryNodeOfAClusterSaysOK(t *testing.T) {
	t.Parallel()
	g := Cluster(t, 3, 1)
	if len(g.Servers) != 6 || len(g.Masters()) != 3 {
		t.Fatalf("%d servers, %d masters", len(g.Servers), len(g.Masters()))
	}
	for _, s := range g.Servers {
		if info, err := s.Do("CLUSTER", "INFO"); err != nil || !strings.Contains(info, "cluster_state:ok") {
			t.Errorf("%s: %q, %v", s.Addr(), info, err)
		}
	}
}
