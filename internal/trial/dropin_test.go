package trial

import (
	"slices"
	"testing"

	"ethorder/internal/pins"

	"gotest.tools/v3/assert"
)

func TestOfficialIsAsOfTheLastRowThatSaysSo(t *testing.T) {
	for release, want := range map[string]official{
		"17.12.1": {Log: officials[0].Log, Storage: officials[0].Storage, Libraries: list("libdevmapper.so.1.02.1 libseccomp.so.2 libsystemd.so.0"), Proxy: []string{}},
		"24.0.9":  {Log: officials[4].Log, Storage: list("btrfs devicemapper fuse-overlayfs overlay2 vfs zfs"), Libraries: list("libdevmapper.so.1.02.1 libsystemd.so.0"), Proxy: list("docker-proxy")},
		"29.5.3":  {Log: officials[9].Log, Storage: officials[9].Storage, Libraries: list("libnftables.so.1 libsystemd.so.0"), Proxy: list("docker-proxy")},
	} {
		got := officialOf(release)
		assert.DeepEqual(t, got.Log, want.Log)
		assert.DeepEqual(t, got.Storage, want.Storage)
		assert.DeepEqual(t, got.Libraries, want.Libraries)
		assert.DeepEqual(t, got.Proxy, want.Proxy)
	}
}

func TestOfficialsAreSorted(t *testing.T) {
	assert.Assert(t, slices.IsSortedFunc(officials, func(a, b official) int { return pins.Compare(a.Since, b.Since) }))
	for _, o := range officials {
		for _, names := range [][]string{o.Log, o.Network, o.Storage, o.Runtimes, o.Tags, o.Libraries} {
			assert.Check(t, slices.IsSorted(names), "%s: %v", o.Since, names)
		}
	}
}
