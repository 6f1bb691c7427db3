"""Scores a submission file with the standalone evaluator.

    python -m method_tng.evaluate SPLIT SUBMISSION SAVE   (the TVR family's three words)
    python -m method_tng.evaluate --submission_path S --gt_path G [--profile tng] ...

The second form takes every option of `python standalone_eval/eval.py`.
"""

import sys
from collections.abc import Sequence

from standalone_eval.eval import main as evaluate


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the evaluator's exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if len(words) >= 3 and not any(word.startswith("-") for word in words[:3]):
        split, submission, save = words[:3]
        truth = f"data/tvr_{split}_release.jsonl"
        words = ["--submission_path", submission, "--gt_path", truth, "--save_path", save, *words[3:]]
    return evaluate(words)


if __name__ == "__main__":
    sys.exit(main())
