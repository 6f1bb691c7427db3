"""Which portraits a narration brings along."""

import json
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from baselines.cnclip_rnl.scripts.write_portraits import main
from method_tng.contract.batch import take_queries
from method_tng.dataset.collection import Collection
from method_tng.dataset.portraits import portraits_of
from method_tng.training.resident import ResidentSplit
from tests.tiny import make_tiny

PORTRAITS = {name: np.full(2, value, np.float32) for name, value in zip("abcd", range(1, 5), strict=True)}


def test_each_role_counts_once_in_the_order_it_is_named() -> None:
    assert portraits_of("cac", PORTRAITS, 3)[:, 0].tolist() == [3, 1]
    assert portraits_of("dcba", PORTRAITS, 3)[:, 0].tolist() == [4, 3, 2]


def test_a_role_without_a_portrait_takes_no_place() -> None:
    assert portraits_of(["x", "b"], PORTRAITS, 2)[:, 0].tolist() == [2]
    assert portraits_of(["x"], PORTRAITS, 2).shape == portraits_of([], PORTRAITS, 0).shape == (0, 2)


def test_roles_and_portraits_become_a_file_that_batches_are_made_of(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    data = make_tiny(tmp_path / "tiny")
    plain = Collection.open(data, "val")
    first, second, third = (one.query_id for one in plain.split.narrations[:3])
    (tmp_path / "roles.json").write_text(
        json.dumps({first: ["a", "b", "a"], second: ["x", "c"], third: ["x"]})
    )
    with h5py.File(tmp_path / "roles.h5", "w") as file:
        for role, vector in PORTRAITS.items():
            file.create_group(role)["features"] = vector
    words = [str(tmp_path / name) for name in ("roles.json", "roles.h5", "portraits.h5")]
    assert main(words) == 0
    assert capsys.readouterr().out.startswith("2 of 3 queries have portraits, 1 roles have none")
    told = replace(data, portrait_features=words[2], no_norm_tfeat=True)
    collection = Collection.open(told, "val")
    batch = collection.batch([0, 1, 2])
    assert batch.queries.portraits[..., 0].tolist() == [[1, 2], [3, 0], [0, 0]]
    assert take_queries(batch.queries, batch.positive[:1] * 0 + 1, 2).portraits[..., 0].tolist() == [[3, 0]]
    assert plain.batch([0]).queries.portraits is None and collection.batch([2]).queries.portraits.shape == (
        1,
        0,
        2,
    )
    whole = ResidentSplit(collection.batch(collection.known), "cpu").whole
    assert whole.queries.portraits.shape == (len(collection.known), 2, 2)


def test_files_of_something_else_are_told_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "roles.json").write_text('{"1": ["a"]}')
    with h5py.File(tmp_path / "uneven.h5", "w") as file:
        file["a"], file["b"] = np.ones(2), np.ones(3)
    for name in ("roles.json", "uneven.h5", "nowhere.h5"):
        words = [str(tmp_path / one) for one in ("roles.json", name, "out.h5")]
        assert main(words) == 2 and not (tmp_path / "out.h5").exists()
        assert name in capsys.readouterr().err
    assert main([str(tmp_path / one) for one in ("uneven.h5", "uneven.h5", "out.h5")]) == 2
