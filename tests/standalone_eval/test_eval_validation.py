"""Errors and warnings that the golden malformed cases leave out, each with its place."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from standalone_eval import (
    EvalInputError,
    GroundTruth,
    Issue,
    Rows,
    Submission,
    evaluate,
    load_gt,
    load_submission,
)
from tests.conformance.evaluation import findings_of
from tests.standalone_eval.files import pairs
from tests.standalone_eval.generated import tvr_files


def issues_of(path: Path, profile: str, gt: bool = False) -> list[Issue]:
    with pytest.raises(EvalInputError) as caught:
        (load_gt if gt else load_submission)(path, profile)
    return caught.value.issues


def written(folder: Path, content: bytes | str, name: str = "s.json") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content", "code", "words"),
    [
        ("s.json.gz", b"{}", "E001", "not gzip"),
        ("s.json.gz", b"\x1f\x8b\x08\x00", "E001", "truncated"),
        ("s.json", b'{"video2idx": {"a": 1}, "VCMR": [', "E002", "truncated"),
        ("s.json", b'{"video2idx": {"a" 1}}', "E002", "line 1 column 20"),
        ("s.json", b'{"desc_id": "\xff"}', "E002", "byte 13"),
        ("s.json", b'{"VCMR": ' + b"[" * 100_000, "E002", "nested too deeply"),
        ("s.json", b"[]", "E003", "one JSON object"),
        ("s.json", b'{"qid": 1}', "E003", "qvhighlights"),
        ("s.npz", b"PK", "E002", "npz"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(
    name: str, content: bytes, code: str, words: str, tmp_path: Path
) -> None:
    issue = issues_of(written(tmp_path, content, name), "tvr")[0]
    assert issue.code == code and words in str(issue)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "none.jsonl" in str(issues_of(tmp_path / "none.jsonl", "mad")[0])


def test_all_faults_of_both_files_are_collected_in_file_order(tmp_path: Path) -> None:
    submission, gt = tvr_files(queries=5, rows=3)
    submission["VCMR"][3]["predictions"][1][2] = "x"
    submission["VCMR"][1]["predictions"][0][3] = float("nan")
    submission["SVMR"].pop(2)
    gt[4]["ts"] = [9, 1]
    paths = (
        written(tmp_path, json.dumps(submission)),
        written(tmp_path, "\n".join(map(json.dumps, gt)), "g.jsonl"),
    )
    found = findings_of(*paths, "tvr")
    assert [issue.code for issue in found] == ["E013", "E012", "E011", "E021"]
    places = [str(issue) for issue in found]
    assert any("line 5 /ts" in place for place in places)
    assert any("/VCMR/1/predictions/0/3 (query 1001): score is nan" in place for place in places)


def test_a_fault_in_every_row_of_a_big_file_is_counted_and_shown_in_part(tmp_path: Path) -> None:
    rows = [[777, 5, 2]] * 12_000
    value = {"video2idx": {"a": 1}, "VCMR": [{"desc_id": 1, "predictions": rows}]}
    with pytest.raises(EvalInputError) as caught:
        load_submission(written(tmp_path, json.dumps(value)), "tvr")
    assert caught.value.counts == {"E013": 12_000, "E030": 12_000}
    assert len(caught.value.issues) == 20_000


def test_an_id_of_another_type_is_explained(tmp_path: Path) -> None:
    submission, gt = tvr_files(queries=3)
    for entry in submission["VCMR"]:
        entry["desc_id"] = str(entry["desc_id"])
    del submission["SVMR"], submission["VR"]
    paths = (
        written(tmp_path, json.dumps(submission)),
        written(tmp_path, "\n".join(map(json.dumps, gt)), "g.jsonl"),
    )
    assert "holds the integer 1000, the submission the text '1000'" in str(findings_of(*paths, "tvr")[0])


@pytest.mark.parametrize(
    ("profile", "change", "code"),
    [
        ("tvr", lambda gt: gt[0].pop("type"), "E041"),
        ("tvr", lambda gt: gt[0].pop("vid_name"), "E010"),
        ("tvr", lambda gt: gt[0].update(ts=[1, 2, 3]), "E011"),
        ("tvr", lambda gt: gt[0].update(duration="60"), "E011"),
        ("tvr", lambda gt: gt[0].update(desc_id=None), "E011"),
        ("tng", lambda gt: gt[0].update(ts=[]), "E043"),
        ("tng", lambda gt: gt[1].update(desc_id="text"), "E011"),
        ("qvhighlights", lambda gt: gt[0]["saliency_scores"][0].append(1), "E060"),
        ("qvhighlights", lambda gt: gt[0]["saliency_scores"][0].__setitem__(0, 5), "E062"),
        ("qvhighlights", lambda gt: gt[0]["relevant_clip_ids"].__setitem__(0, -1), "E061"),
        ("qvhighlights", lambda gt: gt[0].pop("duration"), "E010"),
        ("qvhighlights", lambda gt: gt[0].update(duration=1e300), "E011"),
        ("mad", lambda gt: gt[0].update(timestamps=[1, 2, 3]), "E011"),
        ("mad", lambda gt: gt[0].update(timestamps=[1, True]), "E011"),
    ],
)
def test_a_wrong_ground_truth_is_refused(
    profile: str, change: Callable[[list[dict[str, Any]]], Any], code: str, tmp_path: Path
) -> None:
    gt = [json.loads(line) for line in pairs()[profile].gt[1].splitlines()]
    change(gt)
    path = written(tmp_path, "\n".join(map(json.dumps, gt)), "g.jsonl")
    assert code in [issue.code for issue in issues_of(path, profile, gt=True)]


def test_compat_lets_known_faults_through_with_a_warning(tmp_path: Path) -> None:
    submission, gt = tvr_files(queries=3, rows=3)
    submission["VCMR"][0]["predictions"][0] = [999, 5, 2, 1.0]
    path = written(tmp_path, json.dumps(submission))
    truth = load_gt(written(tmp_path, "\n".join(map(json.dumps, gt)), "g.jsonl"), "tvr")
    assert {issue.code for issue in issues_of(path, "tvr")} == {"E013", "E030"}
    assert evaluate(load_submission(path, "tvr", compat=True), truth, "tvr", compat=True).metrics


def test_allowed_missing_queries_stay_in_the_denominator() -> None:
    rows = Rows([1], [0, 1], [[0.0, 10.0]])
    gt = GroundTruth.from_windows([1, 2], [[[0.0, 10.0]], [[0.0, 10.0]]])
    with pytest.raises(EvalInputError, match="E021"):
        evaluate(Submission({"pred": rows}), gt)
    result = evaluate(Submission({"pred": rows}), gt, allow_missing=True)
    assert result.metrics["pred"]["R@1,IoU=0.5"] == 0.5
    assert result.warnings[0].code == "E021"


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        (Rows([1], [0, 1], [[0.0, float("inf")]], [0]), "E012"),
        (Rows([1], [0, 1], [[5.0, 1.0]], [0]), "E013"),
        (Rows([1], [0, 1], [[0.0, 1.0]], [7]), "E030"),
        (Rows([1, 1], [0, 1, 2], [[0.0, 1.0]] * 2, [0, 0]), "E022"),
        (Rows([1], [0, 0], [], []), "E040"),
        (Rows([3], [0, 1], [[0.0, 1.0]], [0]), "E020"),
    ],
)
def test_columns_made_in_memory_are_checked_as_well(rows: Rows, code: str) -> None:
    if rows.window is not None and rows.window.size == 0:
        rows.window = rows.window.reshape(0, 2)
    gt = GroundTruth.from_windows([1], [[[0.0, 1.0]]], video=["a"])
    with pytest.raises(EvalInputError) as caught:
        evaluate(Submission({"VCMR": rows}, ["a"], [0]), gt)
    assert code in [issue.code for issue in caught.value.issues]


def test_warnings_are_counted_with_the_first_ids() -> None:
    window = [[-1.0, 3.0], [2.0, 2.0], [0.0, 99.0]]
    rows = Rows([1], [0, 3], window, [0, 1, 0], [1.0, 2.0, 2.0])
    vr = Rows([1], [0, 3], None, [0, 0, 1])
    gt = GroundTruth.from_windows([1], [[[4.0, 4.0]]], video=["a"], duration=[50.0])
    result = evaluate(Submission({"SVMR": rows, "VR": vr}, ["a", "b"], [0, 1]), gt, topk=(2,), max_pred=2)
    found = {}
    for issue in result.warnings:
        found.setdefault(issue.code, str(issue))
    assert set(found) == {"W013", "W014", "W033", "W034", "W050", "W051", "W081", "W090"}
    assert "1 rows of 1 queries have a negative start: 1" in found["W014"]


def test_an_iou_at_a_strict_threshold_is_counted() -> None:
    rows = Rows([1], [0, 1], [[0.0, 5.0]])
    gt = GroundTruth.from_windows([1], [[[0.0, 10.0]]])
    result = evaluate(Submission({"pred": rows}, format="mad"), gt, "mad")
    assert result.metrics["R@1-IoU=0.5"] == 0 and result.metrics["R@1-IoU=0.3"] == 100
    assert "W071" in [issue.code for issue in result.warnings]
