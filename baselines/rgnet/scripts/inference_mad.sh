#!/usr/bin/env bash
# Answers a split of MAD, in the benchmark's form too: inference_mad.sh MODEL SPLIT [OPTIONS].
cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit 2
exec python -m method_tng.inference "$@" --submission mad
