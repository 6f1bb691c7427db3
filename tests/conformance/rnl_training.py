"""The locator's losses, gradients and updates on the golden batch."""

from typing import Any

import numpy as np
import torch

from baselines.cnclip_rnl.localizer import RNL
from baselines.cnclip_rnl.losses import border_loss, proposal_targets, score_loss
from baselines.cnclip_rnl.objective import localizer_terms
from method_tng.contract.batch import Batch
from method_tng.contract.recipe import Objective, ParameterGroup, Progress
from method_tng.contract.settings import TrainSettings
from method_tng.training.optim import make_optimizer
from method_tng.training.schedules import learning_rate
from tests.conformance.ledger import Ledger

ARRAYS, CASE = "arrays.npz", "case.json"
GRADIENTS = 1e-4
UPDATED = 2e-5  # absolute
PROGRESS = Progress(0, 0, 1, 1, torch.Generator())
PUBLISHED = TrainSettings(
    optimizer="adam", lr=8e-4, lr_schedule="inverse_sqrt", lr_warmup_steps=300, lr_start=1e-6, wd=1e-7
)
REPLAYED = TrainSettings(
    optimizer="adam", lr=8e-4, lr_schedule="inverse_sqrt", lr_warmup_steps=2, lr_start=1e-4, wd=1e-2
)


def check_training(ledger: Ledger, case: dict[str, Any], model: RNL, batch: Batch) -> None:
    """One step's numbers, then three updates; the model is as before afterwards."""
    start = {name: value.clone() for name, value in model.state_dict().items()}
    model.train()
    as_they_are = [(1.0, 1.0, 1.0)] * len(batch.queries)
    _check_outputs(ledger, model, batch)
    terms = localizer_terms(model, batch, PROGRESS, as_they_are)
    total = torch.stack(list(terms.values())).sum()
    ledger.compare(f"{ARRAYS}/train_loss", total)
    total.backward()
    _check_gradients(ledger, case, model)
    losses = _replay(model, batch)
    ledger.compare(f"{ARRAYS}/steps_losses", losses)
    own = dict(model.named_parameters())
    for name in ledger.names(f"{ARRAYS}/steps_param/*"):
        value = own[name.partition("steps_param/")[2]]
        ledger.compare(name, value, tolerance=0, absolute=UPDATED)
    model.load_state_dict(start)
    model.eval()


def check_rates(ledger: Ledger) -> None:
    """The published schedule."""
    updates = ledger.take(f"{ARRAYS}/lr_updates").tolist()
    ledger.compare(f"{ARRAYS}/lr_values", [learning_rate(PUBLISHED, step, -1) for step in updates])


def _check_outputs(ledger: Ledger, model: RNL, batch: Batch) -> None:
    """Scores, boxes of the positives and the two terms without their weights."""
    from tests.conformance.rnl import grounding

    labels = torch.from_numpy(ledger.entries[f"{ARRAYS}/batch_label"])
    found = grounding(model, batch)
    targets = proposal_targets(model.table, found.legal, labels, model.settings.positive_share)
    index = targets.positive.nonzero()  # (n, 2)
    ledger.compare(f"{ARRAYS}/train_score", found.logits.sigmoid() * found.legal)
    ledger.compare(f"{ARRAYS}/train_positive_index", index.T, tolerance=0)
    ledger.compare(f"{ARRAYS}/train_refined_boxes", found.boxes[index[:, 0], index[:, 1]])
    ledger.compare(f"{ARRAYS}/train_cls_loss", score_loss(found.logits, found.legal, targets.scores))
    ledger.compare(f"{ARRAYS}/train_reg_loss", border_loss(found.boxes, labels, targets.positive))


def _check_gradients(ledger: Ledger, case: dict[str, Any], model: RNL) -> None:
    gradients = {name: value.grad for name, value in model.named_parameters()}
    without = [name for name, value in gradients.items() if value is None]
    ledger.check(
        f"{CASE}/params_without_gradient", sorted(case["params_without_gradient"]) == sorted(without)
    )
    squares = [float(value.square().sum()) for value in gradients.values() if value is not None]
    ledger.compare(f"{ARRAYS}/train_grad_norm", np.sqrt(sum(squares)), tolerance=GRADIENTS)
    for name in ledger.names(f"{ARRAYS}/train_grad/*"):
        ledger.compare(name, gradients[name.partition("train_grad/")[2]], tolerance=GRADIENTS)


def _replay(model: RNL, batch: Batch) -> list[float]:
    """The losses of three updates."""
    objective = Objective("ground", [ParameterGroup(list(model.parameters()))], lambda *_: {})
    optimizer, losses = make_optimizer(objective, REPLAYED), []
    for step in range(3):
        optimizer.param_groups[0]["lr"] = learning_rate(REPLAYED, step, -1)
        optimizer.zero_grad()
        terms = localizer_terms(model, batch, PROGRESS, [(1.0, 1.0, 1.0)] * len(batch.queries))
        total = torch.stack(list(terms.values())).sum()
        total.backward()
        optimizer.step()
        losses.append(float(total.detach()))
    return losses
