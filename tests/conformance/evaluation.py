"""Golden cases of the evaluator: our numbers against those that the unmodified public evaluators gave.

Every sub-folder with a ``case.json`` is a case, and ``malformed/cases.json`` holds many.  Two-file profiles
go through the Python API and the command line, the others through the API alone.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from standalone_eval import EvalInputError, evaluate, load_gt, load_submission, nms
from standalone_eval.eval import main
from standalone_eval.profiles import TWO_FILES
from standalone_eval.score_frames import export_top5
from standalone_eval.stats import mcnemar, wilson

LINES = ("tvr", "reloclnet", "tng")  # profiles whose gt is jsonl while the submission is one object
JSONL = ("qvhighlights", "mesm", "mad")
FRACTION, SINGLE = 1e-9, 1e-6


class Difference(Exception):
    """The first difference between ours and the expected values."""


def run(folder: Path) -> int:
    """Runs all cases of a folder; prints a line each and returns 0 when all are equal."""
    failures = 0
    for name, check in cases(folder):
        try:
            check()
            print(f"{name} · equal")
        except Difference as difference:
            failures += 1
            print(f"{name} · {difference}")
    print(f"{failures} differ" if failures else "all equal")
    return 1 if failures else 0


def cases(folder: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """(name, check) of everything the folder holds."""
    for path in sorted(folder.iterdir()):
        if (path / "case.json").exists():
            case = json.loads((path / "case.json").read_text())
            yield path.name, lambda path=path, case=case: check_case(path, case)
        if (path / "cases.json").exists():
            for item in json.loads((path / "cases.json").read_text()):
                yield f"{path.name}/{item['name']}", lambda item=item: check_malformed(item)


def check_case(path: Path, case: dict[str, Any]) -> None:
    """Runs one case folder; raises Difference."""
    text = (path / "expected.json").read_text()
    profile = case["profile"]
    if "expect_error" in case:
        _expect_error(path, case)
    elif profile == "tng":
        _canonical(path, case, json.loads(text))
    elif profile in ("nms", "statistics"):
        {"nms": _suppression, "statistics": _statistics}[profile](path, json.loads(text))
    elif profile in TWO_FILES:
        _two_files(path, case, text)
    else:
        _single_file(path, case, json.loads(text))


def _options(case: dict[str, Any]) -> dict[str, Any]:
    names = (
        "topk", "iou", "max_pred", "tasks", "compat", "allow_missing", "dataset", "nms", "clip_length",
        "window_length", "exact_windows", "shot", "ties",
    )  # fmt: skip
    found = {name: case[name] for name in names if name in case}
    if "use_types" in case:
        found["types"] = case["use_types"]
    return found


def _file(path: Path, stem: str) -> Path:
    found = [item for item in sorted(path.iterdir()) if item.name.split(".")[0] == stem]
    if not found:
        raise Difference(f"the case has no file {stem}.*")
    return found[0]


def _two_files(path: Path, case: dict[str, Any], text: str) -> None:
    options, profile = _options(case), case["profile"]
    submission, gt = _file(path, "submission"), _file(path, "gt")
    reading = {"compat": options.get("compat", False)}
    result = evaluate(
        load_submission(submission, profile, **reading), load_gt(gt, profile, **reading), profile, **options
    )
    wanted = json.loads(text)
    _compare_shapes(result.metrics, result, wanted, load_submission(submission, profile, **reading))
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "metrics.json"
        arguments = ["--submission_path", str(submission), "--gt_path", str(gt), "--save_path", str(saved)]
        status = _command([*arguments, "--not_verbose", "--profile", profile, *_flags(options)])
        if status != 0:
            raise Difference(f"command line: exit status {status}")
        written = saved.read_text()
    if written != json.dumps(result.metrics, indent=4):
        raise Difference("command line: its file is not the API's result")
    if _is_published_shape(wanted) and written != json.dumps(wanted, indent=4):
        raise Difference("command line: the file is not equal byte for byte")


def _is_published_shape(wanted: dict[str, Any]) -> bool:
    return not {"fraction", "fraction_float32", "recall"} & wanted.keys()


def _flags(options: dict[str, Any]) -> list[str]:
    flags: list[str] = []
    for name, value in options.items():
        if name == "types":
            flags += [] if value else ["--no_types"]
        elif isinstance(value, bool):
            flags += [f"--{name}"] if value else []
        else:
            flags += [f"--{name}", *map(str, value if isinstance(value, list) else [value])]
    return flags


def _command(arguments: list[str]) -> int:
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        return main(arguments)


def _compare_shapes(metrics: dict[str, Any], result: Any, wanted: dict[str, Any], submission: Any) -> None:
    if "recall" in wanted:
        _movie101(metrics, result, wanted, submission)
    elif "fraction_float32" in wanted:
        _grid(result, wanted["fraction_float32"], wanted, np.float32)
    elif "fraction" in wanted:
        _grid(result, wanted["fraction"], wanted, np.float64)
        _equal("mIoU", result.fractions["mIoU"], wanted["mIoU_fraction"], FRACTION)
        _equal("mIoU text", f"{metrics['mIoU']:.2f}", wanted["mIoU_percent_text"])
    else:
        _same("", metrics, wanted)
        if [key for key, _ in _leaves(metrics)] != [key for key, _ in _leaves(wanted)]:
            raise Difference("the keys stand in another order")


def _grid(result: Any, fractions: list[Any], wanted: dict[str, Any], dtype: type) -> None:
    """A [K][thr] or [thr][K] table of fractions, and the percent texts beside it."""
    topk, iou = result.settings.topk, result.settings.iou
    by_threshold = wanted.get("rows") == "iou"
    for row, values in enumerate(fractions):
        for column, value in enumerate(values if isinstance(values, list) else [values]):
            t, k = (row, column) if by_threshold else (column, row)
            key = f"R@{topk[k]}-IoU={iou[t]}" if iou else f"R@{topk[k]}"
            if dtype is np.float32:
                _equal(key, np.float32(result.fractions[key]), np.float32(value))
            else:
                _equal(key, result.fractions[key], value, FRACTION)
    for key, text in wanted.get("percent_text", {}).items():
        _equal(f"{key} text", f"{result.metrics[key]:.2f}", text)


def _movie101(metrics: dict[str, Any], result: Any, wanted: dict[str, Any], submission: Any) -> None:
    for key, value in wanted["recall"].items():
        _equal(key, metrics["recall"][key], value, SINGLE)
    for key, value in wanted["first_prediction"].items():
        _equal(key, metrics["first_prediction"][key], value, FRACTION)
    if not np.array_equal(result.tables["hit"], np.array(wanted["hits_per_query"]) > 0):
        raise Difference("hits_per_query differ")
    for query, (ours, theirs) in enumerate(zip(export_top5(submission), wanted["export_top5"], strict=True)):
        _same(f"export_top5/{query}", ours, theirs)


def _single_file(path: Path, case: dict[str, Any], wanted: dict[str, Any]) -> None:
    profile, options = case["profile"], _options(case)
    names = {"retrieval": "sims", "mad-vlgnet": "candidates"}
    submission = load_submission(_file(path, names.get(profile, "input")), profile)
    result = evaluate(submission, None, profile, **options)
    if "fraction_float32" in wanted:
        _grid(result, wanted["fraction_float32"], wanted, np.float32)
        return
    for group, values in wanted.items():
        for key, value in values.items():
            _equal(f"{group}/{key}", result.metrics[group][key], value, FRACTION)


def _canonical(path: Path, case: dict[str, Any], wanted: dict[str, Any]) -> None:
    inputs = path / case["inputs"]
    topk = sorted({int(key.split("@")[1].split(",")[0]) for key in _names(wanted) if key.startswith("R@")})
    iou = sorted({float(key.split("=")[1]) for key in _names(wanted) if "IoU=" in key})
    submission, gt = load_submission(_file(inputs, "submission")), load_gt(_file(inputs, "gt"))
    result = evaluate(submission, gt, topk=topk, iou=iou).metrics
    for key, value in wanted.items():
        if isinstance(value, dict):
            for name, number in value.items():
                _equal(f"{key}/{name}", result[key][name], number, FRACTION)
        else:
            _equal(key, result["pred"][key], value, FRACTION)


def _names(wanted: dict[str, Any]) -> list[str]:
    return [key.rpartition("/")[2] for key, _ in _leaves(wanted)]


def _suppression(path: Path, wanted: Any) -> None:
    with gzip.open(_file(path, "cases")) as file:
        items = json.load(file)
    for number, item in enumerate(items):
        rows = np.array(item["rows"], dtype=np.float64).reshape(len(item["rows"]), -1)
        if item["kind"] == "rnl":
            found: Any = nms.rnl(rows[:, :2], rows[:, 2], item["overlap"]).tolist()
            expected = item["expected_indices"]
        elif item["kind"] == "mad":
            kept = nms.mad(rows[:, :2], rows[:, 2], item["thr"], item["max_after"])
            found = rows[kept, :2].astype(np.float32).tolist()
            expected = np.array(item["expected"], dtype=np.float32).reshape(-1, 2).tolist()
        else:
            limits = (item["thr"], *(item[key] for key in ("max_before", "max_after") if key in item))
            found = rows[getattr(nms, item["kind"])(rows, *limits)].tolist()
            expected = item["expected"]
        _same(f"{item['kind']} {number}", found, expected)


def _statistics(path: Path, wanted: Any) -> None:
    for number, item in enumerate(wanted):
        _equal(f"{number} p", mcnemar(item["only_a"], item["only_b"]), item["mcnemar_exact_p"], FRACTION)
        for ours, theirs in zip(wilson(item["hits_a"], item["n"]), item["wilson95"], strict=True):
            _equal(f"{number} interval", ours, theirs, FRACTION)


def _expect_error(path: Path, case: dict[str, Any]) -> None:
    submission, gt = _file(path, "submission"), _file(path, "gt")
    for compat in (False, True):
        issues = findings_of(submission, gt, case["profile"], compat)
        if case["expect_error"] not in [issue.code for issue in issues]:
            raise Difference(f"expected {case['expect_error']}, found {issues}")


def findings_of(submission: Path, gt: Path, profile: str, compat: bool = False) -> list[Any]:
    """Errors of both files together, as the command line collects them; empty when both are valid."""
    from standalone_eval.evaluator import evaluate_with
    from standalone_eval.formats import read_gt, read_submission
    from standalone_eval.issues import Findings
    from standalone_eval.profiles import settings_of

    settings = settings_of(profile, compat=compat)
    findings = Findings(settings.lenient, compat)
    try:
        read, truth = read_submission(submission, settings, findings), read_gt(gt, settings, findings)
        if read is None or truth is None:
            findings.stop_if_failed()
        evaluate_with(read, truth, settings, findings)
    except EvalInputError as error:
        return [issue for issue in error.issues if issue.severity == "error"]
    return []


def check_malformed(item: dict[str, Any]) -> None:
    """One inline case: the expected code for the expected file, with the expected words."""
    profile = item["profile"]
    with tempfile.TemporaryDirectory() as folder:
        submission = _written(Path(folder) / "submission", item["submission"], profile in JSONL)
        gt = _written(Path(folder) / "gt", item["gt"], profile in (*JSONL, *LINES))
        issues = findings_of(submission, gt, profile)
        status = _command(["validate", str(submission), str(gt), "--profile", profile])
    expected = item["expect"]
    if (status == 0) != (expected is None):
        raise Difference(f"command line: exit status {status}")
    if expected is None:
        if issues:
            raise Difference(f"expected no error, found {issues[0]}")
        return
    for issue in issues:
        words = all(word in str(issue) for word in expected["message_contains"])
        if issue.code == expected["code"] and issue.role == expected["file"] and words:
            return
    raise Difference(f"expected {expected}, found {[str(issue) for issue in issues]}")


def _written(path: Path, value: Any, as_lines: bool) -> Path:
    path = path.with_suffix(".jsonl" if as_lines else ".json")
    path.write_text("\n".join(map(json.dumps, value)) if as_lines else json.dumps(value))
    return path


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        if isinstance(item, dict | list):
            yield from _leaves(item, f"{path}/{key}")
        else:
            yield f"{path}/{key}", item


def _same(path: str, ours: Any, theirs: Any) -> None:
    """Equality of nested values; NaN equals NaN."""
    if isinstance(theirs, dict | list):
        mine, wanted = dict(_leaves(ours)), dict(_leaves(theirs))
        for key in [*wanted, *mine]:
            if key not in mine or key not in wanted:
                raise Difference(f"{path}{key} is only in {'ours' if key in mine else 'the expected result'}")
            _equal(f"{path}{key}", mine[key], wanted[key])
    else:
        _equal(path, ours, theirs)


def _equal(name: str, ours: Any, theirs: Any, tolerance: float = 0.0) -> None:
    both_nan = isinstance(ours, float) and isinstance(theirs, float) and ours != ours and theirs != theirs
    close = tolerance and ours is not None and abs(ours - theirs) <= tolerance
    if not (ours == theirs or both_nan or close):
        raise Difference(f"{name}: ours {ours}, expected {theirs}")
