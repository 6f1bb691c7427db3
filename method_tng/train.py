"""Trains a system on narrations, then answers a split and prints the recall table.

    python -m method_tng.train [DSET [CTX_MODE [VID_FEAT_TYPE]]] [--config PRESET] [--OPTION VALUE ...]
    python -m method_tng.train --resume RUN

Without arguments: makes the demo corpus, trains on it, answers its test split.
"""

import signal
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from method_tng.contract.errors import TngError
from method_tng.runs.door import enter, facts_of, parse_training
from method_tng.runs.folder import RunFolder


def main(argv: Sequence[str] | None = None) -> int:
    """Parses, trains, reports; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    return enter(lambda: _train(words))


def _train(words: list[str]) -> int:
    args, run, settings = parse_training(words)
    from method_tng.corpora.demo import make_demo
    from method_tng.inference import report
    from method_tng.runs.systems import recipe_of
    from method_tng.training.distributed import process_group, shared
    from method_tng.training.interrupt import stop_on_signal
    from method_tng.training.loop import Stopped
    from method_tng.training.session import train_run

    with process_group(settings.train.device) as process:
        if run is None:
            if args.dset == "demo" and process.leads:
                make_demo(Path("data/demo"))
            path = RunFolder.create(settings, facts_of(["train", *words])).path if process.leads else None
            run = RunFolder(shared(process, path), settings)
        try:
            with run.locked() if process.leads else nullcontext(), stop_on_signal() as wish:
                train_run(run, recipe_of(settings.system), process, wish)
        except Stopped:
            told = f"stopped; go on with: bash method_tng/scripts/train.sh --resume {run.path}"
            if process.leads:
                print(told, file=sys.stderr)
            return 128 + (wish.signal or signal.SIGTERM)  # another process may have got it
        except TngError:
            if process.leads and not args.resume:
                run.remove_if_unused()
            raise
        if process.leads and settings.train.final_split:
            report(run, settings, settings.train.final_split, process.device)
            print(f"run folder: {run.path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
