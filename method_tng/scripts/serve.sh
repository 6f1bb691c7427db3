#!/usr/bin/env bash
# Thin call of the serve command: serve.sh INDEX [--host ... --port ...]
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
exec python -m method_tng.serve "$@"
