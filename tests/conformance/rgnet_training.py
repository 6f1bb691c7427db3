"""RGNet's losses, gradients and assignments, with the recorded noise and drawn frames."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from baselines.rgnet import losses
from baselines.rgnet.model import RGNet
from baselines.rgnet.objective import (
    Draws,
    encode,
    layer_losses,
    loss_terms,
    moment_similarity,
    retrieval_term,
    saliency_term,
)
from method_tng.contract.batch import Batch, QueryBatch, Targets, WindowBatch
from method_tng.contract.recipe import Progress, Published
from method_tng.contract.settings import DataSettings
from method_tng.layers.assignment import AssignmentCosts, assign
from method_tng.layers.intervals import borders_of
from method_tng.runs.checkpoint import fill
from tests.conformance.ledger import Ledger

ARCHIVE = "train_losses.npz"
GRADIENTS = 1e-3
TINY_GRADIENT = 1e-5  # norms that are 0 in exact arithmetic
PROGRESS = Progress(0, 0, 1, 1, torch.Generator())


def check_training(ledger: Ledger, published: Published, weights: Mapping[str, Tensor], folder: Path) -> None:
    """Both objectives and the assignment on its own."""
    if not ledger.names(f"{ARCHIVE}/*"):
        return
    names = json.loads((folder / "grad_norm_param_order.json").read_text())
    for prefix, negatives in (("win_", "inbatch"), ("neg_", "window")):
        switches = {"mask_false_negatives": False, "negatives_compat": True}
        settings = replace(published.settings, negatives=negatives, **switches)
        model = RGNet(settings, DataSettings(**published.data), published.sizes).train()
        needed = {
            name: value for name, value in weights.items() if not name.startswith(tuple(published.unread))
        }
        fill(model, needed, "the folder's weights")
        Objective(ledger, model, prefix).check(names, tuple(published.unread))
    _check_assignment(ledger, published)


class Objective:
    """One objective on its recorded batch."""

    def __init__(self, ledger: Ledger, model: RGNet, prefix: str) -> None:
        self.ledger, self.model, self.prefix = ledger, model, prefix
        self.negatives = model.settings.negatives == "window"
        ledger.take(f"{ARCHIVE}/{prefix}proposal")
        self.batch, self.draws = self._batch(), self._draws()
        self.encoded = encode(model, self.batch, self.draws)

    def check(self, names: list[str], unread: tuple[str, ...]) -> None:
        """Outputs, unweighted terms, their weighted sum, gradients and assignments."""
        self._outputs()
        model, batch, encoded = self.model, self.batch, self.encoded
        *earlier, last = layer_losses(model, batch, encoded)
        found = dict(last)
        for layer, terms in enumerate(earlier):
            found |= {f"{name}_{layer}": value for name, value in terms.items()}
        found["loss_saliency"] = saliency_term(model, batch, encoded, PROGRESS, self.draws)
        found["loss_retrieval"] = retrieval_term(model, batch, encoded)
        total = torch.stack(list(loss_terms(model, batch, PROGRESS, self.draws).values())).sum()
        found["total_without_adapter" if self.negatives else "total"] = total
        if self.negatives:
            similarity = moment_similarity(model, batch, encoded)
            found["adapter_similarity"] = similarity
            found["adapter_loss"] = losses.adapter_loss(similarity, model.settings.temperature)
        for name, value in found.items():
            self.ledger.compare(f"{ARCHIVE}/{self.prefix}{name}", value, absolute=2e-6)
        self.ledger.exclude(
            f"{ARCHIVE}/{self.prefix}class_error*", "a figure of the log, no term of the loss"
        )
        self._gradients(total, names, unread)
        self._assignments()

    def _outputs(self) -> None:
        """Of all pairs."""
        every, rows = self.encoded.own, torch.arange(len(self.batch.positive))
        queries, windows = self.encoded.queries, self.encoded.windows
        if not self.negatives:
            pairs = torch.cartesian_prod(rows, rows)
            every = self.model.read(queries, windows, pairs, self.draws.noise)
        self._compare("all_", every)
        if self.negatives:
            assert self.encoded.negative is not None
            self._compare("neg_", self.encoded.negative)

    def _compare(self, part: str, read: object) -> None:
        from tests.conformance.rgnet import outputs

        found = outputs(self.model, read)
        for name in self.ledger.names(f"{ARCHIVE}/{self.prefix}{part}*"):
            key = name.removeprefix(f"{ARCHIVE}/{self.prefix}{part}")
            if key in found:
                self.ledger.compare(name, found[key], absolute=2e-6)

    def _gradients(self, total: Tensor, names: list[str], unread: tuple[str, ...]) -> None:
        self.model.zero_grad()
        total.backward()
        own = {name: value.grad for name, value in self.model.named_parameters()}
        compared = np.array([not name.startswith(unread) for name in names])
        adapter = np.array([name.startswith("adapter_layer") for name in names])  # its loss is off here

        def learned(norms: np.ndarray) -> np.ndarray:
            """Those of parameters that are read."""
            return norms[compared & ~adapter]

        kept = [name for name, use in zip(names, compared & ~adapter, strict=True) if use]
        norms = np.array([float(own[name].norm()) for name in kept])
        entry = f"{ARCHIVE}/{self.prefix}grad_norms"
        expected = learned(self.ledger.entries[entry])
        wrong = np.abs(norms - expected) > np.maximum(GRADIENTS * expected, TINY_GRADIENT)
        self.ledger.check(f"{entry}: each of {len(kept)} norms", not wrong.any())
        self.ledger.compare(entry, norms, part=learned, tolerance=GRADIENTS)
        for name in self.ledger.names(f"{ARCHIVE}/{self.prefix}grad::*"):
            gradient = own[name.partition("::")[2]]
            self.ledger.compare(name, gradient, tolerance=GRADIENTS)

    def _assignments(self) -> None:
        proposals, settings = self.model.propose(self.encoded.own), self.model.settings
        targets = [torch.from_numpy(self.ledger.take(f"{ARCHIVE}/{self.prefix}spans_cxw"))[row, None]
                   for row in range(len(self.batch.positive))]  # fmt: skip
        costs = AssignmentCosts(settings.set_cost_span, settings.set_cost_giou, settings.set_cost_class)
        layers = list(zip(proposals.logits, proposals.spans, strict=True))
        for number, (logits, spans) in enumerate(layers):
            name = f"match_aux{number}" if number + 1 < len(layers) else "match_last"
            pairs = assign(spans, logits.softmax(-1)[..., 0], targets, costs)
            ours = torch.stack((pairs.proposal, pairs.target), dim=1)
            self.ledger.compare(f"{ARCHIVE}/{self.prefix}{name}", ours)

    def _batch(self) -> Batch:
        words, mask = self._input("src_txt"), self._input("src_txt_mask").bool()
        frames, real = self._input("src_vid"), self._input("src_vid_mask").bool()
        spans = borders_of(self._input("spans_cxw"))
        count = len(words)
        sentence = self._input("query_cls") if self.negatives else torch.ones(count, frames.shape[-1])
        negative = None
        if self.negatives:
            frames = torch.cat((frames, self._input("neg_src_vid")))
            real = torch.cat((real, self._input("neg_src_vid_mask").bool()))
            negative = torch.arange(count, 2 * count)
        ids = [str(row) for row in range(len(frames))]
        seconds = torch.tensor(
            [(10.0 * row, 10.0 * row + 10) for row in range(len(ids))], dtype=torch.float64
        )
        rows = torch.arange(len(ids))
        windows = WindowBatch(ids, real, rows, seconds, torch.ones(len(ids)), frames)
        targets = Targets(list(spans[:, None]), torch.zeros(count, 2, dtype=torch.int64), real[:count])
        queries = QueryBatch(ids[:count], words, mask, sentence=sentence)
        return Batch(queries, windows, torch.arange(count), targets, negative)

    def _draws(self) -> Draws:
        frames = [self._input(f"saliency_{kind}")[:, 0] for kind in ("pos", "neg")]
        noise = self._input("gate_uniform")[..., 0].T
        other = self._input("neg_gate_uniform")[..., 0].T if self.negatives else None
        return Draws(noise, other, torch.stack(frames, dim=1))

    def _input(self, name: str) -> Tensor:
        return torch.from_numpy(self.ledger.take(f"{ARCHIVE}/{self.prefix}{name}"))


def _check_assignment(ledger: Ledger, published: Published) -> None:
    settings = published.settings
    costs = AssignmentCosts(settings.set_cost_span, settings.set_cost_giou, settings.set_cost_class)
    spans, logits, *targets = (
        torch.from_numpy(ledger.take(f"{ARCHIVE}/match_{name}"))
        for name in ("pred_spans", "pred_logits", "tgt0", "tgt1")
    )
    pairs = assign(spans, logits.softmax(-1)[..., 0], targets, costs)
    for item in range(len(targets)):
        rows = pairs.item == item
        ours = torch.stack((pairs.proposal[rows], pairs.target[rows]), dim=1)
        ledger.compare(f"{ARCHIVE}/match_assign{item}", ours)
