// Package store says what a store of models is: versions of named models,
// each published whole or not at all, with a manifest of digests that later
// proves every byte.
//
// A backend implements [Store]. To put something in, find the files with
// [OpenSnapshot] or [OpenPath] and call [Put], which checks space, copies,
// hashes and publishes. To write files in place instead, call Store.Begin,
// write below [Tx.Root], describe what is there with [Describe] and call
// [Tx.Commit]. To read, call Store.Open and use the [Artifact]; [Check] reads
// all of it again and lists what is damaged.
//
// A version on the disk is a folder that holds the files of the model, as
// plain files, and the folder .bitnet-tool with the manifest:
//
//	NAME/VERSION/config.json
//	NAME/VERSION/model.safetensors
//	NAME/VERSION/.bitnet-tool/manifest.json
//
// There are no symbolic links in it, so that any tool can copy, mount or serve
// it without knowing this program.
//
// The package prints nothing and reads no environment.
package store
