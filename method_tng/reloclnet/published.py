"""The options inside published checkpoints, in our terms."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from method_tng.contract.errors import CheckpointError
from method_tng.contract.recipe import Published, Sizes
from method_tng.reloclnet.settings import ReLoCLNetSettings

WIDTHS = ("visual_input_size", "sub_input_size", "query_input_size")
OWN = tuple(field.name for field in fields(ReLoCLNetSettings))
OTHERS = (*WIDTHS, "max_ctx_l", "max_desc_l", "ctx_mode", "use_hard_negative")


def read_published(options: Mapping[str, Any]) -> Published:
    """Translates the "model_cfg" of a published checkpoint.

    Args:
        options: as stored; widths include the place of the clip where it is used.

    Raises:
        CheckpointError: an option is missing that the network cannot be built without.
    """
    needed = (*WIDTHS, "hidden_size", "n_heads", "max_ctx_l", "max_desc_l")
    missing = [name for name in needed if name not in options]
    if missing:
        raise CheckpointError(
            f"the checkpoint's model_cfg lacks {', '.join(missing)}; expected a ReLoCLNet checkpoint "
            "with the options that its model was built from"
        )
    mode = options.get("ctx_mode", "video_sub")
    own = {name: options[name] for name in OWN if name in options}
    if "use_hard_negative" in options:
        own["hard_negative_start_epoch"] = 0 if options["use_hard_negative"] else -1
    limits = {name: int(options[name]) for name in ("max_ctx_l", "max_desc_l")}
    sizes = Sizes(
        frames=int(options["visual_input_size"]) if "video" in mode else 0,
        subtitles=int(options["sub_input_size"]) if "sub" in mode else 0,
        words=int(options["query_input_size"]),
        clips=limits["max_ctx_l"],
        tokens=limits["max_desc_l"],
    )
    return Published(
        ReLoCLNetSettings(**own, pad_compat=True, mask_related=False),
        {"ctx_mode": mode, "label_end": "upstream", **limits},
        sizes,
        tuple(sorted(set(options) - {*OWN, *OTHERS})),
    )
