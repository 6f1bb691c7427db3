"""Fine-tuned checkpoints of the CN-CLIP code as folders that transformers loads.

A checkpoint holds the weights under other names, beside the optimiser's state.  The file is mapped, not read:
only the weights are ever touched, one at a time, and no code of the file runs.
Source: Yang et al. 2022 (Chinese CLIP), the released code's names.
"""

import json
import os
import pickle
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoConfig, ChineseCLIPModel

from method_tng.contract.errors import CheckpointError
from method_tng.contract.files import write_whole
from method_tng.encoders.chinese_clip import KIND

RENAMED = {
    "visual.class_embedding": "vision_model.embeddings.class_embedding",
    "visual.conv1.weight": "vision_model.embeddings.patch_embedding.weight",
    "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
}
BEGINNINGS = {
    "bert.": "text_model.",
    "visual.ln_pre.": "vision_model.pre_layrnorm.",  # misspelt there
    "visual.ln_post.": "vision_model.post_layernorm.",
    "visual.transformer.resblocks.": "vision_model.encoder.layers.",
}
INSIDE = {
    ".ln_1.": ".layer_norm1.",
    ".ln_2.": ".layer_norm2.",
    ".attn.out_proj.": ".self_attn.out_proj.",
    ".mlp.c_fc.": ".mlp.fc1.",
    ".mlp.c_proj.": ".mlp.fc2.",
}
TRANSPOSED = {"text_projection": "text_projection.weight", "visual.proj": "visual_projection.weight"}
PACKED = ".attn.in_proj_"
UNREAD = ("bert.pooler.",)
KINDS = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
WEIGHTS = (".safetensors", ".bin", ".pt", ".h5", ".msgpack", ".index.json")


def convert_cn_clip(checkpoint: Path, template: Path, folder: Path) -> None:
    """Writes the weights of a checkpoint beside the configuration and tokenizer of a model of the same size.

    Args:
        checkpoint: the file.
        template: folder of a Chinese-CLIP model of the same architecture; its weights are not needed.
        folder: where the new model goes; made if missing, must not be the template.

    Raises:
        CheckpointError: not a CN-CLIP checkpoint, or of a model of another size; nothing is written then.
    """
    if folder.resolve() == template.resolve():
        raise CheckpointError(f"{folder} is the template itself; name another folder for the new model")
    weights = transformers_names(read_cn_clip(checkpoint))
    _compare(weights, _expected(template), checkpoint, template)
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(template.iterdir()):
        if path.is_file() and not path.name.endswith(WEIGHTS):
            shutil.copyfile(path, folder / path.name)
    write_whole(folder / "model.safetensors", lambda temporary: _write(weights, temporary))


def read_cn_clip(checkpoint: Path) -> dict[str, Tensor]:
    """The weights of a checkpoint under their own names, mapped from the file.

    Raises:
        CheckpointError: it is not there, or not a file of weights of this kind.
    """
    try:
        content: Any = torch.load(checkpoint, map_location="cpu", mmap=True, weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{checkpoint} is not there; expected a checkpoint of the CN-CLIP code"
        ) from error
    except (RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise CheckpointError(
            f"{checkpoint} cannot be read as a weights file ({str(error).splitlines()[0]}); expected a "
            "checkpoint of the CN-CLIP code, saved by torch 1.6 or newer"
        ) from error
    weights = content.get("state_dict", content) if isinstance(content, dict) else None
    if not isinstance(weights, dict) or not all(isinstance(value, Tensor) for value in weights.values()):
        raise CheckpointError(
            f"{checkpoint} holds no state_dict of weights; expected a checkpoint of the CN-CLIP code"
        )
    return {str(name).removeprefix("module."): value.detach() for name, value in weights.items()}


def transformers_names(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same weights as transformers names and cuts them; views, nothing is copied.

    A name that CN-CLIP does not have stays as it is.
    """
    found: dict[str, Tensor] = {}
    for name, value in weights.items():
        if name.startswith(UNREAD):
            continue
        if name in TRANSPOSED:
            found[TRANSPOSED[name]] = value.T
        elif PACKED in name:
            before, kind = _renamed(name).split(PACKED)
            parts = zip("qkv", value.chunk(3), strict=True)
            found |= {f"{before}.self_attn.{letter}_proj.{kind}": part for letter, part in parts}
        else:
            found[_renamed(name)] = value
    return found


def _renamed(name: str) -> str:
    if name in RENAMED:
        return RENAMED[name]
    for start, other in BEGINNINGS.items():
        if name.startswith(start):
            name = other + name.removeprefix(start)
            break
    else:
        return name
    if name.startswith("vision_model."):
        for part, other in INSIDE.items():
            name = name.replace(part, other)
    return name


def _expected(template: Path) -> dict[str, torch.Size]:
    """Names and shapes of the weights of the template's model."""
    try:
        config = AutoConfig.from_pretrained(template, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(
            f"{template} holds no config.json that transformers reads; expected the folder of a Chinese-CLIP "
            "model of the checkpoint's size, as OFA-Sys/chinese-clip-vit-huge-patch14"
        ) from error
    if config.model_type != KIND:
        raise CheckpointError(f"{template} holds a model of type {config.model_type}; expected {KIND}")
    with torch.device("meta"):
        model = ChineseCLIPModel(config)
    return {name: value.shape for name, value in model.state_dict().items()}


def _compare(
    weights: Mapping[str, Tensor], expected: Mapping[str, torch.Size], checkpoint: Path, template: Path
) -> None:
    """Raises CheckpointError where the weights are not exactly the expected ones."""
    missing = [name for name in expected if name not in weights]
    foreign = [name for name in weights if name not in expected]
    other = [
        f"{name} {tuple(weights[name].shape)} instead of {tuple(shape)}"
        for name, shape in expected.items()
        if name in weights and weights[name].shape != shape
    ]
    kinds = [f"{name} of type {value.dtype}" for name, value in weights.items() if value.dtype not in KINDS]
    named = (("missing", missing), ("unknown", foreign), ("of another shape", other), ("no floats", kinds))
    told = [f"{len(found)} {what} (as {found[0]})" for what, found in named if found]
    if told:
        raise CheckpointError(
            f"{checkpoint} is a checkpoint of another model than {template}: weights are {', '.join(told)}; "
            "give the folder of the model that was fine-tuned"
        )


def _write(weights: Mapping[str, Tensor], path: Path) -> None:
    """A safetensors file, one tensor in memory at a time."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    place = 0
    for name, value in weights.items():
        size = value.numel() * value.element_size()
        kind, shape = KINDS[value.dtype], list(value.shape)
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [place, place + size]}
        place += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for value in weights.values():
            file.write(value.contiguous().view(-1).view(torch.uint8).numpy().data)
        file.flush()
        os.fsync(file.fileno())
