#!/usr/bin/env bash
# Prepares what is needed to boot a small virtual machine with a real OpenZFS
# kernel module, and prints the directory it is in: kernel, initramfs, busybox
# and QEMU. The first call takes about ten minutes, nearly all of it to compile
# OpenZFS; a later one only looks at a stamp and needs no network.
#
#   XDG_CACHE_HOME  where caches are (default ~/.cache)
#   ZFSVM_ZFS       stable (2.1, Debian 12) or backports (2.3); default stable
#
# Nothing is installed and the machine's list of package sources is not touched:
# packages come through a private configuration of apt and are unpacked beside
# the cache. Needs Debian 12 on amd64 and gcc-12, make, bc, perl.
set -euo pipefail
umask 022

suite=${ZFSVM_ZFS:-stable}
self=$(readlink -f "${BASH_SOURCE[0]}")
# A changed script is another cache.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/bitnet-tool/zfsvm/$(sha256sum <"$self" | cut -c1-12)
out=$cache/$suite

say() { printf 'zfsvm: %4d s: %s\n' "$SECONDS" "$*" >&2; }
die() {
	printf 'zfsvm: %s\n' "$*" >&2
	exit 1
}
ready() { [ -e "$out/info" ] && [ -e "$cache/qemu/usr/bin/qemu-system-x86_64" ]; }
finish() {
	echo "$out"
	exit 0
}

# The names of OpenZFS's libraries carry their ABI.
case $suite in
stable) zfs_libs='libzfs4linux libzpool5linux' release='' ;;
backports) zfs_libs='libzfs6linux libzpool6linux' release=bookworm-backports ;;
*) die "ZFSVM_ZFS=$suite: want stable or backports" ;;
esac

ready && finish
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9 # another run may be building
ready && finish

for tool in apt-get apt-cache dpkg make perl bc flock ldd gcc-12; do
	command -v $tool >/dev/null || die "$tool is missing (Debian: apt-get install gcc-12 make bc perl)"
done
[ "$(dpkg --print-architecture)" = amd64 ] || die 'needs Debian on amd64'

rm -rf "$cache"/tmp.* # of a run that was killed
tmp=$(mktemp -d "$cache/tmp.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

# Runs a command quietly, and shows the end of what it said if it fails.
quiet() {
	"$@" >"$tmp/log" 2>&1 || {
		tail -30 "$tmp/log" >&2
		die "failed: $1 ${*: -1}"
	}
}

# --- apt, with lists of its own: contrib has OpenZFS, backports the newer one

mkdir -p "$tmp"/apt/{lists,archives}/partial "$tmp/qemu" "$tmp"/debs/{kernel,user}
sources=/etc/apt/sources.list.d/debian.sources
if [ -r $sources ]; then
	list=$tmp/apt/debian.sources
	sed -E -e 's/^Components:.*/Components: main contrib/' \
		-e '/-security/!s/^Suites: *bookworm\b.*/Suites: bookworm bookworm-updates bookworm-backports/' \
		$sources >"$list"
else
	list=$tmp/apt/debian.list
	sed -nE 's/^(deb( \[[^]]*\])? [^ ]+ bookworm[^ ]*) .*/\1 main contrib/p' /etc/apt/sources.list >"$list"
	sed -nE 's/ bookworm main contrib$/ bookworm-backports main contrib/p' "$list" >>"$list"
fi
apt=(-q -o "Dir::Etc::sourcelist=$list" -o Dir::Etc::sourceparts=/dev/null
	-o "Dir::State::lists=$tmp/apt/lists" -o "Dir::Cache=$tmp/apt"
	-o APT::Sandbox::User= -o Acquire::Retries=3 -o Acquire::Languages=none
	-o Debug::NoLocking=1)
download() { # directory, package…
	(cd "$1" && shift && quiet apt-get "${apt[@]}" download "$@")
}
unpack() { # directory of packages, target
	for deb in "$1"/*.deb; do dpkg -x "$deb" "$2"; done
}

say 'package lists'
quiet apt-get "${apt[@]}" update

# --- QEMU and those of its libraries that this machine lacks

if [ ! -e "$cache/qemu/usr/bin/qemu-system-x86_64" ]; then
	say 'QEMU'
	quiet apt-get "${apt[@]}" install -y --no-install-recommends --download-only --reinstall qemu-system-x86 qemu-system-data seabios
	unpack "$tmp/apt/archives" "$tmp/qemu"
	rm -rf "$tmp"/qemu/usr/share/{doc,man,locale} "$tmp"/apt/archives/*.deb
	rm -rf "$cache/qemu" && mv "$tmp/qemu" "$cache/qemu"
fi

# --- kernel, its headers, OpenZFS

# The meta package names the newest kernel for virtual machines.
image=$(apt-cache "${apt[@]}" depends linux-image-cloud-amd64 | sed -nE 's/^ *Depends: (linux-image-[0-9].*)/\1/p')
version=${image#linux-image-}
[ -n "$version" ] || die 'the package lists name no kernel'
say "kernel $version and OpenZFS"
download "$tmp/debs/kernel" "$image" "linux-headers-$version" \
	"linux-headers-${version%-cloud-amd64}-common" linux-kbuild-6.1 "zfs-dkms${release:+/$release}"
user=()
# shellcheck disable=SC2086 # a list
for package in zfsutils-linux $zfs_libs libnvpair3linux libuutil3linux; do user+=("$package${release:+/$release}"); done
download "$tmp/debs/user" busybox-static libtirpc3 "${user[@]}"
k=$tmp/kernel u=$tmp/user
unpack "$tmp/debs/kernel" "$k"
unpack "$tmp/debs/user" "$u"

headers=$k/usr/src/linux-headers-$version
common=$k/usr/src/linux-headers-${version%-cloud-amd64}-common
source=$(echo "$k"/usr/src/zfs-*)
# The headers name their own place by an absolute path.
sed -i "s#^include /usr/src/#include $k/usr/src/#" "$headers/Makefile"
export KCFLAGS=-g0 # debug information would double time and size
cd "$source"
chmod +x configure
say "configure OpenZFS ${source##*/zfs-}"
TEST_JOBS=$(nproc) quiet ./configure --with-config=kernel --with-linux="$common" --with-linux-obj="$headers"
say 'compile it'
quiet make -j"$(nproc)"
cd /

# --- the guest's root

say 'initramfs'
root=$tmp/root
modules=$root/lib/modules/$version
busybox=$(find "$u" -name busybox -type f -perm -u+x | head -1)
mkdir -p "$root"/{bin,sbin,dev,proc,sys,tmp,run,root,out,payload,lib64,lib/x86_64-linux-gnu,etc/zfs,usr/bin,var} "$modules"
ln -s ../run "$root/var/run"
ln -s ../run/lock "$root/var/lock"
cp "$busybox" "$root/bin/busybox"
for applet in $("$busybox" --list); do
	[ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
done
ln -s ../../bin/busybox "$root/usr/bin/env" # ZFS mounts a snapshot through /usr/bin/env mount

for module in virtio/virtio virtio/virtio_ring virtio/virtio_pci virtio/virtio_pci_legacy_dev \
	virtio/virtio_pci_modern_dev block/virtio_blk char/virtio_console; do
	cp "$k/lib/modules/$version/kernel/drivers/$module.ko" "$modules/"
done
find "$source/module" -name '*.ko' -exec cp {} "$modules/" \;
strip --strip-debug "$modules"/*.ko
"$busybox" depmod -b "$root" "$version"

lib=$u/lib/x86_64-linux-gnu:$u/usr/lib/x86_64-linux-gnu
for tool in zfs zpool mount.zfs; do
	found=$(find "$u" -name $tool -type f -path '*bin/*' | head -1)
	[ -n "$found" ] || die "no $tool in the packages"
	cp "$found" "$root/sbin/$tool"
	needs=$(LD_LIBRARY_PATH=$lib ldd "$found")
	! grep 'not found' <<<"$needs" >&2 || die "a library of $tool is missing on this machine"
	for file in $(grep -oE '/[^ ]+' <<<"$needs"); do
		case $file in
		*/ld-linux*) cp -Lu "$file" "$root/lib64/" ;;
		*) cp -Lu "$file" "$root/lib/x86_64-linux-gnu/" ;;
		esac
	done
done
cp -L /lib/x86_64-linux-gnu/libgcc_s.so.1 "$root/lib/x86_64-linux-gnu/" # for pthread_cancel

ln -s /proc/mounts "$root/etc/mtab"
printf 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/tmp:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\nuser:x:1000:\n' >"$root/etc/group"
printf '127.0.0.1 localhost\n' >"$root/etc/hosts"

mkdir "$tmp/new"
(cd "$root" && find . -print0 | "$busybox" cpio -0 -o -H newc 2>/dev/null) >"$tmp/new/initramfs"
cp "$k/boot/vmlinuz-$version" "$tmp/new/vmlinuz"
printf 'kernel %s\nOpenZFS %s\n' "$version" "${source##*/zfs-}" >"$tmp/new/info"
rm -rf "$out"
mv "$tmp/new" "$out"
say "ready: $(du -sh "$out" | cut -f1), QEMU $(du -sh "$cache/qemu" | cut -f1)"
finish
