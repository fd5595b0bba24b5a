#!/bin/sh
# Verifies model files in continuous integration.
#
#	verify-model.sh FILE…
#
# Every file gets a line on standard output and a JUnit report in $REPORTS
# (default: reports). The exit code is the worst of all: 0 good, 4 bad, 7 could
# not be checked, others as of bitnet-tool. Set in the environment:
#
#	BITNET_TOOL     the program (default: bitnet-tool)
#	REPORTS         folder for reports
#	AGAINST         folder of the checkpoint that the files were made from
#	BASELINE        what `bitnet-tool baseline` wrote when a file was good
#	STRICT          not empty: warnings count as errors
#	MAX_SECONDS     most seconds to evaluate a file
set -eu

[ $# -gt 0 ] || {
	echo 'usage: verify-model.sh FILE…' >&2
	exit 2
}
tool=${BITNET_TOOL:-bitnet-tool}
reports=${REPORTS:-reports}
mkdir -p "$reports"

worst=0
for file in "$@"; do
	set -- "$file" --format junit --progress none
	[ -z "${AGAINST:-}" ] || set -- "$@" --against "$AGAINST"
	[ -z "${BASELINE:-}" ] || set -- "$@" --baseline "$BASELINE"
	[ -z "${STRICT:-}" ] || set -- "$@" --strict
	[ -z "${MAX_SECONDS:-}" ] || set -- "$@" --max-seconds "$MAX_SECONDS"

	name=$(basename "$file")
	code=0
	"$tool" verify "$@" >"$reports/$name.xml" || code=$?
	if [ "$code" -eq 0 ]; then
		echo "ok    $file"
	else
		echo "FAIL  $file (exit code $code, see $reports/$name.xml)"
		[ -s "$reports/$name.xml" ] || rm -f "$reports/$name.xml"
	fi
	[ "$code" -le "$worst" ] || worst=$code
done
exit "$worst"
