#!/usr/bin/env bash
# Answers a split of Ego4D, in the benchmark's form too: inference_ego4d.sh MODEL SPLIT [OPTIONS].
cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit 2
exec python -m method_tng.inference "$@" --submission ego4d
