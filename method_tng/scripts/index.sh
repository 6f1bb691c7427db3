#!/usr/bin/env bash
# Thin call of the index command: index.sh add|replace|remove|search|compact|status|doctor INDEX ...
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
exec python -m method_tng.index_corpus "$@"
