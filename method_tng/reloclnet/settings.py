"""Options of the main system.  The first block is the published ReLoCLNet, the second the `movies` preset."""

from dataclasses import dataclass

from method_tng.contract.settings import ON, option


@dataclass(frozen=True)
class ReLoCLNetSettings:
    """Sizes, losses and search options of the main system (names of the published options)."""

    scorer: str = option(
        "clips",
        "clips: the published network, a window is as good as its best clip; "
        "spans: linear towers from a closed-form start, a window is as good as its best span",
        ("clips", "spans"),
    )
    hidden_size: int = option(384, "width of every stream inside the model", least=1)

    n_heads: int = option(8, "attention heads", needs={"scorer": ("clips",)}, least=1)
    input_drop: float = option(0.1, "dropout on inputs", least=0, most=0.99, needs={"scorer": ("clips",)})
    drop: float = option(
        0.1, "dropout inside attention blocks", least=0, most=0.99, needs={"scorer": ("clips",)}
    )
    initializer_range: float = option(
        0.02, "standard deviation of fresh weights", needs={"scorer": ("clips",)}
    )
    conv_kernel_size: int = option(5, "width of the start and end convolutions", needs={"scorer": ("clips",)})
    conv_stride: int = option(
        1, "stride of these convolutions; only 1 is meaningful", needs={"scorer": ("clips",)}
    )
    pad_compat: bool = option(
        False,
        "pad every window to max_ctx_l and let padding leak into the end as published checkpoints expect",
        needs={"scorer": ("clips",)},
    )
    margin: float = option(
        0.1, "margin of the ranking losses", needs={"scorer": ("clips",), "ranking_loss_type": ("hinge",)}
    )
    ranking_loss_type: str = option(
        "hinge", "form of the ranking losses", ("hinge", "lse"), needs={"scorer": ("clips",)}
    )
    lw_neg_q: float = option(1.0, "weight: window against other queries", needs={"scorer": ("clips",)})
    lw_neg_ctx: float = option(1.0, "weight: query against other windows", needs={"scorer": ("clips",)})
    lw_st_ed: float = option(0.01, "weight: start and end", needs={"scorer": ("clips",)})
    lw_fcl: float = option(0.03, "weight: frame-level contrast", needs={"scorer": ("clips",)})
    lw_vcl: float = option(0.03, "weight: window-level contrast", needs={"scorer": ("clips",)})
    train_span_start_epoch: int = option(
        0, "first epoch with the start and end loss; -1 = never", needs={"scorer": ("clips",)}
    )
    hard_negative_start_epoch: int = option(
        20, "first epoch with hard negatives; -1 = never", needs={"scorer": ("clips",)}
    )
    hard_pool_size: int = option(
        20, "hardest negatives to draw from", needs={"scorer": ("clips",), "hard_negative_start_epoch": ON}
    )
    mask_related: bool = option(
        True,
        "same or overlapping windows are no negatives of each other; off = as published",
        needs={"scorer": ("clips",)},
    )
    min_pred_l: int = option(
        2, "fewest clips of a predicted moment", needs={"min_pred_seconds": (0,)}, least=1, inference=True
    )
    max_pred_l: int = option(
        16,
        "most clips of a predicted moment; itself excluded with label_end upstream, as published",
        needs={"max_pred_seconds": (0,)},
        least=1,
        inference=True,
    )
    min_pred_seconds: float = option(0.0, "the same in seconds; 0 = use min_pred_l", least=0, inference=True)
    max_pred_seconds: float = option(0.0, "the same in seconds; 0 = use max_pred_l", least=0, inference=True)
    q2c_alpha: float = option(30.0, "how much the window's score weighs against the span's", inference=True)

    max_span_seconds: float = option(
        40.0, "longest span that is learned, in seconds", needs={"scorer": ("spans",)}, least=0.001
    )
    lex_min_df: int = option(
        3,
        "training queries a word must occur in to get its own vector",
        needs={"scorer": ("spans",), "vocabulary": ON},
    )
    lex_max_words: int = option(
        8000,
        "most words that get their own vector, the most frequent",
        needs={"scorer": ("spans",), "vocabulary": ON},
        least=0,
    )
    ridge_lambda: float = option(3.0, "regulariser of the closed-form start", needs={"scorer": ("spans",)})
    attention_branch: bool = option(
        False, "add the attention-pooled part of the query", needs={"scorer": ("spans",)}
    )
    attention_hidden: int = option(
        256, "its hidden width", needs={"scorer": ("spans",), "attention_branch": ON}
    )
    attention_drop: float = option(
        0.2, "its dropout", least=0, most=0.99, needs={"scorer": ("spans",), "attention_branch": ON}
    )
    word_drop: float = option(
        0.45, "share of words dropped while training", least=0, most=0.99, needs={"scorer": ("spans",)}
    )
    content_drop: float = option(
        0.5,
        "share of a window's feature columns dropped while training",
        least=0,
        most=0.99,
        needs={"scorer": ("spans",)},
    )
    lex_drop: float = option(
        0.5,
        "dropout on the vocabulary part",
        least=0,
        most=0.99,
        needs={"scorer": ("spans",), "vocabulary": ON},
    )
    table_lr: float = option(0.3, "learning rate of the query tables, times lr", needs={"scorer": ("spans",)})
    iou_temperature: float = option(0.1, "softness of the span targets", needs={"scorer": ("spans",)})


SETTINGS = ReLoCLNetSettings
