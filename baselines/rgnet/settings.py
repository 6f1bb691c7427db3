"""Options of RGNet.  Defaults are the corrected network at its published size; `as published` says the other.

Source: Hannan et al. 2024 (RGNet, ECCV), section 4 and supplement.
"""

from dataclasses import dataclass

from method_tng.contract.settings import option


@dataclass(frozen=True)
class RGNetSettings:
    """Sizes, losses and search options (names of the published options where they have one)."""

    hidden_size: int = option(256, "width inside the network", least=4)
    n_heads: int = option(8, "attention heads", least=1)
    dim_feedforward: int = option(2048, "inner width of the feed-forward parts", least=1)
    enc_layers: int = option(2, "layers in which frames read words, and in which frames read frames", least=1)
    dec_layers: int = option(6, "decoder layers", least=1)
    num_queries: int = option(5, "proposals per window", least=1)
    n_input_proj: int = option(2, "maps from the features' width to the network's", least=1)
    drop: float = option(0.1, "dropout inside the blocks", least=0, most=0.99)
    input_drop: float = option(0.5, "dropout on inputs", least=0, most=0.99)
    pos_temperature: float = option(100.0, "slowest frequency of the frames' places", least=1)

    sparse_mode: str = option(
        "release",
        "who may look where: release: an unselected frame looks away from itself a little; "
        "row: an unselected frame sees only itself, as in the publication; "
        "key: the window's token sees only the selected frames",
        ("release", "row", "key"),
    )
    gumbel_eps: float = option(0.3, "softness of the frames' gate while training", least=0.001)
    adapter: str = option(
        "none", "map of the frames before they are compared with sentences", ("none", "linear")
    )

    negatives: str = option(
        "inbatch",
        "windows a query must tell from its own: inbatch: those of the other queries; "
        "window: one more of its own film (needs film_negatives)",
        ("inbatch", "window"),
    )
    mask_false_negatives: bool = option(
        True,
        "a window that shows a query's moment is no negative of it; off = as published",
        needs={"negatives": ("inbatch",)},
    )
    lw_span: float = option(10.0, "weight: distance of centre and width", least=0)
    lw_giou: float = option(1.0, "weight: overlap", least=0)
    lw_label: float = option(4.0, "weight: moment or background", least=0)
    lw_saliency: float = option(1.0, "weight: a frame of the moment against one outside", least=0)
    lw_retrieval: float = option(10.0, "weight: own window against negatives", least=0)
    lw_adapter: float = option(
        0.0, "weight: contrast of sentences and moments in the frames' space", needs={"adapter": ("linear",)}
    )
    lw_gate: float = option(0.0, "weight: the gate is open inside the moment", least=0)
    eos_coef: float = option(0.1, "weight of a background proposal in the label term", least=0)
    margin: float = option(0.2, "margin of the saliency and window terms", least=0)
    temperature: float = option(0.07, "divides what is contrasted", least=0.001)
    set_cost_span: float = option(10.0, "assignment: cost of distance")
    set_cost_giou: float = option(1.0, "assignment: cost of missing overlap")
    set_cost_class: float = option(4.0, "assignment: cost of an unlikely proposal")

    window_select: str = option(
        "retrieval",
        "windows that are opened: retrieval: the best by the network; clip: by their best frame's cosine "
        "with the sentence, which needs no network; both: by the product",
        ("retrieval", "clip", "both"),
        inference=True,
    )
    matching: bool = option(
        True,
        "add the cosine of the moment's best frames and the sentence, where both lie in one space",
        inference=True,
    )
    matching_by_window: bool = option(
        False, "weigh that cosine with the window's score, as published for Ego4D", inference=True
    )
    rank_by: str = option(
        "fusion",
        "score of a moment: fusion: the sum of both, each brought to [0, 1] over a query's moments; "
        "proposal, matching: one alone",
        ("fusion", "proposal", "matching"),
        inference=True,
    )
    text_mask_compat: bool = option(
        False, "mask words by other samples' lengths, as published", inference=True
    )
    overrun_compat: bool = option(
        False, "count padding behind a window's end among a moment's frames, as published", inference=True
    )
    anchor_start_compat: bool = option(False, "start the decoder's moves at random, as published")
    negatives_compat: bool = option(
        False,
        "negative windows as published: the last layer's proposals in every layer, padding counts, "
        "background frames are summed",
        needs={"negatives": ("window",)},
    )


SETTINGS = RGNetSettings
