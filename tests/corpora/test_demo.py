"""The demo corpus: always the same, honest about what the test split holds, readable by our own readers."""

import itertools
import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from method_tng.contract.settings import DataSettings
from method_tng.contract.words import words_of
from method_tng.corpora.demo import NUM_FILMS, demo_files, make_demo
from method_tng.corpora.demo_features import num_clips, subtitle_rows, video_rows
from method_tng.corpora.demo_story import write_film
from method_tng.dataset.annotations import read_split


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    make_demo(folder)
    return folder


def rows_of(folder: Path, split: str) -> list[dict]:
    return [json.loads(line) for line in (folder / f"demo_{split}.jsonl").open(encoding="utf-8")]


def contents_of(folder: Path) -> dict[str, dict[str, bytes]]:
    """File -> item -> bytes; an HDF5 file is compared by its arrays, for it holds the time of its making."""
    contents = {}
    for name in demo_files():
        if name.endswith(".h5"):
            with h5py.File(folder / name) as file:
                contents[name] = {key: file[key][()].tobytes() for key in file}
        else:
            contents[name] = {"": (folder / name).read_bytes()}
    return contents


def test_a_corpus_that_is_there_stays_and_a_broken_one_is_made_again_exactly_as_it_was(demo: Path) -> None:
    before, time = contents_of(demo), (demo / "demo_vid.h5").stat().st_mtime_ns
    make_demo(demo)
    assert (demo / "demo_vid.h5").stat().st_mtime_ns == time
    (demo / "demo_sub.h5").unlink()
    make_demo(demo)
    assert contents_of(demo) == before


def test_another_seed_gives_other_films() -> None:
    one, other = (write_film("film-01", 300.0, np.random.default_rng(seed)) for seed in (0, 1))
    assert one.scenes != other.scenes


def test_every_word_of_the_test_split_is_known_from_training_but_many_phrases_are_not(demo: Path) -> None:
    train = [words_of(row["desc"]) for row in rows_of(demo, "train")]
    test = [words_of(row["desc"]) for row in rows_of(demo, "test")]
    assert {word for words in test for word in words} <= {word for words in train for word in words}
    known = {pair for words in train for pair in itertools.pairwise(words)}
    new = [words for words in test if not known.issuperset(itertools.pairwise(words))]
    assert len(new) > 0.3 * len(test)


def test_our_own_reader_reads_every_split(demo: Path) -> None:
    data = DataSettings(
        annotations=str(demo / "demo_{split}.jsonl"),
        durations=str(demo / "demo_video2dur_idx.json"),
        clip_length=2.0,
    )
    for split, count in NUM_FILMS.items():
        found = read_split(data, split)
        assert len(found.movies) == count
        assert found.has_truth
    assert 1500 <= len(read_split(data, "train").narrations) <= 2500


def test_every_film_has_a_row_per_clip_and_every_query_a_row_per_word(demo: Path) -> None:
    durations = json.loads((demo / "demo_video2dur_idx.json").read_text())
    with h5py.File(demo / "demo_vid.h5") as video, h5py.File(demo / "demo_sub.h5") as subtitles:
        for films in durations.values():
            for film, (seconds, _) in films.items():
                assert len(video[film]) == len(subtitles[film]) == int(np.ceil(seconds / 2))
    with h5py.File(demo / "demo_query_hashed.h5") as words:
        for row in rows_of(demo, "val"):
            assert len(words[str(row["desc_id"])]) == len(words_of(row["desc"]))


def test_subtitles_are_silent_in_places_and_the_picture_never_is() -> None:
    film = write_film("film-01", 300.0, np.random.default_rng(0))
    seen = video_rows(film, np.random.default_rng(1), seed=0)
    said = subtitle_rows(film, np.random.default_rng(1), seed=0)
    assert len(seen) == len(said) == num_clips(film)
    assert (np.linalg.norm(seen, axis=1) > 0).all()
    assert 0.1 < (np.linalg.norm(said, axis=1) == 0).mean() < 0.9


def test_events_of_a_film_follow_each_other_inside_their_scenes() -> None:
    film = write_film("film-01", 300.0, np.random.default_rng(0))
    now = 0.0
    for scene in film.scenes:
        assert scene.start == now
        for event in scene.events:
            assert now <= event.start < event.end <= scene.end
            now = event.end
        now = scene.end
    assert film.duration == now
