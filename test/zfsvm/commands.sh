#!/bin/sh
# Runs in the virtual machine: bitnet-tool on a ZFS store, and its exit codes.
# The commands are those of docs/guide/zfs.md.
tool=/payload/bitnet-tool
fail() {
	echo "FAIL: $*"
	touch /tmp/failed # a variable would be lost in a pipeline
}

# want CODE TEXT COMMAND…: the exit code, and a text in what was printed.
want() {
	code=$1 text=$2
	shift 2
	"$@" >/tmp/answer 2>&1
	got=$?
	if [ $got -ne "$code" ]; then
		fail "exit $got, want $code: $*"
	elif [ -n "$text" ] && ! grep -qF -e "$text" /tmp/answer; then
		fail "no \"$text\" in the answer of: $*"
	else
		return 0
	fi
	cat /tmp/answer
}
must() { "$@" || fail "$*"; }
as_user() { su user -c "$*"; }
new_model() { # folder, size in KiB
	mkdir -p "$1"
	echo '{}' >"$1/config.json"
	dd if=/dev/urandom of="$1/model.bin" bs=1024 count="$2" 2>/dev/null
}

truncate -s 512M /tmp/vdev
zpool create -m /tank tank /tmp/vdev || exit 1
new_model /tmp/a 3000
new_model /tmp/b 1000
chmod -R a+rX /payload /tmp/a /tmp/b

# Permissions: reading needs none, writing needs root.
want 8 sudo as_user $tool store /tmp/a --as tiny --zfs tank/bitnet
want 0 /tank/bitnet/tiny/v1 $tool store /tmp/a --as tiny@v1 --zfs tank/bitnet
want 0 /tank/bitnet/tiny/v1 as_user $tool path tiny --zfs tank/bitnet
want 0 tiny as_user $tool ls --zfs tank/bitnet
want 0 '"ok":true' as_user $tool fsck --all --json --zfs tank/bitnet
must cmp /tmp/a/model.bin /tank/bitnet/tiny/v1/model.bin

# The same again changes nothing; other content is refused.
want 0 '"changed":false' $tool store /tmp/a --as tiny@v1 --zfs tank/bitnet --json
want 6 'other content' $tool store /tmp/b --as tiny@v1 --zfs tank/bitnet
want 0 /tank/bitnet/tiny/v2 $tool store /tmp/b --as tiny@v2 --store zfs:tank/bitnet

# Rolling back, which can be delegated, and removing.
want 8 'zfs set' as_user $tool use tiny@v1 --zfs tank/bitnet
must zfs allow user userprop tank/bitnet
want 0 '' as_user $tool use tiny@v1 --zfs tank/bitnet
want 0 /tank/bitnet/tiny/v1 $tool path tiny --zfs tank/bitnet
want 6 'current' $tool rm tiny@v1 --zfs tank/bitnet
zfs hold backup tank/bitnet/tiny/v2@bitnet-tool
want 6 'backup' $tool rm tiny@v2 --zfs tank/bitnet
zfs release backup tank/bitnet/tiny/v2@bitnet-tool
want 0 '' $tool rm tiny@v2 --zfs tank/bitnet
want 5 'tiny@v2' $tool show tiny@v2 --zfs tank/bitnet

# Mistakes.
want 8 'zfs mount tank/bitnet/tiny/v1' sh -c "zfs unmount tank/bitnet/tiny/v1; $tool path tiny --zfs tank/bitnet"
zfs mount tank/bitnet/tiny/v1
want 2 'dataset' $tool ls --zfs -rf
want 2 'dataset' $tool ls --zfs tank/../x
want 5 'no pool' $tool store /tmp/a --zfs nopool
want 5 'parent' $tool store /tmp/a --zfs tank/no/such
zfs create -o quota=1M tank/small
want 8 'available' $tool store /tmp/a --zfs tank/small
zfs create -o compression=lz4 tank/theirs
want 0 'compression=lz4' $tool store /tmp/b --as tiny --zfs tank/theirs

# Eight at once: all succeed, one of them changes the store. On a host that
# gives this machine little of its processor, one may wait in vain for a minute
# (exit 10) and has to be told again.
many() { $tool store /tmp/b --as many@v1 --zfs tank/bitnet --json >/tmp/many."$1" 2>/tmp/many.err."$1"; }
for i in 1 2 3 4 5 6 7 8; do
	many $i &
	pids="$pids $!"
done
i=0
for pid in $pids; do
	i=$((i + 1))
	wait "$pid"
	code=$?
	if [ $code = 10 ]; then
		echo "store $i of eight waited a minute for the lock"
		many $i
		code=$?
	fi
	[ $code = 0 ] || fail "one of eight stores: exit $code" "$(cat /tmp/many.$i)"
done
changed=$(cat /tmp/many.? | grep -c '"changed":true')
[ "$changed" = 1 ] || fail "$changed of eight changed the store"

# A folder, a file, ZFS, a pipe, a folder: the digest stays.
digest() { $tool show tiny@v1 "$@" | awk '/^digest /{print $2}'; }
want 0 /tmp/dir1/tiny/v1 $tool store /tmp/a --as tiny@v1 --dir /tmp/dir1
want 0 '' $tool export tiny --dir /tmp/dir1 -o /tmp/tiny.bundle
want 0 /tank/moved/tiny/v1 $tool import /tmp/tiny.bundle --zfs tank/moved
$tool export tiny --zfs tank/moved 2>/dev/null | want 0 /tmp/dir2/tiny/v1 $tool import - --dir /tmp/dir2
digest=$(digest --dir /tmp/dir1)
must [ -n "$digest" ]
must [ "$digest" = "$(digest --zfs tank/moved)" ]
must [ "$digest" = "$(digest --dir /tmp/dir2)" ]
must cmp /tmp/a/model.bin /tmp/dir2/tiny/v1/model.bin

# What is not whole is refused, and nothing of it is seen.
head -c 2500000 /tmp/tiny.bundle >/tmp/cut
cp /tmp/tiny.bundle /tmp/changed
printf x | dd of=/tmp/changed bs=1 seek=1500000 conv=notrunc 2>/dev/null
want 4 'it is cut' $tool import /tmp/cut --zfs tank/refused
want 4 'not a good bundle' $tool import /tmp/changed --zfs tank/refused
must [ "$(zfs list -H -r -o name tank/refused | wc -l)" = 2 ] # with _incoming

# While it is exported a version can be read and not removed.
want 0 '' $tool store /tmp/b --as tiny@v2 --zfs tank/moved
mkfifo /tmp/pipe
$tool export tiny@v1 --zfs tank/moved >/tmp/pipe 2>/dev/null &
exec 4</tmp/pipe
dd bs=1 count=1 <&4 >/tmp/slow 2>/dev/null
want 0 'tiny@v1: ok' $tool fsck tiny@v1 --zfs tank/moved
want 10 busy $tool rm tiny@v1 --zfs tank/moved
want 10 busy $tool prune --keep-last 1 --zfs tank/moved
cat <&4 >>/tmp/slow
wait $!
must cmp /tmp/slow /tmp/tiny.bundle

# The drill.
must zfs set readonly=off tank/moved/tiny/v1
printf x | dd of=/tank/moved/tiny/v1/model.bin bs=1 seek=5000 conv=notrunc 2>/dev/null
must zfs set readonly=on tank/moved/tiny/v1
want 4 'tiny@v1 --repair' $tool fsck tiny@v1 --zfs tank/moved
want 0 'tiny@v1: repaired' $tool fsck tiny@v1 --repair --offline --from dir:/tmp/dir2 --zfs tank/moved
want 0 'tiny@v1: ok' $tool fsck --all --zfs tank/moved
must zpool scrub -w tank
want 0 'No known data errors' zpool status -v tank
want 0 'tiny@v1' $tool prune --keep-last 1 --zfs tank/moved
want 0 /tank/moved/tiny/v1 $tool import /tmp/tiny.bundle --zfs tank/moved

# More commands of the guide.
must zfs set com.sun:auto-snapshot=false tank/bitnet
must zfs set quota=500G tank/bitnet
for name in models hf; do
	must zfs create -o recordsize=1M -o compression=zstd -o atime=off -o xattr=sa tank/$name
	must chown user /tank/$name
done
want 0 /tank/models/tiny/v1 as_user $tool store /tmp/b --as tiny@v1 --dir /tank/models

# To another pool by hand.
truncate -s 256M /tmp/vdev2
zpool create -m /backup backup /tmp/vdev2
must zfs create -o canmount=off backup/bitnet
must zfs create -o canmount=off -o bitnet-tool:current=v1 backup/bitnet/tiny
zfs send -Lec -p tank/bitnet/tiny/v1@bitnet-tool |
	must zfs receive -u -x mountpoint -x sharenfs -x sharesmb \
		-o canmount=noauto -o readonly=on -o exec=off -o setuid=off -o devices=off \
		backup/bitnet/tiny/v1
must zfs mount backup/bitnet/tiny/v1
want 0 '"ok":true' $tool fsck tiny@v1 --zfs backup/bitnet --json
want 0 /backup/bitnet/tiny/v1 $tool path tiny --zfs backup/bitnet
want 6 'not made by bitnet-tool' $tool rm tiny@v1 --zfs backup/bitnet
must zfs set bitnet-tool:state=complete canmount=on backup/bitnet/tiny/v1
must zfs hold bitnet-tool backup/bitnet/tiny/v1@bitnet-tool
want 0 '' $tool rm tiny@v1 --zfs backup/bitnet

[ ! -e /tmp/failed ] && echo 'all commands did what the guide says'
