"""The profiles: which public evaluator each reproduces, its numbers, and the module that scores it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .columns import TASKS
from .iou import TOLERANCE, Judge

FINE = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))  # 0.5, 0.55, ... 0.95


@dataclass(frozen=True)
class Profile:
    """One evaluator's conventions.

    ``scorer`` names a module of this package with ``tables``, ``metrics`` and ``samples``.
    """

    name: str
    reproduces: str
    format: str
    scorer: str
    judge: Judge
    topk: tuple[int, ...]
    iou: tuple[float, ...]
    max_pred: int | None = None  # rows looked at; None: the largest K
    lenient: frozenset[str] = frozenset()  # errors that --compat lets through
    options: dict[str, Any] = field(default_factory=dict)  # further options with their defaults


SUBSETS: dict[str, tuple[int, int] | None] = {
    "full": None, "long": (30, 150), "middle": (10, 30), "short": (0, 10)
}  # fmt: skip  # seconds of a gt window: above the first, up to the second
MESM_SUBSETS = {**SUBSETS, "superlong": (150, 600)}
SINGLE = Judge(np.float32, "hull", agree=2)
TVR_FAULTS = frozenset({"E013", "E022", "E023", "E030"})

PROFILES = {
    profile.name: profile
    for profile in (
        Profile("tng", "the definitions of this evaluator", "any", "corpus", Judge(tolerance=TOLERANCE),
                (1, 5, 10, 100), (0.3, 0.5, 0.7), 100),
        Profile("tvr", "TVRetrieval", "tvr", "corpus", SINGLE, (1, 5, 10, 100), (0.5, 0.7), 100, TVR_FAULTS,
                {"types": True}),
        Profile("reloclnet", "ReLoCLNet", "tvr", "corpus", SINGLE, (1, 10, 100), (0.5, 0.7), 100, TVR_FAULTS,
                {"types": True}),
        Profile("tvr-ranking", "TVR-Ranking (graded relevance)", "tvr-ranking", "ranking", Judge(),
                (10, 20, 40), (0.3, 0.5, 0.7)),
        Profile("qvhighlights", "Moment-DETR", "qvhighlights", "highlights", Judge(), (), FINE, 10,
                frozenset({"E022"})),
        Profile("mesm", "MESM", "qvhighlights", "highlights", Judge(), (), FINE, 10, frozenset({"E022"}),
                {"dataset": None}),
        Profile("mad", "CONE and RGNet on MAD, MAD zero-shot", "mad", "localization",
                Judge(np.float32, "hull", strict=True, undefined=np.nan),
                (1, 5, 10, 50, 100), (0.1, 0.3, 0.5)),
        Profile("mad-vlgnet", "MAD VLG-Net", "mad-vlgnet", "candidates",
                Judge(np.float32, "hull", undefined=np.nan), (1, 5, 10, 50, 100), (0.1, 0.3, 0.5, 0.7),
                options={"nms": 1.0}),
        Profile("ego4d", "Ego4D NLQ", "ego4d", "localization", Judge(np.float64, "hull", strict=True),
                (1, 5), (0.3, 0.5), None, frozenset({"E021"})),
        Profile("movie101-rnl", "Movie101 RNL, IA-Net", "movie101-rnl", "frames", Judge(), (1, 5),
                (0.1, 0.3, 0.5, 0.7)),
        Profile("cnm", "CNM, CPL", "cnm", "proposals", Judge(), (1, 5), (0.1, 0.3, 0.5, 0.7, 0.9)),
        Profile("retrieval", "T-MASS, X-Pool", "retrieval", "retrieval", Judge(), (1, 5, 10, 50, 100), (),
                options={"ties": "pessimistic"}),
        Profile("window", "CONE coarse windows", "window", "windows", Judge(), (1, 5, 10, 30, 50), (),
                options={"clip_length": 0.2, "window_length": 125, "exact_windows": False, "shot": None}),
    )
}  # fmt: skip
TWO_FILES = tuple(n for n in PROFILES if n not in ("mad-vlgnet", "cnm", "retrieval", "window"))


@dataclass(frozen=True)
class Settings:
    """A profile with everything decided: what one evaluation uses."""

    profile: Profile
    tasks: tuple[str, ...]
    iou: tuple[float, ...]
    topk: tuple[int, ...]
    max_pred: int
    compat: bool
    allow_missing: bool
    options: dict[str, Any]

    @property
    def lenient(self) -> frozenset[str]:
        """Error codes that are let through as warnings."""
        codes = self.profile.lenient if self.compat else frozenset()
        return codes | {"E021"} if self.allow_missing else codes

    def as_dict(self) -> dict[str, Any]:
        """The settings as JSON values."""
        return {
            "tasks": list(self.tasks), "iou": list(self.iou), "topk": list(self.topk),
            "max_pred": self.max_pred, "allow_missing": self.allow_missing, **self.options,
        }  # fmt: skip


def profile_named(name: str) -> Profile:
    """The profile of that name, or a ValueError that lists the names."""
    if name not in PROFILES:
        raise ValueError(f"unknown profile {name!r}; known: {', '.join(PROFILES)}")
    return PROFILES[name]


def settings_of(
    profile: str,
    *,
    tasks: Sequence[str] | None = None,
    iou: Sequence[float] | None = None,
    topk: Sequence[int] | None = None,
    max_pred: int | None = None,
    compat: bool = False,
    allow_missing: bool = False,
    **options: Any,
) -> Settings:
    """Settings of a profile with what the caller changes, checked.

    Raises:
        ValueError: an unknown profile or option, a K or max_pred below 1, a threshold outside [0, 1].
    """
    chosen = profile_named(profile)
    unknown = [name for name, value in options.items() if name not in chosen.options and value is not None]
    if unknown:
        raise ValueError(f"profile {profile} has no option {', '.join(unknown)}")
    given = {name: value for name, value in options.items() if value is not None and name in chosen.options}
    topk = tuple(int(k) for k in (chosen.topk if topk is None else topk))
    iou = tuple(float(value) for value in (chosen.iou if iou is None else iou))
    if any(k < 1 for k in topk) or any(not 0 <= value <= 1 for value in iou):
        raise ValueError("every K must be at least 1 and every IoU threshold between 0 and 1")
    limit = max_pred or chosen.max_pred or max(topk, default=1)
    if limit < 1:
        raise ValueError("max_pred must be at least 1")
    wrong = [task for task in tasks or () if task not in (*TASKS, "pred")]
    if wrong:
        raise ValueError(f"unknown task {', '.join(wrong)}; known: {', '.join(TASKS)}")
    return Settings(
        chosen, tuple(tasks or ()), iou, topk, limit, compat, allow_missing, {**chosen.options, **given}
    )
