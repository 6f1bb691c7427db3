"""A whole training: data, models, starts, stages, evaluations."""

import json
import logging
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace

import numpy as np
import torch
from torch import Tensor, nn

from method_tng.contract.batch import Batch, to_device
from method_tng.contract.errors import CheckpointError, ConfigError, DataError
from method_tng.contract.recipe import Recipe, Stage
from method_tng.contract.settings import TrainSettings
from method_tng.dataset.collection import NOTHING_TO_LEARN, Collection
from method_tng.retrieval.split import answer_split
from method_tng.runs.checkpoint import save_weights
from method_tng.runs.config import RunSettings
from method_tng.runs.folder import RunFolder
from method_tng.training.batches import BatchRows, TrainingRows, draws_windows, plan_epoch, share_of
from method_tng.training.distributed import Process
from method_tng.training.first_weights import earlier_run, known_words, start_from
from method_tng.training.interrupt import Wish
from method_tng.training.loop import StageTrainer, Work, optimizer_steps
from method_tng.training.matcher_run import preselection_of, require_parts
from method_tng.training.optim import make_optimizer
from method_tng.training.resident import ResidentSplit, read_batches, resident_batches, resident_bytes
from method_tng.training.state import Average, TrainerState
from method_tng.training.steps import arithmetic
from method_tng.training.trained import open_split
from method_tng.training.validation import Metrics, require_scored, score_split, stop_score

logger = logging.getLogger(__name__)

Evaluate = Callable[[Mapping[str, Tensor]], tuple[float, Metrics]]
"""Weights -> the score that chooses the best epoch, and the metrics."""

START_BATCH = 256  # queries of a batch while a stage looks at the whole training set


def train_run(run: RunFolder, recipe: Recipe, process: Process, wish: Wish) -> None:
    """Trains every stage of a run that is not complete yet.

    Raises:
        Stopped: a signal came; everything is saved.
        ConfigError: the system does not answer what is asked of it when training is done.
        DataError: the training split, or one that is answered, has faults.
    """
    if run.settings.train.final_split:  # what cannot be answered then is told now
        parts = recipe.assemble({stage.name: nn.Identity() for stage in recipe.stages})
        require_parts(run, run.settings, *parts)
    for stage in recipe.stages:
        data = run.settings.of_stage(stage, training=True).data
        known = known_words(run) if data.vocabulary else None
        training = Collection.open(data, "train", known, share=data.data_ratio, seed=run.settings.train.seed)
        if not (training.own_window >= 0).any():
            raise DataError(NOTHING_TO_LEARN.format(annotations=data.annotations))
        sizes = training.sizes()
        if process.leads:
            encoder = json.loads(training.query_attributes().get("text_encoder", "null"))
            run.add_facts(sizes=run.facts.get("sizes", {}) | {stage.name: asdict(sizes)})
            run.add_facts(text_encoders=run.facts.get("text_encoders", {}) | {stage.name: encoder})
            run.add_facts(text_encoder=encoder)  # the last stage's reads a typed sentence
            if training.vocabulary:
                training.vocabulary.write(run.path / "vocabulary.json")
            if run.settings.train.final_split not in ("", run.settings.train.eval_split):
                open_split(run, run.settings, stage, run.settings.train.final_split)  # its faults, too, now
        _train_stage(run, recipe, stage, training, process, wish)


def _train_stage(
    run: RunFolder, recipe: Recipe, stage: Stage, training: Collection, process: Process, wish: Wish
) -> None:
    settings = run.settings.of_stage(stage)
    train = settings.train
    _seed(train.seed)
    model = stage.build(settings.model, settings.data, training.sizes()).to(process.device)
    resumed = (run.path / f"{stage.name}.trainer_state.pt").is_file()
    if not resumed and "imported_from" in run.facts:
        raise CheckpointError(
            f"{run.path} was imported and has no trainer state to go on from; use it with inference, "
            "or train a new run"
        )
    if train.init_from and not resumed:
        start_from(earlier_run(settings), stage, model, training)
    elif stage.start and not resumed:
        stage.start(model, settings.model, _AllBatches(training, process.device))
    objectives = stage.objectives(model, settings.model)
    if not objectives:  # nothing is learned
        if process.leads:
            save_weights(run.path / f"{stage.name}.best.safetensors", model.state_dict())
        return
    generator = torch.Generator().manual_seed(train.seed)  # on the CPU: a run may go on elsewhere
    optimizers = {objective.name: make_optimizer(objective, train) for objective in objectives}
    state = TrainerState(model, optimizers, Average(model, train.ema), generator)
    evaluate = _evaluation(run, recipe, stage, model, process)
    work = _work(settings, training, evaluate, process)
    if train.compile:
        model.encode_windows = torch.compile(model.encode_windows, dynamic=True)
    _seed(train.seed + process.rank)  # every process drops out other units
    torch.autograd.set_detect_anomaly(train.detect_anomaly)
    trainer = StageTrainer(run, stage.name, objectives, state, work, process, wish)
    trainer.resume()
    trainer.run_all()


def _work(settings: RunSettings, training: Collection, evaluate: Evaluate | None, process: Process) -> Work:
    train = settings.train
    rows = _training_rows(training, train)
    used = np.flatnonzero(training.own_window >= 0)

    def mine(epoch: int) -> list[BatchRows]:
        whole = plan_epoch(rows, used, train, epoch)
        shares = [
            [share_of(batch, rows, rank, process.world) for rank in range(process.world)] for batch in whole
        ]
        # A batch that leaves one process idle is left out by all.
        return [parts[process.rank] for parts in shares if all(len(part.queries) for part in parts)]

    reader = _reader(training, settings, process)
    return Work(train, mine, reader, evaluate, optimizer_steps(mine, train))


def _training_rows(training: Collection, train: TrainSettings) -> TrainingRows:
    """Which windows a query may be learned in, and which it touches, as far as they are drawn."""
    drawn = touched = None
    if train.film_negatives or train.window_draw == "near_middle":
        of_first, of_all = training.cuts.touched(training.split.narrations).transpose(1, 0, 2)
        drawn = of_first if train.window_draw == "near_middle" else None
        touched = of_all if train.film_negatives else None
    if train.window_draw == "holding":
        drawn = training.cuts.holding(training.split.narrations)
    return TrainingRows(training.own_window, training.window_movies, drawn, touched)


def _reader(
    training: Collection, settings: RunSettings, process: Process
) -> Callable[[Sequence[BatchRows]], Iterable[Batch]]:
    """Batches out of memory when the split fits, else from the files."""
    sizes = training.sizes()
    widths = sizes.frames + sizes.subtitles
    needed = resident_bytes(
        training.window_lengths, widths, len(training.own_window), sizes.tokens * sizes.words + sizes.sentence
    )
    on_gpu = process.device.type == "cuda"
    limit = 0.5 * torch.cuda.mem_get_info(process.device)[0] if on_gpu else settings.data.cache_gb * 1e9
    read_anew = settings.train.num_workers or settings.data.pictures or draws_windows(settings.train)
    if needed <= limit and not read_anew:
        queries = np.flatnonzero(training.own_window >= 0)
        if len(queries) == len(training.own_window):
            if not on_gpu:
                training.cache.shrink(int(limit - needed))  # both together keep to the budget
            whole = training.batch(range(len(queries)), range(len(training.windows)))
            resident = ResidentSplit(whole, process.device)
            training.cache.shrink(0)  # nothing will be read again
            return lambda plan: resident_batches(resident, plan)
    return lambda plan: read_batches(training.batch, plan, settings.train.num_workers)


def _evaluation(
    run: RunFolder, recipe: Recipe, stage: Stage, model: nn.Module, process: Process
) -> Evaluate | None:
    """Scores weights on the evaluation split, or None where none is wanted.

    A stage is scored by itself: of a system of two, the one that finds by VR, the one that grounds by SVMR.
    """
    settings = run.settings.of_stage(stage)
    train = settings.train
    if not train.eval_split or not process.leads:
        return None
    if train.stop_task not in (*train.eval_tasks_at_training, "last"):
        raise ConfigError(
            f"stop_task is {train.stop_task}, but while training only "
            f"{' '.join(train.eval_tasks_at_training)} are evaluated; add it to --eval_tasks_at_training"
        )
    require_scored(train.stop_task, train.stop_iou)
    collection = open_split(run, run.settings, stage, train.eval_split)
    unknown = int((collection.own_window < 0).sum())
    if unknown:
        raise DataError(
            f"{unknown} of {len(collection.own_window)} narrations of split {train.eval_split!r} have no "
            "moment; expected ground truth for all, choose another --eval_split ('' = none)"
        )
    settings = replace(settings, search=replace(settings.search, tasks=train.eval_tasks_at_training))
    models = {stage.name: model}
    chosen = preselection_of(run, settings, recipe, models, collection, process.device)
    own, search = settings.model, settings.search

    def evaluate(weights: Mapping[str, Tensor]) -> tuple[float, Metrics]:
        trained = {name: value.detach().clone() for name, value in model.state_dict().items()}
        model.load_state_dict(dict(weights))
        model.eval()
        draws = torch.get_rng_state()  # an evaluation must not change what training draws next
        with arithmetic(train, process.device):
            tables = answer_split(
                recipe, models, own, search, collection, process.device, preselection=chosen
            )
        torch.set_rng_state(draws)
        model.load_state_dict(trained)
        metrics = score_split(tables, collection)
        return stop_score(metrics, train.stop_task, train.stop_iou), metrics

    return evaluate


class _AllBatches:
    """The whole training set in order, again at every pass."""

    def __init__(self, training: Collection, device: torch.device) -> None:
        self.training, self.device = training, device
        # Queries of one window stay together, so that each window is read once.
        known = np.flatnonzero(training.own_window >= 0)
        self.order = known[np.argsort(training.own_window[known], kind="stable")]

    def __iter__(self) -> Iterable[Batch]:
        for start in range(0, len(self.order), START_BATCH):
            yield to_device(
                self.training.batch(self.order[start : start + START_BATCH].tolist()), self.device
            )


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
