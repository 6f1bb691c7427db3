#!/usr/bin/env bash
# Thin call of the demo: draws films, extracts, trains, indexes, searches and serves them; --quick is shorter.
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
exec python -m method_tng.demo "$@"
