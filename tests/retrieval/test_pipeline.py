"""The whole way of a query with a transparent model: codes are numbers, scores can be told by hand."""

from dataclasses import replace

import pytest
import torch

from method_tng.contract.batch import QueryBatch, WindowBatch
from method_tng.contract.items import Window
from method_tng.contract.protocols import Code, Spans
from method_tng.contract.settings import SearchSettings
from method_tng.retrieval.codes import CodeMemory, CorpusCodes, encode_windows, load_codes, save_codes
from method_tng.retrieval.pipeline import Answerer, Corpus, Places, answer
from method_tng.retrieval.preselection import Preselection, shared_windows

MOVIES = torch.tensor([0, 0, 1, 1, 2])
STARTS = torch.tensor([0.0, 10.0, 0.0, 10.0, 0.0], dtype=torch.float64)
LENGTHS = torch.tensor([10.0, 6.0, 10.0, 8.0, 4.0], dtype=torch.float64)
CLIPS = [5, 3, 5, 4, 2]  # of 2 s


class Transparent:
    """A window's code is its row, a query's the row it wants; early spans score best."""

    def encode_windows(self, windows: WindowBatch) -> Code:
        return {"row": windows.seconds[:, 0].clone(), "mask": windows.mask}

    def match(self, queries: Code, windows: Code) -> torch.Tensor:
        return -(queries["wanted"][:, None] - windows["row"][None, :]).abs().float()

    def localize(self, queries: Code, windows: Code, pairs: torch.Tensor) -> Spans:
        num_clips = windows["mask"].shape[1]
        first = torch.arange(num_clips).float()
        times = torch.stack([2 * first, 2 * first + 2], dim=1)[None]  # (1, T, 2)
        scores = (-0.01 * first).expand(len(pairs), -1)
        return Spans(times, {"span": scores.masked_fill(~windows["mask"][pairs[:, 1]], -torch.inf)})


def _read(rows: list[int]) -> WindowBatch:
    clips = torch.tensor([CLIPS[row] for row in rows])
    return WindowBatch(
        ids=[str(row) for row in rows],
        mask=torch.arange(int(clips.max()))[None] < clips[:, None],
        movies=MOVIES[rows],
        seconds=torch.tensor([[row, row + 1] for row in rows], dtype=torch.float64),
        clip_seconds=torch.full((len(rows),), 2.0, dtype=torch.float64),
    )


def _corpus(batch_size: int) -> Corpus:
    codes = encode_windows(Transparent().encode_windows, _read, CLIPS, batch_size, "cpu")
    return Corpus(codes, list("abcde"), ["film0", "film1", "film2"], MOVIES, STARTS, LENGTHS)


def places(own: list[int]) -> Places:
    """The own windows, and their films."""
    rows = torch.tensor(own)
    return Places(rows, torch.where(rows < 0, -1, MOVIES[rows]))


def _answers(
    corpus: Corpus,
    search: SearchSettings,
    wanted: list[float],
    own: list[int] | Places,
    chosen: Preselection | None = None,
    matcher: Transparent | None = Transparent(),  # noqa: B008
) -> dict:
    answerer = Answerer(
        matcher,
        Transparent(),
        lambda match, spans, _: match[..., None] + spans["span"],
        lambda score, _: score,
        None,
        search,
        chosen,
    )
    blocks = [
        (torch.tensor([index]), {"wanted": torch.tensor([value])}) for index, value in enumerate(wanted)
    ]
    known = own if isinstance(own, Places) else places(own)
    return answer(answerer, corpus, blocks, [f"q{index}" for index in range(len(wanted))], known)


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_each_task_by_hand_however_the_corpus_is_grouped(batch_size: int) -> None:
    search = SearchSettings(max_vcmr_video=2, max_before_nms=50)
    found = _answers(_corpus(batch_size), search, wanted=[3.1, 0.2], own=[3, 1])
    first = {key: next(iter(table.rankings())).moments for key, table in found.items()}
    assert [moment.movie_id for moment in first["windows", "VR"]] == ["d", "e"]
    assert [moment.movie_id for moment in first["films", "VR"]] == ["film1", "film2"]
    best = first["windows", "VCMR"][0]
    assert (best.movie_id, best.start, best.end) == ("d", 0.0, 2.0)
    assert {moment.movie_id for moment in first["windows", "VCMR"]} == {"d", "e"}
    assert [moment.start for moment in first["windows", "SVMR"]] == [0.0, 2.0, 4.0, 6.0]
    assert (first["films", "VCMR"][0].movie_id, first["films", "VCMR"][0].start) == ("film1", 10.0)
    assert {moment.movie_id for moment in first["films", "TNG"]} == {"film1"}
    second = list(found["windows", "SVMR"].rankings())[1]
    assert second.query_id == "q1"
    assert [moment.end for moment in second.moments] == [2.0, 4.0, 6.0]


def test_more_windows_can_be_listed_than_are_opened() -> None:
    search = SearchSettings(max_vcmr_video=2, max_vr=4)
    found = _answers(_corpus(5), search, wanted=[3.1], own=[3])
    first = {key: next(iter(table.rankings())).moments for key, table in found.items()}
    assert [moment.movie_id for moment in first["windows", "VR"]] == list("decb")
    assert [moment.movie_id for moment in first["films", "VR"]] == ["film1", "film2", "film0"]
    assert {moment.movie_id for moment in first["windows", "VCMR"]} == {"d", "e"}


def test_fewer_windows_than_top_k_work() -> None:
    found = _answers(_corpus(5), SearchSettings(max_vcmr_video=100), wanted=[1.0], own=[1])
    assert len(next(iter(found["windows", "VR"].rankings())).moments) == 5


def test_a_query_without_known_place_gets_no_moments_where_the_place_is_given() -> None:
    found = _answers(_corpus(5), SearchSettings(), wanted=[1.0, 2.0], own=[-1, 2])
    assert [len(ranking.moments) for ranking in found["windows", "SVMR"].rankings()] == [0, 5]
    assert next(iter(found["films", "TNG"].rankings())).moments == ()


def test_the_film_alone_is_enough_for_moments_inside_it() -> None:
    film_alone = Places(torch.tensor([-1]), torch.tensor([1]))
    search = SearchSettings(tasks=("TNG", "SVMR"))
    found = _answers(_corpus(2), search, wanted=[0.0], own=film_alone)
    rows = next(iter(found["films", "TNG"].rankings())).moments
    whole = _answers(_corpus(2), SearchSettings(), wanted=[0.0], own=[2])
    assert rows == next(iter(whole["films", "TNG"].rankings())).moments
    assert next(iter(found["windows", "SVMR"].rankings())).moments == ()


class Contrary(Transparent):
    """Holds the window that is farthest for the best."""

    def match(self, queries: Code, windows: Code) -> torch.Tensor:
        return -super().match(queries, windows)

    def encode_queries(self, queries: QueryBatch) -> Code:
        return {"wanted": queries.words[:, 0, 0]}


def _choice(keep: int, wanted: list[float], shared: torch.Tensor | None = None) -> Preselection:
    def read(rows: list[int]) -> QueryBatch:
        words = torch.tensor(wanted)[rows].view(-1, 1, 1)
        return QueryBatch([str(row) for row in rows], words, torch.ones(len(rows), 1, dtype=torch.bool))

    same = torch.arange(5)[:, None].expand(-1, 2)
    return Preselection(Contrary(), _corpus(2).codes, read, MOVIES, same if shared is None else shared, keep)


def test_another_system_that_chooses_everything_changes_nothing() -> None:
    wanted, own = [3.1, 0.2], [3, 1]
    alone = _answers(_corpus(2), SearchSettings(), wanted, own)
    chosen = _answers(_corpus(2), SearchSettings(), wanted, own, _choice(5, wanted))
    for key, table in alone.items():
        assert list(table.rankings()) == list(chosen[key].rankings()), key


def test_another_system_chooses_and_ours_ranks_what_was_chosen() -> None:
    found = _answers(_corpus(2), SearchSettings(), [0.2], [1], _choice(2, [0.2]))
    first = {key: next(iter(table.rankings())).moments for key, table in found.items()}
    assert [moment.movie_id for moment in first["windows", "VR"]] == ["d", "e"]  # 4 and 3 are farthest
    assert {moment.movie_id for moment in first["windows", "VCMR"]} == {"d", "e"}
    assert {moment.movie_id for moment in first["films", "TNG"]} == {"film0"}  # chosen inside the film
    assert [moment.start for moment in first["windows", "SVMR"]] == [0.0, 2.0, 4.0]


def test_a_system_without_a_matcher_takes_the_other_ones_relevance() -> None:
    found = _answers(_corpus(2), SearchSettings(), [0.2], [1], _choice(2, [0.2]), matcher=None)
    rows = next(iter(found["windows", "VR"].rankings())).moments
    assert [(moment.movie_id, moment.score) for moment in rows] == [
        ("e", pytest.approx(3.8)),
        ("d", pytest.approx(2.8)),
    ]


def test_windows_that_share_time_with_a_chosen_one_are_opened() -> None:
    theirs = [Window("x", "film0", 0, 16), Window("y", "film1", 0, 9), Window("z", "film1", 9, 18)]
    ours = [
        Window("abcde"[row], f"film{MOVIES[row]}", float(STARTS[row]), float(STARTS[row] + LENGTHS[row]))
        for row in range(4)
    ]
    assert shared_windows(theirs, ours).tolist() == [[0, 0], [0, 1], [1, 2], [2, 2], [2, 3]]
    assert shared_windows(ours, ours).tolist() == [[0, 0], [1, 1], [2, 2], [3, 3]]
    shared = torch.tensor([[4, 0], [4, 1], [3, 2], [0, 2]])
    chosen = _choice(2, [0.2], shared).chosen(torch.tensor([[1.0, 2.0, 3.0, 5.0, 4.0]]), None, 5)
    assert chosen.tolist() == [[4.0, 4.0, 5.0, -torch.inf, -torch.inf]]


def test_only_the_tasks_that_were_asked_for_are_answered() -> None:
    found = _answers(_corpus(5), replace(SearchSettings(), tasks=("VR",)), wanted=[1.0], own=[1])
    assert set(found) == {("windows", "VR"), ("films", "VR")}


@pytest.mark.parametrize("num_bytes", [0, 45, 10**6])
def test_codes_that_do_not_fit_are_made_again_and_answers_stay(num_bytes: int) -> None:
    made: list[list[int]] = []

    def read(rows: list[int]) -> WindowBatch:
        made.append(rows)
        return _read(rows)

    whole = _corpus(2)
    codes = encode_windows(Transparent().encode_windows, read, CLIPS, 2, "cpu", num_bytes)
    assert codes.kept == (num_bytes == 10**6)
    before = len(made)
    wanted, own = [3.1, 0.2, 2.0], [3, 1, 0]
    found = _answers(replace(whole, codes=codes), SearchSettings(), wanted, own)
    for key, table in _answers(whole, SearchSettings(), wanted, own).items():
        assert list(found[key].rankings()) == list(table.rankings()), key
    assert (len(made) == before) == codes.kept


def test_the_memory_for_codes_holds_what_was_used_last() -> None:
    memory = CodeMemory(100)
    for number in range(3):
        assert memory.has_room_for_another() == (number < 2)
        memory.put(number, {"rows": torch.zeros(10)})  # 40 bytes
        memory.get(0)
    assert [memory.get(number) is not None for number in range(3)] == [True, False, True]
    memory.put(3, {"rows": torch.zeros(1000)})  # alone too large, still what is worked with
    assert [memory.get(number) is not None for number in range(4)] == [False, False, False, True]


def test_stored_codes_come_back_equal_and_only_for_their_own_identity(tmp_path) -> None:
    codes: CorpusCodes = _corpus(2).codes
    save_codes(tmp_path / "val.safetensors", codes, "mine")
    assert load_codes(tmp_path / "val.safetensors", "another", "cpu") is None
    stored = load_codes(tmp_path / "val.safetensors", "mine", "cpu")
    assert torch.equal(stored.group_of, codes.group_of)
    for one, other in zip(stored.groups, codes.groups, strict=True):
        assert all(torch.equal(one.code[name], other.code[name]) for name in other.code)
