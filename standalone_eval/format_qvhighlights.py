"""QVHighlights files (also MESM's), one JSON object per line: windows in seconds, a score per 2-second clip.

Source: the submission format of Moment-DETR (Lei et al. 2021).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from .columns import GroundTruth, Saliency, Submission
from .fields import (
    MISSING,
    IdColumn,
    identified,
    number_of,
    optional_text,
    report_duplicates,
    sub,
    windows_of,
)
from .files import written
from .rowreader import RowReader, checked_number, kind_of, plural, short
from .sources import Source

CLIP = 2  # seconds
RATERS = 3
LONGEST = 1_000_000  # seconds; the grid of clips is held in memory
WINDOWS, SCORES = "pred_relevant_windows", "pred_saliency_scores"


def read_submission(source: Source) -> Submission:
    """Columns of a QVHighlights submission: rows in task ``pred``, saliency, or both."""
    ids = IdColumn(source, "qid")
    reader = RowReader(source, ("st", "ed", "score"), 3, 3, score_at=2)
    lines: list[int] = []
    present: dict[str, list[int]] = {WINDOWS: [], SCORES: []}
    values: list[np.ndarray] = []
    for place, entry, text in identified(source, ids):
        line = place["line"]
        lines.append(line)
        for key, holders in present.items():
            if key in entry:
                holders.append(line)
        if WINDOWS in entry:
            reader.add(entry[WINDOWS], text, sub(place, WINDOWS))
        else:
            reader.blank()
        if SCORES in entry:
            values.append(_scores(entry[SCORES], source, sub(place, SCORES)))
    for key, holders in present.items():
        if 0 < len(holders) < len(lines):
            line = next(number for number in lines if number not in set(holders))
            message = f"{key} stands on {len(holders)} of {len(lines)} lines and is missing here"
            source.report("E010", message, line=line, order=(line,))
    if lines and not any(present.values()):
        source.report("E010", f"no line has {WINDOWS} or {SCORES}, expected at least one of them")
    if not lines and not source.findings.failed:
        source.report("E010", "the file holds no query")
    rows = reader.finish(ids.array(), lines, rows_at=f"/{WINDOWS}")
    report_duplicates(source, "E022", rows.query, rows.place, "query")
    saliency = None
    if len(values) == len(lines) and values:
        offset = np.concatenate([[0], np.cumsum([len(item) for item in values])])
        saliency = Saliency(rows.query, offset, np.concatenate(values))
    tasks = {"pred": rows} if present[WINDOWS] else {}
    return Submission(tasks, None, None, None, saliency, "qvhighlights", source.name, source.path)


def _scores(value: Any, source: Source, place: dict[str, Any]) -> np.ndarray:
    if not isinstance(value, list):
        source.report("E011", f"expected a list of numbers, one per clip, found {kind_of(value)}", **place)
        return np.zeros(0)
    if not value:
        source.report("E040", "has no scores; every query needs at least one", **place)
    types = set(map(type, value))
    if types <= {float, int}:
        try:
            scores = np.array(value, dtype=np.float64)
        except OverflowError:
            scores = np.array([np.inf])
        if np.isfinite(scores).all():
            return scores + 0.0
    checked = [checked_number(item, "score", source, sub(place, at)) for at, item in enumerate(value)]
    return np.zeros(len(checked))


def read_gt(source: Source, strict: bool) -> GroundTruth:
    """Columns of a QVHighlights gt file; ``saliency`` is None when no line has it."""
    ids = IdColumn(source, "qid")
    table: dict[str, list[Any]] = {key: [] for key in ("video", "duration", "text", "line")}
    windows: list[tuple[float, float]] = []
    ends: list[int] = []
    clips: list[list[int]] = []
    raters: list[list[list[int]]] = []
    without: list[int] = []
    for place, entry, _ in identified(source, ids):
        line = place["line"]
        if "relevant_windows" in entry:
            windows += windows_of(entry["relevant_windows"], source, sub(place, "relevant_windows"))
        else:
            source.report("E010", "required key relevant_windows is missing", **place)
        ends.append(len(windows))
        duration = number_of(entry, "duration", source, place)
        if duration is not None and not 0 < duration <= LONGEST:
            message = f"duration is {short(duration)}, expected seconds above 0 and at most {LONGEST}"
            source.report("E011", message, **sub(place, "duration"))
            duration = None
        table["duration"].append(duration if duration is not None else float("nan"))
        table["video"].append(optional_text(entry, "vid"))
        table["text"].append(optional_text(entry, "query"))
        table["line"].append(line)
        if "saliency_scores" in entry or "relevant_clip_ids" in entry:
            pairs = _relevance(entry, duration, source, place)
            clips.append([clip for clip, _ in pairs])
            raters.append([scores for _, scores in pairs])
        else:
            without.append(line)
    if clips and without:
        message = f"saliency_scores stands on {len(clips)} of {len(ends)} lines and is missing here"
        source.report("E010", message, line=without[0], order=(without[0],))
    gt = GroundTruth(
        ids.array(), [0, *ends], np.array(windows), table["video"], None, table["duration"], None,
        table["text"],
        line=np.array(table["line"]), format="qvhighlights", name=source.name, path=source.path,
    )  # fmt: skip
    if clips and not without:
        offset = np.concatenate([[0], np.cumsum([len(item) for item in clips])])
        flat = np.array([clip for item in clips for clip in item], dtype=np.int64)
        scores = np.array([triple for item in raters for triple in item], dtype=np.int64).reshape(-1, RATERS)
        gt.saliency = Saliency(gt.query, offset, scores, flat)
    report_duplicates(source, "E023", gt.query, gt.place, "query")
    return gt


def _relevance(
    entry: dict[str, Any], duration: float | None, source: Source, place: dict[str, Any]
) -> list[tuple[int, list[int]]]:
    """(clip, the three ratings) of each relevant clip; faults reported."""
    clips, scores = entry.get("relevant_clip_ids", MISSING), entry.get("saliency_scores", MISSING)
    for key, value in (("relevant_clip_ids", clips), ("saliency_scores", scores)):
        if value is MISSING:
            source.report("E010", f"required key {key} is missing", **place)
        elif not isinstance(value, list):
            source.report("E011", f"{key} is {kind_of(value)}, expected a list", **sub(place, key))
    if not isinstance(clips, list) or not isinstance(scores, list):
        return []
    if len(clips) != len(scores):
        message = (
            f"saliency_scores has {plural(len(scores), 'row')} for {plural(len(clips), 'relevant clip')}"
        )
        source.report("E060", message, **sub(place, "saliency_scores"))
    limit = None if duration is None else int(duration / CLIP)
    found = []
    for at, (clip, triple) in enumerate(zip(clips, scores, strict=False)):
        good_clip = _clip_is_good(clip, limit, source, sub(sub(place, "relevant_clip_ids"), at))
        if _triple_is_good(triple, source, sub(sub(place, "saliency_scores"), at)) and good_clip:
            found.append((clip, triple))
    return found


def _clip_is_good(clip: Any, limit: int | None, source: Source, place: dict[str, Any]) -> bool:
    if isinstance(clip, bool) or not isinstance(clip, int):
        source.report("E011", f"clip id is {kind_of(clip)}, expected an integer", **place)
        return False
    if clip < 0 or (limit is not None and clip >= limit):
        source.report("E061", f"clip id {short(clip)} is outside 0 ... {(limit or 0) - 1}", **place)
        return False
    return limit is not None


def _triple_is_good(triple: Any, source: Source, place: dict[str, Any]) -> bool:
    if not isinstance(triple, list) or len(triple) != RATERS:
        found = plural(len(triple), "score") if isinstance(triple, list) else kind_of(triple)
        source.report(
            "E060", f"expected the scores of {RATERS} raters in saliency_scores, found {found}", **place
        )
        return False
    good = True
    for at, score in enumerate(triple):
        if isinstance(score, bool) or not isinstance(score, int) or not 0 <= score <= 4:
            message = f"saliency score is {kind_of(score)}, expected an integer 0 ... 4"
            source.report("E062", message, **sub(place, at))
            good = False
    return good


def write_submission(path: str | Path, submission: Submission) -> None:
    """Writes a QVHighlights submission, one line per query, atomically."""
    from .format_tvr import json_rows

    rows, saliency = submission.tasks.get("pred"), submission.saliency
    holder = rows if rows is not None else saliency
    assert holder is not None
    with written(path) as file:
        for number, query in enumerate(holder.query.tolist()):
            entry: dict[str, Any] = {"qid": query}
            if rows is not None:
                entry[WINDOWS] = json_rows(rows, number)
            if saliency is not None:
                at = slice(int(saliency.offset[number]), int(saliency.offset[number + 1]))
                entry[SCORES] = saliency.value[at].tolist()
            file.write((json.dumps(entry) + "\n").encode())
