"""Reading and writing: the properties P32, P33 and P35, and what readers accept."""

import gzip
import json
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from standalone_eval import evaluate, load_gt, load_submission, sources, write_json, write_npz
from standalone_eval.columns import Rows, Submission
from tests.standalone_eval.files import GOLDEN, Pair, lines, loaded, pairs

TWO_FILES = [name for name, pair in pairs().items() if pair.gt is not None]
CONVERTED = [name for name in TWO_FILES if name != "npz"]
IGNORED = {"name", "path", "line", "pointer"}


def same_columns(a: object, b: object, where: str = "") -> None:
    """Equal columns, bit for bit."""
    if is_dataclass(a):
        for field in fields(a):
            if field.name not in IGNORED:
                same_columns(getattr(a, field.name), getattr(b, field.name), f"{where}.{field.name}")
    elif isinstance(a, dict):
        assert list(a) == list(b), where
        for key in a:
            same_columns(a[key], b[key], f"{where}[{key}]")
    elif isinstance(a, np.ndarray):
        assert a.dtype.kind == b.dtype.kind and a.shape == b.shape, where
        same = a.tobytes() == b.tobytes() if a.dtype == b.dtype and a.dtype.kind in "if" else (a == b).all()
        assert same, where
    else:
        assert a == b, where


def metrics_of(pair: Pair, folder: Path) -> dict:
    submission, gt = loaded(pair, folder)
    return evaluate(submission, gt, pair.profile).metrics


@pytest.mark.parametrize("name", CONVERTED)
def test_json_to_npz_to_json_keeps_every_bit_and_metric(name: str, tmp_path: Path) -> None:
    pair = pairs()[name]
    submission, gt = loaded(pair, tmp_path)
    write_npz(tmp_path / "columns.npz", submission)
    middle = load_submission(tmp_path / "columns.npz", pair.profile)
    write_json(tmp_path / "again.json", middle)
    last = load_submission(tmp_path / "again.json", pair.profile)
    same_columns(submission, middle)
    same_columns(submission, last)
    first = evaluate(submission, gt, pair.profile).metrics
    assert evaluate(middle, gt, pair.profile).metrics == first == evaluate(last, gt, pair.profile).metrics


@pytest.mark.parametrize("name", CONVERTED)
def test_packing_line_ends_marks_blank_lines_and_extra_keys_change_nothing(name: str, tmp_path: Path) -> None:
    pair = pairs()[name]
    plain = metrics_of(pair, tmp_path)

    def variant(change: object, suffix: str = "") -> dict:
        return metrics_of(
            Pair(pair.profile, *((item[0] + suffix, change(item[1])) for item in (pair.submission, pair.gt))),
            tmp_path,
        )

    assert variant(gzip.compress, ".gz") == plain
    assert variant(lambda data: b"\xef\xbb\xbf" + data) == plain
    assert variant(lambda data: data.replace(b"\n", b"\r\n\r\n")) == plain
    assert (
        variant(lambda data: data.replace(b'"duration"', b'"note": {"x": [true, null]}, "duration"')) == plain
    )
    assert variant(turned) == plain


def turned(data: bytes) -> bytes:
    """The same JSON with the keys of every object in reverse order (but not queries as keys)."""

    def turn(value: object) -> object:
        if isinstance(value, dict):
            return {key: turn(value[key]) for key in reversed(value)}
        return [turn(item) for item in value] if isinstance(value, list) else value

    try:
        return json.dumps(turn(json.loads(data)), ensure_ascii=False).encode()
    except ValueError:
        return lines(*(turn(json.loads(line)) for line in data.splitlines() if line.strip()))


@pytest.mark.skipif(sources.orjson is None, reason="orjson is not installed")
@pytest.mark.parametrize("name", CONVERTED)
def test_both_parsers_give_the_same_columns(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = loaded(pairs()[name], tmp_path)
    monkeypatch.setattr(sources, "orjson", None)
    for ours, theirs in zip(fast, loaded(pairs()[name], tmp_path), strict=True):
        same_columns(ours, theirs)


@pytest.mark.parametrize("name", TWO_FILES)
def test_evaluation_does_not_modify_its_inputs(name: str, tmp_path: Path) -> None:
    pair = pairs()[name]
    submission, gt = loaded(pair, tmp_path)
    untouched = loaded(pair, tmp_path)
    result = evaluate(submission, gt, pair.profile)
    assert result.metrics and result.warnings is not None and result.per_query and result.samples
    same_columns(submission, untouched[0])
    same_columns(gt, untouched[1])


def test_numbers_that_no_float_holds_stay_exact_indices(tmp_path: Path) -> None:
    big = 2**62 + 1
    row = [[big, 0, 1.5], [3, 2, 4, 1.0]]
    value = {"video2idx": {"a": big, "b": 3.0}, "VCMR": [{"desc_id": 1, "predictions": row}]}
    (tmp_path / "s.json").write_text(json.dumps(value))
    rows = load_submission(tmp_path / "s.json").tasks["VCMR"]
    assert rows.video.tolist() == [big, 3]
    assert np.isnan(rows.score[0]) and rows.score[1] == 1


def test_vr_rows_need_only_their_first_element(tmp_path: Path) -> None:
    value = {"video2idx": {"a": 1}, "VR": [{"desc_id": 1, "predictions": [[1], [1, "x", None, 0.5]]}]}
    (tmp_path / "s.json").write_text(json.dumps(value))
    assert load_submission(tmp_path / "s.json").tasks["VR"].video.tolist() == [1, 1]


def test_the_official_mad_annotation_is_a_ground_truth(tmp_path: Path) -> None:
    entry = {
        "movie": "10142",
        "ext_timestamps": [3.0, 4.0],
        "movie_duration": 5000.0,
        "sentence": "She waits.",
    }
    (tmp_path / "g.json").write_text(json.dumps({"7": entry, "8": {**entry, "movie": "x"}}))
    gt = load_gt(tmp_path / "g.json", "mad")
    assert (
        gt.query.tolist() == ["7", "8"] and gt.movie.tolist() == ["10142", "x"] and gt.text[0] == "She waits."
    )


def test_our_profile_reads_every_format(tmp_path: Path) -> None:
    for name in CONVERTED:
        if name != "tvr-ranking":
            pair = replace(pairs()[name], profile="tng")
            assert metrics_of(pair, tmp_path)


def test_the_golden_inputs_give_the_same_columns_from_npz(tmp_path: Path) -> None:
    submission = load_submission(GOLDEN / "tvr_main" / "submission.json.gz", "tvr")
    write_npz(tmp_path / "s.npz", submission)
    same_columns(submission, load_submission(tmp_path / "s.npz", "tvr"))


def test_a_submission_repeats_its_sentences_as_they_are_read(tmp_path: Path) -> None:
    rows = Rows(
        ["他#1", "half \ud800"], [0, 1, 2], [[1, 2], [3, 4]], [0, 0], text=["某人开门", "half \ud800"]
    )
    path = tmp_path / "submission.json"
    write_json(path, Submission({"VCMR": rows.take(np.array([0, 1]))}, video_name=["雪"], video_index=[0]))
    written = path.read_text(encoding="utf-8")
    assert '"雪": 0' in written and '"desc_id": "他#1", "desc": "某人开门"' in written
    assert [entry["desc"] for entry in json.loads(written)["VCMR"]] == ["某人开门", "half \ud800"]
    assert load_submission(path).tasks["VCMR"].query.tolist() == ["他#1", "half \ud800"]
