"""A published checkpoint becomes a run: names of several processes, weights nobody reads, its own options."""

from argparse import Namespace
from pathlib import Path

import pytest
import torch

from method_tng.contract.errors import CheckpointError
from method_tng.runs.checkpoint import load_weights
from method_tng.runs.config import resolve
from method_tng.runs.imported import import_run
from method_tng.runs.systems import recipe_of
from tests.baselines.rgnet.rgnet_world import SMALL, VIDEO, WORDS, make_batch, make_model

UNREAD = (
    "saliency_proj.weight",
    "txt_position_embed.LayerNorm.bias",
    "transformer.decoder.bbox_embed.1.layers.0.bias",
)
OPTIONS = {
    "v_motion_feat_dim": VIDEO, "v_appear_feat_dim": VIDEO, "t_feat_dim": WORDS, "nheads": SMALL["n_heads"],
    "hidden_dim": SMALL["hidden_size"], "dim_feedforward": SMALL["dim_feedforward"], "dec_layers": 2,
    "num_queries": 5, "pos_temperature": 50, "max_v_l": 90,
}  # fmt: skip


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """As several processes save it."""
    weights = make_model(seed=3).state_dict() | {name: torch.ones(2) for name in UNREAD}
    path = tmp_path / "best.ckpt"
    content = {
        "model": {f"module.{name}": value for name, value in weights.items()},
        "opt": Namespace(**OPTIONS),
    }
    torch.save(content, path)
    return path


def test_a_published_checkpoint_gives_a_run_with_its_weights(checkpoint: Path, tmp_path: Path) -> None:
    settings = resolve([("test", {"results_root": str(tmp_path / "runs")})], "rgnet")
    run = import_run(checkpoint, True, settings, {})
    assert run.settings.model.pos_temperature == 50 and run.settings.data.max_ctx_l == 90
    stage = recipe_of("rgnet").stages[0]
    model = make_model(text_mask_compat=True, pos_temperature=50)
    load_weights(model, run.path / f"{stage.name}.best.safetensors")
    batch = make_batch()
    ours, theirs = (
        one.eval().match(one.encode_queries(batch.queries), one.encode_windows(batch.windows))
        for one in (model, make_model(seed=3, text_mask_compat=True, pos_temperature=50))
    )
    assert torch.equal(ours, theirs)


def test_a_checkpoint_of_other_sizes_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    content = torch.load(checkpoint, weights_only=False)
    content["opt"].num_queries = 7
    torch.save(content, checkpoint)
    settings = resolve([("test", {"results_root": str(tmp_path / "runs")})], "rgnet")
    with pytest.raises(CheckpointError, match="query_embed"):
        import_run(checkpoint, True, settings, {})
