"""Every annotation format becomes the same films and narrations."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from method_tng.contract.errors import MissingExtra
from method_tng.contract.items import Movie, Narration
from method_tng.contract.settings import DataSettings
from method_tng.dataset.annotations import Split, read_split
from method_tng.dataset.feature_store import write_features
from tests.tiny import write_lines

QUERY = {"desc_id": 7, "desc": "A man opens a door.", "vid_name": "film", "duration": 90.5, "ts": [3.2, 7.6]}
V1_TEST, V1_VAL = "7010686199291445773", "7025839417755435527"


def tvr(folder: Path, lines: list[dict], **changes: object) -> Split:
    write_lines(folder / "val.jsonl", lines)
    return read_split(DataSettings(annotations=str(folder / "{split}.jsonl"), **changes), "val")


def test_tvr_lines(tmp_path: Path) -> None:
    other = {**QUERY, "desc_id": "8", "vid_name": "other", "duration": 60, "ts": [0, 1], "type": "v"}
    other["alt"] = [{"vid_name": "other_2", "ts": [0.0, 1.0]}]
    split = tvr(tmp_path, [QUERY, other])
    assert split == Split(
        "val",
        (Movie("film", 90.5), Movie("other", 60.0)),
        (
            Narration("7", "A man opens a door.", "film", ((3.2, 7.6),)),
            Narration("8", "A man opens a door.", "other", ((0.0, 1.0),), "v"),
        ),
        has_truth=True,
    )


def test_the_corpus_of_tvr_is_every_film_of_its_durations_in_file_order(tmp_path: Path) -> None:
    durations = {"train": {"x": [5.0, 0]}, "val": {"silent": [50.0, 1], "film": [90.5, 2]}}
    (tmp_path / "durations.json").write_text(json.dumps(durations))
    split = tvr(tmp_path, [QUERY], durations=str(tmp_path / "durations.json"))
    assert split.movies == (Movie("silent", 50.0), Movie("film", 90.5))


def test_durations_without_splits_leave_the_corpus_to_the_annotations(tmp_path: Path) -> None:
    (tmp_path / "durations.json").write_text(json.dumps({"x": 5, "film": 91.0}))
    split = tvr(tmp_path, [QUERY], durations=str(tmp_path / "durations.json"))
    assert split.movies == (Movie("film", 91.0),)


def test_a_split_without_ground_truth(tmp_path: Path) -> None:
    (tmp_path / "durations.json").write_text(json.dumps({"val": {"film": [90.5, 0]}}))
    split = tvr(tmp_path, [{"desc_id": 7, "desc": "Who?"}], durations=str(tmp_path / "durations.json"))
    assert split.narrations == (Narration("7", "Who?", ""),)
    assert not split.has_truth


def test_a_moment_is_cut_where_its_film_ends(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    split = tvr(tmp_path, [{**QUERY, "ts": [80.0, 91.2]}])
    assert split.narrations[0].spans == ((80.0, 90.5),)
    assert "1 moments end behind" in caplog.text


def test_marks_and_line_ends_of_windows_are_accepted(tmp_path: Path) -> None:
    line = json.dumps(QUERY).encode()
    (tmp_path / "val.jsonl").write_bytes(b"\xef\xbb\xbf" + line + b"\r\n\r\n")
    assert len(read_split(DataSettings(annotations=str(tmp_path / "{split}.jsonl")), "val").narrations) == 1


def movie101(folder: Path) -> DataSettings:
    grounding = folder / "dataset/Movie101-G"
    grounding.mkdir(parents=True)
    records = [
        {"movie_id": "11", "start_time": 10, "end_time": 21, "content": "他打开门。"},
        {"movie_id": "12", "start_time": 5, "end_time": 9, "content": " 她笑了。 "},
    ]
    (grounding / "val.json").write_text(json.dumps(records, ensure_ascii=False), "utf-8")
    return DataSettings(format="movie101", annotations=str(folder), clip_length=2.0)


def test_movie101(tmp_path: Path) -> None:
    split = read_split(movie101(tmp_path), "val")
    assert split.narrations == (
        Narration("val_0", "他打开门。", "11", ((10.0, 21.0),)),
        Narration("val_1", "她笑了。", "12", ((5.0, 9.0),)),
    )
    assert split.movies == (Movie("11", 22.0), Movie("12", 10.0))  # rounded up to clips of 2 s


def test_movie101_takes_its_films_from_the_published_split(tmp_path: Path) -> None:
    data = movie101(tmp_path)
    annotation = tmp_path / "dataset/Movie101-raw/annotation"
    annotation.mkdir(parents=True)
    (annotation / "public_split.json").write_text(json.dumps({"train": ["13"], "val": ["12", "11"]}))
    assert [movie.movie_id for movie in read_split(data, "val").movies] == ["12", "11"]


def movie101v2(folder: Path, text: str, film: str = V1_VAL, **changes: str) -> DataSettings:
    data = DataSettings(format="movie101v2", annotations=str(folder), clip_length=2.0, **changes)
    narrations = folder / f"data/narration/{data.narration_set}-{data.language}"
    narrations.mkdir(parents=True, exist_ok=True)
    (narrations / f"{film}.txt").write_text(text, "utf-8")
    return data


def test_movie101v2_lines(tmp_path: Path) -> None:
    text = "0:0:8|0:0:15|[Cheng Yong] opens a shop. \n0:0:16|0:0:16|He said.\n1:5:7|1:5:20|A [name | b] c\n\n"
    split = read_split(movie101v2(tmp_path, text), "val")
    assert split.narrations == (
        Narration(f"{V1_VAL}#0", "Cheng Yong opens a shop.", V1_VAL, ((8.0, 15.0),)),
        Narration(f"{V1_VAL}#1", "He said.", V1_VAL, ((16.0, 17.0),)),  # no length: one second
        Narration(f"{V1_VAL}#2", "A name | b c", V1_VAL, ((3907.0, 3920.0),)),
    )
    assert split.movies == (Movie(V1_VAL, 3920.0),)


def test_movie101v2_splits_its_films_as_the_first_version_did(tmp_path: Path) -> None:
    for film in (V1_TEST, V1_VAL, "iqy-17247092700", "new"):
        data = movie101v2(tmp_path, "0:0:1|0:0:2|一 个\n", film, language="zh", narration_set="long-46k")
    films = {
        name: [movie.movie_id for movie in read_split(data, name).movies] for name in ("train", "val", "test")
    }
    assert films == {"train": ["iqy-17247092700", "new"], "val": [V1_VAL], "test": [V1_TEST]}


def test_mad_as_one_object(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    record = {
        "movie": "10142",
        "sentence": "She looks up.",
        "timestamps": [9.2, 10.4],
        "movie_duration": 100.5,
    }
    extended = {**record, "ext_timestamps": [8.0, 12.0], "tokens": ["she"]}
    del extended["timestamps"]
    content = {
        "0": record,
        "1": extended,
        "2": {**record, "timestamps": [99.0, 102.9]},
        "3": {**record, "timestamps": [5.0, 5.0]},
        "4": {**record, "timestamps": [101.0, 103.0]},
    }
    for name in ("train", "val"):
        (tmp_path / f"MAD_{name}.json").write_text(json.dumps(content))
    data = DataSettings(format="mad", annotations=str(tmp_path / "MAD_{split}.json"), clip_length=0.2)
    split = read_split(data, "train")
    fit = [("0", (9.2, 10.4)), ("1", (8.0, 12.0)), ("2", (99.0, 100.5))]
    assert [(one.query_id, one.spans[0]) for one in split.narrations] == fit
    assert split.movies == (Movie("10142", 100.5),)
    assert "2 moments without length or outside their film left out, 1 cut" in caplog.text
    asked = [(one.query_id, one.spans[0]) for one in read_split(data, "val").narrations]
    assert asked[:3] == fit
    assert asked[3:] == [("3", (5.0, pytest.approx(5.001))), ("4", (pytest.approx(100.499), 100.5))]
    assert "2 moments without length or outside their film asked though nobody can hit them" in caplog.text


def test_mad_as_lines(tmp_path: Path) -> None:
    line = {"query_id": 3, "query": "Up.", "video_id": "v", "timestamps": [1, 2], "duration": 50.0}
    write_lines(tmp_path / "val.jsonl", [line, {**line, "query_id": "a_4", "clip_id": "c"}])
    split = read_split(DataSettings(format="mad", annotations=str(tmp_path / "{split}.jsonl")), "val")
    assert [(one.query_id, one.movie_id) for one in split.narrations] == [("3", "v"), ("a_4", "c")]


def own(folder: Path, lines: list[dict], **changes: object) -> DataSettings:
    write_lines(folder / "mine_val.jsonl", lines)
    return DataSettings(
        format="narrations", annotations=str(folder / "mine_{split}.jsonl"), clip_length=2.0, **changes
    )


def test_own_narrations(tmp_path: Path) -> None:
    lines = [
        {"text": "One.", "movie_id": "a", "start": 1, "end": 4.5},
        {"text": "Two.", "movie_id": "b", "start": 2, "end": 3, "query_id": 77},
        {"text": "Three.", "movie_id": "a", "spans": [[5, 6], [8, 9.5]], "duration": 33.0},
    ]
    split = read_split(own(tmp_path, lines), "val")
    assert split.narrations == (
        Narration("a#0", "One.", "a", ((1.0, 4.5),)),
        Narration("77", "Two.", "b", ((2.0, 3.0),)),
        Narration("a#1", "Three.", "a", ((5.0, 6.0), (8.0, 9.5))),
    )
    assert split.movies == (Movie("a", 33.0), Movie("b", 4.0))


def test_own_films_are_as_long_as_their_features(tmp_path: Path) -> None:
    write_features(tmp_path / "video.h5", [("a", np.ones((30, 3), np.float32))])
    lines = [{"text": "One.", "movie_id": "a", "start": 1, "end": 4.5}]
    data = own(tmp_path, lines, video_features=str(tmp_path / "video.h5"))
    assert read_split(data, "val").movies == (Movie("a", 60.0),)
    assert read_split(replace(data, video_features=""), "val").movies == (Movie("a", 6.0),)


def test_questions_alone_are_asked_of_every_film_with_features(tmp_path: Path) -> None:
    rows = np.ones((30, 3), np.float32)
    write_features(tmp_path / "video.h5", [("a", rows), ("b", rows[:10])])
    data = own(tmp_path, [{"text": "Who laughs?"}], video_features=str(tmp_path / "video.h5"))
    split = read_split(data, "val")
    assert split.movies == (Movie("a", 60.0), Movie("b", 20.0))
    assert split.narrations == (Narration("val#0", "Who laughs?", ""),)
    assert not split.has_truth


SRT = (
    "1\n00:00:01,000 --> 00:00:04,500\n<i>A man</i>\nopens a door.\n\n"
    "2\n01:00:05,250 --> 01:00:07,000\n他笑了。\n"
)
VTT = "WEBVTT\n\nNOTE a remark\n\n00:01.000 --> 00:04.500\nA dog runs.\n"


def test_audio_descriptions_as_subtitle_files(tmp_path: Path) -> None:
    pytest.importorskip("pysubs2", reason="reading SRT and VTT is the extra `video`")
    folder = tmp_path / "val"
    folder.mkdir()
    (folder / "a.srt").write_text("\ufeff" + SRT, "utf-8")
    (folder / "b.vtt").write_text(VTT, "utf-8")
    data = DataSettings(format="narrations", annotations=str(tmp_path / "{split}"), clip_length=2.0)
    split = read_split(data, "val")
    assert split.narrations == (
        Narration("a#0", "A man opens a door.", "a", ((1.0, 4.5),)),
        Narration("a#1", "他笑了。", "a", ((3605.25, 3607.0),)),
        Narration("b#0", "A dog runs.", "b", ((1.0, 4.5),)),
    )
    assert split.movies == (Movie("a", 3608.0), Movie("b", 6.0))


def test_subtitle_files_without_their_reader_name_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pysubs2", None)
    (tmp_path / "a.srt").write_text(SRT, "utf-8")
    with pytest.raises(MissingExtra, match=r"pysubs2.*\[video\]"):
        read_split(DataSettings(format="narrations", annotations=str(tmp_path)), "val")
