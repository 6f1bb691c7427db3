"""Answers all queries of a split with a trained run, writes the predictions, prints the recall table.

    python -m method_tng.inference MODEL SPLIT [--tasks VCMR SVMR VR TNG] [--nms_thd 0.5] [--OPTION VALUE ...]
    python -m method_tng.inference MODEL SPLIT --matcher RUN [--matcher_windows 20]

With `--matcher` another run, of any system, chooses the windows that this one scores and opens.
MODEL is a run folder's path, its name, or a unique beginning of its name.  Every search option can differ
from training.
"""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from method_tng.runs.door import enter, parse_inference
from method_tng.runs.folder import RunFolder

if TYPE_CHECKING:
    import torch

    from method_tng.runs.config import RunSettings


def main(argv: Sequence[str] | None = None) -> int:
    """Parses, answers, reports; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    return enter(lambda: _infer(words))


def _infer(words: list[str]) -> int:
    args, run, settings = parse_inference(words)
    from method_tng.training.distributed import choose_device

    report(run, settings, args.split, choose_device(settings.train.device))
    return 0


def report(run: RunFolder, settings: "RunSettings", split: str, device: "torch.device") -> None:
    """Answers a split and prints what came out, each recall beside its chance level."""
    from method_tng.training.report import recall_table
    from method_tng.training.results import answer_run

    results = answer_run(run, settings, split, device)
    print(f"{split}: {results.counts}")
    if results.metrics:
        print("recall in percent (in brackets: chance)")
        print(recall_table(results.metrics, results.chance))
    for path in results.written:
        print(path)


if __name__ == "__main__":
    sys.exit(main())
