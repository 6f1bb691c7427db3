#!/usr/bin/env bash
# Thin call of the inference command; paths are relative to the repository's root.
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
exec python -m method_tng.inference "$@"
