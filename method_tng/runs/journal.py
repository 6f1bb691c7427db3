"""The log of a run: train.log for people, TensorBoard for curves."""

import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any


class Journal:
    """Averages the loss terms of an epoch and writes them, with the true learning rates and the metrics."""

    def __init__(self, folder: Path, stage: str) -> None:
        self._log = folder / "train.log"
        self._curves = folder / "tensorboard_log" / stage
        self._stage = stage
        self._writer = self._open(None)
        self.sums: dict[str, float] = {}
        self.count = 0

    def add(self, terms: Mapping[str, float], rates: Mapping[str, float], step: int) -> None:
        """One step's weighted loss terms and learning rates."""
        for name, value in terms.items():
            self._writer.add_scalar(f"Train/{name}", value, step)
            self.sums[name] = self.sums.get(name, 0.0) + value
        for name, value in rates.items():
            self._writer.add_scalar(f"Train/{name}", value, step)
        self.count += 1

    def end_epoch(self, epoch: int) -> str:
        """Writes and returns the epoch's mean loss terms, and starts anew."""
        means = {name: total / max(self.count, 1) for name, total in self.sums.items()}
        told = " ".join(f"{name} {value:.4f}" for name, value in means.items())
        self._line(f"[Epoch] {epoch:03d} [Loss] {told}")
        self.sums, self.count = {}, 0
        return told

    def metrics(self, epoch: int, metrics: Mapping[str, Mapping[str, Mapping[str, Any]]], told: str) -> None:
        """An evaluation in words, and scope -> task -> metric -> value, None where it is undefined."""
        self._line(f"[Epoch] {epoch:03d} [Recall] {told}")
        self._line(f"[Epoch] {epoch:03d} [Metrics] {json.dumps(metrics)}")
        named = [(scope, task, values) for scope, tasks in metrics.items() for task, values in tasks.items()]
        for scope, task, values in named:
            for name in (name for name, value in values.items() if value is not None):
                self._writer.add_scalar(f"Eval_{scope}/{task}-{name}", values[name], epoch)
        self._writer.flush()

    def state(self) -> dict[str, Any]:
        """What a resumed run needs to go on with the running epoch's means and the log's lines."""
        written = self._log.stat().st_size if self._log.is_file() else 0
        return {"sums": self.sums, "count": self.count, "written": written}

    def restore(self, state: Mapping[str, Any], step: int) -> None:
        """The reverse of `state`; what was written after that save is taken back, since it comes again."""
        self.sums, self.count = dict(state["sums"]), int(state["count"])
        if self._log.is_file():
            os.truncate(self._log, min(int(state["written"]), self._log.stat().st_size))
        self._writer.close()
        self._writer = self._open(step + 1)

    def close(self) -> None:
        """Flushes and closes the files."""
        self._writer.close()

    def _open(self, purge_step: int | None) -> Any:
        from torch.utils.tensorboard import SummaryWriter  # slow to import: only a run pays for it

        return SummaryWriter(str(self._curves), flush_secs=30, purge_step=purge_step)

    def _line(self, text: str) -> None:
        stamp = datetime.now().strftime("%Y_%m_%d_%H_%M_%S")
        with open(self._log, "a", encoding="utf-8") as log:
            log.write(f"{stamp} [{self._stage}] {text}\n")
