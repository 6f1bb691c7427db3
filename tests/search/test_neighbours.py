"""FAISS as a finder of windows: the exact answers, filters, and a file that keeps up with its index."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

pytest.importorskip("faiss", reason="approximate neighbours are the extra `index`")

from method_tng import index_corpus
from method_tng.contract.errors import ConfigError, DataError, MissingExtra
from method_tng.contract.protocols import Code
from method_tng.retrieval.ranking import best_films
from method_tng.search import faiss_index
from method_tng.search.answers import SearchRequest
from method_tng.search.filling import tend_neighbours
from method_tng.search.index import Index
from method_tng.search.opening import open_searcher
from method_tng.search.searcher import Searcher
from tests.benchmarks.generated_index import clips_like_queries, make_index
from tests.benchmarks.neighbours import drawn_queries, relevance_of_all


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of twelve drawn films of a quarter of an hour, with neighbours."""
    place = make_index(tmp_path_factory.mktemp("drawn"), 12, 0.25)
    tend_neighbours(Index.open(place), "", "faiss")
    return place


@pytest.fixture
def folder(drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, in which FAISS is asked however few windows there are."""
    monkeypatch.setattr(faiss_index, "FEW", 0)
    return Path(shutil.copytree(drawn, tmp_path / "index"))


@pytest.mark.parametrize("preset", ["movies", "reloclnet"])
def test_with_all_clusters_the_search_is_exact(
    preset: str, drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faiss_index, "FEW", 0)
    folder = drawn if preset == "movies" else make_index(tmp_path, 3, 0.2, preset)
    tend_neighbours(Index.open(folder), "", "faiss")
    exact, near = (open_searcher(folder, backend=backend) for backend in ("exact", "auto"))
    near.finder.probes, near.finder.fetched = near.finder.vectors.nlist, near.finder.vectors.ntotal
    for text in ("a man opens the door", "snow", "她打开了门"):
        assert near.search(SearchRequest(text)).moments == exact.search(SearchRequest(text)).moments
    assert (exact.health()["backend"], near.health()["backend"]) == ("exact", "faiss")


def test_the_best_films_are_found_by_a_part_of_the_windows(folder: Path) -> None:
    searcher = open_searcher(folder)
    windows, finder = searcher.windows, searcher.finder
    finder.probes, finder.fetched = 24, 800
    allowed, found = torch.ones(len(windows), dtype=torch.bool), []
    for query, scores in _asked(searcher):
        rows = finder.find(query, allowed)
        best = best_films(scores[None], windows.movies, 12)[0].topk(3).indices.tolist()
        assert len(rows) < 0.7 * len(windows) and int(scores.argmax()) in rows
        found.append(len(set(best) & set(windows.movies[rows].tolist())) / 3)
    assert sum(found) / len(found) >= 0.8


def _asked(searcher: Searcher) -> Iterator[tuple[Code, Tensor]]:
    """Queries near drawn clips, and what the model says of all windows."""
    queries = drawn_queries(searcher, 6, 0.5)
    return zip(queries, relevance_of_all(searcher, queries)[0], strict=True)


def test_filters_hold_and_others_are_looked_for_when_one_film_takes_all(folder: Path) -> None:
    searcher = open_searcher(folder)
    windows, finder = searcher.windows, searcher.finder
    query = clips_like_queries(windows.of_film(3)[1], 1, 0.1, seed=0)
    finder.fetched = 5
    allowed = torch.ones(len(windows), dtype=torch.bool)
    found = finder.find(query, allowed)
    assert 3 in windows.movies[found] and len(windows.movies[found].unique()) > 1
    assert found.tolist() == sorted(set(found.tolist()))
    allowed = windows.movies == 7
    assert set(windows.movies[finder.find(query, allowed)].tolist()) == {7}
    moments = searcher.search(SearchRequest("a man", folder="folder-3")).moments
    assert {one.film_id for one in moments} == {"film-00003"}


def test_neighbours_keep_up_with_films_that_go_and_come(folder: Path, tmp_path: Path) -> None:
    index = Index.open(folder)
    first = json.loads((folder / "faiss.json").read_text(encoding="utf-8"))
    stored = index.stored(index.films[5])
    with index.writing():
        index.remove(["film-00005"])
    searcher = open_searcher(folder)
    assert "film-00005" not in {one.film_id for one in searcher.search(SearchRequest("a man")).moments}
    assert json.loads((folder / "faiss.json").read_text(encoding="utf-8")) == first  # passed over
    with index.writing():
        film = {"film_id": "new", "title": "new", "folder": "", "source": "", "duration": 900.0}
        index.put(film | {"playable": False}, {name: value.clone() for name, value in stored.items()})
    assert "lacks films that came in" in faiss_index.faults(index)[0]
    searcher = open_searcher(folder, backend="faiss")  # brings it up to date
    assert not faiss_index.faults(index) and len(list(folder.glob("faiss.*"))) == 2
    place = [film.film_id for film in index.films].index("new")
    query = clips_like_queries(searcher.windows.of_film(place)[1], 1, 0.1, seed=0)
    found = searcher.finder.find(query, torch.ones(len(searcher.windows), dtype=torch.bool))
    assert place in searcher.windows.movies[found]
    before = searcher.finder.record.following
    tend_neighbours(index, "", None, anew=True)
    again = open_searcher(folder).finder.record
    assert again.following == len(searcher.windows) < before


def test_what_is_missing_or_damaged_is_told(
    folder: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (vectors,) = (path for path in folder.glob("faiss.*") if path.suffix != ".json")
    whole = vectors.read_bytes()
    vectors.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"mend it with: index\.sh compact"):
        open_searcher(folder, backend="faiss")
    assert open_searcher(folder).health()["backend"] == "exact"
    assert index_corpus.main(["doctor", str(folder)]) == 1
    assert f"{vectors} is damaged; run compact" in capsys.readouterr().out
    assert index_corpus.main(["compact", str(folder)]) == 0
    assert "FAISS finds windows" in capsys.readouterr().out
    assert open_searcher(folder, backend="faiss").search(SearchRequest("a man")).moments
    monkeypatch.setitem(sys.modules, "faiss", None)
    assert open_searcher(folder).health()["backend"] == "exact"
    with pytest.raises(MissingExtra, match=r"pip install -e '\.\[index\]'"):
        open_searcher(folder, backend="faiss")
    assert index_corpus.main(["compact", str(folder), "--backend", "exact"]) == 0
    assert not list(folder.glob("faiss*"))
    with pytest.raises(ConfigError, match="has no neighbours"):
        open_searcher(folder, backend="faiss")


def test_a_search_goes_on_exactly_while_another_process_writes(folder: Path) -> None:
    index = Index.open(folder)
    with index.writing():
        stored = {name: value.clone() for name, value in index.stored(index.films[0]).items()}
        film = {"film_id": "new", "title": "new", "folder": "", "source": "", "duration": 900.0}
        index.put(film | {"playable": False}, stored)
        searcher = open_searcher(folder)
        assert searcher.health()["backend"] == "exact" and len(searcher.films()) == 13
    assert open_searcher(folder).health()["backend"] == "faiss"
    with index.writing():
        index.remove([film.film_id for film in index.films])
    tend_neighbours(index, "", None)
    assert (
        not list(folder.glob("faiss*")) and not open_searcher(folder).search(SearchRequest("a man")).moments
    )
