#!/usr/bin/env bash
# Thin call of the extraction command: extract.sh FOLDER OUT; paths are relative to the repository's root.
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
exec python -m method_tng.extract "$@"
