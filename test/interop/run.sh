#!/bin/sh
# Installs the programs of package.json and checks this project's files and
# tokens against them. Needs Go, Node.js 20 or newer, npm and its registry.
set -eu
cd "$(dirname "$0")"

# Nothing is optional here but node-llama-cpp's GPU builds (hundreds of MB), and
# no package needs its install script.
npm ci --omit=optional --ignore-scripts --no-audit --no-fund
BITNET_TOOL_INTEROP=1 go test -count=1 -v .
