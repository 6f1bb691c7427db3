#!/usr/bin/env bash
# Fine-tunes a pre-trained run on Ego4D's queries: finetune_ego4d.sh RUN [OPTIONS].
cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit 2
case "${1:--}" in
    -*) echo "usage: finetune_ego4d.sh RUN [OPTIONS]; RUN is what pretrain_ego4d.sh made" >&2 && exit 2 ;;
esac
exec python -m method_tng.train ego4d --system rgnet --config ego4d_finetune --init_from "$1" "${@:2}"
