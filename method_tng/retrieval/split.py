"""From trained models and a split of the data to answers."""

import hashlib
import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from method_tng.contract.batch import WindowBatch
from method_tng.contract.errors import DataError
from method_tng.contract.items import RankingTable
from method_tng.contract.protocols import Code
from method_tng.contract.recipe import Recipe
from method_tng.contract.settings import SearchSettings
from method_tng.dataset.collection import Collection
from method_tng.retrieval.codes import CorpusCodes, encode_queries, encode_windows, load_codes, save_codes
from method_tng.retrieval.pipeline import Answerer, Corpus, Key, Places, answer
from method_tng.retrieval.preselection import Preselection

logger = logging.getLogger(__name__)

GIGABYTE = 10**9
FORM = 2  # of stored codes; another number when models keep something else of a window

NEED = {"SVMR": "own_window", "TNG": "own_film"}  # tasks in which the place is given, and where it is told


@dataclass(frozen=True)
class Store:
    """Where an encoded corpus is kept, and what it must have been made from."""

    path: Path
    identity: str


def store_of(folder: Path, collection: Collection, made_with: str) -> Store:
    """The place of a split's codes in a run folder.

    Args:
        folder: of all codes of the run.
        collection: the split; other data options, or other feature files, make another identity.
        made_with: fingerprint of the model, the arithmetic it is used with, and its own settings.
    """
    data = asdict(collection.data)
    names = "+".join((data["video_features"], data["sub_features"])).replace("{split}", collection.split.name)
    files = [file for part in names.split("+") if part for file in _files(Path(part))]
    found = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    for unrelated in ("query_features", "sentence_features", "cache_gb"):
        del data[unrelated]
    windows = [(window.window_id, window.start, window.end) for window in collection.windows]
    made_from = json.dumps([FORM, made_with, data, found, windows])
    return Store(
        folder / f"{collection.split.name}.safetensors", hashlib.sha256(made_from.encode()).hexdigest()
    )


def answer_split(
    recipe: Recipe,
    models: Mapping[str, nn.Module],
    own: Any,
    search: SearchSettings,
    collection: Collection,
    device: torch.device,
    store: Store | None = None,
    preselection: Preselection | None = None,
) -> dict[Key, RankingTable]:
    """Ranks for all queries of a split.

    Args:
        models: stage name -> model on `device`, in eval mode.
        own: the system's own settings.
        store: keeps the encoded corpus between calls.
        preselection: another system, which chooses the windows.
    """
    matcher, localizer = recipe.assemble(models)
    encoder = localizer or matcher
    if matcher is not encoder:  # a stage of its own, which answers through the preselection
        matcher = None
    search = replace(search, tasks=answerable(search.tasks, collection))
    codes = encoded_corpus(encoder.encode_windows, collection, search, device, store)
    narrations = collection.split.narrations
    queries = encode_queries(
        encoder.encode_queries, collection.query_batch, len(narrations), search.eval_query_bsz, device
    )
    answerer = Answerer(matcher, localizer, recipe.fusion, recipe.reported, own, search, preselection)
    num_blocks = math.ceil(len(narrations) / search.eval_query_bsz)
    shown = tqdm(queries, total=num_blocks, unit="block of queries", disable=None, leave=False)
    ids, corpus = [item.query_id for item in narrations], corpus_of(collection, codes)
    return answer(answerer, corpus, shown, ids, places_of(collection, device))


def corpus_of(collection: Collection, codes: CorpusCodes) -> Corpus:
    """The windows of a split as they are searched, on the device of their codes."""
    times = torch.tensor([(one.start, one.end) for one in collection.windows], dtype=torch.float64)
    starts, ends = times.to(codes.device).unbind(1)  # (M,) each
    return Corpus(
        codes,
        [window.window_id for window in collection.windows],
        [movie.movie_id for movie in collection.split.movies],
        torch.from_numpy(collection.window_movies).to(codes.device),
        starts,
        ends - starts,
    )


def places_of(collection: Collection, device: torch.device) -> Places:
    """Where the queries of a split happen, as far as that is known."""
    own = (collection.own_window, collection.own_film)
    return Places(*(torch.from_numpy(rows).to(device) for rows in own))


def _files(path: Path) -> list[Path]:
    """A feature file, or all files of a folder of them."""
    return sorted(path.iterdir()) if path.is_dir() else [path] * path.exists()


def answerable(tasks: Sequence[str], collection: Collection) -> tuple[str, ...]:
    """The tasks that can be answered; those in which the place is given need to be told it of some query.

    Raises:
        DataError: none is left.
    """
    dropped = [task for task in tasks if task in NEED and not (getattr(collection, NEED[task]) >= 0).any()]
    if len(dropped) == len(tasks):
        raise DataError(
            f"split {collection.split.name!r} has no ground truth, which {' and '.join(tasks)} cannot be "
            "answered without; expected the place of one query at least, ask for --tasks VCMR VR"
        )
    if dropped:
        logger.warning("this split has no ground truth: %s left out", " and ".join(dropped))
    return tuple(task for task in tasks if task not in dropped)


def encoded_corpus(
    encode: Callable[[WindowBatch], Code],
    collection: Collection,
    search: SearchSettings,
    device: torch.device,
    store: Store | None,
) -> CorpusCodes:
    """All windows of a split in a model's terms, taken from the store if they are there."""
    stored = load_codes(store.path, store.identity, device) if store else None
    if stored is not None:
        return stored
    codes = encode_windows(
        encode,
        collection.window_batch,
        collection.window_lengths.tolist(),
        search.eval_context_bsz,
        device,
        search.codes_gb * GIGABYTE,
    )
    if store and codes.kept:
        save_codes(store.path, codes, store.identity)
    return codes
