"""Packs from a checkout: three invented films in both languages, cleaned, masked, fitted, built."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from method_tng.contract.errors import ConfigError, DataError
from method_tng.contract.settings import DataSettings
from method_tng.corpora.tng_names import mask_chinese, mask_english, ordinary_english, own_names
from method_tng.corpora.tng_pack import PackOptions, build_pack
from method_tng.corpora.tng_source import balanced, clean, read_checkout
from method_tng.corpora.tng_streams import GramTable, StreamSettings, content_stream, runs_of
from method_tng.dataset.annotations import read_split

FILMS = ("100", "200", "iqy-3")
ZH = ("[小明]打开门。", "他看着窗外的雨。", "[小明]走进厨房喝水。", "小明笑了。")
EN = (
    "[Xiao Ming] opens the door.",
    "He watches the rain.",
    "[Xiao Ming] enters and drinks.",
    "Xiao Ming smiles.",
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The folders of a checkout with three short films."""
    for code, told in (("zh", ZH), ("en", EN)):
        folder = tmp_path / "checkout" / f"data/narration/short-71k-{code}"
        folder.mkdir(parents=True)
        for film in FILMS:
            seconds = range(10, 410, 10)
            lines = (
                f"0:{s // 60}:{s % 60}|0:{(s + 6) // 60}:{(s + 6) % 60}|{told[s // 10 % 4]}\n"
                for s in seconds
            )
            (folder / f"{film}.txt").write_text("".join(lines), encoding="utf-8")
    meta = tmp_path / "checkout/data/metadata/meta"
    meta.mkdir(parents=True)
    for film in FILMS:
        cast = {"role": {"1": {"actor": "x", "role": "小明", "role_en": "Xiao Ming"}}}
        (meta / f"{film}.json").write_text(json.dumps(cast), encoding="utf-8")
    splits = {
        split: {"splits": {"train": ["100"], "val": ["200"], "test": ["iqy-3"]}} for split in ("tng-full",)
    }
    splits["tng-small"] = {**splits["tng-full"], "max_queries": {"train": 30, "val": 5, "test": 5}}
    (tmp_path / "packs.json").write_text(json.dumps(splits))
    return tmp_path / "checkout"


def built(checkout: Path, name: str, **options) -> Path:
    out = checkout.parent / name
    packs = checkout.parent / "packs.json"
    build_pack(checkout, "tng-small", out, PackOptions(**options), packs=packs)
    return out


def contents(path: Path) -> dict[str, np.ndarray]:
    with h5py.File(path) as file:
        return {name: file[name][()] for name in file}


def test_a_pack_is_complete_and_our_reader_reads_it(checkout: Path) -> None:
    out = built(checkout, "pack")
    data = DataSettings(
        annotations=str(out / "tng_small_movies_{split}.jsonl"),
        durations=str(out / "tng_small_movies_video2dur_idx.json"),
        clip_length=2.0,
    )
    assert [len(read_split(data, split).narrations) for split in ("train", "val", "test")] == [30, 5, 5]
    films = contents(out / "tng_small_vid_movies.h5")
    assert set(films) == set(FILMS)
    words = contents(out / "tng_small_query_table.h5")
    assert len(words) == 40
    windows = json.loads((out / "tng_small_windows_video2dur_idx.json").read_text())
    assert list(windows["val"]) == ["200_00000", "200_00200", "200_00400"]
    cut = contents(out / "tng_small_vid_windows.h5")
    assert np.array_equal(np.concatenate([cut[name] for name in windows["val"]]), films["200"])


def test_a_pack_is_the_same_every_time(checkout: Path) -> None:
    one, other = built(checkout, "one"), built(checkout, "other")
    for path in one.iterdir():
        if path.suffix == ".h5":
            assert contents(path).keys() == contents(other / path.name).keys()
            assert all(
                np.array_equal(rows, contents(other / path.name)[key]) for key, rows in contents(path).items()
            )
        elif path.suffix != ".npz":
            assert path.read_bytes() == (other / path.name).read_bytes()


def test_languages_can_be_swapped(checkout: Path) -> None:
    out = built(checkout, "swapped", languages="en-zh")
    first = json.loads((out / "tng_small_zh_movies_val.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert first["desc"] in {"某打开门。", "他看着窗外的雨。", "某走进厨房喝水。", "某笑了。"}
    rows = contents(out / "tng_small_zh_query_table.h5")[str(first["desc_id"])]
    assert len(rows) == 2 * len(first["desc"]) - 3  # characters and pairs, the full stop not counted
    assert np.abs(contents(out / "tng_small_zh_sub_movies.h5")["200"]).sum() > 0


def test_overlapping_windows_name_the_others_that_hold_a_narration(checkout: Path) -> None:
    out = built(checkout, "overlap", window_stride=100.0)
    rows = [json.loads(line) for line in (out / "tng_small_windows_train.jsonl").open(encoding="utf-8")]
    several = [row for row in rows if "alt" in row]
    assert several
    for row in several:
        places = [row, *row["alt"]]
        assert len({int(place["vid_name"][-5:]) + place["ts"][0] for place in places}) == 1


def test_names_can_be_kept(checkout: Path) -> None:
    out = built(checkout, "named", names="keep")
    assert "[Xiao Ming]" in (out / "tng_small_movies_train.jsonl").read_text(encoding="utf-8")


def test_what_is_missing_is_told_in_a_sentence(checkout: Path) -> None:
    with pytest.raises(ConfigError, match="no pack 'tng-huge'"):
        build_pack(checkout, "tng-huge", checkout.parent / "out", packs=checkout.parent / "packs.json")
    (checkout / "data/narration/short-71k-en/200.txt").unlink()
    with pytest.raises(DataError, match=r"200\.txt does not exist"):
        read_checkout(checkout, FILMS)


def test_cleaning_repairs_times_brackets_and_repeats() -> None:
    zh = [(5, 5, "他[笑"), (6, 9, "了]。"), (10, 12, "了。"), (30, 32, "了。")]
    en = [(5, 5, "He [smiles"), (6, 9, "again]."), (10, 12, "again."), (30, 32, "Again.")]
    lines = clean("7", zh, en, first_id=3)
    assert [(line.desc_id, line.start, line.end, line.zh) for line in lines] == [
        (3, 5, 6, "他笑"), (4, 6, 9, "了。"), (5, 30, 32, "了。"),
    ]  # fmt: skip
    with pytest.raises(DataError, match="line by line"):
        clean("7", zh, en[1:], first_id=0)


@pytest.mark.parametrize(
    ("text", "expected"), [("a [b] c", "a [b] c"), ("[b [c] d", "b [c] d"), ("b] [c", "b c"), ("", "")]
)
def test_brackets_without_partner_go(text: str, expected: str) -> None:
    assert balanced(text) == expected


def test_english_names_become_someone() -> None:
    ordinary = ordinary_english(
        ["the man runs", "the man, the old man", "old and old runs; he runs", "he, he"]
    )
    told = ["[Li] runs. The man saw Zoe Li's TV in Beijing.", "Old Wang, Wang Wu runs."]
    assert mask_english(told, ["Wang Wu"], ordinary) == [
        "someone runs. The man saw someone's TV in Beijing.",
        "Old someone, someone runs.",
    ]


def test_chinese_names_become_someone_unless_they_are_words() -> None:
    texts = {str(film): "医生来了。大明走了。" if film == 0 else "医生说。" for film in range(7)}
    casts = {film: ["医生", "大明", "王"] if film == "0" else [] for film in texts}
    names = own_names(texts, casts)
    assert names["0"] == ["大明"]
    assert mask_chinese(["[小李]大明找医生。"], names["0"]) == ["某找医生。"]


def test_a_stream_that_keeps_everything_puts_characters_where_they_are_spoken(checkout: Path) -> None:
    film = read_checkout(checkout, ["100"])["100"]
    table = GramTable({"雨": 0, "门": 1}, np.ones(2, np.float32), np.eye(2, dtype=np.float32))
    everything = StreamSettings("vid", 1.1, 0.0, 0.0)
    rows = content_stream(film, [line.zh for line in film], "zh", table, everything)
    assert rows[(film[0].start + 4) // 2].tolist() == [1, 0]  # the rain comes last in its sentence
    assert set(np.unique(rows)) == {0.0, 1.0}
    assert list(runs_of("He opens, slowly.", "en")) == [["he", "opens"], ["slowly"]]
