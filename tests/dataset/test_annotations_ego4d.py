"""Ego4D's nested annotations become lines that are read as every other format is."""

import json
from pathlib import Path
from typing import Any

import pytest

from method_tng.contract.errors import DataError
from method_tng.contract.items import Movie, Narration
from method_tng.contract.settings import DataSettings
from method_tng.dataset.annotations import read_split
from method_tng.dataset.annotations_ego4d import convert_ego4d


def nested(folder: Path, queries: list[dict[str, Any]], **clip: Any) -> Path:
    """An official file of one clip with one annotation."""
    annotations = [{"annotation_uid": "note", "language_queries": queries}]
    facts = {"clip_uid": "clip", "video_start_sec": 30.0, "video_end_sec": 510.0, "source_clip_uid": "x"}
    clips = [{**facts, "annotations": annotations, **clip}]
    content = {"version": "1", "videos": [{"video_uid": "video", "clips": clips, "split": "train"}]}
    path = folder / "nlq.json"
    path.write_text(json.dumps(content))
    return path


def asked(text: str | None, start: float | None = None, end: float | None = None) -> dict[str, Any]:
    return {"template": "Objects", "query": text, "clip_start_sec": start, "clip_end_sec": end}


QUERIES = [
    asked("Where is the cup?", 3.5, 9.0),
    asked(None, 1.0, 2.0),
    asked("Who  spoke\nlast?", 130.0, 130.0),
    asked("What fell?", 9.0, 4.0),
    asked("When did it end?", 479.95, 480.2),
    asked("What was all this?", 100.0, 425.0),
    asked("What was most of it?", 120.0, 425.0),
]


def converted(folder: Path, queries: list[dict[str, Any]], name: str, **clip: Any) -> list[dict[str, Any]]:
    out = folder / "new" / f"{name}.jsonl"
    count = convert_ego4d(nested(folder, queries, **clip), out, name == "train")
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(lines) == count
    return lines


def test_training_lines_leave_out_what_teaches_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = converted(tmp_path, QUERIES, "train")
    assert [line["query_id"] for line in lines] == ["note_0", "note_3", "note_6"]
    assert lines[0] == {
        "query_id": "note_0",
        "query": "Where is the cup?",
        "video_id": "video",
        "clip_id": "clip",
        "timestamps": [3.5, 9.0],
        "duration": 480.0,
    }
    assert lines[1]["timestamps"] == [4.0, 9.0]
    for told in (
        "1 left out without a text",
        "1 left out without length",
        "1 told backwards, turned round",
        "1 left out that start at their clip's end",
        "1 left out that leave no other window",
    ):
        assert told in caplog.text


def test_elsewhere_every_query_with_a_text_is_asked(tmp_path: Path) -> None:
    lines = converted(tmp_path, QUERIES, "val")
    assert [line["query_id"] for line in lines] == [f"note_{index}" for index in (0, 2, 3, 4, 5, 6)]
    data = DataSettings(format="mad", annotations=str(tmp_path / "new/{split}.jsonl"), clip_length=0.535)
    split = read_split(data, "val")
    assert split.has_truth
    assert split.movies == (Movie("clip", 480.0),)
    assert split.narrations[1] == Narration(
        "note_2", "Who spoke last?", "clip", ((130.0, pytest.approx(130.001)),)
    )


def test_a_split_without_truth_keeps_its_clips(tmp_path: Path) -> None:
    assert "timestamps" not in converted(tmp_path, [{"query": "Where?"}], "test")[0]
    data = DataSettings(format="mad", annotations=str(tmp_path / "new/{split}.jsonl"))
    split = read_split(data, "test")
    assert not split.has_truth
    assert split.narrations == (Narration("note_0", "Where?", "clip"),)


@pytest.mark.parametrize(
    ("queries", "clip", "told"),
    [
        ([asked("Half?", 1.0)], {}, r"'note_0' of clip 'clip': found only one of clip_start_sec and"),
        ([asked("Long?", 1.0, 2.0)], {"video_end_sec": 30.0}, r"from 30 to 30 seconds; expected an end"),
        ([asked("Late?", "1", 2.0)], {}, r"expected `float \| null`, got `str` - at `\$\.videos"),
        ([{"text": "No query"}], {"clip_uid": 3}, r"expected `str`, got `int`"),
    ],
)
def test_faults_name_the_query_or_the_place(
    tmp_path: Path, queries: list[dict[str, Any]], clip: dict[str, Any], told: str
) -> None:
    with pytest.raises(DataError, match=rf"nlq\.json.*{told}"):
        convert_ego4d(nested(tmp_path, queries, **clip), tmp_path / "out.jsonl", True)
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("[]", "expected `object`, got `array`; expected a record like"),
        ('{"videos": [', "truncated"),
        ('{"clips": []}', "missing required field `videos`"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(DataError, match=rf"other\.json.*{told}"):
        convert_ego4d(path, tmp_path / "out.jsonl", True)
