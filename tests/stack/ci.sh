#!/bin/sh
# Tests the stack on a Docker engine where one can be had, and says loudly where none can.
set -eu
cd "$(dirname "$0")/../.."

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! command -v dockerd >/dev/null; then
  # In run level 1 the package does not start an engine of the machine's own.
  RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
    docker.io iptables iproute2 debootstrap curl >/dev/null
fi
if .venv/bin/python tests/stack/engine.py; then
  make stack-test
else
  echo
  echo "THE STACK WAS NOT TESTED: no Docker engine can run here (the reason is above)."
fi
