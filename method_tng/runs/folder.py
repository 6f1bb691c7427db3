"""A run folder: all that is needed to repeat, resume, move or use a run.

    opt.json              every resolved option
    run.json              command line, versions, commit, sizes found in the data
    vocabulary.json       words of the training queries, where the model reads word ids
    train.log             one line per epoch      tensorboard_log/  the same as curves
    STAGE.best.safetensors, STAGE.last.safetensors   weights of each stage's model
    STAGE.trainer_state.pt                           what --resume needs
    codes/                encoded corpora         SPLIT_windows.*, SPLIT_films.*   results of inference

No file holds a path to the folder itself, so it can be moved and renamed.
"""

import contextlib
import difflib
import json
import logging
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from method_tng.contract.errors import CheckpointError
from method_tng.contract.files import only_writer, write_json
from method_tng.runs.config import RunSettings, resolve

logger = logging.getLogger(__name__)

BEFORE_LEARNING = {".lock", "opt.json", "run.json", "vocabulary.json"}


class RunFolder:
    """One run on disk."""

    def __init__(self, path: Path, settings: RunSettings) -> None:
        self.path = path
        self.settings = settings

    @classmethod
    def create(cls, settings: RunSettings, facts: dict[str, Any]) -> "RunFolder":
        """A new folder `results_root/<dset>-<ctx_mode>-<exp_id>-<time>` with its options and facts."""
        train, data = settings.train, settings.data
        root = Path("debug_results" if train.debug else train.results_root)
        stamp = datetime.now().strftime("%Y_%m_%d_%H_%M_%S")
        name = f"{data.dset_name}-{data.ctx_mode}-{train.exp_id}-{stamp}"
        path = root / name
        count = 2
        while path.exists():  # two runs within one second
            path, count = root / f"{name}_{count}", count + 1
        path.mkdir(parents=True)
        write_json(path / "run.json", facts)
        write_json(path / "opt.json", settings.flat())
        return cls(path, settings)

    @classmethod
    def open(cls, model: str, results_root: str) -> "RunFolder":
        """An existing run by its path, its folder's name, or a unique beginning of its name.

        Raises:
            CheckpointError: nothing or more than one run answers to the name, or it has no options.
        """
        path = _find(model, Path(results_root))
        return cls(path, resolve([(f"{path}/opt.json", _read(path / "opt.json"))]))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the run for one training process; the lock falls when the process ends, however it ends.

        Raises:
            ConfigError: another process trains this run.
        """
        with only_writer(self.path):
            for kind in ("safetensors", "trainer_state.pt"):  # what a kill left half written
                for left in self.path.glob(f".*.{kind}.*.part"):
                    left.unlink()
            yield

    @property
    def facts(self) -> dict[str, Any]:
        """run.json.  Raises CheckpointError when it is damaged."""
        return _read(self.path / "run.json")

    def add_facts(self, **facts: Any) -> None:
        """Adds entries to run.json."""
        write_json(self.path / "run.json", self.facts | facts)

    def remove_if_unused(self) -> None:
        """Takes away a folder in which nothing but options was written yet."""
        if {path.name for path in self.path.iterdir()} <= BEFORE_LEARNING:
            shutil.rmtree(self.path)

    def has_weights(self, stage: str) -> bool:
        """Whether a stage was trained, at least in part."""
        return any(path.is_file() for path in self._weights(stage))

    def weights(self, stage: str) -> Path:
        """The stage's best weights, or the last ones while there are no best."""
        for path in self._weights(stage):
            if path.is_file():
                return path
        raise CheckpointError(f"{self.path} holds no weights of stage {stage!r} yet; train it first")

    def _weights(self, stage: str) -> list[Path]:
        return [self.path / f"{stage}.{kind}.safetensors" for kind in ("best", "last")]


def _read(path: Path) -> dict[str, Any]:
    """A JSON object of a run."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}); this is no whole run folder") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds a {type(content).__name__}; expected values by name")
    return content


def _find(model: str, root: Path) -> Path:
    for path in (Path(model), root / model):
        if (path / "opt.json").is_file():
            return path
    runs = sorted(root.iterdir()) if root.is_dir() else []
    found = [path for path in runs if path.name.startswith(model) and (path / "opt.json").is_file()]
    if len(found) == 1:
        return found[0]
    if not found:
        near = difflib.get_close_matches(model, [path.name[: len(model)] for path in runs], n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise CheckpointError(
            f"there is no run {model!r}: neither a folder with opt.json nor the beginning of a name in "
            f"{root}{hint}"
        )
    names = ", ".join(path.name for path in found[:4])
    raise CheckpointError(
        f"{model!r} is the beginning of {len(found)} runs in {root} ({names}); say more of the name"
    )
