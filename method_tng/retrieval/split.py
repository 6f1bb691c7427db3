"""From trained models and a split of the data to answers and their scores."""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from method_tng.contract.items import RankingTable
from method_tng.contract.recipe import Recipe
from method_tng.contract.settings import SearchSettings
from method_tng.dataset.collection import Collection
from method_tng.retrieval import chance
from method_tng.retrieval.codes import CorpusCodes, encode_queries, encode_windows, load_codes, save_codes
from method_tng.retrieval.pipeline import SCOPES, Answerer, Corpus, Key, answer
from method_tng.retrieval.predictions import ground_truth, submission_of
from standalone_eval import evaluate

logger = logging.getLogger(__name__)

NEED_TRUTH = ("SVMR", "TNG")  # tasks in which the place is given
IOU = {"windows": (0.3, 0.5, 0.7), "films": (0.1, 0.3, 0.5, 0.7)}
TOPK = (1, 5, 10, 100)
Metrics = dict[str, dict[str, dict[str, float]]]
"""scope -> task -> metric -> fraction."""


@dataclass(frozen=True)
class Store:
    """Where an encoded corpus is kept, and what it must have been made from."""

    path: Path
    identity: str


def store_of(folder: Path, collection: Collection, weights: str) -> Store:
    """The place of a split's codes in a run folder.

    Args:
        folder: of all codes of the run.
        collection: the split; other data options or other feature files make another identity.
        weights: fingerprint of the model.
    """
    data = asdict(collection.data)
    files = [
        Path(part) for name in ("video_features", "sub_features") for part in data[name].split("+") if part
    ]
    found = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files if path.exists()]
    windows = [(window.window_id, window.start, window.end) for window in collection.windows]
    made_from = json.dumps([weights, data, found, windows])
    return Store(
        folder / f"{collection.split.name}.safetensors", hashlib.sha256(made_from.encode()).hexdigest()
    )


def answer_split(
    recipe: Recipe,
    models: Mapping[str, nn.Module],
    settings: tuple[Any, SearchSettings],
    collection: Collection,
    device: torch.device,
    store: Store | None = None,
) -> dict[Key, RankingTable]:
    """Ranks for all queries of a split.

    Args:
        models: stage name -> model on `device`, in eval mode.
        settings: the system's own and the search settings.
        store: keeps the encoded corpus between calls.
    """
    matcher, localizer = recipe.assemble(models)
    own, search = settings
    search = replace(search, tasks=answerable(search.tasks, collection.split.has_truth))
    codes = _corpus_codes(matcher, collection, search, device, store)
    starts = [window.start for window in collection.windows]
    ends = [window.end for window in collection.windows]
    corpus = Corpus(
        codes,
        [window.window_id for window in collection.windows],
        [movie.movie_id for movie in collection.split.movies],
        torch.from_numpy(collection.window_movies).to(device),
        torch.tensor(starts, dtype=torch.float64, device=device),
        torch.tensor(ends, dtype=torch.float64, device=device)
        - torch.tensor(starts, dtype=torch.float64, device=device),
    )
    narrations = collection.split.narrations
    queries = encode_queries(
        matcher.encode_queries, collection.query_batch, len(narrations), search.eval_query_bsz, device
    )
    own_window = torch.from_numpy(collection.own_window).to(device)
    answerer = Answerer(matcher, localizer, recipe.fusion, recipe.reported, own, search)
    return answer(answerer, corpus, queries, [item.query_id for item in narrations], own_window)


def answerable(tasks: Sequence[str], has_truth: bool) -> tuple[str, ...]:
    """The tasks that can be answered; those in which the place is given need ground truth."""
    if has_truth:
        return tuple(tasks)
    dropped = [task for task in tasks if task in NEED_TRUTH]
    if dropped:
        logger.warning("this split has no ground truth: %s left out", " and ".join(dropped))
    return tuple(task for task in tasks if task not in NEED_TRUTH)


def score_split(tables: Mapping[Key, RankingTable], collection: Collection) -> Metrics:
    """Recalls in window terms and in film terms, by the canonical definitions (fractions)."""
    narrations = collection.split.narrations
    ids = [item.query_id for item in narrations]
    kinds = [item.kind for item in narrations]
    windows = [collection.windows[row].window_id for row in collection.own_window]
    truths = {
        "windows": ground_truth(ids, [[span] for span in collection.own_span], windows, kinds),
        "films": ground_truth(
            ids, [list(item.spans) for item in narrations], [n.movie_id for n in narrations], kinds
        ),
    }
    found: Metrics = {}
    for scope in SCOPES:
        if any(where == scope for where, _ in tables):
            submission = submission_of(tables, scope)
            result = evaluate(submission, truths[scope], "tng", iou=IOU[scope], topk=TOPK, allow_missing=True)
            named = {
                ("TNG" if scope == "films" and task == "SVMR" else task): v
                for task, v in result.metrics.items()
            }
            found[scope] = named
    return found


def chance_levels(collection: Collection) -> Metrics:
    """What guessing reaches on this split."""
    movies = {movie.movie_id: movie.duration for movie in collection.split.movies}
    narrations = collection.split.narrations
    own = [collection.windows[row] for row in collection.own_window]
    inside = np.array(collection.own_span, dtype=np.float64)  # (N, 2)
    in_film = np.array([item.spans[0] for item in narrations], dtype=np.float64)
    lengths = np.array([window.end - window.start for window in own])
    durations = np.array([movies[item.movie_id] for item in narrations])
    one = np.ones(len(narrations))
    levels: Metrics = {"windows": {}, "films": {}}
    for scope, spans, length, places in (
        ("windows", inside, lengths, len(collection.windows)),
        ("films", in_film, durations, len(movies)),
    ):
        given = "SVMR" if scope == "windows" else "TNG"
        levels[scope]["VR"] = chance.of_places(places, TOPK)
        levels[scope]["VCMR"] = chance.of_moments(spans, length, places * one, IOU[scope], TOPK)
        levels[scope][given] = chance.of_moments(spans, length, one, IOU[scope], TOPK)
    return levels


def _corpus_codes(
    matcher: Any, collection: Collection, search: SearchSettings, device: torch.device, store: Store | None
) -> CorpusCodes:
    stored = load_codes(store.path, store.identity, device) if store else None
    if stored is not None:
        return stored
    codes = encode_windows(
        matcher.encode_windows,
        collection.window_batch,
        collection.window_lengths.tolist(),
        search.eval_context_bsz,
        device,
    )
    if store:
        save_codes(store.path, codes, store.identity)
    return codes
