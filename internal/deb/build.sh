# Builds the package of /build/tree, and asks lintian about it and about Debian's own. It runs in a
# clean root, which is thrown away.
set -eu
export DEBIAN_FRONTEND=noninteractive DEB_BUILD_OPTIONS="nocheck noautodbgsym"

cd /build/tree
apt-get -q -y build-dep --arch-only --no-install-recommends ./
dpkg-buildpackage --build=any --no-sign

mkdir /build/debian /build/result
cd /build/debian
apt-get -q -o APT::Sandbox::User=root download docker.io
lintian --allow-root --fail-on none --tag-display-limit 0 ./docker.io_*.deb >/build/result/lintian-debian.txt
cd /build/result
mv /build/docker.io_*.deb .
lintian --allow-root --fail-on none --tag-display-limit 0 ./docker.io_*.deb >lintian.txt
