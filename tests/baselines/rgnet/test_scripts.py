"""The family's commands, from its own files to a submission that the evaluator reads, on films of a minute.

A script is run by bash; the python that it calls only writes down its words, which are then obeyed here.
"""

import io
import itertools
import json
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import h5py
import numpy as np
import pytest

from method_tng import inference, prepare, train
from method_tng.runs.systems import presets_of
from standalone_eval import evaluate
from standalone_eval.formats import load_gt, load_submission

SCRIPTS = Path(__file__).parents[3] / "baselines/rgnet/scripts"
DOORS: dict[str, Callable[[list[str]], int]] = {
    "method_tng.train": train.main,
    "method_tng.inference": inference.main,
}
SIZES = "--hidden_size 8 --n_heads 2 --dim_feedforward 16 --dec_layers 2 --num_queries 3 --vid_feat_size 0"
SHORT = "--n_epoch 1 --bsz 3 --device cpu"
SMALL = [*SIZES.split(), *SHORT.split(), "--eval_split", "", "--final_split", ""]
WIDTH = 8
DRAW = np.random.default_rng(0)


def words_of_script(name: str, arguments: Iterable[str], folder: Path) -> tuple[int, list[str]]:
    """The exit code of a script, and the words that it gives to python."""
    told = folder / "told"
    told.unlink(missing_ok=True)
    fake = folder / "bin" / "python"
    fake.parent.mkdir(exist_ok=True)
    fake.write_text(f'#!/bin/bash\nprintf "%s\\0" "$@" > {told}\n')
    fake.chmod(0o755)
    ended = subprocess.run(
        ["bash", SCRIPTS / name, *arguments], env={"PATH": f"{fake.parent}:/usr/bin:/bin"}, check=False
    )
    return ended.returncode, told.read_text().split("\0")[:-1] if told.exists() else []


def obey(name: str, *arguments: str, folder: Path) -> None:
    """Runs a script of the family."""
    code, words = words_of_script(name, arguments, folder)
    assert (code, words[0]) == (0, "-m")
    assert DOORS[words[1]](words[2:]) == 0


def newest_run() -> str:
    return max(Path("method_tng/results").iterdir(), key=lambda path: path.stat().st_mtime_ns).name


def rows(count: int, width: int = WIDTH) -> np.ndarray:
    return DRAW.standard_normal((count, width)).astype(np.float32)


def archive(**arrays: np.ndarray) -> bytes:
    written = io.BytesIO()
    np.savez(written, **arrays)
    return written.getvalue()


def write_lmdb(folder: Path, values: dict[str, bytes]) -> str:
    lmdb = pytest.importorskip("lmdb", reason="LMDB is the extra `convert`")
    with lmdb.open(str(folder), map_size=1 << 22) as environment, environment.begin(write=True) as writing:
        for key, value in values.items():
            writing.put(key.encode(), value)
    return str(folder)


def write_nested(path: Path, clips: dict[str, list[tuple[str, float | None, float | None]]]) -> list[str]:
    """Official annotations: clip -> its queries; returns the queries' ids."""
    videos = []
    for clip, queries in clips.items():
        told = [{"query": text, "clip_start_sec": start, "clip_end_sec": end} for text, start, end in queries]
        notes = [{"annotation_uid": f"note-{clip}", "language_queries": told}]
        one = {"clip_uid": clip, "video_start_sec": 5.0, "video_end_sec": 205.0, "annotations": notes}
        videos.append({"video_uid": f"video-{clip}", "clips": [one]})
    path.write_text(json.dumps({"version": "v1", "videos": videos}))
    return [f"note-{clip}_{index}" for clip, queries in clips.items() for index in range(len(queries))]


def assert_same(
    metrics: dict[str, float], ranks: Iterable[int], overlaps: Iterable[float], path: Path
) -> None:
    """The benchmark's recalls, in percent, are what the run wrote of moments inside their films."""
    stored = json.loads(path.read_text())["metrics"]["films"]["TNG"]
    for rank, overlap in itertools.product(ranks, overlaps):
        own = 100 * stored[f"R@{rank},IoU={overlap}"]
        assert metrics[f"R@{rank}-IoU={overlap}"] == pytest.approx(own, abs=0.006)


QUERIES = [("Where is the cup?", 10.0, 14.0), ("Who spoke?", 80.0, 92.5), ("What fell?", 120.0, 121.0)]
NLQ_OF = {
    "train": "nlq_train.json",
    "val": "nlq_val.json",
    "test": "nlq_test_unannotated.json",
    "naq": "naq.json",
}


@pytest.fixture
def ego4d(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the family's files, converted as the page of the data says."""
    monkeypatch.chdir(tmp_path)
    clips = {name: {f"{name}-{number}": QUERIES for number in range(2)} for name in NLQ_OF}
    clips["val"]["val-0"] = [*QUERIES, ("Never?", 50.0, 50.0)]
    clips["test"] = {"test-0": [("Where?", None, None), ("Who?", None, None)]}
    ids = {name: write_nested(tmp_path / NLQ_OF[name], clips[name]) for name in clips}
    films = [clip for of_split in clips.values() for clip in of_split]
    video = write_lmdb(tmp_path / "video_lmdb", {clip: archive(features=rows(374)) for clip in films})
    commands = [
        ["ego4d", "nlq_train.json", "--training", "--out", "data/ego4d/nlq_train.jsonl"],
        ["ego4d", "nlq_val.json", "--out", "data/ego4d/nlq_val.jsonl"],
        ["ego4d", "nlq_test_unannotated.json", "--out", "data/ego4d/nlq_test.jsonl"],
        ["ego4d", "naq.json", "--training", "--out", "data/ego4d/naq_train.jsonl"],
        ["features", video, "--out", "data/ego4d/video.h5"],
    ]
    for store, names, out in (("nlq", ("train", "val", "test"), "nlq"), ("naq", ("naq",), "naq_train")):
        values = {
            query: archive(token_features=rows(4, 6), eot_features=rows(1)[0])
            for name in names
            for query in ids[name]
        }
        text = write_lmdb(tmp_path / f"{store}_lmdb", values)
        for field, part in (("token_features", "words"), ("sentence", "sentences")):
            commands.append(["features", text, "--field", field, "--out", f"data/ego4d/{out}_{part}.h5"])
    assert all(prepare.main(command) == 0 for command in commands)
    for part in ("_words.h5", "_sentences.h5"):
        (tmp_path / f"data/ego4d/naq_val{part}").symlink_to(f"nlq{part}")
    (tmp_path / "data/ego4d/naq_val.jsonl").symlink_to("nlq_val.jsonl")
    return tmp_path


def test_ego4d_from_its_files_to_its_submission(ego4d: Path) -> None:
    obey("pretrain_ego4d.sh", *SMALL, folder=ego4d)
    earlier = newest_run()
    obey("finetune_ego4d.sh", earlier, *SMALL, "--exp_id", "tuned", folder=ego4d)
    run = newest_run()
    assert run != earlier
    obey("inference_ego4d.sh", run, "val", folder=ego4d)
    written = Path("method_tng/results") / run / "val_ego4d.json"
    assert {"version", "challenge", "results"} == json.loads(written.read_text()).keys()
    truth = load_gt(ego4d / "nlq_val.json", "ego4d")
    found = evaluate(load_submission(written, "ego4d"), truth, "ego4d")
    assert len(truth.query) == 7  # also the one that nobody can hit
    assert_same(found.metrics, (1, 5), (0.3, 0.5), written.with_name("val_metrics.json"))
    obey("inference_ego4d.sh", run, "test", folder=ego4d)
    entries = json.loads(written.with_name("test_ego4d.json").read_text())["results"]
    assert [(one["clip_uid"], one["annotation_uid"], one["query_idx"]) for one in entries] == [
        ("test-0", "note-test-0", 0),
        ("test-0", "note-test-0", 1),
    ]
    assert all(one["predicted_times"] for one in entries)


def test_fine_tuning_wants_a_run(tmp_path: Path) -> None:
    for arguments in ([], ["--bsz", "3"]):
        assert words_of_script("finetune_ego4d.sh", arguments, tmp_path) == (2, [])


def mad_object(film: str) -> dict[str, object]:
    told = {"movie": film, "movie_duration": 200.0}
    return {
        f"{film}{index}": {**told, "sentence": text, "timestamps": [start, end]}
        for index, (text, start, end) in enumerate(QUERIES)
    }


def test_mad_from_its_files_to_its_submission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    features, annotations = tmp_path / "data/mad/features", tmp_path / "data/mad/annotations"
    features.mkdir(parents=True)
    annotations.mkdir()
    queries: dict[str, object] = {}
    for split, films in {"train": ("1", "2"), "val": ("3",), "test": ("4", "5")}.items():
        told = {query: told for film in films for query, told in mad_object(film).items()}
        (annotations / f"MAD_{split}.json").write_text(json.dumps(told))
        queries |= told
    with (
        h5py.File(features / "CLIP_B32_frames_features_5fps.h5", "w") as frames,
        h5py.File(features / "CLIP_B32_language_tokens_features.h5", "w") as tokens,
        h5py.File(tmp_path / "sentences.h5", "w") as sentences,
    ):
        for film in "12345":
            frames[film] = rows(1000).astype(np.float16)
        for query in queries:
            tokens[query] = rows(5)
            sentences[query] = rows(1)[0]
    out = str(features / "sentences.h5")
    assert prepare.main(["features", str(tmp_path / "sentences.h5"), "--out", out]) == 0
    assert prepare.main(["check", "mad", "--vid_feat_size", "0", "--splits", "train", "val", "test"]) == 0
    short = ["--window_seconds", "40", "--window_stride", "20", "--max_ctx_l", "200"]
    obey("train_mad.sh", *SMALL, *short, folder=tmp_path)
    run = newest_run()
    obey("inference_mad.sh", run, "test", folder=tmp_path)
    written = Path("method_tng/results") / run / "test_mad.jsonl"
    truth = "".join(
        json.dumps({"query_id": int(query), "timestamps": line["timestamps"]}) + "\n"
        for query, line in json.loads((annotations / "MAD_test.json").read_text()).items()
    )
    (tmp_path / "truth.jsonl").write_text(truth)
    found = evaluate(load_submission(written, "mad"), load_gt(tmp_path / "truth.jsonl", "mad"), "mad")
    assert_same(found.metrics, (1, 5, 10), (0.1, 0.3, 0.5), written.with_name("test_metrics.json"))
    assert len(written.read_text().splitlines()) == 6


def test_every_script_names_a_preset_that_exists(tmp_path: Path) -> None:
    named = set()
    for script in sorted(SCRIPTS.glob("*.sh")):
        code, words = words_of_script(script.name, ["RUN", "val"], tmp_path)
        assert code == 0
        named |= {words[place + 1] for place, word in enumerate(words) if word == "--config"}
    assert named == {"mad", "ego4d_pretrain", "ego4d_finetune"}
    assert named <= presets_of("rgnet").keys()
