"""The main system against arrays of the published implementation: ``python -m tests.conformance reloclnet``.

Sizes, options and the list of cases are read from the folder: STEM.json with STEM_state.npz and STEM_io.npz
is a model, whatever its name.  No formula stands here: every number of ours comes from the classes and
functions that the doors use.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from method_tng.contract.batch import Batch, QueryBatch, Targets, WindowBatch
from method_tng.contract.recipe import Objective, ParameterGroup, Progress
from method_tng.contract.settings import DataSettings, TrainSettings
from method_tng.dataset.rows import endpoint_feature, normalize_rows, pool_rows
from method_tng.dataset.windows import inside_clips, label_clips
from method_tng.reloclnet import losses, objective
from method_tng.reloclnet.model import ReLoCLNet
from method_tng.reloclnet.published import read_published
from method_tng.runs.checkpoint import fill
from method_tng.training.optim import make_optimizer
from method_tng.training.schedules import multiplier
from tests.conformance.ledger import Ledger
from tests.conformance.reloclnet_inference import check_inference, check_suppression

TINY_GRADIENT = 1e-6  # norms that are 0 in exact arithmetic


def run(folder: Path) -> int:
    """Runs every case of a folder; 0 when all is accounted for and within tolerance."""
    ledger = Ledger(folder)
    ledger.exclude("xml_*", "the XML baseline is another system")
    for path in sorted(folder.glob("*_state.npz")):
        stem = path.name.removesuffix("_state.npz")
        if not stem.startswith("xml_"):
            ModelCase(ledger, folder, stem).check()
    for name, check in CHECKS.items():
        if (folder / name).is_file():
            check(ledger, folder)
    return ledger.close()


class ModelCase:
    """One model: its state, its inputs, and what the published implementation made of them."""

    def __init__(self, ledger: Ledger, folder: Path, stem: str) -> None:
        self.ledger, self.stem = ledger, stem
        config = json.loads((folder / f"{stem}.json").read_text())["config"]
        for name in ledger.names(f"{stem}.json/config/*"):
            ledger.take(name)
        published = read_published(config)
        ledger.check(f"{stem}.json/config", not published.unknown)
        data = DataSettings(**published.data)
        self.model = ReLoCLNet(published.settings, data, published.sizes).eval()
        state = f"{stem}_state.npz/"
        weights = {name.removeprefix(state): ledger.take(name) for name in ledger.names(f"{state}*")}
        fill(self.model, {name: torch.from_numpy(value) for name, value in weights.items()}, stem)
        self.windows, self.queries = self._windows(), self._queries("in_query")
        own = torch.arange(len(self.windows))
        targets = Targets([], self._input("in_st_ed_indices"), self._input("in_match_labels").bool())
        self.batch = Batch(self.queries, self.windows, own, targets)
        self.encoded = objective.encode(self.model, self.batch)

    def check(self) -> None:
        """Outputs, losses, gradients and the shapes of the state."""
        with torch.no_grad():
            expected = self._outputs() | self._cross_outputs() | self._losses()
        for name in self.ledger.names(f"{self.stem}_io.npz/out_*"):
            key = name.rpartition("/out_")[2]
            if key in expected:
                self.ledger.compare(name, expected[key])
        for name in self.ledger.names(f"{self.stem}.json/losses/*"):
            key = name.rpartition("/")[2]
            if key in expected:
                self.ledger.compare(name, expected[key])
        if self.ledger.names(f"{self.stem}_io.npz/out_neg_rank_ctx_total"):
            self._total()
        for name, value in self.model.state_dict().items():
            if f"{self.stem}.json/state_shapes/{name}" in self.ledger.entries:
                self.ledger.compare(f"{self.stem}.json/state_shapes/{name}", tuple(value.shape))

    def _outputs(self) -> dict[str, Tensor]:
        model, encoded = self.model, self.encoded
        levels = model.clip_levels(self.windows)
        first, second = model.word_features(self.queries)
        start, end = model.span_logits(encoded.queries, encoded.windows, encoded.pairs)
        products = model.middle_products(encoded.queries, encoded.windows)
        found = {
            "enc_query0": first,
            "enc_query1": second,
            "modular_att": model.modular_vector_mapping.weights(second, self.queries.mask),
            "q2ctx_scores": model.retrieval_scores(encoded.queries, encoded.windows),
            "similarity": model.clip_similarity(encoded.queries, encoded.windows, encoded.pairs),
            "st_logits": start,
            "ed_logits": end,
            "vcl_scores": objective.window_contrast_scores(products, encoded),
        }
        scores = model.stream_scores(encoded.queries, encoded.windows)
        for stream in model.streams:
            found |= {
                f"enc_{stream}": levels.first[stream],
                f"mid_{stream}": levels.middle[stream],
                f"ctx_{stream}": levels.last[stream],
                f"{stream}_query": encoded.queries[stream],
                f"{stream}_q2ctx": scores[stream],
            }
        return found

    def _cross_outputs(self) -> dict[str, Tensor]:
        """Other queries against every window."""
        model, windows = self.model, self.encoded.windows
        queries = model.encode_queries(self._queries("in_eval_query"))
        shape = (len(queries[model.streams[0]]), len(self.windows))
        pairs = torch.cartesian_prod(torch.arange(shape[0]), torch.arange(shape[1]))
        found = {"q2ctx_scores": model.retrieval_scores(queries, windows)}
        logits = model.span_logits(queries, windows, pairs)
        logarithms = model.border_log_probabilities(queries, windows, pairs)
        for name, logit, logarithm in zip(("st", "ed"), logits, logarithms, strict=True):
            found |= {f"{name}_logits": logit.unflatten(0, shape)}
            found |= {f"{name}_probs": logarithm.exp().unflatten(0, shape)}
        return {f"eval_{name}": value for name, value in found.items()}

    def _losses(self) -> dict[str, Tensor]:
        """Every term, unweighted."""
        model, encoded = self.model, self.encoded
        products = model.middle_products(encoded.queries, encoded.windows)
        start, end = model.span_logits(encoded.queries, encoded.windows, encoded.pairs)
        windows = objective.window_contrast_scores(products, encoded)
        found = {
            "vcl": losses.window_contrast(windows, encoded.related),
            "st": losses.border_loss(start, encoded.clips[:, 0]),
            "ed": losses.border_loss(end, encoded.clips[:, 1]),
        }
        for stream, values in products.items():
            own = objective.own_products(values, encoded)
            found[f"fcl_{stream}"] = losses.frame_contrast(own, encoded.inside, encoded.mask)
        scores = objective.margin_scores(model, encoded)
        for side, table in (("ctx", scores), ("q", scores.T)):
            for form in ("hinge", "lse"):
                for name in self.ledger.names(f"{self.stem}_io.npz/out_neg_rank_{side}_*_{form}"):
                    ranks = torch.from_numpy(self.ledger.take(name))
                    key = name.rpartition("out_neg_rank_")[2]
                    margin = model.settings.margin
                    found[f"neg_{key}"] = losses.margin_loss(table, encoded.related, ranks, margin, form)
        return found

    def _total(self) -> None:
        """The weighted sum of a training step, its parts and its gradients."""
        drawn = objective.Ranks(self._input("out_neg_rank_ctx_total"), self._input("out_neg_rank_q_total"))
        progress = Progress(0, 0, 1, 1, torch.Generator())
        terms = objective.loss_terms(self.model, self.encoded, progress, drawn)
        total = sum(terms.values())
        total.backward()
        prefix = f"{self.stem}.json/losses/"
        found = terms | {"loss_overall": total}
        for name, value in found.items():
            self.ledger.compare(f"{prefix}weighted_{name}", value.detach())
        self.ledger.compare(f"{prefix}total", total.detach())
        for name, parameter in self.model.named_parameters():
            norm = 0.0 if parameter.grad is None else parameter.grad.norm()
            self.ledger.compare(f"{self.stem}.json/grad_norms/{name}", norm, tiny=TINY_GRADIENT)

    def _windows(self) -> WindowBatch:
        streams = {"frames": "video", "subtitles": "sub"}
        rows = {source: self._input(f"in_{stream}_feat") for source, stream in streams.items()}
        masks = [self._input(f"in_{stream}_mask").bool() for stream in self.model.streams]
        self.ledger.check(
            f"{self.stem}_io.npz: one mask for all streams", bool((masks[0] == masks[-1]).all())
        )
        count = len(masks[0])
        seconds = torch.tensor([0.0, float(masks[0].shape[1])], dtype=torch.float64).expand(count, 2)
        clock = (torch.arange(count), seconds, torch.ones(count, dtype=torch.float64))
        used = {name: value for name, value in rows.items() if streams[name] in self.model.streams}
        return WindowBatch([str(row) for row in range(count)], masks[0], *clock, **used)

    def _queries(self, prefix: str) -> QueryBatch:
        words, mask = self._input(f"{prefix}_feat"), self._input(f"{prefix}_mask").bool()
        return QueryBatch([str(row) for row in range(len(words))], words, mask)

    def _input(self, key: str) -> Tensor | None:
        name = f"{self.stem}_io.npz/{key}"
        return torch.from_numpy(self.ledger.take(name)) if name in self.ledger.entries else None


def check_data(ledger: Ledger, folder: Path) -> None:
    """Labels, pooling, normalisation and the endpoint feature."""
    for index, label in enumerate(json.loads((folder / "data.json").read_text())["labels"]):
        prefix = f"data.json/labels/{index}/"
        for name in ("clip_length", "n_clips", "ts", "padded_len"):
            ledger.take(prefix + name)
        clips = label_clips(tuple(label["ts"]), label["n_clips"], label["clip_length"], "upstream")
        inside = np.flatnonzero(inside_clips(np.array([clips]), label["padded_len"]))
        ledger.compare(f"{prefix}st_ed", clips)
        ledger.compare(f"{prefix}match_first", inside[0])
        ledger.compare(f"{prefix}match_last", inside[-1])
        ledger.compare(f"{prefix}match_count", len(inside))
    for name in ledger.names("data.npz/us*_out"):
        rows, limit = (ledger.take(name.replace("_out", end)) for end in ("_in", "_max"))
        ledger.compare(name, pool_rows(rows, int(limit)))
    for name in ledger.names("data.npz/l2_out"):
        ledger.compare(name, normalize_rows(ledger.take(name.replace("_out", "_in"))))
    for name in ledger.names("data.npz/tef_*"):
        ledger.compare(name, endpoint_feature(int(name.rpartition("_")[2])))


def check_bertadam(ledger: Ledger, folder: Path) -> None:
    """Every run of the optimiser, step by step."""
    for run_name, options in json.loads((folder / "bertadam.json").read_text()).items():
        for name in ledger.names(f"bertadam.json/{run_name}/*"):
            ledger.take(name)
        _check_optimizer_run(ledger, f"bertadam.npz/{run_name}_", options)


def _check_optimizer_run(ledger: Ledger, prefix: str, options: dict[str, Any]) -> None:
    wanted = {name: ledger.entries[f"{prefix}{name}"] for name in ("w", "b")}
    gradients = {name: torch.from_numpy(ledger.take(f"{prefix}g{name}")) for name in wanted}
    tensors = {name: torch.nn.Parameter(torch.from_numpy(value[0].copy())) for name, value in wanted.items()}
    groups = [ParameterGroup([tensors["w"]]), ParameterGroup([tensors["b"]], decay=bool(options["wd_b"]))]
    train = TrainSettings(optimizer="bertadam", lr=options["lr"], wd=options["wd_w"])
    optimizer = make_optimizer(Objective("run", groups, lambda *_: {}), train)
    for key, option in (("betas", ("b1", "b2")), ("eps", ("e",)), ("max_norm", ("max_grad_norm",))):
        value = tuple(options[name] for name in option)
        same = optimizer.defaults[key] == (value if len(value) > 1 else value[0])
        ledger.check(f"{prefix}{key}", same)
    found: dict[str, list[Any]] = {"w": [wanted["w"][0]], "b": [wanted["b"][0]], "lr": []}
    for step in range(options["steps"]):
        factor = multiplier(options["schedule"], step, options["t_total"], options["warmup"])
        found["lr"].append(options["lr"] * factor)
        for group in optimizer.param_groups:
            group["lr"] = found["lr"][-1]
        for name, tensor in tensors.items():
            tensor.grad = gradients[name][step].clone()
        optimizer.step()
        for name, tensor in tensors.items():
            found[name].append(tensor.detach().numpy().copy())
    for name, values in found.items():
        ledger.compare(f"{prefix}{name}", np.array(values))
    ledger.compare(f"{prefix}m_w", optimizer.state[tensors["w"]]["mean"])
    ledger.compare(f"{prefix}v_w", optimizer.state[tensors["w"]]["square"])


CHECKS: dict[str, Callable[[Ledger, Path], None]] = {
    "data.json": check_data,
    "bertadam.json": check_bertadam,
    "inference_in.json": check_inference,
    "nms_cases.json": check_suppression,
}
