"""The check tells everything that is wrong at once."""

import json
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np

from method_tng.contract.settings import DataSettings
from method_tng.dataset.check import check


def test_a_sound_data_set_has_no_faults(tiny: DataSettings) -> None:
    assert check(tiny, ["train", "val", "test"]) == []
    assert check(replace(tiny, ctx_mode="sub", video_features=""), ["train"]) == []


def test_all_faults_are_told_at_once(tiny: DataSettings) -> None:
    path = Path(tiny.annotations.replace("{split}", "val"))
    lines = path.read_text().splitlines()
    lines[0] = "{"
    lines[1] = json.dumps({**json.loads(lines[1]), "ts": [7, 3]})
    lines[2] = json.dumps({**json.loads(lines[2]), "vid_name": "nobody"})
    path.write_text("\n".join(lines))
    with h5py.File(tiny.video_features, "r+") as file:
        file["val-0"][3, 3] = np.nan
        del file["val-1"]
    with h5py.File(tiny.query_features, "r+") as file:
        del file["205"]
    problems = check(replace(tiny, sub_feat_size=99), ["train", "val", "test", "nosplit"])
    expected = [
        "line 1: input data was truncated",
        "line 2: the moment [7, 3]",
        "line 3: film 'nobody'",
        "'val-0': row 3 of",
        "no features of 'val-1'",
        "no features of '205'",
        "holds rows of 8 values, sub_feat_size says 99",
        "tiny_nosplit.jsonl does not exist",
    ]
    for part in expected:
        assert sum(part in problem for problem in problems) == 1, (part, problems)
    assert len(problems) == len(expected)


def test_features_that_end_before_their_film_are_told(tiny: DataSettings) -> None:
    problems = check(replace(tiny, clip_length=1.0), ["val"])
    assert len(problems) == 4  # two films, two streams
    assert all("clip_length" in problem for problem in problems)


def test_a_film_that_is_learned_and_asked_is_told(tiny: DataSettings) -> None:
    val = Path(tiny.annotations.replace("{split}", "val")).read_text()
    with open(tiny.annotations.replace("{split}", "train"), "a") as train:
        train.write("".join(line.replace('"desc_id": ', '"desc_id": 9') for line in val.splitlines(True)))
    durations = json.loads(Path(tiny.durations).read_text())
    durations["train"] |= durations["val"]
    Path(tiny.durations).write_text(json.dumps(durations))
    copied = Path(tiny.query_features)
    with h5py.File(copied, "r+") as file:
        for name in [name for name in file if not name.startswith("9")]:
            file[f"9{name}"] = file[name][:]
    problems = check(tiny, ["train", "val"])
    assert len(problems) == 1
    assert "2 films of train, 'val-0' first, are narrated in val too" in problems[0]
    assert check(tiny, ["val", "test"]) == []


def test_a_training_split_without_moments_is_told(tiny: DataSettings) -> None:
    path = Path(tiny.annotations.replace("{split}", "train"))
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps({key: row[key] for key in row if key != "ts"}) + "\n" for row in rows))
    assert check(tiny, ["val"]) == []
    assert [problem.partition(": ")[2] for problem in check(tiny, ["train"])] == [
        "no training narration has a moment; there is nothing to learn from"
    ]
