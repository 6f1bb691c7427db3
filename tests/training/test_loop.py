"""Training on the tiny corpus: resume, stop, several processes, faults.  Everything random is switched on."""

import json
import random
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from method_tng import train
from method_tng.contract.errors import CheckpointError, ConfigError, DataError, TngError, TrainingError
from method_tng.contract.settings import DataSettings
from method_tng.runs.config import resolve
from method_tng.runs.folder import RunFolder
from method_tng.runs.systems import recipe_of
from method_tng.training.distributed import Process
from method_tng.training.interrupt import Wish
from method_tng.training.loop import StageTrainer, Stopped
from method_tng.training.results import answer_run
from method_tng.training.session import train_run

OPTIONS = {
    "hidden_size": 16, "n_heads": 2, "bsz": 8, "n_epoch": 3, "ema": 0.9, "drop": 0.3,
    "input_drop": 0.3, "lr": 1e-2,
    "hard_negative_start_epoch": 1, "hard_pool_size": 3, "final_split": "",
    "stop_task": "VR", "data_ratio": 0.9,
}  # fmt: skip


def _run(data: DataSettings, root: Path, **options) -> RunFolder:
    settings = resolve([("x", {**asdict(data), **OPTIONS, "results_root": str(root), **options})])
    return RunFolder.create(settings, {})


def _train(run: RunFolder, wish: Wish | None = None) -> None:
    process = Process(0, 1, torch.device("cpu"))
    train_run(run, recipe_of(run.settings.system), process, Wish() if wish is None else wish)


class StopAfter:
    """A wish that comes true after some steps."""

    signal = signal.SIGTERM

    def __init__(self, steps: int) -> None:
        self.left = steps

    def __bool__(self) -> bool:
        self.left -= 1
        return self.left < 0


@pytest.mark.parametrize("scorer", ["clips", "spans"])
@pytest.mark.parametrize("stops", [[0], [2, 3, 1]])
@pytest.mark.parametrize("cache_gb", [2.0, 0.0])
def test_a_stopped_and_resumed_run_equals_one_that_never_stopped(
    scorer: str, stops: list[int], cache_gb: float, tiny: DataSettings, tmp_path: Path
) -> None:
    options = {"scorer": scorer, "vocabulary": scorer == "spans", "cache_gb": cache_gb}  # 0: read anew
    if scorer == "spans":
        options |= {"label_end": "inclusive", "no_norm_vfeat": True, "no_norm_tfeat": True}
    whole, parts = (_run(tiny, tmp_path / name, **options) for name in ("whole", "parts"))
    _train(whole)
    for steps in stops:
        with pytest.raises(Stopped):
            _train(parts, StopAfter(steps))
    torch.manual_seed(99)  # whatever was drawn in between must not matter
    _train(parts)
    for name in ("find.last.safetensors", "find.best.safetensors"):
        one, other = load_file(whole.path / name), load_file(parts.path / name)
        assert all(torch.equal(one[key], other[key]) for key in one), name
    for line, same in zip(_losses(whole), _losses(parts), strict=True):
        assert line == same


def test_places_alone_are_learned_and_answered(tiny: DataSettings, tmp_path: Path) -> None:
    run = _run(replace(tiny, ctx_mode="tef", video_features="", sub_features=""), tmp_path, n_epoch=1)
    _train(run)
    metrics = answer_run(run, run.settings, "val", torch.device("cpu")).metrics
    assert set(metrics["windows"]) == {"VCMR", "SVMR", "VR"}


def test_a_killed_run_writes_each_epoch_once_and_goes_on_elsewhere(
    tiny: DataSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = _run(tiny, tmp_path, save_every=1000)
    with pytest.raises(Stopped):
        _train(run, StopAfter(1))  # saved in the first epoch
    save = StageTrainer.save
    monkeypatch.setattr(StageTrainer, "save", lambda self: None)  # killed before it saved again
    _train(run)
    monkeypatch.setattr(StageTrainer, "save", save)
    path = run.path / "find.trainer_state.pt"
    state = torch.load(path, weights_only=True)
    state["draws"]["cuda"] = torch.zeros(16, dtype=torch.uint8)  # it was on another device
    torch.save(state, path)
    _train(run)
    assert [line.split("[Loss]")[0] for line in _losses(run)] == [
        f"[find] [Epoch] {n:03d} " for n in (1, 2, 3)
    ]


def test_a_run_is_trained_by_one_process_at_a_time(tiny: DataSettings, tmp_path: Path) -> None:
    run = _run(tiny, tmp_path)
    with run.locked(), pytest.raises(ConfigError, match="written by another process"), run.locked():
        pass


@pytest.mark.parametrize("scorer", ["clips", "spans"])
def test_inference_computes_in_the_precision_it_is_told(
    scorer: str, tiny: DataSettings, tmp_path: Path
) -> None:
    options = {"scorer": scorer, "vocabulary": scorer == "spans", "n_epoch": 1}
    if scorer == "spans":
        options |= {"label_end": "inclusive", "no_norm_vfeat": True, "no_norm_tfeat": True}
    run = _run(tiny, tmp_path, **options)
    _train(run)
    scores = {}
    for precision in ("float32", "bf16"):
        settings = replace(run.settings, train=replace(run.settings.train, precision=precision))
        answer_run(run, settings, "val", torch.device("cpu"))
        told = json.loads((run.path / "val_films.json").read_text(encoding="utf-8"))
        scores[precision] = torch.tensor([rows["predictions"][0][3] for rows in told["VR"]])
    assert not torch.equal(scores["float32"], scores["bf16"])
    torch.testing.assert_close(scores["float32"], scores["bf16"], rtol=0.2, atol=0.1)


def _losses(run: RunFolder) -> list[str]:
    lines = (run.path / "train.log").read_text().splitlines()
    return [line.split(" ", 1)[1] for line in lines if "[Loss]" in line]


def test_a_loss_that_is_not_finite_stops_and_names_term_step_and_queries(
    tiny: DataSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = _run(tiny, tmp_path)
    step = StageTrainer._step

    def poisoned(self: StageTrainer, batch: object) -> None:
        if self.state.place.step == 2:
            next(self.state.model.parameters()).data.fill_(float("nan"))
        step(self, batch)

    monkeypatch.setattr(StageTrainer, "_step", poisoned)
    with pytest.raises(TrainingError, match=r"loss term \w+ is nan at step 2 .* queries \d+, "):
        _train(run)


def test_weights_that_diverged_behind_the_last_loss_are_told(
    tiny: DataSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = StageTrainer._end_epoch

    def diverged(self: StageTrainer) -> None:
        for parameter in self.state.model.parameters():
            parameter.data.fill_(float("nan"))
        end(self)

    monkeypatch.setattr(StageTrainer, "_end_epoch", diverged)
    with pytest.raises(TrainingError, match=r"cannot be scored .* diverged; train with a smaller --lr"):
        _train(_run(tiny, tmp_path, ema=0.0, n_epoch=1))


def test_a_split_that_cannot_be_answered_in_the_end_is_told_at_the_start(
    tiny: DataSettings, tmp_path: Path
) -> None:
    run = _run(tiny, tmp_path, final_split="last")
    with pytest.raises(DataError, match="annotations of split 'last'"):
        _train(run)
    assert not (run.path / "train.log").exists()


def test_early_stopping_counts_evaluations_without_gain(tiny: DataSettings, tmp_path: Path) -> None:
    run = _run(tiny, tmp_path, lr=1e-9, n_epoch=30, max_es_cnt=2, data_ratio=0.2)
    _train(run)
    assert len(_losses(run)) == 4  # one that gains, and three that do not


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "method_tng.train", *words]


def _flags(data: DataSettings, root: Path, **options) -> list[str]:
    chosen = {**OPTIONS, **options, "results_root": str(root), "device": "cpu"}
    chosen |= {name: value for name, value in asdict(data).items() if value != getattr(DataSettings(), name)}
    del chosen["data_ratio"]
    if chosen.get("eval_split") == "":
        del chosen["stop_task"]
    return [word for name, value in chosen.items() for word in (f"--{name}", str(value))]


def test_sigterm_saves_and_says_how_to_go_on(tiny: DataSettings, tmp_path: Path) -> None:
    words = _command(*_flags(tiny, tmp_path, n_epoch=10_000, eval_split="", save_every=1000))
    child = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    _wait_for(lambda: list(tmp_path.glob("*/train.log")), child)
    child.send_signal(signal.SIGTERM)
    _, told = child.communicate(timeout=60)
    run = next(tmp_path.glob("*/opt.json")).parent
    assert child.returncode == 128 + signal.SIGTERM
    assert f"train.sh --resume {run}" in told
    assert {"find.trainer_state.pt", "find.last.safetensors"} <= {path.name for path in run.iterdir()}


@pytest.mark.slow
def test_twenty_kills_at_random_moments_leave_a_run_that_goes_on(tiny: DataSettings, tmp_path: Path) -> None:
    flags = _flags(tiny, tmp_path, n_epoch=60, save_every=0, stop_task="last")
    whole = subprocess.run(_command(*flags), check=True, capture_output=True)
    assert whole.returncode == 0
    reference = next(tmp_path.glob("*/opt.json")).parent
    draw, words = random.Random(0), _command(*flags)
    for _ in range(20):
        child = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        others = lambda: [path.parent for path in tmp_path.glob("*/opt.json") if path.parent != reference]  # noqa: E731
        _wait_for(others, child)
        time.sleep(draw.uniform(0, 8))
        child.kill()
        child.wait()
        run = others()[0]
        words = _command("--resume", str(run), "--results_root", str(tmp_path))
        for path in run.glob("*.safetensors"):
            load_file(path)
    subprocess.run(words, check=True, capture_output=True)
    one, other = (load_file(path / "find.last.safetensors") for path in (reference, run))
    assert all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize(
    ("batches", "scorer"),
    [("shuffled", "clips"), pytest.param("films", "clips", marks=pytest.mark.slow), ("films", "spans")],
)
def test_two_processes_learn_what_one_learns(
    batches: str, scorer: str, tiny: DataSettings, tmp_path: Path
) -> None:
    evaluated = "val" if batches == "shuffled" else ""
    options = {"batches": batches, "n_epoch": 4, "eval_split": evaluated, "ema": 0.0, "lr": 1e-3}
    options |= {"drop": 0.0, "input_drop": 0.0}
    flags = _flags(tiny, tmp_path, **options)
    if scorer == "spans":
        unknown = ("--n_heads", "--drop", "--input_drop", "--hard_negative_start_epoch", "--hard_pool_size")
        pairs = [flags[at : at + 2] for at in range(0, len(flags), 2)]
        flags = [word for pair in pairs if pair[0] not in unknown for word in pair]
        flags += ["--scorer", "spans", "--vocabulary", "--label_end", "inclusive"]
        flags += ["--word_drop", "0", "--content_drop", "0", "--lex_drop", "0"]
        flags += ["--no_norm_vfeat", "--no_norm_tfeat", "--optimizer", "adamw"]
    if batches == "films":
        at = flags.index("--bsz")
        flags[at : at + 2] = ["--batch_windows", "6"]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_port", "0"]
    torchrun += ["--rdzv_backend", "c10d", "--rdzv_endpoint", "localhost:0", "-m", "method_tng.train"]
    assert train.main([*flags, "--exp_id", "one"]) == 0
    subprocess.run([*torchrun, *flags, "--exp_id", "two"], check=True, capture_output=True)
    runs = [next(tmp_path.glob(f"*-{name}-*")) for name in ("one", "two")]
    assert _logged(runs[0]) == pytest.approx(_logged(runs[1]), abs=2e-4)  # they are written with 4 digits
    one, two = (load_file(run / "find.last.safetensors") for run in runs)
    for key in (name for name in one if not name.endswith("key.bias")):  # its true gradient is 0: all noise
        difference = (one[key] - two[key]).abs().max() / one[key].abs().max().clamp(min=1e-3)
        assert difference < 1e-5, key


def _logged(run: Path) -> list[float]:
    """All loss terms of all epochs, as the log has them."""
    lines = [line for line in (run / "train.log").read_text().splitlines() if "[Loss]" in line]
    return [float(word) for line in lines for word in line.split("[Loss]")[1].split()[1::2]]


def _wait_for(ready, child: subprocess.Popen) -> None:
    for _ in range(600):
        if ready():
            return
        assert child.poll() is None, "the command ended early"
        time.sleep(0.1)
    raise AssertionError("the command did nothing for a minute")


def test_tasks_that_a_blind_split_cannot_answer_leave_nothing_to_do(
    tiny: DataSettings, tmp_path: Path
) -> None:
    run = _run(tiny, tmp_path, n_epoch=1)
    _train(run)
    path = Path(tiny.annotations.replace("{split}", "blind"))
    path.write_text('{"desc_id": 200, "desc": "Who?"}\n', encoding="utf-8")
    durations = json.loads(Path(tiny.durations).read_text())
    Path(tiny.durations).write_text(json.dumps(durations | {"blind": durations["val"]}))
    search = replace(run.settings.search, tasks=("SVMR", "TNG"))
    with pytest.raises(DataError, match="'blind' has no ground truth, which SVMR and TNG cannot be answered"):
        answer_run(run, replace(run.settings, search=search), "blind", torch.device("cpu"))


@pytest.mark.parametrize("content", ["", "[1]", '{"words'])
@pytest.mark.parametrize("name", ["run.json", "vocabulary.json"])
def test_a_damaged_file_of_a_run_is_told(name: str, content: str, tiny: DataSettings, tmp_path: Path) -> None:
    run = _run(replace(tiny, vocabulary=True), tmp_path, n_epoch=1)
    _train(run)
    (run.path / name).write_text(content)
    with pytest.raises(TngError, match=rf"{name}"):
        answer_run(run, run.settings, "val", torch.device("cpu"))


def test_a_trainer_state_of_something_else_is_told(tiny: DataSettings, tmp_path: Path) -> None:
    run = _run(tiny, tmp_path, n_epoch=1)
    with pytest.raises(Stopped):
        _train(run, StopAfter(1))
    torch.save({"model": {}}, run.path / "find.trainer_state.pt")
    with pytest.raises(CheckpointError, match=r"trainer_state\.pt is no trainer state of ours: average, "):
        _train(run)


def test_queries_without_a_moment_are_answered_and_left_out_of_the_recalls(
    tiny: DataSettings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = _run(tiny, tmp_path, n_epoch=1)
    _train(run)
    path = Path(tiny.annotations.replace("{split}", "val"))
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    cpu = torch.device("cpu")
    told = answer_run(run, run.settings, "val", cpu).metrics
    for name in ("vid_name", "ts"):
        del lines[0][name]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    results = answer_run(run, run.settings, "val", cpu)
    assert f"1 of {len(lines)} queries of val have no moment" in caplog.text
    answers = json.loads((run.path / "val_films.json").read_text(encoding="utf-8"))
    assert len(answers["VR"]) == len(lines)
    left = {row["desc_id"] for row in answers["VR"]} - {lines[0]["desc_id"]}
    truth = [json.loads(line) for line in (run.path / "val_films_gt.jsonl").read_text().splitlines()]
    assert {row["desc_id"] for row in truth} == left
    before, after = told["windows"]["VR"]["R@1"], results.metrics["windows"]["VR"]["R@1"]
    hit = before * len(lines) - after * len(left)  # what the first query brought
    assert min(abs(hit), abs(hit - 1)) < 1e-9
