"""Movie101 (v1), the grounding set, from a checkout of its public repository.

Convention: whole seconds of the film; records have no ids, so a query is called SPLIT_INDEX; the films of a
split are those of `public_split.json` where the checkout has it.  Without a file of durations a film ends
with its last narration, rounded up to a clip.
Source: Yue et al., Movie101: A New Movie Understanding Benchmark, ACL 2023.
"""

from pathlib import Path

import msgspec

from method_tng.contract.errors import DataError
from method_tng.contract.items import Narration
from method_tng.contract.settings import DataSettings
from method_tng.dataset.faults import Faults
from method_tng.dataset.found import Found
from method_tng.dataset.records import decode, path_of, read_list, read_text_bytes

GROUNDING = "dataset/Movie101-G/{split}.json"
FILMS = "dataset/Movie101-raw/annotation/public_split.json"


class GroundingRecord(msgspec.Struct):
    """A narration of Movie101-G.

    {"movie_id": "6965768652251628068", "start_time": 61, "end_time": 70, "content": "..."}
    """

    movie_id: str
    start_time: float
    end_time: float
    content: str


def read(data: DataSettings, split: str, faults: Faults) -> Found:
    """The narrations of a split, in file order; `data.annotations` is the checkout."""
    checkout = path_of(data.annotations, split)
    path = path_of(str(checkout / GROUNDING), split)
    films = _films(checkout / FILMS, split)
    found = Found(films=dict.fromkeys(films), closed=bool(films))
    for index, (place, record) in enumerate(read_list(path, GroundingRecord, faults)):
        span = (record.start_time, record.end_time)
        found.add(Narration(f"{split}_{index}", record.content.strip(), record.movie_id, (span,)), place)
    return found


def _films(path: Path, split: str) -> list[str]:
    """The films of a split; none when the checkout has no list of them."""
    if not path.exists():
        return []
    splits = decode(read_text_bytes(path), dict[str, list[str]], str(path))
    if not splits.get(split):
        raise DataError(
            f"{path} has no films for split {split!r}; its splits are {', '.join(splits)}, take one"
        )
    return splits[split]
