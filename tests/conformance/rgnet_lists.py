"""Lists of moments as RGNet ranks them: joined, suppressed, scored by the evaluator."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from baselines.rgnet.recipe import fuse
from baselines.rgnet.settings import RGNetSettings
from method_tng.retrieval.moments import best_moments, without_overlaps
from standalone_eval import evaluate, load_gt, load_submission
from tests.conformance.ledger import Ledger

LISTS = "evaluators.json"
RANKINGS = ("fusion", "proposal", "matching")
ROUNDED = 2e-4  # absolute: times were rounded to four decimals


def times(rows: np.ndarray) -> np.ndarray:
    """Start and end."""
    return rows[:, :2]


def proposal(rows: np.ndarray) -> np.ndarray:
    """Class times window score."""
    return rows[:, 2]


def matching(rows: np.ndarray) -> np.ndarray:
    """Cosine score."""
    return rows[:, 3]


def fused(rows: np.ndarray) -> np.ndarray:
    """Joint score."""
    return rows[:, 4]


def check_lists(ledger: Ledger, folder: Path) -> None:
    """Lists of made-up rows: joined, suppressed and scored."""
    if not (folder / LISTS).is_file():
        return
    stored = json.loads((folder / LISTS).read_text())
    for name in ledger.names(f"{LISTS}/ground_truth/*") + ledger.names(f"{LISTS}/ego4d/ground_truth/*"):
        ledger.take(name)
    for part in ("mad", "ego4d"):
        for name in ("thresholds", "topk"):
            ledger.take(f"{LISTS}/{part}/{name}")
    names = np.array([query["query_id"] for query in stored["ground_truth"]])
    truth = np.array([query["timestamps"] for query in stored["ground_truth"]])
    raw = [
        ledger.take(f"{LISTS}/raw_predictions/{index}/pred_relevant_windows") for index in range(len(names))
    ]
    lists = {kind: [ranked(rows, kind, 200, 100) for rows in raw] for kind in RANKINGS}
    for index, rows in enumerate(lists["fusion"]):
        name = f"{LISTS}/fused_after_nms/{index}/predicted_times"
        ledger.compare(name, rows[:, :2], part=times)
        ledger.compare(name, rows[:, 2], part=fused)
        columns = columns_of(_merged(raw[index]), rows, (2, 3))
        for part, values in zip((proposal, matching), columns.T, strict=True):
            ledger.compare(name, values, part=part)
    for index in range(len(stored["fused_after_nms_top5_before50"])):
        name = f"{LISTS}/fused_after_nms_top5_before50/{index}/predicted_times"
        rows = ranked(raw[index], "fusion", 50, 5)
        ledger.compare(name, rows[:, :2], part=times)
        ledger.compare(name, rows[:, 2], part=fused)
    for kind in RANKINGS:
        moments = [rows[:, :2] for rows in lists[kind]]
        compare_recalls(ledger, f"{LISTS}/mad/metrics/{kind}", names, moments, truth, (1, 5, 10, 50, 100))
    for index, rows in enumerate(lists["fusion"]):
        ledger.take(f"{LISTS}/ego4d/predictions/{index}/query_idx")
        ledger.compare(f"{LISTS}/ego4d/predictions/{index}/predicted_times", rows[:, :2])
    moments = [rows[:, :2] for rows in lists["fusion"]]
    fractions = recalls(names, moments, truth, "ego4d", (1, 5))
    ledger.compare(f"{LISTS}/ego4d/mIoU", fractions.pop("mIoU"))
    ledger.compare(f"{LISTS}/ego4d/metrics", np.array(list(fractions.values())).reshape(2, 2).T)


def _merged(rows: np.ndarray) -> np.ndarray:
    """Rows of the same time are one row, as published: at the first's place, with the last's scores."""
    at: dict[tuple[float, float], np.ndarray] = {}
    for row in rows:
        at[row[0], row[1]] = row
    return np.array(list(at.values()))


def ranked(rows: np.ndarray, kind: str, before: int, after: int, threshold: float = 0.5) -> np.ndarray:
    """(R, 3) start, end and score of rows (start, end, proposal score, matching score)."""
    table = torch.from_numpy(_merged(rows))
    scores = {"proposal": table[:, 2].log()[None, None], "matching": table[:, 3][None, None]}
    certain = torch.full((1, 1), torch.inf, dtype=table.dtype)  # the window's score is in the rows already
    joint = fuse(certain, scores, RGNetSettings(rank_by=kind))
    endless = torch.full((1,), torch.inf, dtype=torch.float64)  # a moment may reach out of its window
    block = best_moments(
        joint, table[None, None, :, :2], torch.zeros(1, 1, dtype=torch.int64), endless, before
    )
    kept = without_overlaps(block, threshold, after)
    return torch.cat((kept.times[0], kept.score[0, :, None]), dim=1)[kept.valid[0]].numpy()


def columns_of(rows: np.ndarray, moments: np.ndarray, columns: tuple[int, ...]) -> np.ndarray:
    """Columns of the rows that became these moments, found by their times."""
    same = [np.abs(rows[:, :2] - moment).sum(1).argmin() for moment in moments[:, :2]]
    return rows[same][:, columns]


def compare_recalls(
    ledger: Ledger,
    name: str,
    names: np.ndarray,
    lists: Sequence[np.ndarray],
    truth: np.ndarray,
    topk: tuple[int, ...],
) -> None:
    """The evaluator's numbers for ranked moments, in the form that the folder has."""
    if name in ledger.entries:
        ours = np.array(list(recalls(names, lists, truth, "mad", topk).values())).reshape(len(topk), -1)
        ledger.compare(name, ours)
        return
    found = recalls(names, lists, truth, "ego4d", topk)
    ledger.compare(f"{name}/mIoU", found.pop("mIoU"), absolute=ROUNDED)
    ledger.compare(f"{name}/recall_thr_by_k", np.array(list(found.values())).reshape(len(topk), -1).T)


def recalls(
    names: np.ndarray, lists: Sequence[np.ndarray], truth: np.ndarray, profile: str, topk: tuple[int, ...]
) -> dict[str, float]:
    """Fractions by K and threshold."""
    with tempfile.TemporaryDirectory() as folder:
        ours, gt = Path(folder, "ours.jsonl"), Path(folder, "gt.jsonl")
        rows = [
            {"query_id": query, "predicted_times": moments.tolist()}
            for query, moments in zip(names.tolist(), lists, strict=True)
        ]
        moments = [
            {"query_id": query, "timestamps": span}
            for query, span in zip(names.tolist(), truth.tolist(), strict=True)
        ]
        ours.write_text("".join(json.dumps(row) + "\n" for row in rows))
        gt.write_text("".join(json.dumps(row) + "\n" for row in moments))
        return evaluate(load_submission(ours, "mad"), load_gt(gt, "mad"), profile, topk=topk).fractions
