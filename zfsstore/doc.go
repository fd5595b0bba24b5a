// Package zfsstore keeps models in ZFS, one dataset a version, so that
// snapshots, send, quota and the freeing of space act on exactly one version.
//
// [Open] gives a store; everything else is the contract of
// internal/store.Store. The datasets of the store tank/bitnet are
//
//	tank/bitnet                  bitnet-tool:store=1
//	tank/bitnet/_incoming/ID     staging areas, mounted only while they are written
//	tank/bitnet/NAME             bitnet-tool:current=VERSION; not mounted
//	tank/bitnet/NAME/VERSION     read-only, with the held snapshot @bitnet-tool
//
// A version is published by one zfs rename, which the pool does wholly or not
// at all. Everything before happens in the staging area; what comes after,
// mounting it and making it current, is done again by the next Begin if the
// machine went down in between.
//
// A repair makes a whole version anew in a staging area and then puts it in the
// place of the damaged one by two renamings. From the first on the next Begin
// does what is left, and the damaged version is destroyed last.
//
// Nothing is destroyed but what this package made: a dataset whose local
// property bitnet-tool:state says so, and which lies in _incoming or carries
// the held snapshot. It never destroys recursively or by force, so a snapshot,
// clone or dataset that an administrator put there is safe.
//
// Writing needs root, since Linux lets nobody else mount. The tests run on
// OpenZFS 2.1; test/zfsvm says how to run them on 2.3.
package zfsstore
