"""Moments and highlights as QVHighlights' evaluator scores them, and MESM's variant for Charades and TACoS.

Length subsets keep the gt windows in range and the queries that have one; predictions are never filtered, so
a right answer for a window out of range is a false positive there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .columns import GroundTruth, Rows, Submission
from .iou import overlap
from .matching import Listing, Pairing
from .precision import average_precision, padded_lists
from .profiles import MESM_SUBSETS, SUBSETS, Settings
from .saliency import MINIMA, highlight_tables

Tables = dict[str, np.ndarray]
ROWS = 10
MESM_R1 = {
    "charades": (0.3, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95),
    "tacos": (0.1, 0.3, 0.5, 0.7),
}
BRIEF_MAP, BRIEF_R1 = (0.5, 0.75), (0.5, 0.7)


def is_mesm(settings: Settings) -> bool:
    """Whether the profile is MESM's."""
    return settings.profile.name == "mesm"


def r1_thresholds(settings: Settings) -> tuple[float, ...]:
    """Thresholds of R1.

    Raises:
        ValueError: profile mesm without ``dataset``.
    """
    if not is_mesm(settings):
        return settings.iou
    if settings.options["dataset"] not in MESM_R1:
        raise ValueError(f"profile mesm needs --dataset {' or '.join(MESM_R1)}")
    return MESM_R1[settings.options["dataset"]]


def tables(submission: Submission, gt: GroundTruth, settings: Settings) -> Tables:
    """``SUBSET/ap`` (N, T), ``SUBSET/r1`` (N, T') and ``SUBSET/miou``, NaN outside the subset; ``hl/...``."""
    found: Tables = {}
    thresholds = r1_thresholds(settings)
    if "pred" in submission.tasks:
        rows = submission.tasks["pred"]
        for name, limits in (MESM_SUBSETS if is_mesm(settings) else SUBSETS).items():
            ap, r1, best = _subset(rows, gt, limits, settings, thresholds)
            found[f"{name}/ap"], found[f"{name}/r1"], found[f"{name}/miou"] = ap, r1, best
    if submission.saliency is not None and not is_mesm(settings):
        found.update(highlight_tables(submission.saliency, gt))
    answered = next(iter(submission.tasks.values()), submission.saliency)
    found["order"] = _file_order(answered, gt)
    return found


def _file_order(answered: Any, gt: GroundTruth) -> np.ndarray:
    """(N,) place of every query in the submission: published means add in that order, to the last bit."""
    order = np.full(len(gt), len(gt), dtype=np.int64)
    owner = Pairing.of(Rows(answered.query, np.zeros(len(answered.query) + 1)), gt).owner
    known = np.flatnonzero(owner >= 0)[::-1]
    order[owner[known]] = known
    return order


def _subset(
    rows: Rows,
    gt: GroundTruth,
    limits: tuple[int, int] | None,
    settings: Settings,
    thresholds: tuple[float, ...],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """AP, R1 and IoU of row 0 on one length subset, for all N queries."""
    length = gt.window[:, 1] - gt.window[:, 0]
    keep = (
        np.ones(len(length), dtype=bool) if limits is None else (length > limits[0]) & (length <= limits[1])
    )
    count = np.add.reduceat(keep, gt.offset[:-1], dtype=np.int64) if len(gt) else np.zeros(0, dtype=np.int64)
    inside = np.flatnonzero(count)
    ap = np.full((len(gt), len(settings.iou)), np.nan)
    r1 = np.full((len(gt), len(thresholds)), np.nan)
    best = np.full(len(gt), np.nan)
    if not len(inside):
        return ap, r1, best
    subset = replace(
        gt.take(inside), offset=np.concatenate([[0], np.cumsum(count[inside])]), window=gt.window[keep]
    )
    pairing = Pairing.of(rows, subset)
    undefined = np.nan if settings.compat else 0.0
    repeats = int(np.bincount(pairing.owner[pairing.owner >= 0]).max()) if (pairing.owner >= 0).any() else 1
    lists = padded_lists(rows, subset, pairing, Listing(ROWS), ROWS * repeats, cut_first=ROWS)
    ap[inside] = average_precision(lists, subset, settings.iou, undefined)
    true, hull = _first_rows(rows, subset, pairing)
    r1[inside] = hull[:, None] >= np.asarray(thresholds)
    best[inside] = true
    return ap, r1, best


def _first_rows(rows: Rows, gt: GroundTruth, pairing: Pairing) -> tuple[np.ndarray, np.ndarray]:
    """IoU of each query's first row with its best window: by true union, which chooses, and by hull."""
    entry = np.full(len(gt), -1)
    known = np.flatnonzero((pairing.owner >= 0) & (rows.lengths > 0))
    entry[pairing.owner[known]] = known  # of repeated queries the last
    first = rows.window[rows.offset[:-1][np.maximum(entry, 0)]]  # (N, 2)
    several = np.repeat(np.arange(len(gt)), gt.num_windows)
    mine, window = first[several], gt.window
    true = overlap(mine[:, 0], mine[:, 1], window[:, 0], window[:, 1], "true")
    hull = overlap(mine[:, 0], mine[:, 1], window[:, 0], window[:, 1], "hull")
    order = np.lexsort((np.arange(len(several)), -true, several))  # best first, the first window on ties
    pick = order[gt.offset[:-1]]
    answered = entry >= 0
    return np.where(answered, true[pick], 0.0), np.where(answered, hull[pick], 0.0)


def samples(found: Tables, settings: Settings) -> dict[str, np.ndarray]:
    """Per-query values by ``GROUP/METRIC/threshold``; NaN outside a length subset."""
    result: dict[str, np.ndarray] = {}
    for name in _subset_names(found):
        ap, r1 = found[f"{name}/ap"], found[f"{name}/r1"]
        for number, iou in enumerate(settings.iou):
            result[f"{name}/MR-mAP/{iou}"] = ap[:, number]
        result[f"{name}/MR-mAP/average"] = ap.mean(axis=1)
        for number, iou in enumerate(r1_thresholds(settings)):
            result[f"{name}/MR-R1/{iou}"] = r1[:, number]
        if is_mesm(settings):
            result[f"{name}/MR-R1/miou"] = found[f"{name}/miou"]
    for name in MINIMA:
        if f"hl/{name}/ap" in found:
            result[f"HL-min-{name}/HL-mAP"] = found[f"hl/{name}/ap"].mean(axis=1)
            result[f"HL-min-{name}/HL-Hit1"] = found[f"hl/{name}/hit"]
    return result


def _subset_names(found: Tables) -> list[str]:
    return sorted(name for name in MESM_SUBSETS if f"{name}/ap" in found)


def rounded(values: np.ndarray) -> float | None:
    """Percent of the mean of values (n, ...), queries first, by rounding B; None if n = 0."""
    return float(f"{100 * values.mean(axis=0).mean():.2f}") if len(values) else None


def metrics(found: Tables, settings: Settings) -> dict[str, Any]:
    """``brief`` first, then the groups by name, as the published file has them."""
    groups: dict[str, Any] = {}
    order = np.argsort(found["order"], kind="stable")
    for path, values in samples(found, settings).items():
        group, *keys = path.split("/")
        place = groups.setdefault(group, {})
        for key in keys[:-1]:
            place = place.setdefault(key, {})
        values = values[order]
        place[keys[-1]] = rounded(values[~np.isnan(values)])
    for name in _subset_names(found):
        ap = found[f"{name}/ap"][order]
        groups[name]["MR-mAP"]["average"] = rounded(ap[~np.isnan(ap[:, 0])])
    for name in MINIMA:
        if f"hl/{name}/ap" in found:
            groups[f"HL-min-{name}"]["HL-mAP"] = rounded(found[f"hl/{name}/ap"][order].reshape(-1))
    brief = _brief(groups, settings)
    empty = [name for name in _subset_names(found) if groups[name]["MR-mAP"]["average"] is None]
    for name in empty if is_mesm(settings) else []:
        del groups[name]
    return {"brief": brief, **{name: groups[name] for name in sorted(groups)}}


def _brief(groups: dict[str, Any], settings: Settings) -> dict[str, Any]:
    brief: dict[str, Any] = {}
    if "full" in groups:
        full = groups["full"]
        shown = (0.3, *BRIEF_R1) if is_mesm(settings) else BRIEF_R1
        brief.update({f"MR-full-R1@{iou}": full["MR-R1"][str(iou)] for iou in shown})
        brief.update({f"MR-full-mAP@{iou}": full["MR-mAP"][str(iou)] for iou in BRIEF_MAP})
        for name in _subset_names({f"{name}/ap": np.zeros(0) for name in groups}):
            brief[f"MR-{name}-mAP"] = groups[name]["MR-mAP"]["average"]
        if is_mesm(settings):
            brief["MR-full-miou"] = full["MR-R1"]["miou"]
    brief = {key: brief[key] for key in sorted(brief)}
    for name in MINIMA:
        if f"HL-min-{name}" in groups:
            brief[f"HL-min-{name}-mAP"] = groups[f"HL-min-{name}"]["HL-mAP"]
            brief[f"HL-min-{name}-Hit1"] = groups[f"HL-min-{name}"]["HL-Hit1"]
    return brief
