"""A run that answers with the windows that another run chose."""

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from method_tng.contract.errors import CheckpointError, ConfigError, DataError
from method_tng.contract.recipe import Recipe
from method_tng.contract.settings import DataSettings
from method_tng.runs.config import resolve
from method_tng.runs.folder import RunFolder
from method_tng.runs.systems import recipe_of
from method_tng.training import matcher_run, results
from method_tng.training.distributed import Process
from method_tng.training.interrupt import Wish
from method_tng.training.results import Results, answer_run
from method_tng.training.session import train_run
from method_tng.training.trained import open_split
from tests.tiny import make_tiny

OPTIONS = {
    "scorer": "spans", "hidden_size": 8, "vocabulary": True, "label_end": "inclusive",
    "no_norm_vfeat": True, "no_norm_tfeat": True, "n_epoch": 2, "bsz": 16, "lr": 1e-2,
    "final_split": "", "stop_task": "VR", "eval_tasks_at_training": ["VR"],
}  # fmt: skip
CPU = torch.device("cpu")


def trained(data: DataSettings, root: Path, **options: Any) -> RunFolder:
    settings = resolve([("x", {**asdict(data), **OPTIONS, "results_root": str(root), **options})])
    run = RunFolder.create(settings, {})
    train_run(run, recipe_of(settings.system), Process(0, 1, CPU), Wish())
    return run


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, RunFolder]:
    """A run on windows of 40 s and one on windows of 30 s, with other features."""
    folder = tmp_path_factory.mktemp("runs")
    data = make_tiny(folder / "data")
    return trained(data, folder), trained(
        replace(data, window_seconds=30.0, ctx_mode="video"), folder, exp_id="other", seed=3
    )


def answered(run: RunFolder, folder: Path, data: DataSettings | None = None, **search: Any) -> Results:
    """The run's answers, in a copy of it."""
    copy = RunFolder(Path(shutil.copytree(run.path, folder / "copy", dirs_exist_ok=True)), run.settings)
    settings = replace(run.settings, data=data or run.settings.data)
    settings = replace(settings, search=replace(settings.search, **search))
    return answer_run(copy, settings, "val", CPU)


def opened(folder: Path) -> set[tuple[int, int]]:
    """Query and window of every row in window terms."""
    told = json.loads((folder / "copy" / "val_windows.json").read_text())
    return {(rows["desc_id"], row[0]) for rows in told["VCMR"] for row in rows["predictions"]}


def test_a_run_that_chooses_its_own_windows_changes_nothing(
    runs: tuple[RunFolder, RunFolder], tmp_path: Path
) -> None:
    alone = answered(runs[0], tmp_path)
    before = opened(tmp_path)
    assert answered(runs[0], tmp_path, matcher=str(runs[0].path)).metrics == alone.metrics
    assert opened(tmp_path) == before


@pytest.mark.parametrize("order", [1, -1])
def test_only_windows_that_share_time_with_chosen_ones_are_opened(
    runs: tuple[RunFolder, RunFolder], order: int, tmp_path: Path
) -> None:
    ours, theirs = runs[::order]
    found = answered(ours, tmp_path, matcher=theirs.path.name, matcher_windows=1)
    per_query: dict[int, int] = {}
    for query, _ in opened(tmp_path):
        per_query[query] = per_query.get(query, 0) + 1
    assert set(per_query.values()) <= {1, 2}
    assert found.metrics["films"]["TNG"]["R@100,IoU=0.1"] > 0
    everything = answered(ours, tmp_path, matcher=theirs.path.name)
    assert everything.metrics == answered(ours, tmp_path).metrics


def test_while_training_another_run_can_choose(runs: tuple[RunFolder, RunFolder], tmp_path: Path) -> None:
    run = trained(runs[0].settings.data, tmp_path, matcher=str(runs[1].path), matcher_windows=3)
    assert "VR" in (run.path / "train.log").read_text()


def blind(recipe: Recipe) -> Recipe:
    """The same system without a matcher."""
    return replace(recipe, assemble=lambda models: (None, recipe.assemble(models)[1]))


def test_a_system_that_finds_no_windows_needs_a_run_that_does(
    runs: tuple[RunFolder, RunFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = runs
    recipe = blind(recipe_of(ours.settings.system))
    monkeypatch.setattr(results, "recipe_of", lambda _: recipe)
    with pytest.raises(ConfigError, match=r"does not find windows by itself; name a run .*--matcher RUN"):
        answered(ours, tmp_path)
    assert set(answered(ours, tmp_path, tasks=("SVMR",)).metrics["windows"]) == {"SVMR"}
    found = answered(ours, tmp_path, matcher=str(theirs.path), matcher_windows=4)
    assert found.metrics["films"]["VCMR"]["R@100,IoU=0.1"] > 0
    monkeypatch.setattr(matcher_run, "recipe_of", lambda _: recipe)
    with pytest.raises(CheckpointError, match="which does not find windows by itself; give another run"):
        answered(ours, tmp_path, matcher=str(theirs.path))
    settings = resolve([("x", {**ours.settings.flat(), "results_root": str(tmp_path)})])
    with pytest.raises(ConfigError, match="does not find windows by itself"):
        train_run(RunFolder.create(settings, {}), recipe, Process(0, 1, CPU), Wish())


def test_what_cannot_be_answered_in_the_end_is_told_before_training(
    runs: tuple[RunFolder, RunFolder], tmp_path: Path
) -> None:
    asked = {"results_root": str(tmp_path), "final_split": "val", "eval_split": ""}
    settings = resolve([("x", {**runs[0].settings.flat(), **asked})])
    run = RunFolder.create(settings, {})
    with pytest.raises(ConfigError, match="does not find windows by itself"):
        train_run(run, blind(recipe_of(settings.system)), Process(0, 1, CPU), Wish())
    assert not list(run.path.glob("*.safetensors"))


def test_annotations_are_shared_and_each_run_reads_its_own_features(
    runs: tuple[RunFolder, RunFolder], tmp_path: Path
) -> None:
    ours, theirs = runs
    path = Path(ours.settings.data.annotations.replace("{split}", "val"))
    (tmp_path / "few_val.jsonl").write_text("".join(path.read_text().splitlines(keepends=True)[:5]))
    few = replace(ours.settings.data, annotations=str(tmp_path / "few_{split}.jsonl"))
    assert answered(ours, tmp_path, few, matcher=str(theirs.path)).counts.startswith("5 queries")
    words = Path(shutil.copy(few.query_features, tmp_path / "words.h5"))
    moved = replace(few, query_features=str(words))
    hidden = Path(few.query_features).rename(tmp_path / "hidden.h5")
    try:  # both were trained on the file that is another one now
        assert answered(ours, tmp_path, moved, matcher=str(theirs.path)).counts.startswith("5 queries")
    finally:
        hidden.rename(few.query_features)


def test_another_kind_of_system_orders_what_was_chosen_anew(
    runs: tuple[RunFolder, RunFolder], tmp_path: Path
) -> None:
    data = replace(runs[0].settings.data, window_stride=20.0, window_edges="cut", vocabulary=False)
    pairs = {"system": "rgnet", "hidden_size": 8, "n_heads": 2, "dim_feedforward": 8, "dec_layers": 1}
    settings = resolve(
        [("x", {**asdict(data), **pairs, "n_epoch": 1, "eval_split": "", "results_root": str(tmp_path)})]
    )
    run = RunFolder.create(settings, {})
    train_run(run, recipe_of("rgnet"), Process(0, 1, CPU), Wish())
    found = answered(run, tmp_path, matcher=str(runs[0].path), matcher_windows=1, tasks=("VCMR", "TNG"))
    per_query: dict[int, int] = {}
    for query, _ in opened(tmp_path):
        per_query[query] = per_query.get(query, 0) + 1
    assert set(per_query.values()) <= {2, 3, 4}  # every 20 s a window of 40 s
    assert set(found.metrics["films"]) == {"VCMR", "TNG"}


def test_other_films_are_told(
    runs: tuple[RunFolder, RunFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = runs
    monkeypatch.setattr(
        matcher_run, "open_split", lambda run, settings, stage, _: open_split(run, settings, stage, "train")
    )
    told = r"reads 4 films of split 'val', this run 2 \('train-0' is not in both\); expected the same"
    with pytest.raises(DataError, match=told):
        answered(ours, tmp_path, matcher=str(theirs.path))
