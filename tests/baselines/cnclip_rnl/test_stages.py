"""Both stages through the commands: trained in turn, stopped between, answered alone and together."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from baselines.cnclip_rnl.recipe import fuse
from baselines.cnclip_rnl.scripts import shot_recall, write_pictures, write_shots
from baselines.cnclip_rnl.settings import CnclipRnlSettings
from method_tng import inference, train
from method_tng.runs.config import resolve
from method_tng.runs.option_files import read_preset
from tests.tiny import make_tiny

OPTIONS = (
    "--system cnclip_rnl --hidden_size 16 --num_frames 20 --short_windows mask --mask_alignment "
    "--max_words 8 --anchor_widths 2 4 8 --shot_seconds 10 --around_seconds 16 --num_attn_layers 0 "
    "--joint_size 16 --retrieve_lr 0.01 --retrieve_n_epoch 12 --retrieve_bsz 16 --lr 0.003 --wd 0 "
    "--optimizer adam --label_end inclusive --window_draw holding --n_epoch 3 --bsz 16 "
    "--score_mix 1 --max_vcmr_video 3 --final_split val --device cpu"
)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The options that train on a tiny corpus; from its folder."""
    folder = tmp_path_factory.mktemp("stages")
    data = make_tiny(folder / "tiny")
    paths = {name: getattr(data, name) for name in ("annotations", "durations")}
    paths |= {f"{name}_features": getattr(data, f"{name}_features") for name in ("video", "sub", "query")}
    told = [word for name, value in paths.items() for word in (f"--{name}", value)]
    return [*told, "--clip_length", "2", *OPTIONS.split()]


@pytest.fixture(scope="module")
def trained(words: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of both stages."""
    root = tmp_path_factory.mktemp("results")
    assert train.main([*words, "--results_root", str(root)]) == 0
    return next(root.iterdir())


def metrics(run: Path, stem: str) -> dict:
    return json.loads((run / f"{stem}_metrics.json").read_text())


def test_one_command_trains_both_and_answers_all_tasks(trained: Path) -> None:
    for stage in ("retrieve", "ground"):
        assert (trained / f"{stage}.best.safetensors").is_file()
    found = metrics(trained, "val")["metrics"]
    chance = metrics(trained, "val")["chance"]
    assert found["films"]["VR"]["R@1"] > chance["films"]["VR"]["R@1"]
    assert found["windows"]["VR"]["R@5"] > 2 * chance["windows"]["VR"]["R@5"]
    assert {"VCMR", "TNG"} <= found["films"].keys() and "SVMR" in found["windows"]
    log = (trained / "train.log").read_text()
    assert log.index("[retrieve]") < log.index("[ground]")


def test_more_opened_windows_change_what_is_found(trained: Path) -> None:
    command = [str(trained), "val", "--tasks", "TNG", "--max_vcmr_video", "1", "--eval_id", "one"]
    assert inference.main(command) == 0
    answers = [json.loads((trained / f"{stem}_films.json").read_text()) for stem in ("val", "val_one")]
    moments = [sum(len(one["predictions"]) for one in answer["SVMR"]) for answer in answers]
    assert 0 < moments[1] < moments[0]


def test_shots_are_scored_by_the_rule_of_pairs(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert shot_recall.main([str(trained), "val"]) == 0
    told = capsys.readouterr().out
    assert "queries" in told and "mean of films" in told and "in all films" in told
    recalls = [float(word) for word in told.split("in its film")[1].split("R@1 ")[1].split()[:1]]
    assert 10 < recalls[0] <= 100
    assert shot_recall.main([str(trained), "val", "--captions"]) == 0
    assert capsys.readouterr().out.split(" queries")[0] != told.split(" queries")[0]


def test_shots_without_ground_truth_are_told(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = json.loads((trained / "opt.json").read_text())["annotations"].replace("{split}", "val")
    for number, line in enumerate(Path(asked).read_text().splitlines()):
        told = {name: value for name, value in json.loads(line).items() if number or name != "ts"}
        with (tmp_path / "val.jsonl").open("a") as file:
            file.write(json.dumps(told) + "\n")
    assert shot_recall.main([str(trained), "val", "--annotations", str(tmp_path / "{split}.jsonl")]) == 2
    assert "has queries without a moment" in capsys.readouterr().err


def test_a_stage_that_is_not_there_is_missed_only_where_it_is_needed(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part = tmp_path / "part"
    part.mkdir()
    for path in trained.iterdir():
        if path.is_file() and not path.name.startswith("retrieve."):
            (part / path.name).write_bytes(path.read_bytes())
    assert inference.main([str(part), "val", "--tasks", "SVMR"]) == 0
    assert inference.main([str(part), "val", "--tasks", "TNG"]) == 2
    assert "does not find windows by itself; name a run that does with --matcher" in capsys.readouterr().err
    command = [str(part), "val", "--tasks", "TNG", "--matcher", str(trained), "--matcher_windows", "2"]
    assert inference.main(command) == 0
    assert shot_recall.main([str(part), "val"]) == 2
    assert "holds no model of stage 'retrieve', which finds shots" in capsys.readouterr().err
    for name in ("best", "last"):
        (part / f"ground.{name}.safetensors").unlink()
        (part / f"retrieve.{name}.safetensors").write_bytes(
            (trained / f"retrieve.{name}.safetensors").read_bytes()
        )
    assert inference.main([str(part), "val", "--tasks", "VR"]) == 0
    assert inference.main([str(part), "val"]) == 2
    assert "holds no model that opens windows; ask for --tasks VR only" in capsys.readouterr().err


def test_a_run_that_stopped_between_the_stages_goes_on(
    words: list[str], trained: Path, tmp_path: Path
) -> None:
    half = tmp_path / "half"
    half.mkdir()
    for path in trained.iterdir():
        if path.is_file() and not path.name.startswith("ground.") and "val" not in path.name:
            (half / path.name).write_bytes(path.read_bytes())
    assert train.main(["--resume", str(half)]) == 0
    for name in ("retrieve", "ground"):
        one, other = (load_file(run / f"{name}.last.safetensors") for run in (trained, half))
        assert all(torch.equal(one[key], other[key]) for key in one)


def test_shots_are_written_in_the_published_form(words: list[str], tmp_path: Path) -> None:
    paths = words[: words.index("--system")]
    command = [*paths, "--splits", "val", "test", "--out", str(tmp_path), "--shot_seconds", "20"]
    assert write_shots.main([word for word in command if word not in ("--clip_length", "2")]) == 0
    val, test = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("val", "test"))
    assert set(val[0]) == {"video_id", "video", "caption"} and len(val[0]["caption"]) == 1
    film, start, end = val[0]["video"].rsplit("_", 2)
    assert film.startswith("val-") and int(end) - int(start) == 20
    number = {entry["video"].rsplit("_", 2)[0]: [] for entry in val}
    for entry in val:
        film, start, _ = entry["video"].rsplit("_", 2)
        number[film].append(entry["video_id"] - int(start) // 20)
    assert all(len(set(shifts)) == 1 for shifts in number.values())
    assert min(entry["video_id"] for entry in test) > max(entry["video_id"] for entry in val)


@pytest.mark.parametrize(
    ("seconds", "offset", "told"),
    [("0", 0, "expected seconds, more than 0"), ("nan", 0, "more than 0"), ("20", -3, "expected an object")],
)
def test_shots_that_cannot_be_cut_are_told(
    seconds: str, offset: int, told: str, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "offsets.json").write_text(json.dumps({"val-0": offset}))
    paths = words[: words.index("--clip_length")]
    asked = ["--shot_seconds", seconds, "--window_offsets", str(tmp_path / "offsets.json")]
    assert write_shots.main([*paths, "--splits", "val", "--out", str(tmp_path), *asked]) == 2
    assert told in capsys.readouterr().err


def test_shots_are_written_from_the_offset_of_their_film(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "offsets.json").write_text(json.dumps({"val-0": 7}))
    paths = words[: words.index("--clip_length")]
    asked = ["--window_offsets", str(tmp_path / "offsets.json"), "--out", str(tmp_path)]
    assert write_shots.main([*paths, "--splits", "val", *asked]) == 0
    names = [entry["video"].rsplit("_", 2) for entry in json.loads((tmp_path / "val.json").read_text())]
    assert {film: int(start) % 20 for film, start, _ in names} == {"val-0": 7, "val-1": 0}


def test_a_proposal_counts_as_much_as_its_window() -> None:
    match = torch.tensor([[2.0, 1.0, -torch.inf]])
    scores = {"proposal": torch.tensor([[[-1.0, -2.0], [-0.5, -3.0], [0.0, 0.0]]])}
    plain = fuse(match, scores, CnclipRnlSettings())
    assert plain[0, :2].tolist() == scores["proposal"][0, :2].tolist() and plain[0, 2, 0] == -torch.inf
    mixed = fuse(match, scores, CnclipRnlSettings(score_mix=1.0))
    share = torch.tensor([2.0, 1.0]).log_softmax(0)
    assert torch.allclose(mixed[0, :2], scores["proposal"][0, :2] + share[:, None])
    nothing = fuse(torch.full((1, 2), -torch.inf), {"proposal": torch.zeros(1, 2, 2)}, CnclipRnlSettings())
    assert (nothing == -torch.inf).all()


@pytest.mark.parametrize("asked", [["--rate", "0"], ["--rate", "nan"], ["--size", "0"]])
def test_pictures_of_no_number_or_size_are_refused(
    asked: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert write_pictures.main([str(tmp_path), str(tmp_path / "out"), *asked]) == 2
    assert "expected both more than 0" in capsys.readouterr().err


def test_the_published_preset_keeps_all_proposals_of_three_windows() -> None:
    settings = resolve([read_preset("published", "cnclip_rnl")], "cnclip_rnl")
    own = settings.model
    assert settings.search.max_before_nms == 3 * own.num_frames * len(own.anchor_widths)
