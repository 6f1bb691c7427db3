"""MAD's annotations: one JSON object of all queries, or the JSON lines of its followers (Ego4D's form too).

Convention: seconds of the film.  Published irregularities are treated as the field does and counted in the
log: a moment that starts outside its film or has no length is left out, one that ends behind it is cut.
Source: Soldan et al., MAD, CVPR 2022; Hannan et al., RGNet, ECCV 2024 (the lines).
"""

import logging
from collections.abc import Iterator
from pathlib import Path

import msgspec

from method_tng.contract.items import Interval, Narration
from method_tng.contract.settings import DataSettings
from method_tng.dataset.faults import Faults
from method_tng.dataset.found import Found
from method_tng.dataset.records import path_of, read_lines, read_object

logger = logging.getLogger(__name__)


class MadRecord(msgspec.Struct):
    """A value of MAD's object.

    {"movie": "10142", "sentence": "She looks up.", "timestamps": [9.2, 10.4], "movie_duration": 6180.5}
    """

    movie: str
    sentence: str
    movie_duration: float
    timestamps: Interval | None = None
    ext_timestamps: Interval | None = None


class MadLine(msgspec.Struct):
    """A line of the second form.

    {"query_id": "0", "query": "She smiles.", "video_id": "7", "timestamps": [9.2, 10.4], "duration": 6180}
    """

    query_id: int | str
    query: str
    video_id: str
    duration: float
    timestamps: Interval | None = None
    clip_id: str = ""  # the key of the features where a video is given in parts


def read(data: DataSettings, split: str, faults: Faults) -> Found:
    """The queries of a split, in file order; a file whose name ends in `.jsonl` is read line by line."""
    path = path_of(data.annotations, split)
    found = Found()
    num_dropped = num_cut = 0
    for place, narration, duration in (_lines if path.suffix == ".jsonl" else _object)(path, faults):
        if not narration.spans:
            found.add(narration, place, duration)
            continue
        start, end = narration.spans[0]
        if start < 0 or start >= duration or start == end:
            num_dropped += 1
            continue
        num_cut += end > duration
        span = (start, min(end, duration))
        found.add(Narration(narration.query_id, narration.text, narration.movie_id, (span,)), place, duration)
    if num_dropped or num_cut:
        logger.warning(
            "%s: %d moments without length or outside their film left out, %d cut at its end",
            path,
            num_dropped,
            num_cut,
        )
    return found


Item = tuple[str, Narration, float]  # place, narration, duration of its film


def _object(path: Path, faults: Faults) -> Iterator[Item]:
    for query_id, place, record in read_object(path, MadRecord, faults):
        span = record.timestamps or record.ext_timestamps
        spans = (span,) if span else ()
        yield place, Narration(query_id, record.sentence, record.movie, spans), record.movie_duration


def _lines(path: Path, faults: Faults) -> Iterator[Item]:
    for place, line in read_lines(path, MadLine, faults):
        spans = (line.timestamps,) if line.timestamps else ()
        film = line.clip_id or line.video_id
        yield place, Narration(str(line.query_id), line.query, film, spans), line.duration
