"""An index over the tiny corpus: the same answers as a split gets, filters, whole states only."""

import itertools
import json
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from method_tng import index_corpus
from method_tng.contract.errors import ConfigError, DataError
from method_tng.contract.settings import DataSettings
from method_tng.dataset.feature_store import write_features
from method_tng.retrieval.pipeline import Places, answer
from method_tng.runs.folder import RunFolder
from method_tng.runs.systems import recipe_of
from method_tng.search import opening
from method_tng.search.answers import SearchRequest, clock
from method_tng.search.encoding import FilmWindows
from method_tng.search.filling import add_split, tend_neighbours
from method_tng.search.index import Index, Model
from method_tng.search.opening import open_searcher
from method_tng.search.searcher import DISTINCT
from method_tng.training.results import answer_run
from tests.search.trained import SCORERS, train_tiny


@pytest.fixture(scope="module", params=list(SCORERS))
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run that was trained on hashed words."""
    return train_tiny(tmp_path_factory.mktemp(request.param), request.param)


def _lines(data: DataSettings, split: str) -> list[dict]:
    path = Path(data.annotations.replace("{split}", split))
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_typed_sentences_get_the_answers_of_the_split(run: RunFolder, tmp_path: Path) -> None:
    answer_run(run, run.settings, "val", torch.device("cpu"))
    told = json.loads((run.path / "val_films.json").read_text(encoding="utf-8"))
    names = {number: name for name, number in told["video2idx"].items()}
    searcher = open_searcher(add_split(tmp_path / "index", run, "val").folder)
    for line, entry in list(zip(_lines(run.settings.data, "val"), told["VCMR"], strict=True))[:6]:
        found = searcher.search(SearchRequest(line["desc"])).moments
        film, start, _, score = entry["predictions"][0]
        assert found[0].score == pytest.approx(score, rel=2e-2, abs=2e-2)  # halves on the disk
        same = [one for one in found if (one.film_id, round(one.start)) == (names[film], round(start))]
        assert same[0].score == pytest.approx(score, rel=2e-2, abs=2e-2)
        assert found[0].band == "high" and set(found[0].stream_scores) == {"video", "sub"}


def test_an_exact_search_is_the_plain_pipeline_over_what_is_stored(run: RunFolder, tmp_path: Path) -> None:
    searcher = open_searcher(add_split(tmp_path / "index", run, "val").folder)
    windows = searcher.windows
    plain = windows.corpus(torch.arange(len(windows)))
    search = replace(searcher.answerer.search, tasks=("VCMR",), film_nms_thd=DISTINCT)
    for line in _lines(run.settings.data, "val")[:6]:
        query = searcher.model.encode_queries(searcher.asker.batch(line["desc"]))
        nowhere = Places(torch.tensor([-1]), torch.tensor([-1]))
        tables = answer(
            replace(searcher.answerer, search=search), plain, [(torch.arange(1), query)], ["x"], nowhere
        )
        (ranking,) = tables["films", "VCMR"].rankings()
        found = searcher.search(SearchRequest(line["desc"], top=1000)).moments
        assert [(one.film_id, one.start) for one in found] == [
            (one.movie_id, one.start) for one in ranking.moments
        ]
        assert [one.score for one in found] == pytest.approx([one.score for one in ranking.moments], rel=1e-4)


def test_filters_groups_threshold_and_pages(run: RunFolder, tmp_path: Path) -> None:
    searcher = open_searcher(add_split(tmp_path / "index", run, "val").folder)
    text = _lines(run.settings.data, "val")[0]["desc"]
    whole = searcher.search(SearchRequest(text, top=1000))
    assert whole.total == len(whole.moments) > 4
    assert list(whole.moments) == sorted(whole.moments, key=lambda one: -one.score)
    page = searcher.search(SearchRequest(text, top=2, offset=2))
    assert page.moments == whole.moments[2:4] and page.total == whole.total
    grouped = searcher.search(SearchRequest(text, group_by_film=True)).moments
    assert len({one.film_id for one in grouped}) == len(grouped) == 2
    last = searcher.films()[-1]
    only = searcher.search(SearchRequest(text, films=(last.film_id,))).moments
    assert {one.film_id for one in only} == {last.film_id}
    assert not searcher.search(SearchRequest(text, min_duration=1e6)).moments
    assert searcher.search(SearchRequest(text, folder="elsewhere")).total == 0
    middle = whole.moments[2].score
    assert searcher.search(SearchRequest(text, threshold=middle)).total == 3
    curve = searcher.curve(text, last.film_id)
    assert len(curve.seconds) == len(curve.relevance) and curve.seconds == sorted(curve.seconds)
    assert all(-1.01 <= value <= 1.01 for value in curve.relevance)
    with pytest.raises(DataError, match="holds no film 'nobody'"):
        searcher.search(SearchRequest(text, films=("nobody",)))
    for blank in ("", "  ", "?!", "\x00\x01", "。"):
        with pytest.raises(ConfigError, match="nothing was typed that is a word"):
            searcher.search(SearchRequest(blank))


def test_films_come_go_and_are_swept_away(run: RunFolder, tmp_path: Path) -> None:
    folder = tmp_path / "index"
    first = add_split(folder, run, "val")
    names = [film.film_id for film in first.films]
    with first.writing():
        first.remove(names[:1])
    assert [film.film_id for film in Index.open(folder).films] == names[1:]
    with first.writing(), pytest.raises(DataError, match="holds no film"):
        first.remove(["nobody"])
    with first.writing():
        assert first.compact() > 0
    add_split(folder, run, "val", names[:1])
    again = Index.open(folder)
    assert [film.film_id for film in again.films] == names and not again.faults()
    (folder / "films" / again.films[0].file).write_bytes(b"damage")
    assert "is damaged" in again.faults()[0]
    with pytest.raises(DataError, match="cannot be read"):
        open_searcher(folder)


def test_other_models_other_versions_and_a_second_writer_are_refused(run: RunFolder, tmp_path: Path) -> None:
    folder = tmp_path / "index"
    index = add_split(folder, run, "val")
    with pytest.raises(ConfigError, match="expected one model"):
        Index.create(folder, Model(run="other", weights="other", data={}))
    other = Index.open(folder)
    with index.writing(), pytest.raises(ConfigError, match="written by another process"), other.writing():
        pass
    path = folder / "index.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(record | {"format": 99}), encoding="utf-8")
    with pytest.raises(DataError, match="format 99; expected 2"):
        Index.open(folder)
    path.write_text(json.dumps(record | {"model": record["model"] | {"weights": "gone"}}), encoding="utf-8")
    with pytest.raises(ConfigError, match="build the index again"):
        open_searcher(folder)


def test_a_run_with_imported_queries_takes_no_typed_text(run: RunFolder, tmp_path: Path) -> None:
    folder = add_split(tmp_path / "index", run, "val").folder
    searcher = open_searcher(folder)
    searcher.asker = type(searcher.asker)(None, searcher.asker.vocabulary, searcher.asker.data)
    with pytest.raises(ConfigError, match="were made elsewhere"):
        searcher.search(SearchRequest("a man"))


def test_a_system_without_vectors_is_searched_too(tmp_path: Path) -> None:
    small = {"dim_feedforward": 16, "enc_layers": 1, "dec_layers": 1, "n_heads": 2, "n_epoch": 1}
    run = train_tiny(tmp_path, "clips", system="rgnet", **small)
    searcher = open_searcher(add_split(tmp_path / "index", run, "val").folder)
    found = searcher.search(SearchRequest("a man opens the door", top=5))
    assert len(found.moments) == 5 and found.moments[0].stream_scores == {}
    curve = searcher.curve("a man opens the door", "val-0")
    assert curve.seconds == [0.0, 40.0, 80.0] and len(curve.relevance) == 3
    with pytest.raises(ConfigError, match="gives no vectors"):
        tend_neighbours(searcher.index, "", "faiss")


def test_a_run_that_finds_with_one_model_and_localizes_with_another_is_refused(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(recipe_of("reloclnet"), assemble=lambda models: (models["find"], torch.nn.Identity()))
    monkeypatch.setattr(opening, "recipe_of", lambda system: recipe)
    with pytest.raises(ConfigError, match="does not find and localize with one model"):
        add_split(tmp_path / "index", run, "val")
    assert not (tmp_path / "index").exists()


def test_features_of_another_width_are_told_before_an_index_is_made(run: RunFolder, tmp_path: Path) -> None:
    narrow = tmp_path / "narrow.h5"
    write_features(narrow, [(name, np.ones((60, 5), np.float32)) for name in ("val-0", "val-1")])
    other = replace(run.settings, data=replace(run.settings.data, video_features=str(narrow)))
    with pytest.raises(DataError, match=r"narrow\.h5 has rows of 5 values, .* was trained on rows of 12"):
        add_split(tmp_path / "index", RunFolder(run.path, other), "val")
    assert not (tmp_path / "index").exists()


def test_a_run_or_a_library_that_was_moved_is_told(run: RunFolder, tmp_path: Path) -> None:
    index = add_split(tmp_path / "index", run, "val")
    model = index.manifest.model
    Index.create(tmp_path / "one", msgspec.structs.replace(model, run=str(tmp_path / "gone")))
    with pytest.raises(ConfigError, match=r"gone, which is not there; .* index\.sh add .*one --run RUN"):
        open_searcher(tmp_path / "one")
    Index.create(tmp_path / "two", msgspec.structs.replace(model, library=str(tmp_path / "gone")))
    with pytest.raises(ConfigError, match=r"library .*gone of .* is not there; .* index\.sh add .*two --lib"):
        open_searcher(tmp_path / "two")


def test_the_list_names_no_place_twice(run: RunFolder, tmp_path: Path) -> None:
    searcher = open_searcher(add_split(tmp_path / "index", run, "val").folder)
    found = searcher.search(SearchRequest("a man opens the door", top=1000)).moments
    assert len(found) > 5
    for one, other in itertools.combinations(found, 2):
        shared = min(one.end, other.end) - max(one.start, other.start)
        whole = max(one.end, other.end) - min(one.start, other.start)
        assert one.film_id != other.film_id or shared <= DISTINCT * whole + 1e-6


def test_the_command_adds_searches_and_tells(
    run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    folder = str(tmp_path / "index")
    assert index_corpus.main(["add", folder, "--run", str(run.path), "--split", "val"]) == 0
    assert "2 films in" in capsys.readouterr().out
    assert index_corpus.main(["search", folder, "a man opens the door", "--top", "3"]) == 0
    listed = capsys.readouterr().out
    assert len(listed.splitlines()) == 3
    assert index_corpus.main(["search", folder, "a", "man", "opens", "the", "door", "--top", "3"]) == 0
    assert capsys.readouterr().out == listed
    assert index_corpus.main(["doctor", folder]) == 0
    assert "all files are whole" in capsys.readouterr().out
    assert index_corpus.main(["status", folder]) == 0
    status = capsys.readouterr().out.splitlines()
    assert "2 films of 0.1 hours, 6 windows" in status[0] and status[1].startswith("val-0  0:01:50")
    assert index_corpus.main(["remove", folder, "val0"]) == 2
    assert "holds no film 'val0' (2 films); did you mean 'val-" in capsys.readouterr().err
    assert index_corpus.main(["add", folder, "--run", str(run.path)]) == 2
    assert "give either --library or --split" in capsys.readouterr().err
    assert index_corpus.main(["search", str(tmp_path), "x"]) == 2
    assert f"{tmp_path} holds no index; make one with" in capsys.readouterr().err
    assert clock(3909.9) == "1:05:09"


def test_a_run_that_sees_places_alone_cannot_search_films(tiny: DataSettings) -> None:
    with pytest.raises(ConfigError, match="ctx_mode is 'tef', which sees nothing of a film"):
        FilmWindows(replace(tiny, ctx_mode="tef"))
