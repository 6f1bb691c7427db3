"""RGNet against arrays of the published implementation: ``python -m tests.conformance rgnet``.

Sizes and options are read from the folder.  No formula stands here: every number of ours comes from the
classes and functions that the doors use.
"""

import json
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from baselines.rgnet.model import RGNet
from baselines.rgnet.published import read_published
from baselines.rgnet.transformer import Read
from method_tng.contract.protocols import Code
from method_tng.contract.recipe import Published
from method_tng.contract.settings import DataSettings
from method_tng.layers.intervals import borders_of
from method_tng.runs.checkpoint import fill
from tests.conformance.ledger import Ledger
from tests.conformance.rgnet_films import check_films, check_windows
from tests.conformance.rgnet_lists import check_lists
from tests.conformance.rgnet_training import check_training

FULL = "full_size"
LAYER_NAMES = ("pred_spans", "pred_logits")


def run(folder: Path) -> int:
    """Runs every case of a folder; 0 when all is accounted for and within tolerance."""
    ledger = Ledger(folder)
    config = json.loads((folder / "config.json").read_text()) if (folder / "config.json").is_file() else {}
    for name in ledger.names("config.json/*"):
        ledger.take(name)
    if "cfg" in config:
        published = read_published(config["cfg"])
        ledger.check("config.json/cfg", not published.unknown)
        model = model_of(published, load_file(folder / "model.safetensors"), compat=False)
        ledger.take("model.safetensors")
        check_forward(ledger, model, model_of(published, load_file(folder / "model.safetensors")))
        check_training(ledger, published, load_file(folder / "model.safetensors"), folder)
        check_matching(ledger, published, load_file(folder / "model.safetensors"))
        check_windows(ledger, folder)
        check_films(ledger, folder, model)
        check_lists(ledger, folder)
    if FULL in config:
        check_full_size(ledger, read_published(config[FULL]), folder)
    return ledger.close()


def model_of(published: Published, weights: Mapping[str, Tensor], compat: bool = True, **own: Any) -> RGNet:
    """The published network, or the corrected one with its weights."""
    right = {} if compat else {"text_mask_compat": False, "overrun_compat": False}
    settings = replace(published.settings, **right, **own)
    model = RGNet(settings, DataSettings(**published.data), published.sizes).eval()
    needed = {name: value for name, value in weights.items() if not name.startswith(tuple(published.unread))}
    fill(model, needed, "the folder's weights")
    return model


def check_forward(ledger: Ledger, model: RGNet, published: RGNet) -> None:
    """Samples alone, together with words of equal number, and together with the published leak."""
    archive = "forward_eval.npz"
    if not ledger.names(f"{archive}/*"):
        return
    inputs = _taken(
        ledger, archive, ("src_txt", "src_txt_mask", "src_vid", "src_vid_mask", "txt_len", "vid_len")
    )
    for sample, (words, frames) in enumerate(zip(inputs["txt_len"], inputs["vid_len"], strict=True)):
        rows = slice(sample, sample + 1)
        alone = {
            "src_txt": inputs["src_txt"][rows, :words],
            "src_txt_mask": inputs["src_txt_mask"][rows, :words],
            "src_vid": inputs["src_vid"][rows, :frames],
            "src_vid_mask": inputs["src_vid_mask"][rows, :frames],
        }
        _compare_outputs(ledger, model, alone, f"{archive}/solo{sample}_")
    _compare_outputs(ledger, published, inputs, f"{archive}/batch_")
    equal = _taken(ledger, archive, ("src_txt", "src_txt_mask", "src_vid", "src_vid_mask"), "eq_")
    _compare_outputs(ledger, model, equal, f"{archive}/eq_")


def check_full_size(ledger: Ledger, published: Published, folder: Path) -> None:
    """The network at its published size, its weights made by the rule of the folder's README."""
    prefix = f"{FULL}_state_dict_shapes.json/"
    shapes = json.loads((folder / f"{FULL}_state_dict_shapes.json").read_text())
    weights = {name: _made(name, shape) for name, shape in shapes.items()}
    model = model_of(published, weights, compat=False)
    own = model.state_dict()
    for start in published.unread:
        ledger.exclude(f"{prefix}{start}*", "the network never reads these weights")
    for name, value in own.items():
        ledger.compare(prefix + name, tuple(value.shape))
    inputs = _taken(ledger, f"{FULL}.npz", ("src_txt", "src_txt_mask", "src_vid", "src_vid_mask"))
    _compare_outputs(ledger, model, inputs, f"{FULL}.npz/")


def check_matching(ledger: Ledger, published: Published, weights: Mapping[str, Tensor]) -> None:
    """How well frames of proposals fit the sentence; also where a proposal overruns its window."""
    archive = "matching.npz"
    if not ledger.names(f"{archive}/*"):
        return
    names = ("query_cls", "vid_appear", "vid_mask", "proposals_cxw", "overrun_proposals_cxw")
    inputs = _taken(ledger, archive, names)
    for compat, spans, expected in (
        (False, "proposals_cxw", "matching_score"),
        (False, "overrun_proposals_cxw", "overrun_matching_score_unpadded"),
        (True, "overrun_proposals_cxw", "overrun_matching_score_upstream"),
    ):
        model = model_of(published, weights, overrun_compat=compat)
        mask = inputs["vid_mask"].bool()
        windows = {"appearance": model.adapted(inputs["vid_appear"]), "mask": mask}
        pairs = torch.arange(len(mask))[:, None].expand(-1, 2)
        borders = borders_of(inputs[spans]) * mask.sum(1)[:, None, None]
        scores = (
            model.match_moments({"sentence": inputs["query_cls"]}, windows, pairs, borders).detach().numpy()
        )
        ledger.compare(f"{archive}/{expected}", defined(scores), part=defined)
        ledger.compare(f"{archive}/{expected}", np.isnan(scores), part=np.isnan)


def defined(values: np.ndarray) -> np.ndarray:
    """Without what is not a number."""
    return values[~np.isnan(values)]


def _compare_outputs(ledger: Ledger, model: RGNet, inputs: Mapping[str, Tensor], prefix: str) -> None:
    """Everything the folder has of one forward pass of row-aligned words and frames."""
    with torch.no_grad():
        read = read_rows(model, inputs)
        found = outputs(model, read)
    mask = inputs["src_vid_mask"].bool().numpy()

    def valid(values: np.ndarray) -> np.ndarray:
        """Of real frames."""
        return values[..., mask] if values.shape[-2:] == mask.shape else values

    for name in ledger.names(f"{prefix}*"):
        key = name.removeprefix(prefix)
        if key in found:
            ledger.compare(name, valid(found[key].numpy()), part=valid, absolute=2e-6)
    inner = ledger.names(f"{prefix}int_*")
    if inner:
        steps = _intermediates(model, inputs, read)
        for name in inner:
            ledger.compare(name, steps[name.removeprefix(f"{prefix}int_")], absolute=2e-6)


def read_rows(model: RGNet, inputs: Mapping[str, Tensor], noise: Tensor | None = None) -> Read:
    """Sentence n together with window n."""
    queries, windows = codes(model, inputs)
    pairs = torch.arange(len(inputs["src_txt"]))[:, None].expand(-1, 2)
    return model.read(queries, windows, pairs, noise)


def codes(model: RGNet, inputs: Mapping[str, Tensor]) -> tuple[Code, Code]:
    """What the model keeps of words and frames."""
    queries = {"words": model.input_txt_proj(inputs["src_txt"]), "mask": inputs["src_txt_mask"].bool()}
    windows = {"frames": model.input_vid_proj(inputs["src_vid"]), "mask": inputs["src_vid_mask"].bool()}
    return queries, windows


def outputs(model: RGNet, read: Read) -> dict[str, Tensor]:
    """The outputs under their published names."""
    proposals = model.propose(read)
    found = {
        "pred_spans": proposals.spans[-1],
        "pred_logits": proposals.logits[-1],
        "retrieval_logit": model.retrieval(read)[:, None],
        "saliency_scores": model.saliency(read),
        "gate_hard": read.gate,
        "attn_weights": read.gate[None],
    }
    for layer in range(len(proposals.logits) - 1):
        found |= {f"aux{layer}_pred_spans": proposals.spans[layer]}
        found |= {f"aux{layer}_pred_logits": proposals.logits[layer]}
    return found


def _intermediates(model: RGNet, inputs: Mapping[str, Tensor], read: Read) -> dict[str, Tensor]:
    """What the layers hand on, for one sample; sequence first where the folder has it so."""
    kept: dict[str, Tensor] = {}
    parts = {f"enc_layer{number}_out": part for number, part in enumerate(model.transformer.encoder.layers)}
    parts |= {f"dec_layer{number}_out": part for number, part in enumerate(model.transformer.decoder.layers)}
    parts["t2v"] = model.transformer.t2v_encoder.layers[-1]
    hooks = [part.register_forward_hook(_keep(kept, name)) for name, part in parts.items()]
    with torch.no_grad():
        queries, windows = codes(model, inputs)
        again = read_rows(model, inputs)
        results, started = model.transformer.decode(model.query_embed.weight.sigmoid(), again)
        logits = model.transformer.prop_instance(
            torch.cat((model.global_rep_token[None, None], kept["t2v"]), 1)
        )
    for hook in hooks:
        hook.remove()
    last = max(name for name in kept if name.startswith("enc_layer"))
    found = {name: value.transpose(0, 1) for name, value in kept.items() if name.endswith("_out")}
    token = model.global_rep_token.detach()[None, None]
    return found | {
        "vid_proj": windows["frames"],
        "txt_proj": queries["words"],
        "pos_vid": read.position,
        "t2v_out": torch.cat((token, kept["t2v"], queries["words"]), dim=1).transpose(0, 1),
        "gate_logits": logits.transpose(0, 1),
        "enc_memory": kept[last].transpose(0, 1),
        "memory_global": read.token,
        "memory_video": read.frames,
        "hs": results,
        "references": started,
    }


def _keep(kept: dict[str, Tensor], name: str) -> Any:
    def hook(_module: Any, _inputs: Any, result: Tensor) -> None:
        kept[name] = result

    return hook


def _taken(ledger: Ledger, archive: str, names: tuple[str, ...], prefix: str = "") -> dict[str, Tensor]:
    return {name: torch.from_numpy(ledger.take(f"{archive}/{prefix}{name}")) for name in names}


def _made(name: str, shape: list[int]) -> Tensor:
    """The weights of the full-size case."""
    drawn = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape)
    if len(shape) >= 2:
        drawn = drawn / np.sqrt(shape[-1])
    else:
        drawn = 1 + 0.1 * drawn if name.endswith("weight") else 0.05 * drawn
    return torch.from_numpy(drawn.astype(np.float32))
