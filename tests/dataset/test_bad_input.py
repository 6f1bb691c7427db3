"""Every fault of an input is told in one sentence: which file and place, what was found, what is expected."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from method_tng.contract.errors import ConfigError, DataError, TngError
from method_tng.contract.settings import DataSettings
from method_tng.dataset.annotations import read_split
from method_tng.dataset.check import check
from method_tng.dataset.collection import Collection
from method_tng.dataset.feature_store import FeatureStore, write_features

Spoil = Callable[[DataSettings], DataSettings | None]


def lines_of(data: DataSettings) -> Path:
    return Path(data.annotations.replace("{split}", "val"))


def edit_line(number: int, **changes: Any) -> Spoil:
    """Changes fields of one line (counted from 1); None removes the field."""

    def spoil(data: DataSettings) -> None:
        lines = lines_of(data).read_text().splitlines()
        record = {**json.loads(lines[number - 1]), **changes}
        record = {name: value for name, value in record.items() if value is not None}
        lines[number - 1] = json.dumps(record)
        lines_of(data).write_text("\n".join(lines))

    return spoil


def write(text: str) -> Spoil:
    return lambda data: lines_of(data).write_text(text) and None


def edit_rows(option: str, item: str, change: Callable[[np.ndarray], np.ndarray] | None) -> Spoil:
    """Replaces the rows of an item, or removes it."""

    def spoil(data: DataSettings) -> None:
        with h5py.File(getattr(data, option), "r+") as file:
            rows = file[item][()]
            del file[item]
            if change:
                file[item] = change(rows)

    return spoil


def with_value(value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(rows: np.ndarray) -> np.ndarray:
        rows = rows.copy()
        rows[1, 2] = value
        return rows

    return change


def durations(content: Any) -> Spoil:
    return lambda data: Path(data.durations).write_text(json.dumps(content)) and None


def untold(data: DataSettings) -> None:
    """Durations of one film only, and none in the lines."""
    durations({"val-0": 110})(data)
    text = lines_of(data).read_text()
    lines_of(data).write_text(re.sub(r'"duration": [^,]*, ', "", text))


def settings(**changes: Any) -> Spoil:
    return lambda data: replace(data, **changes)


def with_sentences(data: DataSettings) -> DataSettings:
    return replace(data, sentence_features=data.query_features.replace("query", "sentence"))


def not_hdf5(data: DataSettings) -> None:
    Path(data.video_features).write_bytes(b"this is no HDF5 file")


ANNOTATIONS = {
    "broken JSON line": (
        write('{"desc_id": 1,\n'),
        r"tiny_val\.jsonl, line 1: .*truncated.*expected a record like",
    ),
    "list instead of record": (write("[1, 2]\n"), r"line 1: expected `object`, got `array`"),
    "missing field": (edit_line(2, desc=None), r"line 2: object missing required field `desc`"),
    "wrong type": (edit_line(3, ts=["a", 2]), r"line 3: expected `float`, got `str` - at `\$\.ts\[0\]`"),
    "three times": (edit_line(3, ts=[1, 2, 3]), r"line 3: expected `array` of length 2"),
    "start after end": (edit_line(2, ts=[9, 5]), r"line 2: the moment \[9, 5\] .*expected start < end"),
    "start at end": (edit_line(2, ts=[5, 5]), r"line 2: the moment \[5, 5\] .*expected start < end"),
    "before the film": (
        edit_line(2, ts=[-1, 5]),
        r"line 2: the moment \[-1, 5\] lies outside its film; expected",
    ),
    "behind the film": (edit_line(2, ts=[900, 905]), r"line 2: the moment \[900, 905\] lies outside"),
    "end behind the film": (edit_line(2, ts=[5, 905]), r"line 2: the moment \[5, 905\] lies outside"),
    "unknown film": (edit_line(2, vid_name="val-7"), r"line 2: film 'val-7' .*nearest name: 'val-"),
    "moment without film": (edit_line(2, vid_name=None), r"line 2: a moment is told but not its film"),
    "id without letters": (edit_line(2, desc_id=""), r"line 2: query id '' cannot name features"),
    "id with a slash": (
        edit_line(2, desc_id="a/b"),
        r"line 2: query id 'a/b' cannot name features; expected",
    ),
    "film with a zero byte": (edit_line(2, vid_name="a\0"), r"line 2: film 'a\\x00' cannot name features"),
    "no text": (edit_line(2, desc=" "), r"line 2: query '201' has no text"),
    "duplicate id": (edit_line(2, desc_id=200), r"line 2: query id '200' was already used in .*line 1"),
    "empty file": (write(""), r"tiny_val\.jsonl is empty"),
    "blank file": (write("\n \n"), r"tiny_val\.jsonl is empty"),
    "not UTF-8": (
        lambda data: lines_of(data).write_bytes(b'{"desc_id": 1, "desc": "\xff"}') and None,
        r"line 1: .*utf-8",
    ),
    "unknown split of durations": (durations({"train": {}}), r"idx\.json knows no split 'val'.*train"),
    "no split in the durations": (durations({}), r"idx\.json knows no split 'val'; its splits are none"),
    "empty split": (durations({"val": {}}), r"idx\.json lists no film for split 'val'"),
    "no number as duration": (durations({"val": {"val-0": "long"}}), r"film 'val-0': 'long' is no duration"),
    "negative duration": (durations({"val": {"val-0": [-3, 0]}}), r"film 'val-0': \[-3, 0\] is no duration"),
    "durations that are a list": (durations([1]), r"idx\.json: expected `object`, got `array`"),
    "film without duration": (untold, r"duration of film 'val-1' .* not told"),
    "no duration anywhere": (
        lambda data: edit_line(1, duration=-5)(data) or replace(data, durations=""),
        r"duration of film 'val-0' .* is -5",
    ),
    "no annotations": (settings(annotations=""), r"no annotations are named; .*--annotations"),
}
FEATURES = {
    "no feature of a film": (
        edit_rows("sub_features", "val-1", None),
        r"sub\.h5 holds no features of 'val-1'",
    ),
    "no feature of a query": (
        edit_rows("query_features", "203", None),
        r"query\.h5 holds no features of '203'",
    ),
    "another width": (
        edit_rows("video_features", "val-1", lambda rows: rows[:, :5]),
        r"video\.h5, 'val-1': rows have 5 values, those of 'test-0' have 12",
    ),
    "another width of a query": (
        edit_rows("query_features", "203", lambda rows: rows[:, :5]),
        r"query\.h5, '203': rows have 5 values, those of '100' have 10",
    ),
    "width of the options": (
        settings(vid_feat_size=99),
        r"video\.h5 holds rows of 12 values, vid_feat_size says 99",
    ),
    "streams of different length": (
        edit_rows("sub_features", "val-0", lambda rows: rows[:-2]),
        r"the streams of 'val-0' have different numbers of rows",
    ),
    "features that end early": (
        lambda data: (
            [edit_rows(o, "val-0", lambda rows: rows[:15])(data) for o in ("sub_features", "video_features")]
            and None
        ),
        r"'val-0'.*(end before 40 seconds|15 rows of 2 s end at 30 s)",
    ),
    "not a table": (
        edit_rows("video_features", "val-0", lambda rows: rows[0]),
        r"found float32 \(12,\); expected",
    ),
    "whole numbers": (edit_rows("query_features", "200", lambda rows: rows.astype(int)), r"found int64 "),
    "no rows": (edit_rows("video_features", "val-0", lambda rows: rows[:0]), r"found float32 \(0, 12\)"),
    "NaN": (
        edit_rows("video_features", "val-0", with_value(np.nan)),
        r"video\.h5, 'val-0': row 1 of \d+ holds NaN",
    ),
    "Inf": (
        edit_rows("query_features", "200", with_value(np.inf)),
        r"query\.h5, '200': row 1 of \d+ holds NaN or Inf",
    ),
    "not HDF5": (not_hdf5, r"video\.h5 cannot be read as HDF5"),
    "no such file": (settings(video_features="nowhere.h5"), r"nowhere\.h5 does not exist"),
    "no path": (settings(query_features=""), r"query_features is needed .*--query_features"),
    "words instead of sentences": (
        lambda data: replace(data, sentence_features=data.query_features),
        r"query\.h5, '200': found several rows; expected one vector .*--sentence_features",
    ),
    "no sentence of a query": (
        lambda data: (
            edit_rows("sentence_features", "203", None)(with_sentences(data)) or with_sentences(data)
        ),
        r"sentence\.h5 holds no features of '203'",
    ),
    "windows of half clips": (
        settings(window_seconds=41.0),
        r"window_seconds 41 is no whole number of clips",
    ),
}


def spoiled(tiny: DataSettings, spoil: Spoil) -> DataSettings:
    return spoil(tiny) or tiny


def is_one_sentence(message: str) -> bool:
    return "\n" not in message and re.search(r"[;,] |expected", message) is not None


@pytest.mark.parametrize("case", ANNOTATIONS)
def test_a_bad_annotation_stops_the_reader(case: str, tiny: DataSettings) -> None:
    spoil, sentence = ANNOTATIONS[case]
    with pytest.raises(DataError, match=sentence) as error:
        read_split(spoiled(tiny, spoil), "val")
    assert is_one_sentence(str(error.value))


@pytest.mark.parametrize("case", FEATURES)
def test_bad_features_stop_before_or_while_they_are_read(case: str, tiny: DataSettings) -> None:
    spoil, sentence = FEATURES[case]
    data = spoiled(tiny, spoil)
    with pytest.raises(TngError, match=sentence) as error:
        collection = Collection.open(data, "val")
        collection.batch(range(len(collection.split.narrations)))
    assert isinstance(error.value, DataError | ConfigError)
    assert is_one_sentence(str(error.value))


@pytest.mark.parametrize("case", {**ANNOTATIONS, **FEATURES})
def test_the_check_tells_the_same(case: str, tiny: DataSettings) -> None:
    spoil, sentence = {**ANNOTATIONS, **FEATURES}[case]
    problems = check(spoiled(tiny, spoil), ["val"])
    assert any(re.search(sentence, problem) for problem in problems), problems
    assert all(is_one_sentence(problem) for problem in problems)


def test_a_wrong_split_name_lists_the_splits_that_exist(tiny: DataSettings) -> None:
    with pytest.raises(DataError, match=r"tiny_valid\.jsonl does not exist.*'valid'.* test, train, val"):
        read_split(tiny, "valid")


def test_where_a_split_is_a_folder_only_folders_are_listed(tmp_path: Path) -> None:
    (tmp_path / "val").mkdir()
    (tmp_path / "query.h5").touch()
    data = DataSettings(format="narrations", annotations=str(tmp_path / "{split}"))
    with pytest.raises(DataError, match=r"splits that exist: val$"):
        read_split(data, "valid")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0:0:1|0:0:2\n", r"line 1: found 2 fields"),
        ("0:0:1|0:0:2|Fine.\n0:0:61|0:1:2|text\n", r"line 2: found the times '0:0:61'"),
        ("0:0:5|0:0:2|text\n", r"line 1: the end 0:0:2 lies before the start 0:0:5"),
        ("0:0:1|0:0:2| \n", r"line 1: query 'film#0' has no text"),
    ],
)
def test_bad_lines_of_movie101v2(text: str, sentence: str, tmp_path: Path) -> None:
    folder = tmp_path / "data/narration/short-71k-en"
    folder.mkdir(parents=True)
    (folder / "film.txt").write_text(text)
    with pytest.raises(DataError, match=rf"film\.txt, {sentence}"):
        read_split(DataSettings(format="movie101v2", annotations=str(tmp_path)), "train")


def test_splits_that_movie101v2_does_not_have(tmp_path: Path) -> None:
    data = DataSettings(format="movie101v2", annotations=str(tmp_path))
    with pytest.raises(DataError, match="short-71k-en does not exist"):
        read_split(data, "train")
    (tmp_path / "short-71k-en").mkdir()
    with pytest.raises(DataError, match="no split 'dev'; its splits are train, val and test"):
        read_split(data, "dev")
    with pytest.raises(DataError, match="holds no film of split 'val'"):
        read_split(data, "val")


def test_half_a_moment_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "val.jsonl").write_text('{"text": "One.", "movie_id": "a", "start": 3}\n')
    data = DataSettings(format="narrations", annotations=str(tmp_path / "{split}.jsonl"))
    with pytest.raises(DataError, match="line 1: found only one of start and end"):
        read_split(data, "val")


def test_a_folder_without_subtitles(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no SRT or VTT file"):
        read_split(DataSettings(format="narrations", annotations=str(tmp_path)), "val")


def test_a_subtitle_file_that_is_none(tmp_path: Path) -> None:
    pytest.importorskip("pysubs2", reason="reading SRT and VTT is the extra `video`")
    (tmp_path / "a.srt").write_bytes(b"\xff\xfe\x00nothing")
    with pytest.raises(DataError, match=r"a\.srt (cannot be read as subtitles|holds no subtitle)"):
        read_split(DataSettings(format="narrations", annotations=str(tmp_path)), "val")


def test_a_key_that_stands_twice_in_an_object(tmp_path: Path) -> None:
    record = '{"movie": "m", "sentence": "One.", "timestamps": [1, 2], "movie_duration": 9}'
    (tmp_path / "val.json").write_text(f'{{"7": {record}, "8": {record}, "7": {record}}}')
    data = DataSettings(format="mad", annotations=str(tmp_path / "{split}.json"))
    with pytest.raises(
        DataError, match=r"val\.json, key '7': it stands there more than once; keys must differ"
    ):
        read_split(data, "val")


def test_a_line_of_movie101v2_ends_where_its_file_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "short-71k-en"
    folder.mkdir()
    (folder / "film.txt").write_text(
        "0:0:1|0:0:2|He\u2028ran.\r\n0:0:3|0:0:4|\x0bShe ran.\n", "utf-8", newline=""
    )
    data = DataSettings(format="movie101v2", annotations=str(tmp_path))
    assert [one.text for one in read_split(data, "train").narrations] == ["He\u2028ran.", "She ran."]


@pytest.mark.parametrize("names", [[], ["a", "b"]])
def test_a_film_whose_file_does_not_say_which_rows_are_meant(
    names: list[str], tiny: DataSettings, tmp_path: Path
) -> None:
    store = FeatureStore(tiny.video_features)
    for film in store.ids():
        chosen = names if film == "val-0" else ["rows"]
        write_features(tmp_path / f"{film}.h5", [(name, store.read(film)) for name in chosen])
    told = check(replace(tiny, video_features=str(tmp_path)), ["val"])
    assert any(re.search(r"val-0\.h5 holds \d datasets .*called 'val-0'", problem) for problem in told), told


def test_the_check_tells_features_of_another_rate(tiny: DataSettings) -> None:
    told = check(replace(tiny, clip_length=4.0), ["val"])
    assert any(
        re.search(r"'val-0': \d+ rows of 4 s end at 2\d\d s, the film lasts 1", problem) for problem in told
    )
