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

from method_tng.contract.errors import ConfigError, DataError
from method_tng.retrieval.window_ranks import ranks_of
from method_tng.runs.door import enter, parse_inference
from method_tng.runs.models import load_models
from method_tng.runs.systems import recipe_of
from method_tng.training.distributed import choose_device
from method_tng.training.steps import arithmetic
from method_tng.training.trained import open_split

FIRST = (1, 5, 10, 30)


def main(argv: Sequence[str] | None = None) -> int:
    """Parses, ranks the shots, prints; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    return enter(lambda: _report(words))


def _report(words: list[str]) -> int:
    args, run, settings = parse_inference([one for one in words if one != "--captions"])
    recipe, device = recipe_of(settings.system), choose_device(settings.train.device)
    stage = recipe.stages[0]
    matcher = load_models(run, settings, recipe, device).get(stage.name)
    if matcher is None:
        raise ConfigError(f"{run.path} holds no model of stage {stage.name!r}, which finds shots")
    if "--captions" in words:
        stage = replace(
            stage, options=lambda own, data: recipe.stages[0].options(own, data) | {"captions": True}
        )
    collection = open_split(run, settings, stage, args.split)
    if len(collection.known) < len(collection.own_window):
        raise DataError(
            f"split {args.split!r} has queries without a moment; expected ground truth for all, as "
            "the recall of shots is counted with it"
        )
    with arithmetic(settings.train, device):
        inside, among_all = ranks_of(matcher, collection, device, settings.search)
    ranks = {"in its film": inside, "in all films": among_all}
    print(f"{args.split}: {len(collection.split.narrations)} queries, {len(collection.windows)} shots")
    for where, found in ranks.items():
        print(f"{where:13} " + _line("queries", [(found <= first).mean() for first in FIRST]))
    films = [ranks["in its film"][collection.own_film == film] for film in np.unique(collection.own_film)]
    means = [np.mean([(found <= first).mean() for found in films]) for first in FIRST]
    print(f"{'in its film':13} " + _line("mean of films", means))
    return 0


def _line(over: str, recalls: Sequence[float]) -> str:
    told = "  ".join(f"R@{first} {100 * recall:.1f}" for first, recall in zip(FIRST, recalls, strict=True))
    return f"{over:14} {told}"


if __name__ == "__main__":
    sys.exit(main())
