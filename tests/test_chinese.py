"""Chinese all the way: narrations, words, vocabulary, training, answers, truth, the report."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from method_tng import evaluate, inference, prepare, train
from method_tng.dataset.text import Vocabulary

NOUNS = ("男人", "女人", "孩子", "士兵", "老人")
VERBS = ("跑进", "走出", "看着", "离开")
PLACES = ("房间", "雨中", "山谷", "车站")
LAYOUT = """
preset: movies
data:
  format: narrations
  annotations: data/film/{split}.jsonl
  video_features: data/film/video
  query_features: data/film/query.h5
  ctx_mode: video
  clip_length: 2.0
  language: zh
"""


@pytest.fixture
def films(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three films whose rows are the sums of what their sentences tell."""
    monkeypatch.chdir(tmp_path)
    folder = Path("data/film/video")
    folder.mkdir(parents=True)
    Path("data/中文.yaml").write_text(LAYOUT, encoding="utf-8")
    rng = np.random.default_rng(0)
    look = {word: rng.standard_normal(12) for word in (*NOUNS, *VERBS, *PLACES)}
    for split, names in {"train": ["雪山", "长夜 (1999)"], "val": ["归途"]}.items():
        lines = []
        for name in names:
            rows = 0.1 * rng.standard_normal((300, 12))
            for start in range(0, 590, 10):
                words = [str(rng.choice(choices)) for choices in (NOUNS, VERBS, PLACES)]
                rows[start // 2 : start // 2 + 3] += sum(look[word] for word in words)
                text = f"{words[0]}{words[1]}{words[2]}。"
                lines.append({"text": text, "movie_id": name, "start": float(start), "end": start + 6.0})
            with h5py.File(folder / f"{name}.h5", "w") as file:
                file[name] = rows.astype(np.float32)
        told = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        Path(f"data/film/{split}.jsonl").write_text(told, encoding="utf-8")
    return tmp_path


def test_chinese_narrations_are_learned_answered_and_shown(
    films: Path, capsys: pytest.CaptureFixture
) -> None:
    assert prepare.main(["text", "data/中文.yaml", "--out", "data/film/query.h5"]) == 0
    quick = ["--hidden_size", "12", "--n_epoch", "4", "--batch_windows", "3", "--lex_min_df", "1"]
    assert train.main(["data/中文.yaml", *quick, "--device", "cpu"]) == 0, capsys.readouterr().err
    (run,) = (films / "method_tng/results").iterdir()
    assert run.name.startswith("中文-video-run-")
    vocabulary = Vocabulary.read(run / "vocabulary.json")
    known, unknown = vocabulary.ids("男人", 4), vocabulary.ids("龙", 4)
    assert known and 1 not in known and set(unknown) == {1}
    metrics = json.loads((run / "val_metrics.json").read_text(encoding="utf-8"))
    assert (
        metrics["metrics"]["films"]["TNG"]["R@10,IoU=0.5"]
        > 3 * metrics["chance"]["films"]["TNG"]["R@10,IoU=0.5"]
    )
    for name in ("val_films.json", "val_films_gt.jsonl", "train.log", "opt.json"):
        assert "\\u" not in (run / name).read_text(encoding="utf-8"), name
    assert "归途" in (run / "val_films_gt.jsonl").read_text(encoding="utf-8")
    page = run / "report.html"
    words = ["--submission_path", str(run / "val_films.json"), "--gt_path", str(run / "val_films_gt.jsonl")]
    assert evaluate.main([*words, "--profile", "tng", "--report", str(page)]) == 0
    shown = page.read_text(encoding="utf-8")
    assert '<meta charset="utf-8">' in shown.lower() and "归途" in shown and "跑进" in shown


def test_a_typed_chinese_sentence_is_answered(films: Path, capsys: pytest.CaptureFixture) -> None:
    assert prepare.main(["text", "data/中文.yaml", "--out", "data/film/query.h5"]) == 0
    quick = ["--hidden_size", "12", "--n_epoch", "1", "--batch_windows", "3", "--final_split", ""]
    assert train.main(["data/中文.yaml", *quick, "--device", "cpu"]) == 0, capsys.readouterr().err
    (run,) = (films / "method_tng/results").iterdir()
    Path("typed.jsonl").write_text(json.dumps({"text": "一个士兵走出车站。"}), encoding="utf-8")
    told = ["--annotations", "{split}.jsonl", "--splits", "typed", "--out", "typed.h5"]
    assert prepare.main(["text", "--run", str(run), *told]) == 0, capsys.readouterr().err
    words = [str(run), "typed", "--annotations", "typed.jsonl", "--query_features", "typed.h5"]
    assert inference.main(words) == 0, capsys.readouterr().err
    answers = json.loads((run / "typed_films.json").read_text(encoding="utf-8"))
    assert answers["VCMR"][0]["desc"] == "一个士兵走出车站。" and answers["VCMR"][0]["predictions"]
