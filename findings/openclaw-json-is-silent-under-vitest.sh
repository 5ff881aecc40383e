#!/usr/bin/env bash
# OpenClaw 2026.9.6: where the variable VITEST is set, as in every process that a test of vitest starts, commands with
# --json print nothing and end with their usual status. `openclaw config validate --json` exits 0 with an empty output for
# a sound config and 1 with an empty output for an unsound one, so whoever parses the answer fails on no text at all;
# --version still prints. Without the variable the same commands print their JSON.
#
# Seen with Node 24.21.0:
#   VITEST unset, sound:   status 0, {"valid":true,"path":"…","warnings":[]}
#   VITEST unset, unsound: status 1, "valid": false and the key that is not known
#   VITEST=true, sound:    status 0, 0 bytes
#   VITEST=true, unsound:  status 1, 0 bytes
#   VITEST=true --version: OpenClaw 2026.9.6 (…)
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
unset VITEST
echo '{"private":true}' >package.json
npm install --ignore-scripts --no-audit --no-fund --loglevel=error node@24.21.0 openclaw@2026.9.6
# The package `node` fetches its binary in a script of its own.
npm rebuild --no-audit --no-fund --loglevel=error node
echo '{"gateway":{"mode":"local"}}' >sound.json
echo '{"gateway":{"mode":"local"},"nonsense":1}' >unsound.json

# ask <file>: prints what the command says; its status is the command's.
ask() {
  HOME="$dir" OPENCLAW_STATE_DIR="$dir/state" OPENCLAW_CONFIG_PATH="$dir/$1" \
    node_modules/.bin/node node_modules/openclaw/openclaw.mjs config validate --json 2>/dev/null
}

# expect <what> <status> <pattern> <file>
expect() {
  local status=0 said
  said=$(ask "$4") || status=$?
  echo "$1: status $status, ${#said} characters"
  if [[ $status != "$2" || ! $said =~ $3 ]]; then
    echo "changed: $1 gave status $status and: $said"
    exit 1
  fi
}

expect "sound" 0 '"valid": ?true' sound.json
expect "unsound" 1 '"valid": ?false' unsound.json
export VITEST=true
expect "sound under VITEST" 0 '^$' sound.json
expect "unsound under VITEST" 1 '^$' unsound.json
HOME="$dir" node_modules/.bin/node node_modules/openclaw/openclaw.mjs --version | grep "2026.9.6"
echo "as recorded"
