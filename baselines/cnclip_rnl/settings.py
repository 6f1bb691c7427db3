"""Options of both stages.  Defaults are the published ones; presets say what movies want otherwise.

Source: Yue et al. 2023 (Movie101, ACL), section 5, and the code of its locator.
"""

from dataclasses import dataclass

from method_tng.contract.settings import ON, option


@dataclass(frozen=True)
class CnclipRnlSettings:
    """Sizes, losses and search options of the retriever and of the locator."""

    shot_seconds: float = option(20.0, "length of the shots that are found", least=0.001)
    around_seconds: float = option(
        90.0, "seconds on both sides of a found shot that are searched for the borders", least=0
    )
    shot_features: str = option(
        "", "HDF5 file or folder of the rows a shot is found by; '' = video_features", inference=True
    )
    shot_query_features: str = option(
        "", "HDF5 file of the words a shot is found by; '' = query_features", inference=True
    )
    shot_sentence_features: str = option(
        "", "HDF5 file of the sentences a shot is found by; '' = sentence_features", inference=True
    )
    shot_texts: str = option(
        "captions",
        "what shots are learned from - captions: their joined narrations, as published; narrations: single "
        "ones, each with the shot around its middle",
        ("captions", "narrations"),
    )
    retrieve_n_epoch: int = option(1, "passes over the shots in the first stage", least=1)
    retrieve_bsz: int = option(64, "shots of a batch in the first stage, of all processes together", least=2)
    retrieve_lr: float = option(2e-6, "learning rate of the first stage", least=0)
    retrieve_wd: float = option(1e-3, "weight decay of the first stage", least=0)

    clip_model: str = option(
        "",
        "folder of a Chinese-CLIP model that is trained from pictures and texts; '' = from the features of "
        "frames and sentences",
        inference=True,
    )
    pool: str = option(
        "mean",
        "a shot's vector - mean: of its frames' vectors; mean_of_normalized: of these at unit length",
        ("mean", "mean_of_normalized"),
        inference=True,
    )
    text_length: int = option(
        52, "tokens of a text that are read together, both ends included", needs={"clip_model": ON}, least=3
    )
    long_texts: str = option(
        "cut",
        "texts of more tokens - cut: the rest is not read, as published; split: all pieces are read, and the "
        "one that fits a shot best counts",
        ("cut", "split"),
        needs={"clip_model": ON},
        inference=True,
    )
    recompute: bool = option(
        False,
        "keep less of the towers for the gradient and compute it again: a quarter slower, far less memory",
        needs={"clip_model": ON},
    )
    shot_frames: int = option(
        10,
        "frames of a shot that count, in the middles of so many equal parts; 0 = all",
        needs={"clip_model": ("",)},
        least=0,
    )
    joint_size: int = option(
        256,
        "width in which sentences and frames of different widths meet",
        needs={"clip_model": ("",)},
        least=1,
    )
    feature_drop: float = option(
        0.0, "dropout on the features before their map", needs={"clip_model": ("",)}, least=0, most=0.99
    )
    mask_same_caption_sources: bool = option(
        True, "a shot that tells a narration of a caption is no negative of the caption; off = as published"
    )

    hidden_size: int = option(512, "width inside the locator; divisible by 4", least=4)
    num_frames: int = option(200, "rows to which the locator brings every window", least=2)
    short_windows: str = option(
        "stretch",
        "windows with fewer rows - stretch: rows are repeated, as published; mask: they keep their rows",
        ("stretch", "mask"),
    )
    max_words: int = option(80, "words of a sentence, which is padded to so many", least=1)
    face_dim: int = option(
        0, "last numbers of the video rows that describe the faces in them; 0 = none", least=0
    )
    max_faces: int = option(0, "portraits of roles that a sentence brings along; 0 = none", least=0)
    project_faces: bool = option(
        False, "map the portraits as the publication says, which its code does not", needs={"max_faces": ON}
    )
    num_heads: int = option(4, "heads in which frames read their neighbours", least=1)
    num_attn_layers: int = option(2, "layers in which frames read their neighbours", least=0)
    neighbours: int = option(3, "frames on each side that a frame reads there", least=0)
    mask_alignment: bool = option(
        False, "padding and absent portraits are not read while both sides align; off = as published"
    )
    scale_rows: bool = option(
        False, "scale every row and word to a mean square of 1 first; off = as published"
    )
    start: str = option(
        "published",
        "first weights of the locator - published: the usual ones; kept: such that small features are not "
        "lost on their way to the heads",
        ("published", "kept"),
    )
    anchor_widths: tuple[int, ...] = option((8, 16, 32, 64), "widths of the proposals, in rows")
    exact_anchors: bool = option(
        False, "move the proposals themselves; off = their borders without the half, as published"
    )
    round_boxes: bool = option(True, "borders fall on whole rows, as published", inference=True)
    drop: float = option(0.2, "dropout of the locator, its input included", least=0, most=0.99)
    stretch: bool = option(True, "lengthen and shorten the moment and what is around it while training")
    lw_score: float = option(1.0, "weight: how well proposals overlap the moment", least=0)
    lw_border: float = option(1e-3, "weight: borders of the overlapping proposals", least=0)
    positive_share: float = option(
        0.45, "overlap of these, as a share of the best proposal's", least=0, most=1
    )

    score_mix: float = option(
        0.0,
        "power of the window's share among those opened that multiplies a proposal's score; 0 = as published",
        least=0,
        inference=True,
    )


SETTINGS = CnclipRnlSettings
