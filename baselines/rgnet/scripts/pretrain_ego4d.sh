#!/usr/bin/env bash
# Pre-trains RGNet on narrations (NaQ).  Paths are relative to the repository's root.
cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit 2
exec python -m method_tng.train ego4d_naq --system rgnet --config ego4d_pretrain "$@"
