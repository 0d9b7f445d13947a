package trial

import (
	"slices"
	"strings"
	"testing"

	"ethorder/internal/pins"

	"gotest.tools/v3/assert"
)

func TestOfficialIsAsOfTheLastRowThatSaysSo(t *testing.T) {
	for release, want := range map[string]map[string]string{
		"17.12.1": {
			"log drivers":     "awslogs fluentd gcplogs gelf journald json-file logentries splunk syslog",
			"storage drivers": "aufs btrfs devicemapper overlay overlay2 vfs zfs",
			"libraries":       "libdevmapper.so.1.02.1 libseccomp.so.2 libsystemd.so.0", "programs": "",
		},
		"24.0.9": {
			"log drivers":     "awslogs fluentd gcplogs gelf journald json-file local logentries splunk syslog",
			"storage drivers": "btrfs devicemapper fuse-overlayfs overlay2 vfs zfs",
			"libraries":       "libdevmapper.so.1.02.1 libsystemd.so.0", "programs": "docker-proxy",
		},
		"29.5.3": {
			"log drivers":     "awslogs fluentd gcplogs gelf journald json-file local splunk syslog",
			"storage drivers": "btrfs fuse-overlayfs overlay2 vfs zfs",
			"libraries":       "libnftables.so.1 libsystemd.so.0", "programs": "docker-proxy",
		},
	} {
		got := officialOf(release)
		for what, names := range want {
			assert.Check(t, strings.Join(got[what], " ") == names, "%s, %s: %v", release, what, got[what])
		}
	}
}

func TestOfficialsAreSorted(t *testing.T) {
	for i, o := range officials {
		assert.Check(t, i == 0 || pins.Compare(officials[i-1].Since, o.Since) < 0, o.Since)
		for what, names := range o.Has {
			assert.Check(t, slices.IsSorted(strings.Fields(names)), "%s, %s", o.Since, what)
			assert.Check(t, officials[0].Has[what] != "" || what == "programs", "%s, %s", o.Since, what)
		}
	}
}
