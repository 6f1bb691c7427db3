"""A run on the tiny corpus whose sentences are hashed words, so that anything can be typed at it."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from method_tng.encoders.hashed import HashedEncoder
from method_tng.extraction.text import encode_annotations
from method_tng.runs.config import resolve
from method_tng.runs.folder import RunFolder
from method_tng.runs.systems import recipe_of
from method_tng.training.distributed import Process
from method_tng.training.interrupt import Wish
from method_tng.training.session import train_run
from tests.tiny import make_tiny

SCORERS = {
    "clips": {"n_heads": 2, "max_pred_l": 8, "drop": 0.0},
    "spans": {
        "vocabulary": True, "label_end": "inclusive", "lex_min_df": 1, "min_pred_l": 1,
        "no_norm_vfeat": True, "no_norm_tfeat": True,
    },
}  # fmt: skip


def train_tiny(folder: Path, scorer: str, **changes: Any) -> RunFolder:
    """Two epochs of the main system with one of its scorers, or of another one with options of its own."""
    data = make_tiny(folder / "tiny")
    queries = folder / "typed.h5"
    encode_annotations(data, ["train", "val"], HashedEncoder(10), queries)
    options = asdict(data) | {"query_features": str(queries), "hidden_size": 16, "n_epoch": 2, "bsz": 16}
    options |= {"eval_split": "", "results_root": str(folder / "runs")}
    options |= changes or {"scorer": scorer} | SCORERS[scorer]
    run = RunFolder.create(resolve([("x", options)]), {})
    train_run(run, recipe_of(run.settings.system), Process(0, 1, torch.device("cpu")), Wish())
    return run
