"""Trains one stage: batches, steps, evaluations, saves.

A run that was stopped after any step and resumed goes on exactly as if it had never been stopped: the plan
of an epoch depends on seed and epoch alone, everything else is in the trainer state.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor
from tqdm import tqdm

from method_tng.contract.batch import Batch, to_device
from method_tng.contract.recipe import Objective, Progress
from method_tng.contract.settings import TrainSettings
from method_tng.runs.checkpoint import load_state, save_state, save_weights
from method_tng.runs.folder import RunFolder
from method_tng.runs.journal import Journal
from method_tng.training.batches import BatchRows
from method_tng.training.distributed import Process, agree
from method_tng.training.interrupt import Wish
from method_tng.training.report import recall_line
from method_tng.training.schedules import after_drops, learning_rate
from method_tng.training.state import TrainerState
from method_tng.training.steps import Losses, arithmetic, finite_terms, only_trainable, update, wrapped

logger = logging.getLogger(__name__)


class Stopped(Exception):
    """Training ended early because a signal asked for it; all is saved."""


@dataclass(frozen=True)
class Work:
    """What a stage is trained with.

    Attributes:
        train: how weights are learned in this stage.
        plan: epoch -> this process' batches.
        read: batches of a plan.
        evaluate: weights -> (score that chooses the best epoch, metrics), or None without an evaluation.
        num_steps: optimiser steps of all epochs.
    """

    train: TrainSettings
    plan: Callable[[int], Sequence[BatchRows]]
    read: Callable[[Sequence[BatchRows]], Iterable[Batch]]
    evaluate: Callable[[Mapping[str, Tensor]], tuple[float, Mapping]] | None
    num_steps: int


class StageTrainer:
    """One stage's way from its first step to its last."""

    def __init__(
        self,
        run: RunFolder,
        stage: str,
        objectives: Sequence[Objective],
        state: TrainerState,
        work: Work,
        process: Process,
        wish: Wish,
    ) -> None:
        self.run, self.stage, self.objectives = run, stage, objectives
        self.state, self.work, self.process, self.wish = state, work, process, wish
        self.train = work.train
        self.losses = wrapped(Losses(state.model, objectives), process)
        self.journal = Journal(run.path, stage) if process.leads else None
        self.saved_at = time.monotonic()

    @property
    def state_path(self) -> Path:
        """Where --resume finds this stage."""
        return self.run.path / f"{self.stage}.trainer_state.pt"

    def resume(self) -> None:
        """Goes back to the last save, if there is one."""
        if self.state_path.is_file():
            saved = load_state(self.state_path)
            self.state.restore(saved, str(self.state_path))
            if self.journal:
                self.journal.restore(saved["journal"], self.state.place.step)

    def run_all(self) -> None:
        """All epochs that are left.

        Raises:
            Stopped: a signal came; the state is saved.
            TrainingError: a loss is not finite; the last save stands.
        """
        place = self.state.place
        if self.process.leads:
            logger.info("%s %s; run folder: %s", self.stage, self._standing(), self.run.path)
        if place.step == 0 and self.train.eval_untrained and self.work.evaluate:
            self._evaluate()
        while place.epoch < self.train.n_epoch and not place.done:
            self._epoch()
            self._end_epoch()
        place.done = True
        self.save()
        if self.journal:
            self.journal.close()

    def save(self) -> None:
        """Writes the trainer state and the last weights."""
        if self.process.leads and self.journal:
            save_state(self.state_path, self.state.to_dict(self.journal.state()))
            save_weights(self.run.path / f"{self.stage}.last.safetensors", self.state.average.current())
        self.saved_at = time.monotonic()

    def _standing(self) -> str:
        place, num_epochs = self.state.place, self.train.n_epoch
        if place.done or place.epoch >= num_epochs:
            return "is trained"
        return f"goes on after epoch {place.epoch} of {num_epochs}" if place.step else "starts to learn"

    def _epoch(self) -> None:
        place = self.state.place
        plan = self.work.plan(place.epoch)
        if self.train.debug:
            plan = plan[:4]
        self.state.model.train()
        bar = tqdm(
            total=len(plan),
            initial=place.step_in_epoch,
            desc=f"epoch {place.epoch + 1}/{self.train.n_epoch}",
            unit="step",
            leave=False,
            disable=None if self.process.leads else True,
        )
        with bar:
            for batch in self.work.read(plan[place.step_in_epoch :]):
                self._step(to_device(batch, self.process.device))
                bar.update()
                self._save_or_stop()

    def _step(self, batch: Batch) -> None:
        place, train = self.state.place, self.train
        progress = Progress(
            place.epoch,
            place.step,
            train.n_epoch,
            self.work.num_steps,
            self.state.generator,
            train.length_buckets,
        )
        rate = learning_rate(train, place.step, self.work.num_steps)
        rate *= after_drops(place.epoch, train.lr_drop)
        terms: dict[str, float] = {}
        rates = {"lr": rate}
        for index, objective in enumerate(self.objectives):
            optimizer = self.state.optimizers[objective.name]
            for group in optimizer.param_groups:
                group["lr"] = rate * group["lr_scale"]
                if group["lr_scale"] != 1:
                    rates[f"lr_times_{group['lr_scale']:g}"] = group["lr"]
            with only_trainable(self.state.model, objective):
                with arithmetic(train, self.process.device):
                    named = self.losses(index, batch, progress)
                terms |= finite_terms(named, progress, batch, self.process)
                update(optimizer, sum(named.values()), train.grad_clip)
        self.state.average.update()
        place.step += 1
        place.step_in_epoch += 1
        if self.journal:
            self.journal.add(terms | {"loss_overall": sum(terms.values())}, rates, place.step)

    def _end_epoch(self) -> None:
        place = self.state.place
        place.epoch, place.step_in_epoch = place.epoch + 1, 0
        if self.journal:
            told = self.journal.end_epoch(place.epoch)
            logger.info("epoch %d/%d  %s", place.epoch, self.train.n_epoch, told)
        last = place.epoch == self.train.n_epoch
        if self.work.evaluate and (place.epoch % self.train.eval_every == 0 or last):
            self._evaluate()
        elif self.work.evaluate is None and self.process.leads:
            self._keep_best()
        limit = self.train.max_es_cnt
        place.done = agree(self.process, 0 <= limit < place.evaluations_without_gain)
        self._save_or_stop()

    def _evaluate(self) -> None:
        """Scores the weights; only the leading process has an evaluation."""
        place = self.state.place
        score, metrics = self.work.evaluate(self.state.average.current())
        better = self.train.stop_task == "last" or score > place.best_score
        told = f"{recall_line(metrics)}{', the best so far' if better and place.epoch else ''}"
        self.journal.metrics(place.epoch, metrics, told)
        logger.info("epoch %d/%d  %s: %s", place.epoch, self.train.n_epoch, self.train.eval_split, told)
        if better:
            place.best_score, place.evaluations_without_gain = score, 0
            self._keep_best()
        else:
            place.evaluations_without_gain += 1

    def _keep_best(self) -> None:
        save_weights(self.run.path / f"{self.stage}.best.safetensors", self.state.average.current())

    def _save_or_stop(self) -> None:
        stop = agree(self.process, bool(self.wish))
        if stop or time.monotonic() - self.saved_at >= 60 * self.train.save_every:
            self.save()
        if stop:
            raise Stopped


def optimizer_steps(plan: Callable[[int], Sequence[BatchRows]], train: TrainSettings) -> int:
    """Steps of all epochs together, which the learning rate's schedule needs."""
    per_epoch = (len(plan(epoch)) for epoch in range(train.n_epoch))
    return sum(min(4, steps) if train.debug else steps for steps in per_epoch)
