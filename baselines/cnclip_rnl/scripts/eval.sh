#!/usr/bin/env bash
# Shot recall of the first stage, then all tasks of both: eval.sh MODEL SPLIT [OPTIONS].
cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit 2
python -m baselines.cnclip_rnl.scripts.shot_recall "$@" || exit
exec python -m method_tng.inference "$@"
