#!/usr/bin/env bash
# Trains both stages: train.sh DSET [CTX_MODE] [OPTIONS].
cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit 2
exec python -m method_tng.train "$@" --system cnclip_rnl
