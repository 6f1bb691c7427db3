"""CNCLIP+RNL against arrays of the published implementations: ``python -m tests.conformance rnl``.

Sizes and options are read from the folder.  No formula stands here: every number of ours comes from the
classes and functions that the doors use.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from baselines.cnclip_rnl.localizer import RNL, Grounding
from baselines.cnclip_rnl.losses import border_loss, proposal_targets, score_loss
from baselines.cnclip_rnl.proposals import overlap_of_rows
from baselines.cnclip_rnl.published import read_published
from method_tng.contract.batch import Batch
from method_tng.contract.settings import DataSettings
from method_tng.runs.checkpoint import fill
from standalone_eval import GroundTruth, Rows, Submission
from standalone_eval.nms import rnl_padded
from standalone_eval.profiles import settings_of
from standalone_eval.score_frames import EXPORT_LIMIT, export_top5, metrics, tables
from tests.conformance.ledger import Ledger
from tests.conformance.rnl_clip import check_clip
from tests.conformance.rnl_films import check_films, check_stretching, film_batch
from tests.conformance.rnl_shots import check_shots
from tests.conformance.rnl_training import check_rates, check_training

ARRAYS, CASE = "arrays.npz", "case.json"


def run(folder: Path) -> int:
    """Runs every case of a folder; 0 when all is accounted for and within tolerance."""
    ledger = Ledger(folder)
    if (folder / CASE).is_file():
        case = json.loads((folder / CASE).read_text())
        model = model_of(folder, case["model_config"])
        ledger.take("state_dict.safetensors")
        ledger.exclude(f"{CASE}/seed", "the arrays were drawn with it; nothing is drawn here")
        for name in ledger.names(f"{CASE}/model_config/*"):
            ledger.take(name)
        check_films(ledger, case, model)
        batch = film_batch(ledger, case)
        check_forward(ledger, case, model, batch)
        check_training(ledger, case, model, batch)
        check_rates(ledger)
        check_stretching(ledger, case)
        check_overlap(ledger)
        answers = {name: ledger.take(f"{ARRAYS}/post_case_{name}") for name in ("score", "box", "gt")}
        check_answers(ledger, case, "post_case", *(torch.from_numpy(value) for value in answers.values()))
    check_clip(ledger, folder)
    check_shots(ledger, folder)
    return ledger.close()


def model_of(folder: Path, options: dict[str, Any]) -> RNL:
    """The published network, by the way of imported checkpoints."""
    weights = load_file(folder / "state_dict.safetensors")
    shapes = {name: tuple(value.shape) for name, value in weights.items()}
    published = read_published({**options, "shapes": shapes})
    assert not published.unknown and not published.unread
    model = RNL(published.settings, DataSettings(**published.data), published.sizes).eval()
    fill(model, weights, str(folder))
    return model


@torch.no_grad()
def check_forward(ledger: Ledger, case: dict[str, Any], model: RNL, batch: Batch) -> None:
    """Tables, the outputs of every part, targets, the loss that is logged, and the answers."""
    kept: dict[str, tuple[Tensor, ...]] = {}
    parts = ("video_encoder", "sentence_encoder", "co1", "se1", "se3", "v2s", "rnn")
    hooks = [getattr(model, name).register_forward_hook(_keep(kept, name)) for name in parts]
    found, labels = grounding(model, batch), torch.from_numpy(ledger.entries[f"{ARRAYS}/batch_label"])
    for hook in hooks:
        hook.remove()
    ledger.compare(f"{ARRAYS}/proposals", model.table)
    ledger.compare(f"{ARRAYS}/proposals_in_model", model.moved)
    for name in parts:
        first, *more = kept[name]
        if name == "sentence_encoder":
            ledger.compare(f"{ARRAYS}/eval_{name}", first)
            continue
        key = f"{ARRAYS}/eval_{name}"
        key += "_video" if name in ("video_encoder", "co1", "se1", "se3") else ""
        ledger.compare(key, first[:, ::10])
        if more:
            ledger.compare(f"{ARRAYS}/eval_{name}_text", more[0])
    scores = found.logits.sigmoid() * found.legal
    ledger.compare(f"{ARRAYS}/eval_score", scores)
    ledger.compare(f"{ARRAYS}/eval_box", found.boxes)
    targets = proposal_targets(model.table, found.legal, labels, model.settings.positive_share)
    ledger.compare(f"{ARRAYS}/batch_scores", targets.scores)
    ledger.compare(f"{ARRAYS}/batch_scores_mask", found.legal)
    overlap = overlap_of_rows(model.table, labels[:, None].to(model.table))
    ledger.compare(f"{ARRAYS}/batch_adj_mat", overlap * targets.positive)
    everywhere = torch.ones_like(found.legal)
    settings = model.settings
    loss = settings.lw_score * score_loss(found.logits, found.legal, targets.scores)
    loss = loss + settings.lw_border * border_loss(found.boxes, labels, everywhere)
    ledger.compare(f"{ARRAYS}/eval_loss", loss)
    check_answers(ledger, case, "post_model", scores, found.boxes, labels)


def grounding(model: RNL, batch: Batch) -> Grounding:
    """Each sentence in its own window, through the codes that searching keeps."""
    queries, windows = model.encode_queries(batch.queries), model.encode_windows(batch.windows)
    own = batch.positive
    return model(windows["frames"][own], windows["mask"][own], queries["text"], queries["mask"])


def check_answers(
    ledger: Ledger, case: dict[str, Any], name: str, scores: Tensor, boxes: Tensor, labels: Tensor
) -> None:
    """What is suppressed, saved and counted; columns and windows exactly."""
    last = case["model_config"]["max_num_frames"] - 1
    rows = boxes.double().round().clamp(0, last).numpy()  # (B, N, 2), whole
    queries, settings = np.arange(len(rows)), settings_of("movie101-rnl")
    submission = Submission({"pred": Rows.from_padded(queries, rows, score=scores.double().numpy())})
    windows, saved = zip(*export_top5(submission), strict=True)
    _entries(ledger, f"{CASE}/{name}/top5_windows", torch.tensor(windows))
    _entries(ledger, f"{CASE}/{name}/top5_scores", torch.tensor(saved))
    kept = rnl_padded(rows, scores.numpy(), np.full(len(rows), rows.shape[1]), EXPORT_LIMIT)
    _entries(ledger, f"{CASE}/{name}/picks_nms_0.25", torch.from_numpy(kept), exact=True)
    found = tables(submission, GroundTruth.from_windows(queries, labels.double().numpy()), settings)
    ledger.compare(f"{ARRAYS}/{name}_per_query", torch.from_numpy(found["hit"]), tolerance=0)
    for key, share in metrics(found, settings)["recall"].items():
        ledger.compare(f"{CASE}/{name}/recall/{key.replace('IoU@', 'R')}", share)


def check_overlap(ledger: Ledger) -> None:
    """The overlap of rows."""
    pair = (torch.from_numpy(ledger.take(f"{ARRAYS}/iou_{name}")) for name in "ab")
    ledger.compare(f"{ARRAYS}/iou_plus_one", overlap_of_rows(*pair))


def _entries(ledger: Ledger, name: str, ours: Tensor, exact: bool = False) -> None:
    """A list of lists of the case, whether the ledger holds it as one entry or as one of each row."""
    tolerance = {"tolerance": 0.0} if exact else {}
    if name in ledger.entries:
        ledger.compare(name, ours, **tolerance)
        return
    for row, value in enumerate(ours):
        ledger.compare(f"{name}/{row}", value, **tolerance)


def _keep(kept: dict[str, tuple[Tensor, ...]], name: str) -> Callable[..., None]:
    def hook(_module: Any, _inputs: Any, result: Tensor | tuple[Tensor, ...]) -> None:
        kept[name] = result if isinstance(result, tuple) else (result,)

    return hook
