#!/usr/bin/env bash
# Makes sure that the tests of alert rules have Prometheus' promtool; where it cannot be had they say so and are skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

if command -v promtool >/dev/null || [ -x build/promtool/usr/bin/promtool ]; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo 'The tests of deploy/prometheus are skipped without promtool (Debian: in the package prometheus).' >&2
  exit 0
fi

printf '\n==> Fetching promtool for the tests of alert rules\n'
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder" # apt reads it as another user
apt-get update -q
(cd "$folder" && apt-get download -q prometheus) # the program alone: the package would start a service
dpkg -x "$folder"/prometheus_*.deb "$folder/all"
mkdir -p build/promtool/usr/bin
cp "$folder/all/usr/bin/promtool" build/promtool/usr/bin/
