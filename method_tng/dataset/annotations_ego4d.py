"""Ego4D's natural language queries, from the official nested JSON to lines that the `mad` reader takes.

Convention: seconds of the clip; a line's `query_id` is ANNOTATION_INDEX with the index of the official file,
whatever was left out before it.  For training, what nothing can be learned from is left out, as the field
does; otherwise every query with a text stays, since all of them are asked and counted.
Source: Grauman et al., Ego4D, CVPR 2022; the rules: Hannan et al., RGNet, ECCV 2024.
"""

import json
import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from method_tng.contract.errors import DataError
from method_tng.contract.files import write_whole
from method_tng.dataset.records import decode, read_text_bytes

logger = logging.getLogger(__name__)

LAST_START = 0.99978  # of the clip; a moment that starts later has no clip of its own
NO_OTHER_WINDOW = (120.0, 60.0)  # a moment from before 120 s until the last minute leaves no negative window


class Query(msgspec.Struct):
    """A sentence; times are missing in a split without ground truth."""

    query: str | None = None
    clip_start_sec: float | None = None
    clip_end_sec: float | None = None


class Annotation(msgspec.Struct):
    """What one annotator said of a clip."""

    annotation_uid: str
    language_queries: list[Query]


class Clip(msgspec.Struct):
    """A stretch of a video, the film of its queries."""

    clip_uid: str
    video_start_sec: float
    video_end_sec: float
    annotations: list[Annotation]


class Video(msgspec.Struct):
    """A recording."""

    video_uid: str
    clips: list[Clip]


class Ego4d(msgspec.Struct):
    """The whole file.

    {"videos": [{"video_uid": "v", "clips": [{"clip_uid": "c", "video_start_sec": 0, ...}]}]}
    """

    videos: list[Video]


def convert_ego4d(source: Path, out: Path, for_training: bool) -> int:
    """Writes the queries of an official file as JSON lines, whole or not at all.

    Args:
        source: nlq_train.json, nlq_val.json, nlq_test_unannotated.json, or one of its form (NaQ).
        out: the file of lines.
        for_training: leave out what nothing can be learned from.

    Returns:
        How many queries were written; those left out or changed are told in the log.

    Raises:
        DataError: broken JSON, a missing field, a clip without length, or half a moment.
    """
    content = decode(read_text_bytes(source), Ego4d, str(source))
    told: Counter[str] = Counter()
    count = 0
    out.parent.mkdir(parents=True, exist_ok=True)

    def write(temporary: Path) -> None:
        nonlocal count
        with open(temporary, "w", encoding="utf-8") as file:
            for line in _lines(content, source, for_training, told):
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
                count += 1

    write_whole(out, write)
    if told:
        logger.warning("%s: %s", source, "; ".join(f"{number} {what}" for what, number in told.items()))
    return count


def _lines(content: Ego4d, source: Path, for_training: bool, told: Counter[str]) -> Iterator[dict[str, Any]]:
    for video, clip, annotation, index, query in _queries(content):
        query_id = f"{annotation.annotation_uid}_{index}"
        place = f"{source}, query {query_id!r} of clip {clip.clip_uid!r}"
        duration = clip.video_end_sec - clip.video_start_sec
        if not duration > 0:
            raise DataError(
                f"{place}: the clip lasts from {clip.video_start_sec:g} to {clip.video_end_sec:g} seconds; "
                "expected an end behind the start, correct it"
            )
        line = {"query_id": query_id, "query": " ".join((query.query or "").split())}
        line |= {"video_id": video.video_uid, "clip_id": clip.clip_uid}
        span = _span(query, place, told)
        fault = "" if line["query"] else "left out without a text"
        if span and not fault and for_training:
            fault = _useless(*span, duration)
        if fault:
            told[fault] += 1
            continue
        if span:
            line["timestamps"] = list(span)
        yield line | {"duration": duration}


def _queries(content: Ego4d) -> Iterator[tuple[Video, Clip, Annotation, int, Query]]:
    for video in content.videos:
        annotations = ((clip, annotation) for clip in video.clips for annotation in clip.annotations)
        for clip, annotation in annotations:
            for index, query in enumerate(annotation.language_queries):
                yield video, clip, annotation, index, query


def _span(query: Query, place: str, told: Counter[str]) -> tuple[float, float] | None:
    """The moment in order of time, None when none is told."""
    start, end = query.clip_start_sec, query.clip_end_sec
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise DataError(f"{place}: found only one of clip_start_sec and clip_end_sec; expected both or none")
    if start > end:
        told["told backwards, turned round"] += 1
    return min(start, end), max(start, end)


def _useless(start: float, end: float, duration: float) -> str:
    """Why nothing can be learned from a moment, or ''."""
    if start >= LAST_START * duration:
        return "left out that start at their clip's end"
    if start == end:
        return "left out without length"
    first, rest = NO_OTHER_WINDOW
    return "left out that leave no other window" if start < first and end > duration - rest else ""
