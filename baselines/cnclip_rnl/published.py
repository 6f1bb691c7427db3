"""Published weights of the locator, in our terms.

They come as a bare state dict, so that the model is read off the shapes of its weights.  What shapes cannot
tell is as in the publication, unless options say otherwise.
"""

from collections.abc import Mapping
from typing import Any

from baselines.cnclip_rnl.settings import CnclipRnlSettings
from method_tng.contract.errors import CheckpointError
from method_tng.contract.recipe import Published, Sizes

NEEDED = ("fc_score.weight", "video_encoder.rnn.gru.weight_ih_l0", "sentence_encoder.rnn.gru.weight_ih_l0")
FACES, PORTRAITS = "video_encoder.tran.weight", "sentence_encoder.tran_face.weight"
MOST_PORTRAITS = 3
TOLD = {
    "num_heads": "num_heads",
    "max_num_words": "max_words",
    "max_num_frames": "num_frames",
    "dropout": "drop",
}
REPEATED = ("d_model", "frame_dim", "face_dim", "word_dim", "num_attn_layers")  # the shapes say it too


def read_published(options: Mapping[str, Any]) -> Published:
    """Translates a published state dict; behaviour is as published.

    Args:
        options: "shapes" of the weights by name, and options of the published command line if they are known.

    Raises:
        CheckpointError: the weights are not the locator's.
    """
    shapes = options.get("shapes", {})
    missing = [name for name in NEEDED if name not in shapes]
    if missing:
        raise CheckpointError(f"the file holds no weights {', '.join(missing)}; expected those of a locator")
    num_widths, width = shapes["fc_score.weight"][:2]
    if num_widths != len(CnclipRnlSettings().anchor_widths):
        raise CheckpointError(
            f"the file's fc_score has proposals of {num_widths} widths; expected "
            f"{len(CnclipRnlSettings().anchor_widths)}, as published"
        )
    face_dim = shapes[FACES][1] if FACES in shapes else 0
    settings = CnclipRnlSettings(
        hidden_size=width,
        face_dim=face_dim,
        max_faces=MOST_PORTRAITS if PORTRAITS in shapes else 0,
        num_attn_layers=sum(name.endswith(".in_proj_weight") for name in shapes),
        **{ours: options[theirs] for theirs, ours in TOLD.items() if theirs in options},
    )
    data = {"ctx_mode": "video", "no_norm_vfeat": True, "no_norm_tfeat": True}
    sizes = Sizes(
        frames=shapes["video_encoder.rnn.gru.weight_ih_l0"][1] + face_dim,
        words=shapes["sentence_encoder.rnn.gru.weight_ih_l0"][1],
        clips=settings.num_frames,
        tokens=settings.max_words,
    )
    limits = {"max_ctx_l": settings.num_frames, "max_desc_l": settings.max_words}
    unknown = tuple(sorted(set(options) - {"shapes", *TOLD, *REPEATED}))
    return Published(settings, data | limits, sizes, unknown, stage="ground")
