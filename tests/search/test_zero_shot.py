"""A library of an image-text model is searched without training; others are told that they cannot be."""

import json
from pathlib import Path

import h5py
import msgspec
import numpy as np
import pytest

from method_tng import index_corpus, prepare, train
from method_tng.encoders.images import SentenceEncoder
from method_tng.extraction.library import Film, Library, write_record
from method_tng.search.answers import SearchRequest
from method_tng.search.opening import open_searcher
from tests.encoders.test_images import save_tiny

SENTENCES = ("a man", "snow", "a man a man snow")
ROWS = 90  # of 2 s each


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random CLIP."""
    return save_tiny(tmp_path_factory.mktemp("model"), "clip")


def _library(folder: Path, images: dict, rows: dict[str, np.ndarray]) -> Path:
    """A library as extraction leaves it, with these frames."""
    facts = {"format": 1, "images": images, "words": {}, "rate": 1, "clip_length": 2.0, "thumbnail_every": 10}
    write_record(folder / "library.json", facts)
    (folder / "features").mkdir(exist_ok=True)
    for film_id, frames in rows.items():
        with h5py.File(folder / "features" / f"{film_id}.h5", "w") as file:
            file[film_id] = frames.astype(np.float32)
        known = dict.fromkeys(("folder", "source_hash", "container", "video_codec", "audio_codec"), "")
        known |= {"duration": 2.0 * len(frames), "told_duration": 0.0, "playable": False, "faststart": False}
        known |= dict.fromkeys(("source_size", "source_changed", "width", "height", "rotation"), 0)
        known |= dict.fromkeys(("frames", "used", "faults"), 0) | {"source_hash": str(frames.sum())}
        film = Film(
            film_id=film_id, title=film_id, source=film_id, subtitle_tracks=(), remarks=(), made={}, **known
        )
        write_record(folder / "films" / f"{film_id}.json", film)
    return folder


@pytest.fixture
def library(tmp_path: Path, model: Path) -> Path:
    """Three films; the second one shows what a sentence says from 60 to 80 s, on a ground of noise."""
    encoder, draw = SentenceEncoder(model), np.random.default_rng(0)
    vectors = encoder.encode(SENTENCES)
    films = {}
    for film, vector in enumerate(vectors):
        frames = 0.2 * draw.standard_normal((ROWS, vector.shape[1]))
        frames[30:40] += vector
        films[f"film-{film}"] = frames
    described = encoder.describe()
    images = {"kind": "transformers", "folder": str(model), "weights": described["sha256"]}
    return _library(tmp_path / "library", images | {"width": vectors[0].shape[1]}, films)


def test_films_are_found_by_sentences_that_nothing_was_trained_on(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    index = tmp_path / "index"
    assert index_corpus.main(["add", str(index), "--zero_shot", "--library", str(library)]) == 0
    assert "3 films in" in capsys.readouterr().out
    moved = tmp_path / "moved"
    index.rename(moved)  # its run lies inside
    searcher = open_searcher(moved)
    for film, sentence in enumerate(SENTENCES):
        best = searcher.search(SearchRequest(sentence)).moments[0]
        assert best.film_id == f"film-{film}" and set(best.stream_scores) == {"video"}
        assert 56 <= best.start < best.end <= 84 and best.end - best.start >= 10  # of 60 to 80
        assert 0.5 < best.score <= 1.01  # a cosine
        curve = searcher.curve(sentence, best.film_id)
        assert 60 <= curve.seconds[int(np.argmax(curve.relevance))] < 80
    before = (moved / "index.json").stat().st_mtime_ns
    assert index_corpus.main(["add", str(moved)]) == 0  # all are there
    assert (moved / "index.json").stat().st_mtime_ns == before
    film = Library.open(library).film("film-1")
    write_record(library / "films/film-1.json", msgspec.structs.replace(film, source="/moved.mp4", begin=3.0))
    assert index_corpus.main(["add", str(moved)]) == 0  # what is known of a film is kept up to date
    entry = open_searcher(moved).film("film-1")
    assert (entry.source, entry.begin, entry.duration) == ("/moved.mp4", 3.0, 2.0 * ROWS)
    assert index_corpus.main(["replace", str(moved), "film-1"]) == 0
    assert (moved / "index.json").stat().st_mtime_ns > before
    assert index_corpus.main(["replace", str(moved), "film-9"]) == 2
    assert "holds no film 'film-9'" in capsys.readouterr().err


def test_a_library_that_moved_is_asked_for(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    index = tmp_path / "index"
    assert index_corpus.main(["add", str(index), "--zero_shot", "--library", str(library)]) == 0
    moved = library.rename(tmp_path / "elsewhere")
    capsys.readouterr()
    assert index_corpus.main(["search", str(index), "snow"]) == 2
    told = capsys.readouterr().err
    assert f"{library} of {index} is not there; tell where it is now with: index.sh add {index}" in told
    assert index_corpus.main(["add", str(index), "--library", str(moved)]) == 0
    assert index_corpus.main(["search", str(index), "snow", "--top", "0"]) == 2
    assert "0 moments cannot be listed" in capsys.readouterr().err
    assert index_corpus.main(["search", str(index), "snow", "--top", "1"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_descriptors_know_no_sentences(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    images = {"kind": "descriptors", "width": 264, "version": 1}
    folder = _library(tmp_path / "library", images, {"film": np.ones((20, 264))})
    index = tmp_path / "index"
    assert index_corpus.main(["add", str(index), "--zero_shot", "--library", str(folder)]) == 2
    told = capsys.readouterr().err
    assert "extracted with descriptors, which knows no sentences" in told and told.count("\n") == 1
    assert not index.exists()


def test_another_image_text_model_is_told(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    index = tmp_path / "index"
    assert index_corpus.main(["add", str(index), "--zero_shot", "--library", str(library)]) == 0
    facts = json.loads((library / "library.json").read_text(encoding="utf-8"))
    facts["images"]["weights"] = "others"
    write_record(library / "library.json", facts)
    assert index_corpus.main(["add", str(index), "--library", str(library)]) == 2
    assert "expected one image-text model" in capsys.readouterr().err


def test_it_is_a_system_like_others_under_the_evaluator(
    library: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    lines = [
        {"text": sentence, "movie_id": f"film-{film}", "start": 60.0, "end": 80.0}
        for film, sentence in enumerate(SENTENCES)
    ]
    for split in ("train", "val"):
        (tmp_path / f"{split}.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    layout = tmp_path / "films.yaml"
    layout.write_text(
        f"preset: films\ndata:\n  format: narrations\n  annotations: {tmp_path}/{{split}}.jsonl\n"
        f"  video_features: {library}/features\n  query_features: {tmp_path}/query.h5\n  ctx_mode: video\n"
    )
    encode = ["text", str(layout), "--encoder", "sentences", "--source", str(model)]
    assert prepare.main([*encode, "--system", "clip_zeroshot", "--out", str(tmp_path / "query.h5")]) == 0
    words = [str(layout), "--system", "clip_zeroshot", "--results_root", str(tmp_path / "runs")]
    assert train.main([*words, "--device", "cpu"]) == 0, capsys.readouterr().err
    (run,) = (tmp_path / "runs").iterdir()
    metrics = json.loads((run / "val_metrics.json").read_text())["metrics"]["films"]
    assert metrics["VCMR"]["R@1,IoU=0.5"] == metrics["VR"]["R@1"] == 1
