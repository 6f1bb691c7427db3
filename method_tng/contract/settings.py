"""Every default that is shared by all systems, once, with its meaning beside it.

A dataclass field is an option: its name is the flag (`--bsz 64`), its type is how the flag is read, the
comment in its metadata is the flag's help.  Presets (`configs/*.yaml`) say only what differs.
Names of the TVR family's options are kept, since users and published option files have them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ON = "on"
"""A condition on another option: neither empty, nor 0, nor false, nor negative (which means never)."""


def option(
    default: Any,
    help: str,
    choices: tuple[str, ...] | None = None,
    *,
    needs: Mapping[str, tuple | str] | None = None,
    least: float | None = None,
    most: float | None = None,
    inference: bool = False,
    in_file_name: bool = False,
) -> Any:
    """A settings field.

    Args:
        default: its value when nobody says otherwise.
        help: what it means, as `--help` prints it.
        choices: its allowed values (of a list: of each word), where there are only a few.
        needs: other option -> its values (or ON) with which this one has an effect; it is refused otherwise.
        least, most: smallest and largest allowed number.
        inference: a trained model can be used with another value.
        in_file_name: a word that becomes part of a file's name.
    """
    metadata: dict[str, Any] = {
        "help": help,
        "choices": choices,
        "needs": needs or {},
        "inference": inference,
    }
    metadata |= {"least": least, "most": most, "in_file_name": in_file_name}
    if isinstance(default, list | tuple):
        return field(default_factory=lambda: tuple(default), metadata=metadata)
    return field(default=default, metadata=metadata)


RESULTS = "method_tng/results"
"""Where run folders go, and are looked for by name."""

TASKS = ("VCMR", "SVMR", "VR", "TNG")
CTX_MODES = ("video", "sub", "tef", "video_sub", "video_tef", "sub_tef", "video_sub_tef")
WITH_VIDEO = {"ctx_mode": tuple(mode for mode in CTX_MODES if "video" in mode)}
WITH_SUBTITLES = {"ctx_mode": tuple(mode for mode in CTX_MODES if "sub" in mode)}


@dataclass(frozen=True)
class DataSettings:
    """Which files, and how films are cut and labelled.

    Paths are relative to the place the command is started from; `{split}` stands for train, val, ...
    """

    dset_name: str = option("demo", "name of the data set; the run folder starts with it", in_file_name=True)
    format: str = option("tvr", "annotation format", ("tvr", "movie101", "movie101v2", "mad", "narrations"))
    annotations: str = option("", "annotation file, folder or checkout; {split} is replaced")
    durations: str = option(
        "", "TVR's video2dur_idx.json, or a JSON {film: seconds}; '' = in the annotations"
    )
    language: str = option("en", "of the narrations to read, and of a table's words", ("en", "zh"))
    narration_set: str = option(
        "short-71k", "set of Movie101v2", ("short-71k", "long-46k"), needs={"format": ("movie101v2",)}
    )
    video_features: str = option(
        "", "HDF5 file or folder of the video stream; several joined with '+'", needs=WITH_VIDEO
    )
    sub_features: str = option(
        "", "HDF5 file or folder of the subtitle or narration stream", needs=WITH_SUBTITLES
    )
    query_features: str = option("", "HDF5 file of the queries' word vectors")
    sentence_features: str = option(
        "", "HDF5 file with one vector of each whole sentence, for systems that use it; '' = none"
    )
    portrait_features: str = option(
        "",
        "HDF5 file with the portraits of the roles that each query names, for systems that see faces",
        inference=True,
    )
    pictures: str = option(
        "",
        "folder of FILM/MILLISECONDS.jpg for systems that learn from pictures themselves; '' = none are read",
        inference=True,
    )
    num_pictures: int = option(
        10, "pictures of a window, at the middles of so many equal parts", needs={"pictures": ON}, least=1
    )
    picture_size: int = option(
        224, "width and height to which pictures are brought", needs={"pictures": ON}, least=1
    )
    ctx_mode: str = option(
        "video_sub", "streams of a window, and whether clips know their place; tef: nothing else", CTX_MODES
    )
    clip_length: float = option(1.5, "seconds that one feature row covers", least=0.001)
    window_seconds: float = option(
        0.0, "length of the windows a film is cut into; 0 = a video is one window", least=0
    )
    window_stride: float = option(
        0.0,
        "seconds from one window's start to the next; 0 = window_seconds",
        needs={"window_seconds": ON},
        least=0,
    )
    window_edges: str = option(
        "whole",
        "whole: the first window starts with the film, the last is the first to reach its end; "
        "cut: windows reach over both ends and are cut there, so that every second lies in equally many",
        ("whole", "cut"),
        needs={"window_seconds": ON},
    )
    window_offsets: str = option(
        "",
        "JSON {film: seconds}: where the first whole window of a film starts, one more before it is shorter; "
        "'' = 0 for all",
        needs={"window_seconds": ON, "window_edges": ("whole",)},
        inference=True,
    )
    window_margin: float = option(
        0.0,
        "seconds by which windows are widened on both sides after the cut, inside their film; so a short "
        "window that was found becomes the long one that is searched",
        needs={"window_seconds": ON},
        least=0,
    )
    captions: bool = option(
        False,
        "ask for windows by the joined narrations that belong to each (as in Movie101-R), not by single ones",
        needs={"window_seconds": ON},
    )
    max_ctx_l: int = option(
        128, "most clips of a window; longer ones are pooled, their seconds per row kept", least=1
    )
    max_desc_l: int = option(30, "most words of a query", least=1)
    label_end: str = option(
        "upstream",
        "upstream: the last label is the clip after the moment; inclusive: the moment's own last clip",
        ("upstream", "inclusive"),
    )
    no_norm_vfeat: bool = option(
        False, "do not L2-normalise video rows (they already are, or the model does)", needs=WITH_VIDEO
    )
    no_norm_tfeat: bool = option(False, "do not L2-normalise subtitle and query rows")
    q_feat_size: int = option(0, "width of the word vectors; 0 = as found in the file")
    vid_feat_size: int = option(0, "width of the video rows; 0 = as found", needs=WITH_VIDEO)
    sub_feat_size: int = option(0, "width of the subtitle rows; 0 = as found", needs=WITH_SUBTITLES)
    vocabulary: bool = option(False, "give the model word ids of a vocabulary of the training queries")
    data_ratio: float = option(
        1.0, "share of the training queries that is used, a seeded draw", least=1e-6, most=1
    )
    cache_gb: float = option(2.0, "memory for the features of each open split that are kept", least=0)

    @property
    def with_endpoints(self) -> bool:
        """Whether every row ends with the two numbers of its place in the window ("TEF")."""
        return self.ctx_mode.endswith("tef")


@dataclass(frozen=True)
class TrainSettings:
    """How weights are learned."""

    exp_id: str = option("run", "word for this run in its folder's name", in_file_name=True)
    results_root: str = option(RESULTS, "where run folders go")
    seed: int = option(2018, "seed of everything random", least=0, most=2**32 - 1)
    device: str = option("auto", "auto, cpu, cuda or cuda:N")
    init_from: str = option(
        "", "a run whose weights this one starts from (its path, name or a beginning of it); '' = drawn"
    )
    n_epoch: int = option(100, "passes over the training queries", least=1)
    bsz: int = option(
        128,
        "queries of a batch, of all processes together",
        needs={"batches": ("shuffled", "ordered")},
        least=1,
    )
    batches: str = option(
        "shuffled",
        "shuffled: single queries in random order; ordered: as they stand in the file; "
        "windows: whole windows with all their queries; "
        "films: windows of a few films at a time with all their queries",
        ("shuffled", "ordered", "windows", "films"),
    )
    batch_windows: int = option(
        32, "windows of a batch, of all processes together", needs={"batches": ("windows", "films")}, least=1
    )
    batch_films: int = option(2, "films drawn together", needs={"batches": ("films",)}, least=1)
    window_draw: str = option(
        "nearest",
        "where windows overlap, a query is learned in - nearest: the one whose middle is nearest to its own; "
        "near_middle: one of those it touches, drawn anew each epoch, most often one in their middle; "
        "holding: one of those that hold it as a whole, drawn anew each epoch",
        ("nearest", "near_middle", "holding"),
        needs={"batches": ("shuffled", "ordered")},
    )
    film_negatives: bool = option(
        False,
        "give every query a window of its film that it does not touch, drawn anew each epoch",
        needs={"batches": ("shuffled", "ordered")},
    )
    optimizer: str = option(
        "bertadam",
        "optimiser; adam: decay apart from the gradient, eps beside the uncorrected root, as published for "
        "RNL and CNM",
        ("bertadam", "adamw", "adam"),
    )
    lr: float = option(1e-4, "learning rate", least=0)
    lr_schedule: str = option(
        "warmup_linear", "shape of the rate", ("warmup_linear", "warmup_cosine", "inverse_sqrt", "constant")
    )
    lr_warmup_proportion: float = option(
        0.01,
        "share of the steps in which the rate rises from 0",
        needs={"lr_schedule": ("warmup_linear", "warmup_cosine")},
        least=0,
        most=1,
    )
    lr_warmup_steps: int = option(
        300,
        "steps in which the rate rises, before it falls with the root of the steps",
        needs={"lr_schedule": ("inverse_sqrt",)},
        least=1,
    )
    lr_start: float = option(
        1e-6, "rate of the first step", needs={"lr_schedule": ("inverse_sqrt",)}, least=0
    )
    lr_drop: tuple[int, ...] = option((), "epochs after which the rate falls to a tenth, besides its shape")
    adamw_beta2: float = option(
        0.98, "decay of the mean squared gradient", needs={"optimizer": ("adamw",)}, least=0, most=0.999999
    )
    adam_eps: float = option(
        1e-8,
        "added to the root of the mean squared gradient",
        needs={"optimizer": ("adamw", "adam")},
        least=0,
    )
    wd: float = option(0.01, "weight decay", least=0)
    grad_clip: float = option(-1.0, "most L2 norm of all gradients together; -1 = off")
    ema: float = option(
        0.0, "decay of the averaged weights that are evaluated and saved; 0 = off", least=0, most=0.999999
    )
    precision: str = option("float32", "arithmetic of the forward pass", ("float32", "tf32", "bf16"))
    compile: bool = option(False, "torch.compile the model")
    length_buckets: int = option(4, "groups of similar length in which the windows of a batch are encoded")
    max_es_cnt: int = option(
        10,
        "evaluations without gain before training stops; -1 = never",
        needs={"stop_task": TASKS, "eval_split": ON},
    )
    stop_task: str = option(
        "VCMR", "task whose recalls choose the best epoch", (*TASKS, "last"), needs={"eval_split": ON}
    )
    stop_iou: tuple[str, ...] = option(
        ("0.5", "0.7"),
        "overlaps whose recalls at 1 are added up to choose the best epoch",
        ("0.1", "0.3", "0.5", "0.7"),
        needs={"stop_task": ("VCMR", "SVMR", "TNG"), "eval_split": ON},
    )
    eval_tasks_at_training: tuple[str, ...] = option(
        ("VCMR", "SVMR", "VR"), "tasks evaluated after an epoch", TASKS, needs={"eval_split": ON}
    )
    eval_every: int = option(1, "epochs between two evaluations", needs={"eval_split": ON}, least=1)
    eval_split: str = option("val", "split for the evaluation while training; '' = none")
    final_split: str = option("val", "split that is answered and scored when training is done; '' = none")
    eval_untrained: bool = option(False, "evaluate before the first epoch too", needs={"eval_split": ON})
    save_every: float = option(5.0, "minutes between two saves of the trainer's state", least=0)
    debug: bool = option(False, "4 batches, 2 epochs, results under debug_results")
    detect_anomaly: bool = option(False, "let torch search the operation that made a NaN (2x slower)")
    num_workers: int = option(0, "processes that prepare batches; 0 = the training process itself", least=0)


@dataclass(frozen=True)
class SearchSettings:
    """How weights become moments.  Every one of them can be changed at inference."""

    tasks: tuple[str, ...] = option(TASKS, "tasks to write and to score", TASKS)
    eval_id: str = option(
        "",
        "word in the names of the result files, so that another search keeps the first one's",
        in_file_name=True,
    )
    submission: str = option(
        "",
        "one more file: the moments of each query's own film in the form of a benchmark; '' = none",
        ("", "mad", "ego4d"),
    )
    eval_query_bsz: int = option(256, "queries handled together", least=1)
    eval_context_bsz: int = option(200, "windows encoded together", least=1)
    codes_gb: float = option(
        8.0, "memory for encoded windows; what does not fit is encoded when it is needed", least=0
    )
    max_vcmr_video: int = option(100, "windows opened per query", least=1)
    max_vr: int = option(
        0, "windows, and films, listed per query in VR; 0 = as many as windows are opened", least=0
    )
    matcher: str = option(
        "", "another run that chooses the windows; this one scores and opens only those; '' = none"
    )
    matcher_windows: int = option(
        100, "windows that the other run chooses per query", needs={"matcher": ON}, least=1
    )
    max_before_nms: int = option(200, "moments kept per query before suppression", least=1)
    max_after_nms: int = option(100, "moments reported per query", least=1)
    nms_thd: float = option(-1.0, "drop a moment that overlaps a better one by more than this IoU; -1 = off")
    film_nms_thd: float = option(0.5, "the same where moments of overlapping windows meet in film time")
