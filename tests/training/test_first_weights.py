"""A run that starts from another one's weights."""

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from method_tng.contract.errors import CheckpointError, DataError, TngError
from method_tng.contract.settings import DataSettings
from method_tng.dataset.feature_store import FeatureStore, write_features
from method_tng.runs.config import resolve
from method_tng.runs.folder import RunFolder
from method_tng.runs.systems import recipe_of
from method_tng.training import first_weights
from method_tng.training.distributed import Process
from method_tng.training.interrupt import Wish
from method_tng.training.session import train_run
from tests.tiny import make_tiny

OPTIONS = {
    "scorer": "spans", "hidden_size": 8, "vocabulary": True, "label_end": "inclusive",
    "no_norm_vfeat": True, "no_norm_tfeat": True, "n_epoch": 1, "bsz": 16, "lr": 1e-2,
    "final_split": "", "eval_split": "", "stop_task": "last",
}  # fmt: skip


def trained(data: DataSettings, root: Path, **options: Any) -> RunFolder:
    settings = resolve([("x", {**asdict(data), **OPTIONS, "results_root": str(root), **options})])
    run = RunFolder.create(settings, {})
    train_run(run, recipe_of(settings.system), Process(0, 1, torch.device("cpu")), Wish())
    return run


def weights(run: RunFolder) -> dict[str, torch.Tensor]:
    return load_file(run.weights("find"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> DataSettings:
    return make_tiny(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def earlier(data: DataSettings, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return trained(data, tmp_path_factory.mktemp("earlier"))


def test_without_learning_the_weights_and_words_are_those_of_the_earlier_run(
    data: DataSettings, earlier: RunFolder, tmp_path: Path
) -> None:
    path = Path(data.annotations.replace("{split}", "train"))
    lines = path.read_text().splitlines()[::3]  # fewer words than the earlier run knows
    other = replace(data, annotations=str(tmp_path / "few_{split}.jsonl"))
    (tmp_path / "few_train.jsonl").write_text("\n".join(lines))
    run = trained(other, tmp_path, init_from=str(earlier.path), lr=0.0)
    assert weights(run).keys() == weights(earlier).keys()
    assert all(torch.equal(value, weights(earlier)[name]) for name, value in weights(run).items())
    assert (run.path / "vocabulary.json").read_text() == (earlier.path / "vocabulary.json").read_text()
    fresh = trained(other, tmp_path / "fresh", lr=0.0)
    assert any(value.shape != weights(earlier)[name].shape for name, value in weights(fresh).items())


def test_learning_goes_on_and_a_resumed_run_needs_the_earlier_one_no_more(
    data: DataSettings, earlier: RunFolder, tmp_path: Path
) -> None:
    moved = Path(shutil.copytree(earlier.path, tmp_path / "runs" / "moved"))
    run = trained(data, tmp_path / "runs", init_from="mov")  # a beginning of its name
    assert any(not torch.equal(value, weights(earlier)[name]) for name, value in weights(run).items())
    shutil.rmtree(moved)
    before = weights(run)
    train_run(run, recipe_of(run.settings.system), Process(0, 1, torch.device("cpu")), Wish())
    assert all(torch.equal(value, before[name]) for name, value in weights(run).items())


def narrower(data: DataSettings, folder: Path) -> DataSettings:
    store = FeatureStore(data.video_features)
    write_features(folder / "narrow.h5", [(film, store.read(film)[:, :5]) for film in store.ids()])
    return replace(data, video_features=str(folder / "narrow.h5"))


def encoded_otherwise(data: DataSettings, folder: Path) -> DataSettings:
    store = FeatureStore(data.query_features)
    described = {"text_encoder": json.dumps({"kind": "hashed", "width": 10, "seed": 1})}
    items = [(name, np.array(store.read(name))) for name in store.ids()]
    write_features(folder / "other.h5", items, described)
    return replace(data, query_features=str(folder / "other.h5"))


def test_what_does_not_fit_is_told_in_one_sentence(
    data: DataSettings, earlier: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(new: DataSettings = data, **options: Any) -> str:
        with pytest.raises(TngError) as error:
            trained(new, tmp_path / "runs", **{"init_from": str(earlier.path), **options})
        assert isinstance(error.value, CheckpointError | DataError)
        assert "\n" not in str(error.value)
        return str(error.value)

    assert "narrow.h5 gives rows of 5 values, " in (sentence := told(narrower(data, tmp_path)))
    assert f"{earlier.path} was trained on rows of 12" in sentence
    assert "does not fit the model" in told(hidden_size=12)
    assert "there is no run 'nowhere'" in told(init_from="nowhere")
    unfinished = RunFolder.create(earlier.settings, {"sizes": {}})
    assert "holds no weights of stage 'find' yet" in told(init_from=str(unfinished.path))
    earlier.add_facts(text_encoder={"kind": "hashed", "width": 10, "seed": 0})
    assert "was encoded with kind hashed" in told(encoded_otherwise(data, tmp_path))
    other = RunFolder(earlier.path, replace(earlier.settings, system="another"))
    monkeypatch.setattr(first_weights.RunFolder, "open", lambda *_: other)
    assert "is a run of system 'another', this one is of 'reloclnet'" in told()
