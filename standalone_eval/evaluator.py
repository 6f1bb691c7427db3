"""``evaluate``: columns in, :class:`Result` out.  The same result from files, arrays and parsed objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from .columns import GroundTruth, Submission
from .issues import Findings, Issue
from .profiles import TWO_FILES, Settings, settings_of
from .validate import check_in_memory, check_pair


@dataclass
class Result:
    """What an evaluation found: metrics in the profile's shape, and the per-query tables behind them.

    ``tables`` maps names to arrays whose first axis are the queries of ``query``; every metric, interval,
    breakdown and comparison is arithmetic on them.
    """

    settings: Settings
    query: np.ndarray  # (N,) ids in gt order
    tables: dict[str, np.ndarray]
    submission: Any = None
    gt: Any = None
    issues: list[Issue] = field(default_factory=list)  # let-through errors and warnings of reading

    @property
    def profile(self) -> str:
        """Name of the profile that was used."""
        return self.settings.profile.name

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """The nested dict that the profile's public evaluator writes."""
        return scorer_of(self.settings).metrics(self.tables, self.settings)

    @cached_property
    def samples(self) -> dict[str, np.ndarray]:
        """Per-query values (N,) by ``GROUP/key``: their mean is the metric; NaN where not counted."""
        return scorer_of(self.settings).samples(self.tables, self.settings)

    @cached_property
    def fractions(self) -> dict[str, float | None]:
        """The metrics that are means, as fractions in full precision, by the keys of ``samples``."""
        own = getattr(scorer_of(self.settings), "fractions", None)
        if own is not None:
            return own(self.tables, self.settings)
        means = {}
        for key, values in self.samples.items():
            counted = values[~np.isnan(values)]
            means[key] = float(counted.mean()) if len(counted) else None
        return means

    @cached_property
    def per_query(self) -> dict[str, np.ndarray]:
        """id, first-hit ranks per threshold, best IoU at each K, gt length, type, video: arrays of N."""
        from .perquery import per_query

        return per_query(self)

    @cached_property
    def warnings(self) -> list[Issue]:
        """Everything ignored, defaulted or odd, counted."""
        from .survey import survey

        findings = Findings()
        if isinstance(self.submission, Submission) and isinstance(self.gt, GroundTruth):
            survey(self.submission, self.gt, self.settings, findings)
        return [*self.issues, *findings.sorted()]

    def merge(self, other: Result) -> Result:
        """The result of both sets of queries together, equal to evaluating them in one file.

        Raises:
            ValueError: other settings, other tasks, or a query in both.
        """
        if self.settings != other.settings or self.tables.keys() != other.tables.keys():
            raise ValueError("only results of the same profile, settings and tasks can be merged")
        if np.isin(self.query, other.query).any():
            raise ValueError("a query stands in both results")
        tables = {name: np.concatenate([table, other.tables[name]]) for name, table in self.tables.items()}
        query = np.concatenate([self.query, other.query])
        return Result(self.settings, query, tables, issues=[*self.issues, *other.issues])


def scorer_of(settings: Settings) -> ModuleType:
    """The module that scores the profile."""
    return import_module(f".score_{settings.profile.scorer}", __package__)


def evaluate(
    submission: Any,
    gt: Any,
    profile: str = "tng",
    *,
    tasks: Sequence[str] | None = None,
    iou: Sequence[float] | None = None,
    topk: Sequence[int] | None = None,
    max_pred: int | None = None,
    compat: bool = False,
    allow_missing: bool = False,
    **options: Any,
) -> Result:
    """Scores a submission against the ground truth.

    Args:
        submission: from ``load_submission`` or made in memory; not modified.
        gt: from ``load_gt`` or made in memory; None for profiles with a single file.
        profile: whose numbers, see ``profiles.PROFILES``.
        tasks: VCMR, SVMR, VR; all that the submission holds by default.
        iou: thresholds.
        topk: the K of R@K.
        max_pred: rows looked at per query.
        compat: reproduce known faults of the public evaluator, with a warning each.
        allow_missing: queries without prediction count as misses instead of stopping the evaluation.
        **options: of single profiles: ``types``, ``dataset``, ``nms``, ``ties``, ``clip_length``, ...

    Raises:
        EvalInputError: the two do not fit together.
        ValueError: an unknown profile, task or option.
    """
    settings = settings_of(
        profile, tasks=tasks, iou=iou, topk=topk, max_pred=max_pred, compat=compat,
        allow_missing=allow_missing, **options,
    )  # fmt: skip
    findings = Findings(settings.lenient, compat)
    return evaluate_with(submission, gt, settings, findings)


def evaluate_with(submission: Any, gt: Any, settings: Settings, findings: Findings) -> Result:
    """:func:`evaluate` with settings and findings at hand."""
    scorer = scorer_of(settings)
    if settings.profile.name not in TWO_FILES:
        findings.stop_if_failed()
        tables = scorer.tables(submission, settings)
        return Result(settings, np.arange(scorer.count(tables)), tables, submission, gt, findings.warnings())
    check_in_memory(submission, gt, settings, findings)
    if hasattr(scorer, "prepare"):
        submission = scorer.prepare(submission, gt, settings, findings)
    check_pair(submission, gt, settings, findings)
    findings.stop_if_failed()
    if settings.compat and hasattr(scorer, "reproduce"):
        submission, gt = scorer.reproduce(submission, gt, settings, findings)
    tables = scorer.tables(submission, gt, settings)
    return Result(settings, gt.query, tables, submission, gt, findings.warnings())
