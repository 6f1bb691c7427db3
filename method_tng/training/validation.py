"""Scores of answers by the evaluator, beside what guessing reaches."""

from collections.abc import Mapping, Sequence

import numpy as np

from method_tng.contract.errors import ConfigError, TrainingError
from method_tng.contract.items import RankingTable
from method_tng.dataset.collection import Collection
from method_tng.retrieval.pipeline import SCOPES, Key
from method_tng.retrieval.predictions import ground_truth, submission_of
from method_tng.training import chance
from standalone_eval import EvalInputError, evaluate

IOU = {"windows": (0.3, 0.5, 0.7), "films": (0.1, 0.3, 0.5, 0.7)}
TOPK = (1, 5, 10, 100)
Metrics = dict[str, dict[str, dict[str, float]]]
"""scope -> task -> metric -> fraction."""


def score_split(tables: Mapping[Key, RankingTable], collection: Collection) -> Metrics:
    """Recalls in window terms and in film terms, by the canonical definitions (fractions).

    Queries whose moment is not known do not count.
    """
    known = collection.known
    narrations = [collection.split.narrations[row] for row in known]
    ids = [item.query_id for item in narrations]
    kinds = [item.kind for item in narrations]
    windows = [collection.windows[collection.own_window[row]].window_id for row in known]
    truths = {
        "windows": ground_truth(ids, [[collection.own_span[row]] for row in known], windows, kinds),
        "films": ground_truth(
            ids, [list(item.spans) for item in narrations], [n.movie_id for n in narrations], kinds
        ),
    }
    found: Metrics = {}
    for scope in SCOPES:
        if any(where == scope for where, _ in tables):
            submission = submission_of({key: table.take(known) for key, table in tables.items()}, scope)
            try:
                result = evaluate(
                    submission, truths[scope], "tng", iou=IOU[scope], topk=TOPK, allow_missing=True
                )
            except EvalInputError as error:
                raise TrainingError(
                    f"the answers cannot be scored ({str(error).splitlines()[0]}): the weights have "
                    "diverged; train with a smaller --lr"
                ) from error
            named = {
                ("TNG" if scope == "films" and task == "SVMR" else task): v
                for task, v in result.metrics.items()
            }
            found[scope] = named
    return found


def chance_levels(collection: Collection) -> Metrics:
    """What guessing reaches on this split, over the queries whose moment is known."""
    known = collection.known
    movies = {movie.movie_id: movie.duration for movie in collection.split.movies}
    narrations = [collection.split.narrations[row] for row in known]
    own = [collection.windows[collection.own_window[row]] for row in known]
    inside = [np.array([collection.own_span[row]], dtype=np.float64) for row in known]  # N times (1, 2)
    in_film = [np.array(item.spans, dtype=np.float64) for item in narrations]  # N times (S, 2)
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


def require_scored(task: str, overlaps: Sequence[str]) -> None:
    """Makes sure that the numbers which choose the best epoch are computed.

    Raises:
        ConfigError: an overlap at which the task is not scored.
    """
    scored = IOU["films" if task == "TNG" else "windows"]
    unscored = [overlap for overlap in overlaps if float(overlap) not in scored]
    if task not in ("VR", "last") and unscored:
        raise ConfigError(
            f"stop_iou holds {unscored[0]}, at which {task} is not scored; take some of "
            f"{', '.join(map(str, scored))}"
        )


def stop_score(metrics: Metrics, task: str, overlaps: Sequence[str] = ("0.5", "0.7")) -> float:
    """The number that chooses the best epoch: R@1 at some IoUs together in window terms, R@1 for VR."""
    if task == "last":
        return 0.0
    values = metrics["films" if task == "TNG" else "windows"][task]
    return values["R@1"] if task == "VR" else sum(values[f"R@1,IoU={overlap}"] for overlap in overlaps)
