"""A random Chinese-CLIP small enough for a test, as a folder."""

from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import BertTokenizer, ChineseCLIPConfig, ChineseCLIPImageProcessor, ChineseCLIPModel

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
TEXT = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
TEXT |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "max_position_embeddings": 60}
VISION = {"hidden_size": 24, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 3}
VISION |= {"image_size": 16, "patch_size": 8}


def config_of(words: Sequence[str]) -> ChineseCLIPConfig:
    """Of a model whose tokens are `words`."""
    text = TEXT | {"vocab_size": len(SPECIAL) + len(words)}
    return ChineseCLIPConfig(text_config=text, vision_config=VISION, projection_dim=12)


def save_tiny_clip(folder: Path, words: Sequence[str] = "红绿蓝黄圆方", weights: bool = True) -> Path:
    """Writes configuration, tokenizer and, if wanted, random weights."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    config_of(words).save_pretrained(folder)
    if weights:
        model = ChineseCLIPModel(config_of(words))
        for value in model.parameters():
            if value.ndim > 1:
                torch.nn.init.normal_(value, std=0.2)  # so large that a few steps teach it something
        model.save_pretrained(folder)
    size = {"height": 16, "width": 16}
    ChineseCLIPImageProcessor(size=size, do_center_crop=False).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join([*SPECIAL, *words]), encoding="utf-8")
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


def cn_clip_weights(model: ChineseCLIPModel) -> dict[str, torch.Tensor]:
    """The weights of a model as the CN-CLIP code names them; written apart from the product's table."""
    own = model.state_dict()
    found = {
        "logit_scale": own["logit_scale"],
        "text_projection": own["text_projection.weight"].T.contiguous(),
    }
    found["visual.proj"] = own["visual_projection.weight"].T.contiguous()
    for name, value in own.items():
        if name.startswith("text_model."):
            found["bert." + name.removeprefix("text_model.")] = value
    vision = "vision_model.embeddings."
    found["visual.class_embedding"] = own[vision + "class_embedding"]
    found["visual.conv1.weight"] = own[vision + "patch_embedding.weight"]
    found["visual.positional_embedding"] = own[vision + "position_embedding.weight"]
    for kind in ("weight", "bias"):
        found[f"visual.ln_pre.{kind}"] = own[f"vision_model.pre_layrnorm.{kind}"]
        found[f"visual.ln_post.{kind}"] = own[f"vision_model.post_layernorm.{kind}"]
        for layer in range(model.config.vision_config.num_hidden_layers):
            ours, theirs = f"vision_model.encoder.layers.{layer}", f"visual.transformer.resblocks.{layer}"
            packed = [own[f"{ours}.self_attn.{letter}_proj.{kind}"] for letter in "qkv"]
            found[f"{theirs}.attn.in_proj_{kind}"] = torch.cat(packed)
            for one, other in (
                ("self_attn.out_proj", "attn.out_proj"),
                ("layer_norm1", "ln_1"),
                ("layer_norm2", "ln_2"),
                ("mlp.fc1", "mlp.c_fc"),
                ("mlp.fc2", "mlp.c_proj"),
            ):
                found[f"{theirs}.{other}.{kind}"] = own[f"{ours}.{one}.{kind}"]
    found["bert.pooler.dense.weight"] = torch.zeros(1)
    return found
