"""The report: one self-contained HTML page about a result, without scripts, the same for the same input."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from .breakdown import GROUPERS, SMALL, groups_of
from .columns import GroundTruth
from .comparison import Comparison
from .details import Wanted, split_key
from .errors import moment_tasks
from .evaluator import Result
from .page import bars, figure, page, share_bar, table
from .report_plots import task_figures
from .report_queries import query_section
from .stats import intervals, wilson
from .tables import shown

ALWAYS = ("type", "length", "relative", "position", "words", "windows")
TITLES = {
    "length": "By length of the gt window (seconds)",
    "quantiles": "By length of the gt window (seconds, equal groups)",
    "relative": "By length relative to the video",
    "position": "By position in the video",
    "words": "By length of the query",
    "windows": "By number of gt windows",
    "siblings": "By number of queries of the same video",
}
MOST_WARNINGS, MOST_MOVIES, MOST_METRICS = 60, 300, 16
DERIVED = ("dR@", "MRR,", "AP,", "mIoU@")


def report(result: Result, wanted: Wanted | None = None) -> str:
    """The page of one result."""
    wanted = wanted or Wanted()
    name = getattr(result.submission, "name", "submission")
    body = [
        f"<h1>{escape(name)}</h1>",
        f'<p class="soft">Profile {escape(result.profile)} ({escape(result.settings.profile.reproduces)}), '
        f"{len(result.query)} queries, ground truth {escape(getattr(result.gt, 'name', '-'))}"
        f"{', faults of the public evaluator reproduced' if result.settings.compat else ''}</p>",
        "<h2>Metrics</h2>",
        _metrics(result, wanted),
    ]
    for task in moment_tasks(result):
        body.append(f"<h2>{escape(_task_title(task, result))}</h2>")
        body.append(f'<div class="grid2">{"".join(task_figures(result, task, wanted.seed))}</div>')
    if isinstance(result.gt, GroundTruth) and len(result.gt) == len(result.query):
        body += _breakdowns(result, wanted)
        body += _movies(result)
    for task in moment_tasks(result)[:1]:
        body += query_section(result, task, wanted.seed)
    body += _warnings(result)
    return page(f"{name}: evaluation", body)


def _task_title(task: str, result: Result) -> str:
    names = {
        "VCMR": "VCMR: moments in the whole corpus",
        "SVMR": "SVMR: moments in the query's own video",
        "pred": "Moments",
    }
    if task == "SVMR" and getattr(result.submission, "scope", None) == "own_film":
        return "TNG: moments in the query's own film"
    return names.get(task, task)


def _metrics(result: Result, wanted: Wanted) -> str:
    """Every metric with its interval: bootstrap when asked for, Wilson for 0/1 metrics otherwise."""
    ends = intervals(result, wanted.resamples, wanted.seed, wanted.cluster) if wanted.resamples else {}
    groups: dict[str, list[list[str]]] = {}
    for key, values in result.samples.items():
        group, name = split_key(key)
        value = result.fractions.get(key)
        low, high = ends[key][1:] if key in ends else _wilson(values)
        interval = "" if low is None else f"{100 * low:.2f} to {100 * high:.2f}"
        text = "-" if value is None else f"{100 * value:.2f}"
        groups.setdefault(group, []).append([name, text, interval, str(int((~np.isnan(values)).sum()))])
    if not groups:
        rows = [[key, shown(value, key, result)] for key, value in result.metrics.items()]
        return table(["metric", "value"], rows)
    kind = f"bootstrap, {wanted.resamples} resamples" if ends else "Wilson, for 0/1 metrics"
    cards = [_metrics_card(group, rows) for group, rows in groups.items()]
    return f'<p class="soft">95% intervals: {kind}.</p><div class="grid2">{"".join(cards)}</div>'


def _metrics_card(group: str, rows: list[list[str]]) -> str:
    """A group's metrics; the derived ones behind a fold when there are many."""
    head = ["metric", "%", "95% interval", "queries"]
    first = [row for row in rows if len(rows) <= MOST_METRICS or not row[0].startswith(DERIVED)]
    more = [row for row in rows if row not in first]
    fold = f"<details><summary>{len(more)} more</summary>{table(head, more)}</details>" if more else ""
    return f'<div class="card"><h3>{escape(group)}</h3>{table(head, first)}{fold}</div>'


def _wilson(values: np.ndarray) -> tuple[Any, Any]:
    counted = values[~np.isnan(values)]
    if not len(counted) or not np.isin(counted, (0.0, 1.0)).all():
        return None, None
    return wilson(float(counted.sum()), len(counted))


def main_metric(result: Result) -> str | None:
    """The 0/1 metric that breakdowns show: the first R@1 at IoU 0.5, else the first 0/1 metric."""
    shares = [key for key, values in result.samples.items() if _wilson(values)[0] is not None]
    wanted = [key for key in shares if "0.5" in key and ("r1" in key or "R@1" in key or "R1" in key)]
    return next(iter([key for key in wanted if not key.endswith(("r10", "r100"))] or shares), None)


def _breakdowns(result: Result, wanted: Wanted) -> list[str]:
    metric = main_metric(result)
    if metric is None:
        return []
    figures = []
    for name in dict.fromkeys([*ALWAYS, *wanted.breakdowns]):
        if name in GROUPERS and name != "movie":
            figures += _breakdown_figure(result, name, metric)
    if not figures:
        return []
    note = f"{metric} per group with 95% Wilson intervals; groups below {SMALL} queries are marked °"
    return [
        "<h2>Breakdowns</h2>",
        f'<p class="soft">{escape(note)}</p>',
        f'<div class="grid2">{"".join(figures)}</div>',
    ]


def _breakdown_figure(result: Result, name: str, metric: str) -> list[str]:
    try:
        labels, index = groups_of(result, name)
    except ValueError:
        return []  # the ground truth has no such field
    lines, rows = [], []
    values = result.samples[metric]
    for number, label in enumerate(labels):
        counted = values[(index == number) & ~np.isnan(values)]
        if not len(counted):
            continue
        share, ends = float(counted.mean()), wilson(float(counted.sum()), len(counted))
        mark = " °" if len(counted) < SMALL else ""
        lines.append((f"{label}{mark}", share_bar(share, 0, ends), f"{100 * share:.1f}% of {len(counted)}"))
        rows.append(
            [label, len(counted), f"{100 * share:.2f}", f"{100 * ends[0]:.2f}", f"{100 * ends[1]:.2f}"]
        )
    if len(lines) < 2:
        return []
    head = [name, "queries", "percent", "low", "high"]
    return [figure(TITLES.get(name, f"By {name}"), bars(lines[:40]), head, rows)]


def _movies(result: Result) -> list[str]:
    """A table with a line per movie (or video), most queries first."""
    name = next((field for field in ("movie", "video") if _has(result.gt, field)), None)
    if name is None:
        return []
    labels, index = groups_of(result, name)
    keys = [key for key, values in result.samples.items() if _wilson(values)[0] is not None][:6]
    counts = np.bincount(index, minlength=len(labels))
    order = sorted(range(len(labels)), key=lambda at: (-counts[at], labels[at]))
    rows = []
    for at in order[:MOST_MOVIES]:
        members = index == at
        rows.append(
            [labels[at], counts[at], *(f"{100 * np.nanmean(result.samples[k][members]):.1f}" for k in keys)]
        )
    left = f'<p class="soft">and {len(order) - MOST_MOVIES} more</p>' if len(order) > MOST_MOVIES else ""
    shown_rows = table([name, "queries", *keys], rows)
    return [
        f"<h2>Per {name}, percent</h2>",
        f'<details open class="card"><summary>{len(order)} of them</summary>{shown_rows}{left}</details>',
    ]


def _has(gt: Any, field: str) -> bool:
    column = getattr(gt, field, None)
    return column is not None and bool((column != "").any())


def _warnings(result: Result) -> list[str]:
    found = [str(issue) for issue in result.warnings]
    if not found:
        return []
    items = "".join(f"<p>{escape(text)}</p>" for text in found[:MOST_WARNINGS])
    return [
        "<h2>Warnings</h2>",
        f'<details class="card"><summary>{len(found)} warnings</summary>{items}</details>',
    ]


def comparison_report(first: Result, second: Result, found: Comparison) -> str:
    """The page of two submissions on the same queries."""
    a, b = (getattr(result.submission, "name", "submission") for result in (first, second))
    rows, lines = [], []
    for name, one in found.metrics.items():
        star = " *" if one.p_holm < 0.05 else ""
        rows.append(
            [name, f"{100 * one.a:.2f}", f"{100 * one.b:.2f}", f"{100 * one.difference:+.2f}{star}",
             f"{100 * one.low:+.2f} to {100 * one.high:+.2f}", f"{one.p_holm:.3g}", len(one.won),
             len(one.lost),
             one.both, one.neither]
        )  # fmt: skip
        lines.append((f"{name} A", share_bar(min(max(one.a, 0), 1), 0), f"{100 * one.a:.1f}"))
        lines.append((f"{name} B", share_bar(min(max(one.b, 0), 1), 1), f"{100 * one.b:.1f}{star}"))
    head = ["metric", "A", "B", "A - B", "95% interval", "p (Holm)", "won", "lost", "both", "neither"]
    changes = [
        [item["query"], item["table"], item["iou"] or "", item["rank_a"] or "none", item["rank_b"] or "none"]
        for item in found.changes
    ]
    body = [
        f"<h1>A: {escape(a)}<br>B: {escape(b)}</h1>",
        f'<p class="soft">Profile {escape(first.profile)}, {len(first.query)} queries; '
        "* Holm-corrected p below 0.05</p>",
        f'<h2>Metrics, percent</h2><div class="card">{table(head, rows)}</div>',
        f'<h2>Side by side, percent</h2><div class="card">{bars(lines)}</div>',
        "<h2>Largest changes of the first right rank</h2>",
        f'<div class="card">{table(["query", "table", "IoU", "rank in A", "rank in B"], changes)}</div>',
    ]
    return page(f"{a} and {b}: comparison", body)
