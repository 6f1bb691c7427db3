"""Token states of a transformers text model that lies in a local folder.  Nothing is ever downloaded."""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import AutoModel

from method_tng.contract.errors import CheckpointError
from method_tng.encoders.pretrained import load_model, load_tokenizer, loading

WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
BATCH = 32  # texts that are encoded together, of similar length
PADDED_TO_END = ("siglip", "siglip2")  # models that were trained with every text padded to its full length


class TransformersEncoder:
    """Text encoder around BERT, RoBERTa, MiniLM, T5, or the text tower of CLIP, Chinese-CLIP or SigLIP.

    Args:
        folder: holds config.json, the weights and the tokenizer's files.
        max_words: tokens of a text at most, special ones included; 0 = as many as the model takes.
        device: where the model runs.

    Raises:
        CheckpointError: the folder does not hold a model.
    """

    def __init__(self, folder: Path | str, max_words: int = 0, device: str = "cpu") -> None:
        self.folder = Path(folder)
        self.max_words = max_words
        self.device = device
        _check(self.folder)
        with loading(
            self.folder, "text model", "expected config.json, weights and tokenizer files of one model"
        ):
            self._tokenizer = load_tokenizer(self.folder)
            model = load_model(AutoModel, self.folder, _text_tower)
        self._kind = model.config.model_type
        self._tower = _text_tower(model).to(device).eval()

    @torch.inference_mode()
    def encode(self, texts: Iterable[str]) -> list[np.ndarray]:
        """Texts -> for each its (L, D) float32 states, one per token, special ones left out; L >= 1."""
        texts = list(texts)
        rows: list[np.ndarray] = [np.empty((0, 0), np.float32)] * len(texts)
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        for start in range(0, len(order), BATCH):
            members = order[start : start + BATCH]
            for index, states in zip(members, self._encode_batch([texts[i] for i in members]), strict=True):
                rows[index] = states
        return rows

    def describe(self) -> dict[str, Any]:
        """What `text_encoder_of` needs to open an equal encoder, as JSON."""
        return {
            "kind": "transformers",
            "folder": str(self.folder),
            "max_words": self.max_words,
            "sha256": weights_digest(self.folder),
        }

    def _encode_batch(self, texts: Sequence[str]) -> list[np.ndarray]:
        limit = min(self.max_words or self._longest(), self._longest())
        tokens = self._tokenizer(
            texts,
            padding="max_length" if self._kind in PADDED_TO_END else True,
            truncation=True,
            max_length=limit,
            return_attention_mask=True,
            return_special_tokens_mask=True,
            return_tensors="pt",
        )
        special = tokens.pop("special_tokens_mask").bool()  # (B, L)
        inputs = {name: value.to(self.device) for name, value in tokens.items()}
        states = self._tower(**inputs).last_hidden_state.cpu()  # (B, L, D)
        real = tokens["attention_mask"].bool() & ~special
        return [_rows(*pair) for pair in zip(states, real, strict=True)]

    def _longest(self) -> int:
        """Most tokens that both tokenizer and model take."""
        positions = getattr(self._tower.config, "max_position_embeddings", None) or 512
        if self._tower.config.model_type in ("roberta", "xlm-roberta", "camembert"):
            positions -= 2  # two positions are reserved
        return int(min(positions, self._tokenizer.model_max_length))


def weights_digest(folder: Path) -> str:
    """sha256 over the weights files of a folder, in the order of their names."""
    digest = sha256()
    for path in _weights(folder):
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _weights(folder: Path) -> list[Path]:
    found = (sorted(folder.glob(pattern)) for pattern in WEIGHTS)
    return next((paths for paths in found if paths), [])


def _check(folder: Path) -> None:
    missing = [] if (folder / "config.json").is_file() else ["config.json"]
    missing += [] if _weights(folder) else ["model.safetensors"]
    if missing:
        raise CheckpointError(
            f"{folder} has no {' and no '.join(missing)}; fetch config.json, weights and tokenizer files "
            "of a text model (for example openai/clip-vit-base-patch32) from its page and put them there"
        )


def _text_tower(model: Any) -> Any:
    """The part that reads text: a tower, an encoder without its decoder, or the model itself."""
    if hasattr(model, "text_model"):
        return model.text_model
    if getattr(model.config, "is_encoder_decoder", False):
        return model.get_encoder()
    return model


def _rows(states: Tensor, real: Tensor) -> np.ndarray:
    """States of the real tokens; of a text without any, the first token stands for it."""
    kept = states[real] if bool(real.any()) else states[:1]
    return kept.numpy().astype(np.float32, copy=True)
