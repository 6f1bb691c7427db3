"""Recall of the first stage: is a shot that tells the narration among the best of its film?

    python -m baselines.cnclip_rnl.scripts.shot_recall RUN SPLIT [--captions] [--OPTION VALUE ...]

A shot is right when it pairs with the narration (they share at least half of one of the two); a query without
such a shot counts as missed.  Printed over queries, as the mean of the films' recalls, and over all films'
shots together.  With `--captions` the shots' joined narrations ask, each for its own shot.
Source: Yue et al. 2023 (Movie101, ACL), section 5.1.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from method_tng.contract.errors import ConfigError
from method_tng.dataset.collection import Collection
from method_tng.dataset.shots import pair_shots
from method_tng.retrieval.codes import encode_queries, encode_windows
from method_tng.retrieval.ranking import match_corpus
from method_tng.runs.door import enter, parse_inference
from method_tng.runs.folder import RunFolder
from method_tng.runs.models import load_models
from method_tng.runs.systems import recipe_of
from method_tng.training.distributed import choose_device
from method_tng.training.trained import open_split

FIRST = (1, 5, 10, 30)


def main(argv: Sequence[str] | None = None) -> int:
    """Parses, ranks the shots, prints; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    return enter(lambda: _report(words))


def _report(words: list[str]) -> int:
    args, run, settings = parse_inference([one for one in words if one != "--captions"], RunFolder.open)
    recipe, device = recipe_of(settings.system), choose_device(settings.train.device)
    stage = recipe.stages[0]
    matcher = load_models(run, settings, recipe, device).get(stage.name)
    if matcher is None:
        raise ConfigError(f"{run.path} holds no model of stage {stage.name!r}, which finds shots")
    if "--captions" in words:
        settings = replace(settings, data=replace(settings.data, captions=True))
    collection = open_split(run, settings, stage, args.split)
    ranks = {"in its film": ranks_of(matcher, collection, device, True)}
    ranks["in all films"] = ranks_of(matcher, collection, device, False)
    print(f"{args.split}: {len(collection.split.narrations)} queries, {len(collection.windows)} shots")
    for where, found in ranks.items():
        print(f"{where:13} " + _line("queries", [(found <= first).mean() for first in FIRST]))
    films = [ranks["in its film"][collection.own_film == film] for film in np.unique(collection.own_film)]
    means = [np.mean([(found <= first).mean() for found in films]) for first in FIRST]
    print(f"{'in its film':13} " + _line("mean of films", means))
    return 0


@torch.inference_mode()
def ranks_of(
    matcher: torch.nn.Module, collection: Collection, device: torch.device, own_film: bool
) -> np.ndarray:
    """(N,) rank, from 1, of the best shot that pairs with each narration; infinite without one."""
    read, count = collection.window_batch, collection.window_lengths.tolist()
    codes = encode_windows(matcher.encode_windows, read, count, 512, device)
    shots = np.array([(window.start, window.end) for window in collection.windows])
    spans = np.array([one.spans[0] for one in collection.split.narrations])
    queries = encode_queries(matcher.encode_queries, collection.query_batch, len(spans), 256, device)
    ranks = []
    for rows, code in queries:
        scores = match_corpus(matcher, code, codes).cpu().numpy()  # (n, M)
        same = collection.own_film[rows][:, None] == collection.window_movies  # (n, M)
        right = pair_shots(shots, spans[rows]).T & same
        shown = np.where(same, scores, -np.inf) if own_film else scores
        best = np.where(right, shown, -np.inf).max(1, keepdims=True)
        ranks.append(np.where(right.any(1), 1 + (shown > best).sum(1), np.inf))
    return np.concatenate(ranks)


def _line(over: str, recalls: Sequence[float]) -> str:
    told = "  ".join(f"R@{first} {100 * recall:.1f}" for first, recall in zip(FIRST, recalls, strict=True))
    return f"{over:14} {told}"


if __name__ == "__main__":
    sys.exit(main())
