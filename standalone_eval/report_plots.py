"""The plots of the report for one task: recall, overlap, errors of boundaries and lengths, error classes."""

from __future__ import annotations

from html import escape

import numpy as np

from .breakdown import LENGTH_EDGES, by_edges
from .errors import BOUNDARIES, CLASSES, JUDGE, boundary_kinds, classify, nearest, task_rows
from .evaluator import Result
from .matching import rank_table
from .page import bars, figure, stacked_bar
from .stats import wilson
from .svg import Plot, legend, number

MOST_DOTS = 700
KS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 1000)
CLASS_NAMES = {
    "hit": "hit",
    "ranked_low": "right, but ranked low",
    "boundary": "boundaries off",
    "wrong_moment": "wrong moment",
    "video_ranked_low": "video ranked low",
    "video_missed": "video missed",
}


def task_figures(result: Result, task: str, seed: int) -> list[str]:
    """All figures of a task."""
    _, best = _tables(result, task)
    return [
        _recall_over_k(result, task),
        _recall_over_iou(result, best),
        _histogram(best),
        *_first_rows(result, task, seed),
        _error_classes(result, task),
        _boundaries(result, task),
    ]


def _tables(result: Result, task: str) -> tuple[np.ndarray, np.ndarray]:
    rows, pairing, listing = task_rows(result, task)
    return rank_table(rows, result.gt, pairing, listing, JUDGE, (0.5,), (1, 10))


def _recall_over_k(result: Result, task: str) -> str:
    settings = result.settings
    rows, pairing, listing = task_rows(result, task)
    thresholds = settings.iou[:6]
    ranks, _ = rank_table(rows, result.gt, pairing, listing, settings.profile.judge, thresholds)
    most = max(2, min(settings.max_pred, int(rows.lengths.max()) if len(rows) else 1))
    ks = [k for k in KS if k < most] + [most]
    plot = Plot("Recall against K", (1, most), (0, 100), "K (rows looked at)", "R@K (percent)", log=True)
    data: list[list[object]] = [[k] for k in ks]
    for colour in range(len(thresholds)):
        hits = [int((ranks[:, colour] <= k).sum()) for k in ks]
        ends = [wilson(hit, len(ranks)) for hit in hits]
        plot.band(ks, [100 * low for low, _ in ends], [100 * high for _, high in ends], colour)
        plot.line(ks, [100 * hit / len(ranks) for hit in hits], colour)
        for line, hit in zip(data, hits, strict=True):
            line.append(f"{100 * hit / len(ranks):.2f}")
    names = [f"IoU {iou:g}" for iou in thresholds]
    picture = plot.render(_sparse(ks)) + legend(names)
    return figure("Recall against K", picture, ["K", *names], data, "Bands: 95% Wilson intervals.")


def _sparse(ks: list[int]) -> list[float]:
    """Ticks at 1, 2, 5, 10, ... and the last K, none too close to it."""
    kept = [float(k) for k in ks if str(k).rstrip("0") in ("1", "2", "5") and k * 1.6 <= ks[-1]]
    return [*kept, float(ks[-1])]


def _recall_over_iou(result: Result, best: np.ndarray) -> str:
    thresholds = np.round(np.arange(0.0, 1.0001, 0.05), 2)
    plot = Plot("Recall against the threshold", (0, 1), (0, 100), "IoU threshold", "R@K (percent)")
    curves = []
    for colour, column in enumerate(best.T):
        curve = [100 * float((column + JUDGE.tolerance >= max(t, 1e-6)).mean()) for t in thresholds.tolist()]
        plot.line(thresholds.tolist(), curve, colour)
        curves.append(curve)
    rows = [
        [f"{t:.2f}", *(f"{curve[at]:.2f}" for curve in curves)] for at, t in enumerate(thresholds.tolist())
    ]
    names = ["R@1", "R@10"]
    return figure("Recall against the IoU threshold", plot.render() + legend(names), ["IoU", *names], rows)


def _histogram(best: np.ndarray) -> str:
    edges = np.linspace(0, 1, 11)
    counts = [np.histogram(np.clip(column, 0, 1), edges)[0] for column in best.T]
    top = max(1, max(int(count.max()) for count in counts))
    plot = Plot("Histogram of the best IoU", (0, 1), (0, top * 1.05), "best IoU with a gt window", "queries")
    for colour, count in enumerate(counts):
        for left, height in zip(edges[:-1].tolist(), count.tolist(), strict=True):
            plot.bar(left + 0.05 * colour, left + 0.05 * (colour + 1), height, colour)
    names = ["first row", "first 10 rows"]
    rows = [
        [f"{edges[at]:.1f} to {edges[at + 1]:.1f}", *(int(count[at]) for count in counts)] for at in range(10)
    ]
    return figure("Best IoU", plot.render() + legend(names), ["IoU", *names], rows)


def _first_rows(result: Result, task: str, seed: int) -> list[str]:
    """Boundary errors and lengths of the best of the first ten rows, where one is of the right video."""
    found = nearest(result, task, 10, 0.5)
    some = np.flatnonzero(found.row >= 0)
    if not len(some):
        return []
    if len(some) > MOST_DOTS:
        random = np.random.Generator(np.random.PCG64(seed))
        some = np.sort(random.choice(some, MOST_DOTS, replace=False))
    rows, _, _ = task_rows(result, task)
    row, truth = rows.window[found.row[some]], result.gt.window[found.window[some]]
    unit = "frames" if result.profile == "movie101-rnl" else "s"
    error = row - truth
    reach = float(np.quantile(np.abs(error), 0.95)) * 1.1 or 1.0
    plot = Plot(
        "Start and end errors",
        (-reach, reach),
        (-reach, reach),
        f"start error ({unit})",
        f"end error ({unit})",
    )
    plot.line([-reach, reach], [0, 0], 5, dashed=True)
    plot.line([0, 0], [-reach, reach], 5, dashed=True)
    plot.dots(error[:, 0].tolist(), error[:, 1].tolist(), 0)
    ids = result.gt.query[some].tolist()
    data = [[q, number(s), number(e)] for q, (s, e) in zip(ids, error.tolist(), strict=True)]
    note = "Best of the first 10 rows; points outside are drawn on the edge."
    head = ["query", f"start error ({unit})", f"end error ({unit})"]
    scatter = figure("Start and end errors", plot.render(), head, data, note)
    return [scatter, _lengths(row, truth, ids, unit)]


def _lengths(row: np.ndarray, truth: np.ndarray, ids: list[object], unit: str) -> str:
    mine, wanted = row[:, 1] - row[:, 0], truth[:, 1] - truth[:, 0]
    top = float(np.quantile(np.concatenate([mine, wanted]), 0.98)) * 1.1 or 1.0
    plot = Plot(
        "Predicted against true length",
        (0, top),
        (0, top),
        f"gt length ({unit})",
        f"predicted length ({unit})",
    )
    plot.line([0, top], [0, top], 5, dashed=True)
    plot.dots(wanted.tolist(), mine.tolist(), 1)
    data = [[q, number(w), number(m)] for q, w, m in zip(ids, wanted.tolist(), mine.tolist(), strict=True)]
    head = ["query", f"gt length ({unit})", f"predicted length ({unit})"]
    return figure("Lengths", plot.render(), head, data, "Dashed: equal lengths.")


def _error_classes(result: Result, task: str) -> str:
    within, threshold = 10, 0.5
    kind = classify(nearest(result, task, within, threshold), within)
    first = classify(nearest(result, task, 1, threshold), 1)
    labels, index = by_edges(result.gt.length, LENGTH_EDGES, " s")
    groups = [("all, K = 1", first), (f"all, K = {within}", kind)]
    groups += [(label, kind[index == at]) for at, label in enumerate(labels)]
    lines, data = [], []
    for label, members in groups:
        if not len(members):
            continue
        counts = np.bincount(members, minlength=len(CLASSES))
        lines.append((label, stacked_bar((counts / len(members)).tolist()), str(len(members))))
        data.append([label, *counts.tolist()])
    names = [CLASS_NAMES[name] for name in CLASSES]
    note = (
        f"Share of the queries per class at IoU {threshold}; length groups at K = {within}; right: queries."
    )
    return figure("Why queries fail", bars(lines) + legend(names), ["group", *names], data, note)


def _boundaries(result: Result, task: str) -> str:
    found = nearest(result, task, 10, 0.5)
    chosen = boundary_kinds(result, task, found)[classify(found, 10) == CLASSES.index("boundary")]
    counts = np.bincount(chosen, minlength=len(BOUNDARIES))
    total = max(1, int(counts.sum()))
    names = [name.replace("_", " ") for name in BOUNDARIES]
    lines = [
        (name, stacked_bar([count / total]), f"{count}")
        for name, count in zip(names, counts.tolist(), strict=True)
    ]
    note = "Of the queries whose best row within K = 10 overlaps, but not enough."
    return figure(
        escape("Boundaries off: how"),
        bars(lines),
        ["kind", "queries"],
        list(zip(names, counts.tolist(), strict=True)),
        note,
    )
