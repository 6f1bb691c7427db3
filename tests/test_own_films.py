"""One's own films: the commands of data/README.md, run as they stand there on made-up films."""

import json
import re
import shlex
from pathlib import Path

import h5py
import numpy as np
import pytest

from method_tng import index_corpus, inference, prepare, train
from method_tng.contract.words import words_of

README = (Path(__file__).parents[1] / "data" / "README.md").read_text(encoding="utf-8")
SECTION = README.partition("## Your own films")[2]
LAYOUT, TRAINING, LATER, ONE_BY_ONE = re.findall(r"```(?:yaml|bash)\n(.*?)```", SECTION, re.DOTALL)
DOORS = {"prepare": prepare.main, "train": train.main, "inference": inference.main}
DOORS["index"] = index_corpus.main
WORDS = words_of("man woman opens door runs street night rain takes letter child laughs boat light hand")
FILMS = {"train": ["The Harbour", "Night (1999)"], "val": ["Snow"]}
QUICK = ["--n_epoch", "1", "--hidden_size", "8", "--device", "cpu"]


def _run(commands: str, run: str = "RUN") -> int:
    """Runs commands as they are written, up to the first that fails; training gets a smaller network."""
    for line in commands.replace("RUN", run).splitlines():
        door = re.search(r"method_tng[./](?:scripts/)?(\w+)", line)
        assert door is not None
        words = shlex.split(line[door.end() :].removeprefix(".sh"))
        code = DOORS[door[1]]([*words, *(QUICK if door[1] == "train" else [])])
        if code:
            return code
    return 0


def _told(rng: np.random.Generator) -> list[tuple[float, float, str]]:
    starts = 10 * np.arange(20) + rng.integers(0, 4, 20)
    return [(float(start), float(start + 4.5), " ".join(rng.choice(WORDS, 5))) for start in starts]


@pytest.fixture(params=["jsonl", "srt"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with three films, narrated in JSON lines or in subtitles."""
    if request.param == "srt":
        pytest.importorskip("pysubs2", reason="reading SRT and VTT is the extra `video`")
    rng = np.random.default_rng(0)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data/my/video").mkdir(parents=True)
    layout = LAYOUT if request.param == "jsonl" else LAYOUT.replace("{split}.jsonl", "{split}")
    (tmp_path / "data/my.yaml").write_text(layout, encoding="utf-8")
    for split, films in FILMS.items():
        told = {film: _told(rng) for film in films}
        _write(tmp_path / "data/my", split, told, request.param)
        for film in films:
            with h5py.File(tmp_path / f"data/my/video/{film}.h5", "w") as file:
                file["clips"] = rng.standard_normal((110, 6)).astype(np.float32)
    return tmp_path


def _write(folder: Path, split: str, told: dict[str, list[tuple[float, float, str]]], form: str) -> None:
    if form == "jsonl":
        lines = [
            {"text": text, "movie_id": film, "start": start, "end": end}
            for film, narrations in told.items()
            for start, end, text in narrations
        ]
        (folder / f"{split}.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        return
    (folder / split).mkdir()
    for film, narrations in told.items():
        blocks = [
            f"{number}\n{_clock(start)} --> {_clock(end)}\n<i>{text}</i>\n"
            for number, (start, end, text) in enumerate(narrations, start=1)
        ]
        (folder / split / f"{film}.srt").write_text("\n".join(blocks))


def _clock(seconds: float) -> str:
    return f"00:{int(seconds // 60):02}:{int(seconds % 60):02},{int(seconds * 1000 % 1000):03}"


def _newest(folder: Path) -> Path:
    return next((folder / "method_tng/results").iterdir())


def test_the_pages_commands_train_and_answer_sentences_that_come_later(
    folder: Path, capsys: pytest.CaptureFixture
) -> None:
    assert _run(TRAINING) == 0, capsys.readouterr().err
    run = _newest(folder)
    assert run.name.startswith("my-video-")
    assert "val: 20 queries, 2 windows of 1 film\n" in capsys.readouterr().out
    typed = ["A child laughs in the snow.", "孩子在雪中笑。"]
    lines = [json.dumps({"text": text}) for text in typed]
    (folder / "data/my/typed.jsonl").write_text("\n".join(lines))
    assert _run(LATER, str(run)) == 0, capsys.readouterr().err
    answers = json.loads((run / "typed_films.json").read_text(encoding="utf-8"))
    assert [entry["desc"] for entry in answers["VCMR"]] == typed
    assert set(answers["video2idx"]) == {film for films in FILMS.values() for film in films}
    assert all(entry["predictions"] for entry in answers["VCMR"])
    capsys.readouterr()
    assert _run(ONE_BY_ONE.replace("INDEX", str(folder / "index")), str(run)) == 0
    assert "Snow  0:0" in capsys.readouterr().out


def test_a_failed_start_leaves_no_run_and_says_what_is_missing(
    folder: Path, capsys: pytest.CaptureFixture
) -> None:
    assert train.main(["data/my.yaml", *QUICK]) == 2
    assert "data/my/query.h5 does not exist" in capsys.readouterr().err
    assert not list((folder / "method_tng/results").iterdir())


def test_queries_of_another_encoder_and_runs_without_one_are_told(
    folder: Path, capsys: pytest.CaptureFixture
) -> None:
    assert _run(TRAINING) == 0, capsys.readouterr().err
    run, other = _newest(folder), folder / "other.h5"
    answer = [str(run), "val", "--query_features", str(other)]
    assert prepare.main(["text", "data/my.yaml", "--width", "16", "--out", str(other)]) == 0
    assert inference.main(answer) == 2
    assert "other.h5 gives rows of 16 values" in capsys.readouterr().err
    with h5py.File(folder / "data/my/query.h5") as own, h5py.File(other, "w") as file:
        for name in own:
            file[name] = own[name][()]
        file.attrs["text_encoder"] = json.dumps({"kind": "hashed", "width": 256, "seed": 1})
    assert inference.main(answer) == 2
    told = capsys.readouterr().err
    assert "kind hashed width 256 seed 1, the run's own queries with kind hashed width 256 seed 0" in told
    facts = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(facts | {"text_encoder": None}))
    assert prepare.main(["text", "--run", str(run), "--out", str(other)]) == 2
    assert "do not say how they were made" in capsys.readouterr().err
