// Package hfhub fetches revisions of repositories on the Hugging Face Hub into
// the cache that the Hub's own libraries use, or into a plain folder.
//
// Make a [Client] with [New], open a place with [OpenCache] or [OpenLocalDir],
// and call [Client.Pull]. [Client.Plan] alone says what a pull would do. What
// is in a cache is listed by [Cache.List], proven by [Cache.Verify] and removed
// by [Cache.Remove] and [Cache.Prune]; none of these uses the network.
//
// A pull resolves the revision to a commit once and lists that commit's files
// with their sizes and digests. Every file is fetched into a partial file whose
// finished ranges a journal names, so a later process goes on where a killed
// one stopped. A file gets its name only after its size and its digest proved
// right: SHA-256 for LFS files, git's blob SHA-1 for others.
//
// The token is sent to the origin of the endpoint and to nothing else. Errors,
// [Options.Notify] and [Options.Observe] never hold a token or the query of a
// URL, which may be a credential.
//
// The package prints nothing and reads no environment; [FromEnv] reads the
// variables users expect from a function that is given to it.
package hfhub
