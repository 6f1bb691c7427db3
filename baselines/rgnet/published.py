"""The options inside published checkpoints, in our terms."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from baselines.rgnet.settings import RGNetSettings
from method_tng.contract.errors import CheckpointError
from method_tng.contract.recipe import Published, Sizes

NAMES = {
    "hidden_dim": "hidden_size",
    "nheads": "n_heads",
    "dropout": "drop",
    "input_dropout": "input_drop",
    "adapter_module": "adapter",
    "span_loss_coef": "lw_span",
    "giou_loss_coef": "lw_giou",
    "label_loss_coef": "lw_label",
    "retrieval_loss_coef": "lw_retrieval",
    "adapter_loss_coef": "lw_adapter",
    "saliency_margin": "margin",
}
OWN = tuple(field.name for field in fields(RGNetSettings))
WIDTHS = ("v_motion_feat_dim", "v_appear_feat_dim", "t_feat_dim")
# Options that describe what the network always is, or that choose between losses.
FIXED = {
    "aux_loss": True, "dabdetr": True, "qddetr": True, "gumbel": True, "gumbel_2": True, "gumbel_3": True,
    "gumbel_single_proj": True, "position_embedding": "sine", "span_loss_type": "l1", "pre_norm": False,
    "use_txt_pos": False, "multiscale": False, "decoder_gating": False, "samp_loc_loss": False,
}  # fmt: skip
WITHOUT_EFFECT = ("device", "topk", "dec_layers_2", "samp_loc_loss_coef", "winret_neg_loss")
UNREAD = ("saliency_proj.", "txt_position_embed.")  # weights that the network never used


def read_published(options: Mapping[str, Any]) -> Published:
    """Translates the options of a published checkpoint; behaviour is as published.

    Raises:
        CheckpointError: an option is missing that the network cannot be built without, or asks for a
            variant that was never released.
    """
    needed = (*WIDTHS, "hidden_dim", "nheads", "dec_layers", "num_queries")
    missing = [name for name in needed if name not in options]
    if missing:
        raise CheckpointError(
            f"the options lack {', '.join(missing)}; expected all that the network is built from"
        )
    other = [name for name, value in FIXED.items() if options.get(name, value) != value]
    if other:
        raise CheckpointError(
            f"the checkpoint has {other[0]} = {options[other[0]]!r}; expected {FIXED[other[0]]!r}, "
            "as in every published checkpoint"
        )
    own = {name: options[name] for name in OWN if name in options}
    own |= {ours: options[theirs] for theirs, ours in NAMES.items() if theirs in options}
    if not options.get("adapter_loss", False):
        own["lw_adapter"] = 0.0
    known = {*OWN, *NAMES, *WIDTHS, *FIXED, *WITHOUT_EFFECT, "max_v_l", "max_q_l", "adapter_loss"}
    compat = {"text_mask_compat": True, "overrun_compat": True, "anchor_start_compat": True}
    limits = {"max_ctx_l": int(options.get("max_v_l", 900)), "max_desc_l": int(options.get("max_q_l", 25))}
    sizes = Sizes(
        frames=int(options["v_motion_feat_dim"]),
        words=int(options["t_feat_dim"]),
        sentence=int(options["v_appear_feat_dim"]),
        clips=limits["max_ctx_l"],
        tokens=limits["max_desc_l"],
    )
    return Published(
        RGNetSettings(**own, **compat),
        {"ctx_mode": "video", "no_norm_vfeat": True, **limits},
        sizes,
        tuple(sorted(set(options) - known)),
        (*UNREAD, f"transformer.decoder.bbox_embed.{int(options['dec_layers']) - 1}."),
    )
