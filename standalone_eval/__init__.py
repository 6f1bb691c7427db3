"""Evaluation of moment retrieval: the numbers of the public evaluators, digit for digit, and correct ones.

Depends on numpy and the standard library only.  See README.md for every metric, profile and file format.
Names are imported at first use, so that ``--help`` needs not even numpy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .columns import GroundTruth, Rows, Saliency, Submission
    from .comparison import compare
    from .dropin import eval_retrieval, eval_submission
    from .evaluator import Result, evaluate
    from .format_npz import write_npz
    from .formats import load_gt, load_submission, write_json
    from .iou import temporal_iou
    from .issues import EvalInputError, Issue
    from .stats import bootstrap

_HOMES = {
    "EvalInputError": "issues",
    "GroundTruth": "columns",
    "Issue": "issues",
    "Result": "evaluator",
    "Rows": "columns",
    "Saliency": "columns",
    "Submission": "columns",
    "bootstrap": "stats",
    "compare": "comparison",
    "eval_retrieval": "dropin",
    "eval_submission": "dropin",
    "evaluate": "evaluator",
    "load_gt": "formats",
    "load_submission": "formats",
    "temporal_iou": "iou",
    "write_json": "formats",
    "write_npz": "format_npz",
}

__all__ = [
    "EvalInputError",
    "GroundTruth",
    "Issue",
    "Result",
    "Rows",
    "Saliency",
    "Submission",
    "bootstrap",
    "compare",
    "eval_retrieval",
    "eval_submission",
    "evaluate",
    "load_gt",
    "load_submission",
    "temporal_iou",
    "write_json",
    "write_npz",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
