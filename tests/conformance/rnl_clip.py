"""Stage 1 against the original Chinese-CLIP network: conversion, features, contrast and its gradients."""

import json
import tempfile
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from transformers import BertTokenizer, ChineseCLIPConfig

from baselines.cnclip_rnl.retriever import ShotRetriever, make_retriever, pool_frames
from baselines.cnclip_rnl.settings import CnclipRnlSettings
from baselines.cnclip_rnl.towers import one_piece
from method_tng.contract.recipe import Sizes
from method_tng.contract.settings import DataSettings
from method_tng.encoders.cn_clip import convert_cn_clip
from method_tng.layers.contrastive import window_contrast
from tests.conformance.ledger import Ledger

ARRAYS, CASE, WEIGHTS = "cnclip_arrays.npz", "cnclip_case.json", "cnclip_state_dict.safetensors"
UNIT = 1e-5  # absolute, on unit vectors
GRADIENTS = 1e-4


def check_clip(ledger: Ledger, folder: Path) -> None:
    """Everything of the second group."""
    if not (folder / CASE).is_file():
        return
    ledger.exclude(f"{CASE}/seed", "the arrays were drawn with it; nothing is drawn here")
    for name in ledger.names(f"{CASE}/cn_clip_config/*"):
        ledger.take(name)
    ledger.take(WEIGHTS)
    with tempfile.TemporaryDirectory() as work:
        model = _converted(folder, Path(work))
    towers = model.towers.clip
    frames = towers.read_pictures(torch.from_numpy(ledger.take(f"{ARRAYS}/pixel_values")))  # (B, 10, E)
    raw = towers.read_tokens(torch.from_numpy(ledger.take(f"{ARRAYS}/input_ids")))  # (B, E)
    shots = pool_frames(frames, torch.ones(frames.shape[:2], dtype=torch.bool), model.pool)
    sentences, rows = F.normalize(raw, dim=-1), torch.arange(len(raw))
    logits = model.match(dict(zip(("pieces", "mask"), one_piece(sentences), strict=True)), {"shot": shots})
    loss = window_contrast(logits, rows, torch.zeros_like(logits, dtype=torch.bool), 1.0)
    loss.backward()
    found = {
        "frame_features": frames,
        "text_feature_raw": raw,
        "video_feature": shots,
        "text_feature": sentences,
        "similarity": shots @ sentences.T,
        "logit_scale_exp": model.scale(),
        "loss": loss,
        "acc_i2t": (logits.argmax(0) == rows).float().mean(),
        "acc_t2i": (logits.argmax(1) == rows).float().mean(),
    }
    for name, value in found.items():
        ledger.compare(
            f"{ARRAYS}/{name}", value, absolute=UNIT if "feature" in name or name == "similarity" else 0
        )
    gradients = {
        "grad_logit_scale": towers.logit_scale.grad,
        "grad_text_projection": towers.model.text_projection.weight.grad.T,
        "grad_visual_proj": towers.model.visual_projection.weight.grad.T,
    }
    for name, value in gradients.items():
        ledger.compare(f"{ARRAYS}/{name}", value, tolerance=GRADIENTS)


def _converted(folder: Path, work: Path) -> ShotRetriever:
    """The retriever on the folder's weights, by the way of a checkpoint of several processes."""
    weights = load_file(folder / WEIGHTS)
    state = {f"module.{name}": value for name, value in weights.items()}
    torch.save({"state_dict": state, "epoch": 1}, work / "epoch1.pt")
    _write_template(work / "template", json.loads((folder / CASE).read_text())["cn_clip_config"])
    convert_cn_clip(work / "epoch1.pt", work / "template", work / "converted")
    settings = CnclipRnlSettings(clip_model=str(work / "converted"))
    return make_retriever(settings, DataSettings(), Sizes()).eval()


def _write_template(folder: Path, config: dict[str, Any]) -> None:
    """Configuration of the same size, and a tokenizer, which the golden token ids do not need."""
    folder.mkdir()
    text = {name.removeprefix("text_"): value for name, value in config.items() if name.startswith("text_")}
    vision = {
        "hidden_size": config["vision_width"],
        "intermediate_size": 4 * config["vision_width"],
        "num_hidden_layers": config["vision_layers"],
        "num_attention_heads": config["vision_width"] // config["vision_head_width"],
        "image_size": config["image_resolution"],
        "patch_size": config["vision_patch_size"],
    }
    text["vocab_size"] = config["vocab_size"]
    ChineseCLIPConfig(
        text_config=text, vision_config=vision, projection_dim=config["embed_dim"]
    ).save_pretrained(folder)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *map(str, range(config["vocab_size"] - 4))]
    (folder / "vocab.txt").write_text("\n".join(words))
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
