"""Chinese-CLIP as something that learns: both towers of a local folder, pictures and texts in, vectors out.

The vectors are projected and not of unit length.  Source: Yang et al. 2022 (Chinese CLIP).
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoConfig, ChineseCLIPModel

from method_tng.contract.errors import CheckpointError
from method_tng.encoders.images import pooled
from method_tng.encoders.pretrained import load_model, load_tokenizer, loading

KIND = "chinese_clip"
FETCH = (
    "fetch config.json, model.safetensors and vocab.txt of one (for example "
    "OFA-Sys/chinese-clip-vit-base-patch16) from its page and put them into one folder"
)
MEAN, SPREAD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
PICTURES_AT_ONCE = 64  # where no gradient is wanted


class ChineseClipTowers(nn.Module):
    """The image tower and the text tower.

    Args:
        folder: holds config.json, weights and the tokenizer's files; preprocessor_config.json too where
            colours are not centred as in CLIP.
        text_length: tokens of a text, both ends included; more are cut.
        recompute: keep less for the gradient and compute it again.

    Raises:
        CheckpointError: the folder holds no Chinese-CLIP model, or another model.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, folder: Path | str, text_length: int = 52, recompute: bool = False) -> None:
        super().__init__()
        self.model, self.tokenizer = _loaded(Path(folder))
        if recompute:
            self.model.gradient_checkpointing_enable({"use_reentrant": False})
        self.text_length = min(text_length, self.model.config.text_config.max_position_embeddings)
        for name, values in zip(("mean", "spread"), _colours(Path(folder)), strict=True):
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1), persistent=False)

    @property
    def logit_scale(self) -> nn.Parameter:
        """Logarithm of what cosines are multiplied by before they are compared, a scalar."""
        return self.model.logit_scale

    def read_pictures(self, pictures: Tensor) -> Tensor:
        """Pictures (..., 3, H, W) -> (..., E).

        Bytes are RGB of any size: brought to the tower's size and its colours.  Floats are taken as they are.
        """
        flat = pictures.flatten(0, -4)  # (N, 3, H, W)
        step = len(flat) if torch.is_grad_enabled() else PICTURES_AT_ONCE
        parts = [pooled(self.model.get_image_features(self._pixels(part))) for part in flat.split(step)]
        return torch.cat(parts).unflatten(0, pictures.shape[:-3])

    def read_texts(self, texts: Sequence[str]) -> Tensor:
        """Texts -> (N, E)."""
        ids = self.tokenizer(
            list(texts), padding=True, truncation=True, max_length=self.text_length, return_tensors="pt"
        )["input_ids"]
        return self.read_tokens(ids.to(self.model.device))

    def read_whole_texts(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Texts of any length in pieces that fit -> (N, P, E) and which pieces are real, (N, P) bool."""
        cut = self.text_length - 2  # both ends
        told = [list(ids) for ids in self.tokenizer(list(texts), add_special_tokens=False)["input_ids"]]
        pieces = [[ids[at : at + cut] for at in range(0, max(1, len(ids)), cut)] for ids in told]
        first, last = self.tokenizer.cls_token_id, self.tokenizer.sep_token_id
        rows = [torch.tensor([first, *piece, last]) for one in pieces for piece in one]
        read = self.read_tokens(pad_sequence(rows, batch_first=True).to(self.model.device))  # (all pieces, E)
        parts = read.split([len(one) for one in pieces])
        counts = torch.tensor([len(one) for one in pieces], device=read.device)
        padded = pad_sequence(list(parts), batch_first=True)  # (N, P, E)
        return padded, torch.arange(padded.shape[1], device=read.device) < counts[:, None]

    def read_tokens(self, ids: Tensor) -> Tensor:
        """Token ids (N, L), 0 = padding -> (N, E)."""
        return pooled(self.model.get_text_features(ids, attention_mask=(ids != 0).long()))

    def _pixels(self, pictures: Tensor) -> Tensor:
        if pictures.is_floating_point():
            return pictures
        size = (self.model.config.vision_config.image_size,) * 2
        pixels = pictures.float() / 255
        if pixels.shape[-2:] != size:
            pixels = F.interpolate(pixels, size, mode="bicubic", antialias=True).clamp(0, 1)
        return (pixels - self.mean) / self.spread


def _loaded(folder: Path) -> tuple[Any, Any]:
    with loading(folder, "Chinese-CLIP model", FETCH):
        kind = AutoConfig.from_pretrained(folder, local_files_only=True).model_type
        if kind != KIND:
            raise CheckpointError(f"{folder} holds a model of type {kind}; expected {KIND}")
        return load_model(ChineseCLIPModel, folder), load_tokenizer(folder)


def _colours(folder: Path) -> tuple[Sequence[float], Sequence[float]]:
    """Mean and spread of each colour, from 0 to 1."""
    path = folder / "preprocessor_config.json"
    try:
        told = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return told.get("image_mean", MEAN), told.get("image_std", SPREAD)
    except (ValueError, AttributeError) as error:
        raise CheckpointError(
            f"{path} cannot be read as a JSON object ({error}); fetch it again, or remove it to take the "
            "colours of CLIP"
        ) from error
