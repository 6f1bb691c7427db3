"""Image-text models of transformers in a local folder: CLIP, Chinese-CLIP, SigLIP, SigLIP2.

Pictures and sentences become vectors of one space, of unit length here.  A folder, or a hub name that was
fetched before; nothing is ever downloaded.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from transformers import AutoConfig, AutoImageProcessor, AutoModel

from method_tng.contract.errors import CheckpointError
from method_tng.encoders.language_model import BATCH, PADDED_TO_END, weights_digest
from method_tng.encoders.pretrained import load_model, load_tokenizer, loading

KINDS = ("clip", "chinese_clip", "siglip", "siglip2")
FETCH = (
    "fetch config.json, preprocessor_config.json, model.safetensors and the tokenizer's files of one (for "
    "example openai/clip-vit-base-patch32) from its page and put them into one folder"
)
TEXT_LIMIT = {"chinese_clip": 52}  # tokens a model was trained with, where its positions allow more


class TransformersImageEncoder:
    """Image encoder, and the sentence encoder of the same space.

    Args:
        folder: holds config.json, weights, preprocessor_config.json and the tokenizer's files; or the hub
            name of a model that lies in the local cache.
        device: where the model runs.

    Raises:
        CheckpointError: no such model there.
    """

    def __init__(self, folder: Path | str, device: str = "cpu") -> None:
        self.folder, self.device = str(folder), device
        with loading(folder, "image-text model", FETCH):
            self._kind = AutoConfig.from_pretrained(self.folder, local_files_only=True).model_type
            if self._kind not in KINDS:
                raise CheckpointError(
                    f"{folder} holds a model of type {self._kind}; expected {', '.join(KINDS)}"
                )
            model = load_model(AutoModel, self.folder)
            self._processor = AutoImageProcessor.from_pretrained(
                self.folder, local_files_only=True, backend="pil"
            )
        self.model = model.to(device).eval()
        self._tokenizer: Any = None
        self.width = self._encode_images([np.zeros((32, 32, 3), np.uint8)]).shape[1]

    @classmethod
    def open(cls, description: Mapping[str, Any], device: str = "cpu") -> "TransformersImageEncoder":
        """The encoder that described itself so.  Raises CheckpointError when its weights are others now."""
        encoder = cls(description["folder"], description.get("device", device))
        if encoder.describe()["weights"] != description["weights"]:
            raise CheckpointError(
                f"{description['folder']} does not hold the weights the features were made with; put the "
                "right model there, or extract again"
            )
        return encoder

    def frame_size(self, width: int, height: int) -> tuple[int, int]:
        """The size in which it wants pictures: its own on the short side, never larger than they are."""
        told = getattr(self._processor, "size", None)
        if told:
            sides = [value for name, value in dict(told).items() if value and "longest" not in name]
            wanted = max(sides, default=224)
        else:  # SigLIP2 takes as many square patches as fit, of any arrangement
            wanted = self._processor.patch_size * math.isqrt(self._processor.max_num_patches)
        scale = min(1.0, (wanted if wanted < 1024 else 384) / min(width, height))
        return max(1, round(width * scale)), max(1, round(height * scale))

    def restart(self) -> None:
        """Another film begins: nothing is remembered."""

    def encode(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """Pictures (H, W, 3) uint8 RGB of any size -> (N, width) float32 of unit length."""
        return self._encode_images(pictures)

    @torch.inference_mode()
    def encode_sentences(self, texts: Sequence[str]) -> np.ndarray:
        """Sentences -> (N, width) float32 of unit length, in the space of the pictures."""
        if self._tokenizer is None:
            with loading(self.folder, "tokenizer", FETCH):
                self._tokenizer = load_tokenizer(self.folder)
        positions = self.model.config.text_config.max_position_embeddings
        tokens = self._tokenizer(
            list(texts),
            padding="max_length" if self._kind in PADDED_TO_END else True,
            truncation=True,
            max_length=min(TEXT_LIMIT.get(self._kind, positions), positions),
            return_tensors="pt",
        ).to(self.device)
        return _unit(pooled(self.model.get_text_features(**tokens)))

    def describe(self) -> dict[str, Any]:
        """What `open` needs, as JSON: the weights' digest and the processor's settings with it."""
        processor = json.dumps(self._processor.to_dict(), sort_keys=True, default=str)
        folder = Path(self.folder)
        return {
            "kind": "transformers",
            "folder": self.folder,
            "model": self._kind,
            "width": self.width,
            "weights": weights_digest(folder) if folder.is_dir() else _digest_of(self.model),
            "processor": hashlib.sha256(processor.encode()).hexdigest()[:16],
            "device": self.device,
        }

    @torch.inference_mode()
    def _encode_images(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        images = [Image.fromarray(picture) for picture in pictures]
        inputs = self._processor(images=images, return_tensors="pt").to(self.device)
        return _unit(pooled(self.model.get_image_features(**inputs)))


class SentenceEncoder:
    """Text encoder that gives one vector of a sentence, in the space of an image-text model's pictures.

    Args:
        folder, device: as `TransformersImageEncoder` takes them.
    """

    def __init__(self, folder: Path | str, device: str = "cpu") -> None:
        self._towers = TransformersImageEncoder(folder, device)
        self._towers.encode_sentences([""])  # its tokenizer's faults are told now

    def encode(self, texts: Iterable[str]) -> list[np.ndarray]:
        """Texts -> for each (1, D) float32 of unit length."""
        texts = list(texts)
        parts = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
        return [row[None] for part in parts for row in self._towers.encode_sentences(part)]

    def describe(self) -> dict[str, Any]:
        """What `text_encoder_of` needs to open an equal encoder, as JSON."""
        described = self._towers.describe()
        return {"kind": "sentences", "folder": described["folder"], "sha256": described["weights"]}


def pooled(output: Any) -> Tensor:
    """The projected vector of a tower, (N, D), whatever the version of transformers wraps it in."""
    if isinstance(output, Tensor):
        return output
    return output[1] if isinstance(output, tuple) else output.pooler_output


def _unit(rows: Tensor) -> np.ndarray:
    return torch.nn.functional.normalize(rows.float(), dim=-1).cpu().numpy()


def _digest_of(model: torch.nn.Module) -> str:
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode() + value.cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
