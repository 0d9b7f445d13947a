// The libnetwork that Docker 17.12.1 vendors, with the versions that it was built
// with, and what the tests of libnetwork need. go mod tidy would drop the latter.
module ethorder/e2e/libnetwork/v17_12

go 1.21

toolchain go1.21.13

require (
	github.com/BurntSushi/toml v0.2.0
	github.com/armon/go-metrics v0.0.0-20150106224455-eb0af217e5e9
	github.com/armon/go-radix v0.0.0-20150105235045-e39d623f12e8
	github.com/boltdb/bolt v1.3.0
	github.com/codegangsta/cli v1.20.0
	github.com/containerd/console v0.0.0-20170925154832-84eeaae905fa
	github.com/containerd/continuity v0.0.0-20170913164642-35d55c5e8dd2
	github.com/coreos/etcd v3.2.1+incompatible
	github.com/coreos/go-semver v0.2.0
	github.com/coreos/go-systemd v0.0.0-20170609144627-24036eb3df68
	github.com/coreos/pkg v0.0.0-20160620232715-fa29b1d70f0b
	github.com/cyphar/filepath-securejoin v0.2.1
	github.com/davecgh/go-spew v1.1.1
	github.com/deckarep/golang-set v0.0.0-20141123011944-ef32fa3046d9
	github.com/docker/docker v17.12.1-ce+incompatible
	github.com/docker/go-connections v0.3.0
	github.com/docker/go-events v0.0.0-20170721190031-9461782956ad
	github.com/docker/go-units v0.3.2-0.20170127094116-9e638d38cf69
	github.com/docker/libkv v0.2.1
	github.com/docker/libnetwork v0.8.0-dev.2.0.20180123220423-0ef1f8c94fa8
	github.com/godbus/dbus v4.0.0+incompatible
	github.com/gogo/protobuf v0.0.0-20170307180453-100ba4e88506
	github.com/golang/protobuf v0.0.0-20170523065751-7a211bcf3bce
	github.com/gorilla/context v0.0.0-20160226214623-1ea25387ff6f
	github.com/gorilla/mux v0.0.0-20160317213430-0eeaf8392f5b
	github.com/hashicorp/consul v0.5.2
	github.com/hashicorp/go-msgpack v0.0.0-20140221154404-71c2886f5a67
	github.com/hashicorp/go-multierror v0.0.0-20150127051936-fcdddc395df1
	github.com/hashicorp/go-sockaddr v1.0.0
	github.com/hashicorp/memberlist v0.1.0
	github.com/hashicorp/serf v0.7.1-0.20160317193612-598c54895cc5
	github.com/miekg/dns v0.0.0-20160129163459-3d66e3747d22
	github.com/mrunalp/fileutils v0.0.0-20160930181131-4ee1cc9a8058
	github.com/opencontainers/go-digest v0.0.0-20170106003457-a6d0ee40d420
	github.com/opencontainers/image-spec v1.0.0
	github.com/opencontainers/runc v1.0.0-rc5
	github.com/opencontainers/runtime-spec v0.0.0-20180911193056-5684b8af48c1
	github.com/opencontainers/selinux v1.0.0-rc1
	github.com/pkg/errors v0.8.1-0.20161002052512-839d9e913e06
	github.com/pmezard/go-difflib v1.0.0
	github.com/samuel/go-zookeeper v0.0.0-20150415181332-d0e0d8e11f31
	github.com/sean-/seed v0.0.0-20170313163322-e2103e2c3529
	github.com/sirupsen/logrus v1.0.3
	github.com/stretchr/testify v1.1.4
	github.com/syndtr/gocapability v0.0.0-20200815063812-42c35b437635
	github.com/ugorji/go v0.0.0-20151028022000-f1f1a805ed36
	github.com/vishvananda/netlink v0.0.0-20171020171820-b2de5d10e38e
	github.com/vishvananda/netns v0.0.0-20150710222425-604eaf189ee8
	golang.org/x/crypto v0.0.0-20180515001509-1a580b3eff78
	golang.org/x/net v0.0.0-20170809000501-1c05540f6879
	golang.org/x/sys v0.0.0-20171031081856-95c657629925
)
