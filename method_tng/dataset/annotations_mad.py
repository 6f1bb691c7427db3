"""MAD's annotations: one JSON object of all queries, or the JSON lines of its followers (Ego4D's form too).

Convention: seconds of the film.  Published irregularities are treated as the field does and counted in the
log: a moment that ends behind its film is cut; one that starts outside it or has no length is left out of
training and otherwise becomes a millisecond long, since its query is asked and counted though nobody can hit.
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

TRAINING = "train"  # the split that is learned from
SHORTEST = 0.001  # seconds


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
    num_unfit = num_cut = 0
    for place, narration, duration in (_lines if path.suffix == ".jsonl" else _object)(path, faults):
        if not narration.spans:
            found.add(narration, place, duration)
            continue
        start, end = narration.spans[0]
        fit = 0 <= start < duration and start != end
        num_unfit += not fit
        if not fit and split == TRAINING:
            continue
        num_cut += fit and end > duration
        span = (start, min(end, duration)) if fit else _shortest(start, duration)
        found.add(Narration(narration.query_id, narration.text, narration.movie_id, (span,)), place, duration)
    if num_unfit or num_cut:
        logger.warning(
            "%s: %d moments without length or outside their film %s, %d cut at its end",
            path,
            num_unfit,
            "left out" if split == TRAINING else "asked though nobody can hit them",
            num_cut,
        )
    return found


def _shortest(start: float, duration: float) -> Interval:
    """A millisecond of the film, as near to a time as can be."""
    start = max(0.0, min(start, duration - SHORTEST))
    return start, start + SHORTEST


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
