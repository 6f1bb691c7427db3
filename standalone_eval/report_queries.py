"""Single queries in the report: the worst and some at random, with time-line strips of gt and first rows."""

from __future__ import annotations

from html import escape

import numpy as np

from .columns import Rows
from .errors import Nearest, nearest, task_rows
from .evaluator import Result
from .svg import number

SHOWN, LANES = 20, 5
LONG_TEXT = 300


def query_section(result: Result, task: str, seed: int) -> list[str]:
    """The 20 worst and 20 random queries of a task."""
    found = nearest(result, task, 10, 0.5)
    count = len(result.query)
    ids = np.argsort(np.argsort(result.query, kind="stable"), kind="stable")
    rank = np.minimum(found.hit_rank, 1e9)
    worst = np.lexsort((ids, found.iou, -rank))[:SHOWN]
    random = np.random.Generator(np.random.PCG64(seed))
    by_id = np.argsort(result.query, kind="stable")
    chosen = by_id[np.sort(random.choice(count, min(SHOWN, count), replace=False))]
    body = []
    for title, places in (
        (f"The {len(worst)} worst queries", worst),
        (f"{len(chosen)} random queries", chosen),
    ):
        cards = "".join(_query(result, task, found, int(place)) for place in places)
        body += [f"<h2>{title} ({escape(task)})</h2>", f'<div class="queries">{cards}</div>']
    return body


def _query(result: Result, task: str, found: Nearest, place: int) -> str:
    gt = result.gt
    rows, pairing, _ = task_rows(result, task)
    truth = gt.window[gt.offset[place] : gt.offset[place + 1]]
    lanes = _first_lanes(result, rows, pairing.owner, place)
    own = "" if gt.video is None else str(gt.video[place])
    mine = [window for name, window, _ in lanes if name in ("", own)]
    known = None if gt.duration is None or np.isnan(gt.duration[place]) else float(gt.duration[place])
    span = max([known or 0.0, *(end for _, end in mine), *truth[:, 1].tolist(), 1.0])
    unit = "frames" if result.profile == "movie101-rnl" else "s"
    text = "" if gt.text is None else str(gt.text[place])
    rank = (
        "no right row (IoU 0.5)"
        if np.isinf(found.hit_rank[place])
        else f"first right row (IoU 0.5): {int(found.hit_rank[place])}"
    )
    head = f"<b>{escape(str(result.query[place]))}</b> {escape(text[:LONG_TEXT])}"
    where = f"{escape(own)} · 0 to {number(span)} {unit} · {rank}"
    strips = [_lane("gt", truth.tolist(), span, 2, _seconds(truth.tolist(), unit))]
    for name, window, label in lanes:
        same = name in ("", own)
        caption = _seconds([window], unit) if same else name
        strips.append(_lane(label, [window] if same else [], span, 0, caption))
    return f'<div class="card query"><p>{head}</p><p><small>{where}</small></p>{"".join(strips)}</div>'


def _first_lanes(
    result: Result, rows: Rows, owner: np.ndarray, place: int
) -> list[tuple[str, list[float], str]]:
    """(video name, window, label) of the first rows of a query."""
    entries = np.flatnonzero(owner == place)
    if not len(entries):
        return []
    start = int(rows.offset[entries[-1]])
    stop = min(start + LANES, int(rows.offset[entries[-1] + 1]))
    names: dict[int, str] = {}
    if rows.video is not None and result.submission.video_name is not None:
        wanted = rows.video[start:stop].tolist()
        at = np.flatnonzero(np.isin(result.submission.video_index, wanted))
        names = dict(
            zip(
                result.submission.video_index[at].tolist(),
                result.submission.video_name[at].tolist(),
                strict=True,
            )
        )
    found = []
    for number_, row in enumerate(range(start, stop)):
        name = names.get(int(rows.video[row]), "?") if rows.video is not None else ""
        found.append((name, rows.window[row].tolist(), str(number_ + 1)))
    return found


def _seconds(windows: list[list[float]], unit: str) -> str:
    text = ", ".join(f"{number(start)}-{number(end)}" for start, end in windows[:2])
    return f"{text}{', …' if len(windows) > 2 else ''} {unit}"


def _lane(label: str, windows: list[list[float]], span: float, colour: int, caption: str) -> str:
    parts = ['<svg aria-hidden="true"><rect class="back" y="5" width="100%" height="2"/>']
    for start, end in windows:
        left = min(max(100 * start / span, 0.0), 99.4)
        width = min(max(100 * (end - start) / span, 0.6), 100 - left)
        parts.append(f'<rect class="f{colour}" x="{left:.2f}%" width="{width:.2f}%" height="12" rx="2"/>')
    parts.append("</svg>")
    safe = escape(caption)
    return f'<div class="lane"><span>{escape(label)}</span>{"".join(parts)}<b title="{safe}">{safe}</b></div>'
