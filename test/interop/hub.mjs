// Uses a cache of the Hub with npm @huggingface/hub.
//
//   node hub.mjs ENDPOINT CACHE REPO < revisions.json
//
// Reads a JSON array of revisions from stdin, downloads each into CACHE as far
// as it is not there, and then scans CACHE. Prints {"snapshots": {revision:
// path}, "repos": [{"name", "revisions": [{"commit", "refs", "files": [{"path",
// "blob", "size"}]}]}], "warnings": [texts]}, files and refs sorted.
import { readFileSync } from "node:fs";
import { basename, relative } from "node:path";
import { scanCacheDir, snapshotDownload } from "@huggingface/hub";

console.debug = console.error; // on which the package tells of downloads

const [hubUrl, cacheDir, repo] = process.argv.slice(2);
const snapshots = {};
for (const revision of JSON.parse(readFileSync(0, "utf8"))) {
  snapshots[revision] = await snapshotDownload({ repo, revision, hubUrl, cacheDir });
}

const scan = await scanCacheDir(cacheDir);
const files = (revision) =>
  revision.files
    .map((f) => ({ path: relative(revision.path, f.path), blob: basename(f.blob.path), size: f.blob.size }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
const repos = scan.repos.map(({ id, revisions }) => ({
  name: `${id.type}:${id.name}`,
  revisions: revisions.map((r) => ({ commit: r.commitOid, refs: r.refs.sort(), files: files(r) })),
}));
console.log(JSON.stringify({ snapshots, repos, warnings: scan.warnings.map(String) }));
