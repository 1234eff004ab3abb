package bench

import "testing"

func TestTheFileSystemIsThatOfTheLongestMountAbove(t *testing.T) {
	t.Parallel()
	mounts := []byte(`22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
23 22 0:21 / /proc rw,nosuid - proc proc rw
30 22 0:27 / /tmp rw shared:5 master:1 - tmpfs tmpfs rw,size=4g
31 22 254:16 / /data rw - xfs /dev/vdb rw
32 31 254:32 / /data/with\040space rw - btrfs /dev/vdc rw
33 22 254:48 / /data rw - zfs pool rw
broken
`)
	for dir, want := range map[string]string{
		"/": "ext4", "/home/x": "ext4", "/tmp": "tmpfs", "/tmp/a/b": "tmpfs", "/tmpfiles": "ext4", "/data/db": "zfs",
		"/data/with space/db": "btrfs", "/procession": "ext4",
	} {
		if got := filesystemIn(mounts, dir); got != want {
			t.Errorf("%s is on %q, want %q", dir, got, want)
		}
	}
	if got := filesystemIn(nil, "/"); got != "" {
		t.Errorf("without mounts: %q", got)
	}
}

func TestKilobytes(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]int64{"12 kB": 12288, "": 0, "x kB": 0} {
		if got := kilobytes(s); got != want {
			t.Errorf("%q is %d, want %d", s, got, want)
		}
	}
}
