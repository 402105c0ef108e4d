#!/usr/bin/env bash
# Makes sure that the browser tests have a Chromium and a font, and says what to do where it cannot.
set -euo pipefail

for name in "${UPTAKE_CHROMIUM:-}" chromium chromium-browser google-chrome; do
  if [ -n "$name" ] && command -v "$name" >/dev/null; then exit 0; fi
done

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo 'The browser tests need Chromium. Install it (Debian: apt-get install chromium fonts-dejavu-core),' >&2
  echo 'or set UPTAKE_CHROMIUM to the path of a Chromium or Chrome.' >&2
  exit 1
fi

printf '\n==> Installing Chromium for the browser tests\n'
apt-get update -q
DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends chromium fonts-dejavu-core
