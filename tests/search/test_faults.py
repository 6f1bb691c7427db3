"""Kills, full disks, second writers and damaged files leave an index whole, and are told in a sentence."""

import json
import multiprocessing
import random
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from method_tng import index_corpus
from method_tng.contract.errors import DataError
from method_tng.runs.folder import RunFolder
from method_tng.search import faiss_index
from method_tng.search.answers import SearchRequest
from method_tng.search.filling import add_split
from method_tng.search.index import Index
from method_tng.search.opening import open_searcher
from tests.search.trained import train_tiny

KILLS = 20  # of each verb
SENTENCE = SearchRequest("a man opens the door")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A trained run of the published network."""
    return train_tiny(tmp_path_factory.mktemp("trained"), "clips")


@pytest.fixture
def folder(run: RunFolder, tmp_path: Path) -> Path:
    """An index of two films."""
    return add_split(tmp_path / "index", run, "val").folder


@contextmanager
def most_bytes(limit: int) -> Iterator[None]:
    """No file of this process grows beyond a size, as with `ulimit -f`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("limit", [0, 100, 2000])
def test_a_full_disk_is_told_and_leaves_the_index_as_it_was(
    limit: int, run: RunFolder, folder: Path, capsys: pytest.CaptureFixture
) -> None:
    before = Index.open(folder).manifest
    with most_bytes(limit):
        assert index_corpus.main(["add", str(folder), "--run", str(run.path), "--split", "train"]) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith(f"error: {folder}") and "File too large" in told
    assert Index.open(folder).manifest == before and not Index.open(folder).faults()
    assert not [path.name for path in folder.rglob("*.part")]
    assert index_corpus.main(["add", str(folder), "--run", str(run.path), "--split", "train"]) == 0
    assert len(Index.open(folder).films) == 6


def test_neighbours_on_a_full_disk_are_told_and_the_search_goes_on(
    folder: Path, capsys: pytest.CaptureFixture
) -> None:
    pytest.importorskip("faiss", reason="approximate neighbours are the extra `index`")
    with most_bytes(3000):
        assert index_corpus.main(["compact", str(folder), "--backend", "faiss"]) == 2
    assert "cannot be written" in capsys.readouterr().err
    assert not list(folder.glob("*faiss*")) and open_searcher(folder).search(SENTENCE).moments


def test_a_second_writer_is_refused_with_a_sentence(
    run: RunFolder, folder: Path, capsys: pytest.CaptureFixture
) -> None:
    (film, *_) = Index.open(folder).films
    add = ["add", str(folder), "--run", str(run.path), "--split", "val"]
    with Index.open(folder).writing():
        for words in (add, ["remove", str(folder), film.film_id], ["compact", str(folder)]):
            assert index_corpus.main(words) == 2
            told = capsys.readouterr().err.splitlines()[-1]
            assert "is being written by another process" in told
        assert open_searcher(folder).search(SENTENCE).moments  # readers are welcome
    assert index_corpus.main(add) == 0


def test_a_film_whose_file_was_cut_off_is_told_by_opening_and_by_the_doctor(
    folder: Path, capsys: pytest.CaptureFixture
) -> None:
    film = Index.open(folder).films[1]
    path = folder / "films" / film.file
    whole = path.read_bytes()
    for kept in (0, 5, 300, len(whole) - 1):
        path.write_bytes(whole[:kept])
        with pytest.raises(DataError, match=r"cannot be read .*add the film again"):
            open_searcher(folder)
        assert index_corpus.main(["doctor", str(folder)]) == 1
        assert f"({film.film_id}) is damaged; add the film again" in capsys.readouterr().out
    path.unlink()
    assert index_corpus.main(["search", str(folder), "a man"]) == 2
    assert "add the film again" in capsys.readouterr().err
    assert index_corpus.main(["replace", str(folder), film.film_id, "--split", "val"]) == 0
    assert index_corpus.main(["doctor", str(folder)]) == 0
    assert path.read_bytes() == whole


def test_manifests_that_are_damaged_or_of_another_version_are_told(
    folder: Path, capsys: pytest.CaptureFixture
) -> None:
    path = folder / "index.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    for text, told in (
        ("", "cannot be read as an index"),
        ("[]", "cannot be read as an index"),
        (json.dumps(record)[:-40], "cannot be read as an index"),
        (json.dumps({"format": 2}), "cannot be read as an index"),
        (json.dumps(record | {"format": 1}), "has format 1; expected 2"),
        (json.dumps(record | {"films": [{"film_id": "x"}]}), "cannot be read as an index"),
    ):
        path.write_text(text, encoding="utf-8")
        for verb in (["search", str(folder), "x"], ["status", str(folder)], ["remove", str(folder), "x"]):
            assert index_corpus.main(verb) == 2
            lines = capsys.readouterr().err.splitlines()
            assert told in lines[-1] and len(lines) == 1


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["index", "add", "compact"])
def test_kills_at_random_moments_leave_a_whole_index(verb: str, run: RunFolder, tmp_path: Path) -> None:
    pytest.importorskip("faiss", reason="approximate neighbours are the extra `index`")
    folder, draw = tmp_path / "index", random.Random(verb)
    words = ["add", str(folder), "--run", str(run.path), "--split", "train", "--backend", "faiss"]
    if verb != "index":
        add_split(folder, run, "val")
    if verb == "compact":
        words = ["compact", str(folder), "--backend", "faiss"]
    usual = max(_spawned(words, None) for _ in range(2))
    cut_short = 0
    for _ in range(KILLS):
        if verb == "index":
            folder.rename(tmp_path / f"old-{time.monotonic_ns()}")
        elif verb == "add":
            index = Index.open(folder)
            with index.writing():
                index.remove([film.film_id for film in index.films if film.film_id.startswith("train")])
        cut_short += _spawned(words, draw.uniform(0, usual)) < 0
        if not (folder / "index.json").is_file():  # killed before there was any
            folder.mkdir(exist_ok=True)
            continue
        index = Index.open(folder)
        assert not index.faults()
        assert all("lacks films" in fault for fault in faiss_index.faults(index))  # never damaged
        if index.films:
            assert open_searcher(folder).search(SENTENCE).moments
    assert cut_short >= KILLS / 2
    assert index_corpus.main(words) == 0 and index_corpus.main(["compact", str(folder)]) == 0
    assert not Index.open(folder).faults() and not faiss_index.faults(Index.open(folder))
    assert not [path.name for path in folder.rglob("*.part")]


def _spawned(words: list[str], kill_after: float | None) -> float:
    """Runs the command in a process of its own; its seconds, or -1 when it was killed on the way."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["method_tng.search.filling", "method_tng.index_corpus", "faiss"])
    process = context.Process(target=index_corpus.main, args=(words,))
    process.start()
    began = time.monotonic()
    process.join(kill_after)
    if process.is_alive():
        process.kill()
        process.join()
        return -1
    assert process.exitcode == 0
    return time.monotonic() - began
