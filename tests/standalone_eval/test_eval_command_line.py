"""The command line: the published file, every output, exit states, and life outside the project."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from standalone_eval.eval import main
from tests.standalone_eval.files import GOLDEN, pairs
from tests.standalone_eval.generated import tvr_files

Made = tuple[str, str, str]
Captured = pytest.CaptureFixture
ROOT = Path(__file__).parents[2]
TVR = GOLDEN / "tvr_main"
TVR_ARGUMENTS = ["--submission_path", str(TVR / "submission.json.gz"), "--gt_path", str(TVR / "gt.jsonl")]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Two generated submissions and their ground truth."""
    for name, skill in (("a", 0.7), ("b", 0.4)):
        submission, gt = tvr_files(queries=40, skill=skill)
        (tmp_path / f"{name}.json").write_text(json.dumps(submission))
    (tmp_path / "gt.jsonl").write_text("\n".join(map(json.dumps, gt)))
    return str(tmp_path / "a.json"), str(tmp_path / "b.json"), str(tmp_path / "gt.jsonl")


def test_the_folder_alone_runs_elsewhere_as_script_and_module(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "standalone_eval", tmp_path / "copied_eval")
    expected = json.dumps(json.loads((TVR / "expected.json").read_text()), indent=4)
    for number, start in enumerate((["copied_eval/eval.py"], ["-m", "copied_eval"])):
        saved = tmp_path / f"{number}.json"
        command = [sys.executable, *start, *TVR_ARGUMENTS, "--save_path", str(saved)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert saved.read_text() == expected
        assert "VCMR" in done.stdout and "profile tvr" in done.stderr


def test_importing_loads_nothing_but_numpy() -> None:
    program = (
        "import sys, standalone_eval as e; e.evaluate, e.compare, e.load_gt\n"
        "import standalone_eval.report, standalone_eval.more_commands\n"
        "others = ('torch', 'scipy', 'sklearn', 'pandas', 'tqdm', 'matplotlib')\n"
        "print([name for name in others if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_every_output_is_written(made: Made, tmp_path: Path, capsys: Captured) -> None:
    a, _, gt = made
    out = {name: str(tmp_path / name) for name in ("o.json", "d.json", "q.csv", "t.md", "r.html", "i.json")}
    status = main(
        ["evaluate", "--submission-path", a, "--gt-path", gt, "--profile", "tng", "--save-path",
         out["o.json"],
         "--details_path", out["d.json"], "--per_query", out["q.csv"], "--table", "md", out["t.md"],
         "--report", out["r.html"], "--issues", out["i.json"], "--bootstrap", "50", "--cluster", "movie",
         "--breakdown", "type", "length", "position", "movie", "video", "words"]
    )  # fmt: skip
    assert status == 0
    printed = capsys.readouterr()
    assert "R@1,IoU=0.5" in printed.out and "warning: W0" in printed.err
    details = json.loads(Path(out["d.json"]).read_text())
    assert details["schema"] == "moment-eval-1" and details["settings"]["clusters"] == 4
    entry = details["metrics"]["VCMR"]["R@1,IoU=0.5"]
    assert entry["hits"] / entry["n"] == entry["value"] and entry["ci"][0] <= entry["value"] <= entry["ci"][1]
    assert set(details["breakdowns"]["type"]) == {"v", "t", "vt"}
    assert len(details["inputs"]["gt"]["sha256"]) == 64
    assert json.loads(Path(out["o.json"]).read_text())["VCMR"]["R@1,IoU=0.5"] == entry["value"]
    assert len(Path(out["q.csv"]).read_text().splitlines()) == 41
    assert {issue["code"] for issue in json.loads(Path(out["i.json"]).read_text())} >= {"W034"}
    assert Path(out["t.md"]).read_text().startswith("| tng |")


@pytest.mark.parametrize("kind", [".jsonl", ".npz", ".csv"])
def test_per_query_values_come_in_three_forms(kind: str, made: Made, tmp_path: Path) -> None:
    path = tmp_path / f"queries{kind}"
    arguments = [
        "--submission_path",
        made[0],
        "--gt_path",
        made[2],
        "--not_verbose",
        "--per_query",
        str(path),
    ]
    assert main(arguments) == 0
    if kind == ".npz":
        assert np.load(path)["VCMR/rank@0.5"].shape == (40,)
    else:
        assert "VCMR/rank@0.5" in path.read_text()


def test_a_metric_below_its_floor_ends_with_three(made: Made) -> None:
    arguments = ["--submission_path", made[0], "--gt_path", made[2], "--not_verbose", "--fail-under"]
    assert main([*arguments, "VR/r100=100"]) == 0
    assert main([*arguments, "VCMR/0.7-r1=99.9", "VR/r100=1"]) == 3
    assert main([*arguments, "nonsense=1"]) == 2


def test_wrong_input_ends_with_two_and_writes_nothing(tmp_path: Path, capsys: Captured) -> None:
    saved, issues = tmp_path / "o.json", tmp_path / "i.json"
    arguments = [
        "--submission_path",
        str(tmp_path / "none.json"),
        *TVR_ARGUMENTS[2:],
        "--save_path",
        str(saved),
    ]
    assert main([*arguments, "--issues", str(issues)]) == 2
    assert not saved.exists()
    assert "E001 none.json" in capsys.readouterr().err
    assert json.loads(issues.read_text())[0]["code"] == "E001"


def test_many_errors_are_shown_in_part_and_counted(tmp_path: Path, capsys: Captured) -> None:
    rows = [[1, 5, 2]] * 30 + [[9, 1, 2]]
    value = {"video2idx": {"a": 1}, "VCMR": [{"desc_id": 1, "predictions": rows}]}
    (tmp_path / "s.json").write_text(json.dumps(value))
    gt = {"desc_id": 1, "vid_name": "a", "ts": [0, 1], "type": "v"}
    (tmp_path / "g.jsonl").write_text(json.dumps(gt))
    assert main(["validate", str(tmp_path / "s.json"), str(tmp_path / "g.jsonl")]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 21 and lines[-1] == "E013 x 30, E030 x 1"


def test_comparison_bounds_conversion_and_retrieval(made: Made, tmp_path: Path, capsys: Captured) -> None:
    a, b, gt = made
    table = str(tmp_path / "t.tex")
    outputs = ["--table", "latex", table, "--report", str(tmp_path / "c.html")]
    outputs += ["--save_path", str(tmp_path / "c.json")]
    assert main(["compare", a, b, "--gt_path", gt, "--bootstrap", "50", *outputs]) == 0
    assert r"\toprule" in Path(table).read_text()
    assert json.loads((tmp_path / "c.json").read_text())["schema"] == "moment-compare-1"
    assert (
        main(["bounds", "--gt_path", gt, "--submission_path", a, "--clip", "1.5", "--max-clips", "16"]) == 0
    )
    assert "moment_oracle" in capsys.readouterr().out
    packed, again = str(tmp_path / "a.npz"), str(tmp_path / "again.json")
    assert main(["convert", a, packed, "--profile", "tvr"]) == 0
    assert main(["convert", packed, again, "--profile", "tvr"]) == 0
    assert main(["convert", packed, str(tmp_path / "a.txt"), "--profile", "tvr"]) == 2
    capsys.readouterr()
    for path in (a, packed, again):
        assert main(["--submission_path", path, "--gt_path", gt, "--json"]) == 0
    first, second, third = (part for part in capsys.readouterr().out.split("\n{"))
    assert first.lstrip("{") == second == third.rstrip("\n")
    assert main(["retrieval", str(GOLDEN / "tmass_one_text" / "sims.npz"), "--ties", "mean"]) == 0
    assert "nDCG@10" in capsys.readouterr().out


def test_the_profile_is_detected_from_the_files(tmp_path: Path, capsys: Captured) -> None:
    for name in ("tvr", "qvhighlights", "mad", "ego4d", "movie101-rnl", "tvr-ranking"):
        submission, gt = pairs()[name].write(tmp_path)
        assert main(["--submission_path", str(submission), "--gt_path", str(gt), "--profile", "auto"]) == 0
        assert f"profile {name} (detected)" in capsys.readouterr().err
    other = pairs()["mad"].write(tmp_path)[0]
    tvr = pairs()["tvr"].write(tmp_path)[1]
    assert main(["--submission_path", str(other), "--gt_path", str(tvr), "--profile", "auto"]) == 2
    assert "cannot tell the profile" in capsys.readouterr().err


def test_own_film_lists_are_shown_as_tng(made: Made, tmp_path: Path, capsys: Captured) -> None:
    value = json.loads(Path(made[0]).read_text())
    path = tmp_path / "own.json"
    path.write_text(json.dumps({"scope": "own_film", "video2idx": value["video2idx"], "SVMR": value["SVMR"]}))
    assert main(["--submission_path", str(path), "--gt_path", made[2], "--profile", "tng"]) == 0
    assert capsys.readouterr().out.split()[:2] == ["tng", "TNG"]


def test_standard_input_is_read(made: Made) -> None:
    command = [sys.executable, "-m", "standalone_eval", "--submission_path", "-", "--gt_path", made[2]]
    with open(made[0], "rb") as file:
        done = subprocess.run(command, stdin=file, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "VCMR" in done.stdout
