"""TVR's annotations: JSON lines, one query each; the films and their durations in a file of their own.

Convention: `ts` is in seconds of the video `vid_name`.  A split without ground truth leaves out `vid_name`
and `ts`.  `alt` (other windows that hold the same moment, in packs of overlapping windows) is accepted and
not used: no evaluator of the family knows it; cut whole films instead, where overlap is known.
Source: Lei et al., TVR, ECCV 2020, data release.
"""

import msgspec

from method_tng.contract.items import Narration
from method_tng.contract.settings import DataSettings
from method_tng.dataset.faults import Faults
from method_tng.dataset.found import Found
from method_tng.dataset.records import path_of, read_lines


class Alternative(msgspec.Struct):
    """Another window that holds the moment.

    {"vid_name": "film_00100", "ts": [1.0, 7.5]}
    """

    vid_name: str
    ts: tuple[float, float]


class TvrLine(msgspec.Struct):
    """A query of TVR.

    {"desc_id": 1, "desc": "A man opens a door.", "vid_name": "film", "duration": 90.5, "ts": [3.2, 7.6]}
    """

    desc_id: int | str
    desc: str
    vid_name: str = ""
    duration: float | None = None
    ts: tuple[float, float] | None = None
    type: str = ""
    alt: list[Alternative] = []


def read(data: DataSettings, split: str, faults: Faults) -> Found:
    """The queries of a split, in file order."""
    path = path_of(data.annotations, split)
    found = Found()
    for place, line in read_lines(path, TvrLine, faults):
        spans = () if line.ts is None else (line.ts,)
        narration = Narration(str(line.desc_id), line.desc, line.vid_name, spans, line.type)
        found.add(narration, place, line.duration)
    return found
