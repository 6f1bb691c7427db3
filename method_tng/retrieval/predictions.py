"""Rankings to the evaluator: as columns in memory, and as the TVR family's submission file.

Two submissions are made of an answer: one in window terms (tasks VCMR, SVMR, VR) and one in film terms
(VCMR, VR, and TNG under the name SVMR with `"scope": "own_film"`, since it is moment retrieval in a given
video).  Each is written as JSON and as the evaluator's columnar `.npz`.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from method_tng.contract.errors import DataError
from method_tng.contract.files import write_text
from method_tng.contract.items import RankingTable
from method_tng.dataset.collection import Collection
from method_tng.retrieval.pipeline import SCOPES, Key
from standalone_eval.columns import GroundTruth, Rows, Submission
from standalone_eval.format_npz import write_npz
from standalone_eval.formats import write_json

PLACE_OF = {"VCMR": "VCMR", "SVMR": "SVMR", "VR": "VR", "TNG": "SVMR"}  # our task -> list of the submission


def submission_of(
    tables: Mapping[Key, RankingTable], scope: str, texts: Mapping[str, str] | None = None
) -> Submission:
    """The answers in one scope as the evaluator's columns; `texts` = the sentence of each query id."""
    chosen = {task: table for (where, task), table in tables.items() if where == scope}
    rows = {PLACE_OF[task]: _rows(table, task, texts) for task, table in chosen.items()}
    names = next(iter(chosen.values())).names
    return Submission(
        rows,
        video_name=np.array(names),
        video_index=np.arange(len(names)),
        scope="own_film" if "TNG" in chosen else None,
        name=f"answers in {scope}",
    )


def write_predictions(
    tables: Mapping[Key, RankingTable], folder: Path, stem: str, texts: Mapping[str, str] | None = None
) -> list[Path]:
    """Writes `<stem>_windows` and `<stem>_films`, each as .json and .npz; returns the four paths."""
    written = []
    for scope in SCOPES:
        if any(where == scope for where, _ in tables):
            submission = submission_of(tables, scope, texts)
            for suffix, write in (("json", write_json), ("npz", write_npz)):
                path = folder / f"{stem}_{scope}.{suffix}"
                write(path, submission)
                written.append(path)
    return written


def write_submission(
    tables: Mapping[Key, RankingTable], collection: Collection, folder: Path, stem: str, benchmark: str
) -> list[Path]:
    """Writes the moments inside the queries' own films in a benchmark's form.

    Args:
        tables: the answers; without TNG among them nothing is written.
        collection: the split.
        folder: of the file.
        stem: the file is `<stem>_<benchmark>.json`, with `l` for lines.
        benchmark: mad (lines), or ego4d (one object whose queries are told by clip, annotation and index).

    Raises:
        DataError: a query's id does not tell its annotation and index.
    """
    table = tables.get(("films", "TNG"))
    if table is None:  # no query's film is known, which was told already
        return []
    suffix, name_queries = BENCHMARKS[benchmark]
    path = folder / f"{stem}_{benchmark}{suffix}"
    rows = Rows(name_queries(collection), table.offset, window=table.times, score=table.score)
    write_json(path, Submission({"pred": rows}, format=benchmark))
    return [path]


def _named_by_id(collection: Collection) -> np.ndarray:
    return _ids([item.query_id for item in collection.split.narrations])


def _named_by_clip(collection: Collection) -> np.ndarray:
    """CLIP/ANNOTATION/INDEX of every query."""
    names = []
    for item in collection.split.narrations:
        annotation, _, index = item.query_id.rpartition("_")
        if not annotation or not index.isdecimal() or not item.movie_id:
            raise DataError(
                f"query {item.query_id!r} of split {collection.split.name!r} does not tell its annotation "
                "and index; expected ANNOTATION_INDEX and a clip, as `prepare ego4d` writes them; or leave "
                "out --submission"
            )
        names.append(f"{item.movie_id}/{annotation}/{index}")
    return np.array(names, dtype=np.str_)


BENCHMARKS = {"mad": (".jsonl", _named_by_id), "ego4d": (".json", _named_by_clip)}


def write_truth(collection: Collection, folder: Path, split: str) -> list[Path]:
    """Writes the truth in both scopes beside the predictions, in the form the evaluator reads."""
    known = collection.known
    narrations = [collection.split.narrations[row] for row in known]
    owns = [collection.windows[collection.own_window[row]] for row in known]
    durations = {movie.movie_id: movie.duration for movie in collection.split.movies}
    paths = [folder / f"{split}_{scope}_gt.jsonl" for scope in SCOPES]
    lines: tuple[list[str], list[str]] = ([], [])
    ids = _ids([item.query_id for item in collection.split.narrations])[known].tolist()
    for query_id, item, own, inside in zip(
        ids, narrations, owns, [collection.own_span[row] for row in known], strict=True
    ):
        head = {"desc_id": query_id, "desc": item.text, "movie": item.movie_id}
        head |= {"type": item.kind} if item.kind else {}
        places = (
            (own.window_id, own.end - own.start, [inside]),
            (item.movie_id, durations[item.movie_id], item.spans),
        )
        for found, (place, duration, spans) in zip(lines, places, strict=True):
            ts = [list(span) for span in spans] if len(spans) > 1 else list(spans[0])
            found.append(
                json.dumps(head | {"vid_name": place, "duration": duration, "ts": ts}, ensure_ascii=False)
            )
    for path, found in zip(paths, lines, strict=True):
        write_text(path, "".join(f"{line}\n" for line in found))
    return paths


def ground_truth(
    query_ids: Sequence[str], spans: Sequence, places: Sequence[str], kinds: Sequence[str]
) -> GroundTruth:
    """Truth as the evaluator's columns.

    Args:
        query_ids: N ids.
        spans: per query its [start, end] windows in seconds of its place.
        places: the window or film of each.
        kinds: the type of each ("v", "t", "vt" in TVR, else "").
    """
    typed = list(kinds) if all(kinds) else None
    return GroundTruth.from_windows(_ids(query_ids), spans, video=list(places), type=typed)


def _rows(table: RankingTable, task: str, texts: Mapping[str, str] | None) -> Rows:
    times = None if task == "VR" else table.times
    told = None if texts is None else [texts[name] for name in table.query_ids]
    ids = _ids(table.query_ids)
    return Rows(ids, table.offset, window=times, video=table.place, score=table.score, text=told)


def _ids(query_ids: Sequence[str]) -> np.ndarray:
    """Ids as the annotation files have them: whole numbers where all are, texts elsewhere."""
    if all(name.isdecimal() and (name == "0" or name[0] != "0") and len(name) < 19 for name in query_ids):
        return np.array([int(name) for name in query_ids], dtype=np.int64)
    return np.array(query_ids, dtype=np.str_)
