#!/bin/sh
# Resolve the newest versions that pyproject.toml allows, for every Python and platform at once.
set -eu
cd "$(dirname "$0")/.."

compile() { # OUTPUT ARGUMENT...
	output=requirements/$1.txt
	shift
	# Extras are for resolvers, and what they ask for is in the lock itself.
	uv pip compile -q --universal --python-version 3.11 --upgrade --generate-hashes --no-header \
		--strip-extras --no-emit-index-url --no-emit-find-links -o "$output" "$@"
}

compile demo pyproject.toml --extra local --extra checks
compile dev pyproject.toml --extra local --extra checks --group dev -c requirements/demo.txt
compile fuzz pyproject.toml --extra local --extra checks --group fuzz -c requirements/demo.txt
compile peers --group peers
compile clients --group clients
compile phoenix --group phoenix
compile examples --group examples
compile go --group go
cd tests/clients && npm update --package-lock-only --omit-lockfile-registry-resolved
