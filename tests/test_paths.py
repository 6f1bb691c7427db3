"""The doors from start to end on files as others lay them out: the TVR family's release, and every switch."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from method_tng import inference, train
from method_tng.contract.settings import DataSettings

RELEASE = Path("data/tvr_feature_release")
VIDEO = "tvr_resnet152_rgb_max_i3d_rgb600_avg_cat_cl-1.5.h5"
QUERIES = {"train": 40, "val": 12, "test_public": 9}
QUICK = ["--n_epoch", "1", "--hidden_size", "16", "--n_heads", "2", "--device", "cpu"]


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with files of the names, widths and ids of TVR's release; films of 30 to 45 s."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for part in ("video_feature", "bert_feature/sub_query", "bert_feature/query_only"):
        (RELEASE / part).mkdir(parents=True)
    durations = {"train": 8, "val": 4, "test_public": 4}
    durations = {
        split: {f"{split}_clip_{n}": [30.0 + 3 * n, 100 * k + n] for n in range(count)}
        for k, (split, count) in enumerate(durations.items())
    }
    Path("data/tvr_video2dur_idx.json").write_text(json.dumps(durations))
    sub_query = RELEASE / "bert_feature/sub_query"
    with (
        h5py.File(RELEASE / "video_feature" / VIDEO, "w") as video,
        h5py.File(sub_query / "tvr_sub_pretrained_w_sub_query_max_cl-1.5.h5", "w") as subtitles,
        h5py.File(sub_query / "tvr_query_pretrained_w_sub_query.h5", "w") as queries,
    ):
        for split, count in QUERIES.items():
            for name, (seconds, _) in durations[split].items():
                rows = int(np.ceil(seconds / 1.5))
                video[name] = rng.standard_normal((rows, 3072)).astype(np.float32)
                subtitles[name] = rng.standard_normal((rows, 768)).astype(np.float32)
            lines = []
            for n in range(count):
                query_id = 1000 * (1 + list(QUERIES).index(split)) + n
                queries[str(query_id)] = rng.standard_normal((6, 768)).astype(np.float32)
                lines.append(_annotation(query_id, split, sorted(durations[split])[n % 4], n))
            Path(f"data/tvr_{split}_release.jsonl").write_text("".join(f"{json.dumps(x)}\n" for x in lines))
    return tmp_path


def _annotation(query_id: int, split: str, name: str, number: int) -> dict:
    blind = {"desc_id": query_id, "desc": "Monica opens the door.", "type": "v"}
    if split == "test_public":
        return blind
    return blind | {"vid_name": name, "duration": 30.0, "ts": [float(number % 20), number % 20 + 4.0]}


def test_the_familys_release_needs_no_flags(
    release: Path, capsys: pytest.CaptureFixture, caplog: pytest.LogCaptureFixture
) -> None:
    quick = [*QUICK, "--bsz", "16", "--max_pred_l", "8"]
    assert train.main(["tvr", "video_sub_tef", "resnet_i3d", *quick]) == 0, capsys.readouterr().err
    assert "val: 12 queries, 4 windows of 4 films" in capsys.readouterr().out
    (run,) = (release / "method_tng/results").iterdir()
    assert run.name.startswith("tvr-video_sub_tef-run-")
    assert inference.main([str(run), "test_public", "--tasks", "VCMR", "SVMR", "VR"]) == 0
    assert "no ground truth: SVMR left out" in caplog.text
    assert "recall" not in capsys.readouterr().out
    answers = json.loads((run / "test_public_windows.json").read_text(encoding="utf-8"))
    assert set(answers) == {"video2idx", "VCMR", "VR"}
    assert set(answers["video2idx"]) == {f"test_public_clip_{n}" for n in range(4)}
    assert [row["desc_id"] for row in answers["VCMR"]] == list(range(3000, 3009))


def _flags(data: DataSettings, root: Path, *more: str) -> list[str]:
    paths = ("annotations", "durations", "video_features", "sub_features", "query_features")
    flags = [word for name in paths for word in (f"--{name}", getattr(data, name))]
    flags += ["--dset_name", "tiny", "--clip_length", "2", "--window_seconds", "40", "--max_ctx_l", "20"]
    return [*flags, "--max_desc_l", "8", "--results_root", str(root), *QUICK, *more]


@pytest.mark.parametrize(
    "switches",
    [
        ["--num_workers", "1", "--cache_gb", "0"],
        ["--precision", "bf16", "--detect_anomaly"],
        pytest.param(["--compile"], marks=pytest.mark.slow),
    ],
    ids=["workers", "bf16", "compile"],
)
def test_every_switch_of_training_leads_to_a_table(
    switches: list[str], tiny: DataSettings, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert train.main(_flags(tiny, tmp_path / "runs", *switches)) == 0, capsys.readouterr().err
    assert "which window" in capsys.readouterr().out


def test_curves_hold_rates_terms_and_recalls(
    tiny: DataSettings, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    root = tmp_path / "runs"
    switches = ["--eval_untrained", "--bsz", "16", "--lr_warmup_proportion", "0.5"]
    assert train.main(_flags(tiny, root, *switches)) == 0, capsys.readouterr().err
    (run,) = root.iterdir()
    curves = EventAccumulator(str(run / "tensorboard_log" / "find"))
    curves.Reload()
    tags = set(curves.Tags()["scalars"])
    assert {"Train/lr", "Train/loss_overall", "Train/loss_st_ed", "Eval_windows/VCMR-R@1,IoU=0.5"} <= tags
    assert not [tag for tag in tags if tag.endswith(("_", "/"))]
    assert [event.step for event in curves.Scalars("Eval_windows/VR-R@1")] == [0, 1]
    rates = [event.value for event in curves.Scalars("Train/lr")]
    assert rates[0] == 0 and 0 < max(rates) <= 1e-4


def test_debug_trains_four_batches_twice_elsewhere(
    tiny: DataSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    flags = _flags(tiny, tmp_path / "runs", "--debug", "--bsz", "2", "--eval_split", "", "--final_split", "")
    flags[flags.index("--n_epoch") + 1] = "7"
    assert train.main(flags) == 0, capsys.readouterr().err
    (run,) = (tmp_path / "debug_results").iterdir()
    assert len([line for line in (run / "train.log").read_text().splitlines() if "[Loss]" in line]) == 2
    curves = EventAccumulator(str(run / "tensorboard_log" / "find"))
    curves.Reload()
    assert [event.step for event in curves.Scalars("Train/lr")] == list(range(1, 9))
