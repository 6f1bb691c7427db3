#!/usr/bin/env bash
# Trains RGNet on MAD.  Paths are relative to the repository's root.
cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit 2
exec python -m method_tng.train mad --system rgnet --config mad "$@"
