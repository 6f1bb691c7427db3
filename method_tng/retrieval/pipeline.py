"""The whole way for the queries of a split: rank, open, localize, join, suppress.

Tasks.  In window terms (the TVR convention; a place is a window, times are seconds inside it):

    VR    windows by relevance                 SVMR  moments inside the query's own window
    VCMR  moments of the best windows

In film terms (a place is a film, times are film seconds; moments of overlapping windows are merged):

    VR    films by their best window           TNG   moments inside the query's own film
    VCMR  the best windows' moments in film time
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from method_tng.contract.items import RankingTable
from method_tng.contract.protocols import Code, Localizer, Matcher
from method_tng.contract.recipe import Fusion
from method_tng.contract.settings import SearchSettings
from method_tng.retrieval.codes import CorpusCodes
from method_tng.retrieval.moments import MomentBlock, best_moments, in_film_time, top, without_overlaps
from method_tng.retrieval.preselection import Preselection
from method_tng.retrieval.ranking import best_films, localize_corpus, match_chosen, match_corpus

SCOPES = ("windows", "films")


@dataclass(frozen=True)
class Answerer:
    """What turns an encoded query into moments: models, how scores are joined, and the search settings."""

    matcher: Matcher | None  # None: windows are as relevant as the preselection says
    localizer: Localizer | None  # None: nothing is opened, only VR is answered
    fusion: Fusion
    reported: Callable[[Tensor, Any], Tensor]
    settings: Any  # the system's own
    search: SearchSettings
    preselection: Preselection | None = None


@dataclass(frozen=True)
class Corpus:
    """What is searched: M windows of F films.

    Attributes:
        codes: the encoded windows.
        window_ids, movie_ids: their names.
        window_movies: (M,) int64.
        window_starts, window_lengths: (M,) float64 seconds.
    """

    codes: CorpusCodes
    window_ids: Sequence[str]
    movie_ids: Sequence[str]
    window_movies: Tensor
    window_starts: Tensor
    window_lengths: Tensor


@dataclass(frozen=True)
class Places:
    """Where queries happen, as far as that is known; -1 = unknown.

    Attributes:
        windows: (N,) int64, rows of the corpus: a query without gets no SVMR.
        films: (N,) int64: a query without gets no TNG.
    """

    windows: Tensor
    films: Tensor


Key = tuple[str, str]
"""(scope, task)."""


@torch.inference_mode()
def answer(
    answerer: Answerer,
    corpus: Corpus,
    queries: Iterable[tuple[Tensor, Code]],
    query_ids: Sequence[str],
    own: Places,
) -> dict[Key, RankingTable]:
    """Ranks for all queries.

    Args:
        queries: blocks of (rows (n,), code), in order.
        own: the queries' own places, on the corpus' device.

    Returns:
        (scope, task) -> table; the tasks are those of the search settings.
    """
    collected: dict[Key, list[MomentBlock]] = {}
    for rows, code in queries:
        block = answer_block(answerer, corpus, Asked(code, rows, own))
        for key, moments in block.items():
            collected.setdefault(key, []).append(_reported(moments, answerer))
    names = {"windows": corpus.window_ids, "films": corpus.movie_ids}
    return {key: _table(blocks, query_ids, names[key[0]]) for key, blocks in collected.items()}


class Asked:
    """A block of B queries.

    Args:
        code: what the model keeps of them.
        rows: (B,) int64, their rows among all.
        own: the places of all queries.
    """

    def __init__(self, code: Code, rows: Tensor, own: Places) -> None:
        self.code, self.rows = code, rows
        self.window = own.windows[rows.to(own.windows.device)]  # (B,)
        self.film = own.films[rows.to(own.films.device)]  # (B,)


def answer_block(answerer: Answerer, corpus: Corpus, asked: Asked) -> dict[Key, MomentBlock]:
    """The moments of one block of B queries for every task."""
    search, tasks, queries = answerer.search, answerer.search.tasks, asked.code
    theirs = answerer.preselection.relevance(asked.rows) if answerer.preselection else None
    scores = None
    found: dict[Key, MomentBlock] = {}
    if "VR" in tasks or "VCMR" in tasks:
        scores = _relevance(answerer, corpus, asked, theirs)  # (B, M)
    if "VR" in tasks:
        films = best_films(scores, corpus.window_movies, len(corpus.movie_ids))  # (B, F)
        listed = search.max_vr or search.max_vcmr_video
        found["windows", "VR"] = _ranked(scores, listed)
        found["films", "VR"] = _ranked(films, listed)
    if "VCMR" in tasks:
        candidates = open_windows(answerer, corpus, queries, scores)
        in_films = in_film_time(candidates, corpus.window_movies, corpus.window_starts)
        found["windows", "VCMR"] = without_overlaps(candidates, search.nms_thd, search.max_after_nms)
        found["films", "VCMR"] = without_overlaps(in_films, search.film_nms_thd, search.max_after_nms)
    if "SVMR" in tasks:
        inside = _inside_own(answerer, corpus, queries, asked.window)
        found["windows", "SVMR"] = without_overlaps(inside, search.nms_thd, search.max_after_nms)
    if "TNG" in tasks:
        scores = _relevance(answerer, corpus, asked, theirs, asked.film, scores)
        own_film = open_windows(answerer, corpus, queries, scores)
        own_film = in_film_time(own_film, corpus.window_movies, corpus.window_starts)
        found["films", "TNG"] = without_overlaps(own_film, search.film_nms_thd, search.max_after_nms)
    return found


def _relevance(
    answerer: Answerer,
    corpus: Corpus,
    asked: Asked,
    theirs: Tensor | None,
    films: Tensor | None = None,
    whole: Tensor | None = None,
) -> Tensor:
    """(B, M) log relevance of the windows, -inf where one may not be opened.

    Args:
        theirs: (B, V) what another system says of its windows, where one chooses.
        films: (B,) the only film that is looked at; None = all films.
        whole: (B, M) the relevance of all windows, where it is known already.
    """
    if theirs is not None and answerer.preselection is not None:
        chosen = answerer.preselection.chosen(theirs, films, len(corpus.codes))
        if answerer.matcher is None:
            return chosen
        return match_chosen(answerer.matcher, asked.code, corpus.codes, chosen > -torch.inf)
    assert answerer.matcher is not None, "somebody must find windows"
    if films is None:
        return match_corpus(answerer.matcher, asked.code, corpus.codes)
    inside = corpus.window_movies == films.unsqueeze(1)  # (B, M)
    if whole is None:
        return match_chosen(answerer.matcher, asked.code, corpus.codes, inside)
    return whole.masked_fill(~inside, -torch.inf)


def open_windows(answerer: Answerer, corpus: Corpus, queries: Code, scores: Tensor) -> MomentBlock:
    """The best moments of each query's best windows; scores (B, M), -inf where a window may not be opened."""
    most = int((scores > -torch.inf).sum(1).max())
    width = max(1, min(answerer.search.max_vcmr_video, most))
    relevance, opened = top(scores, width)  # (B, W) each
    return _moments(answerer, corpus, queries, relevance, opened)


def score_spans(
    answerer: Answerer, corpus: Corpus, queries: Code, relevance: Tensor, opened: Tensor
) -> tuple[Tensor, Tensor]:
    """All proposals of the W windows opened for each of B queries.

    Args:
        relevance: (B, W) of the windows, -inf where one may not be opened.
        opened: (B, W) int64, rows of the corpus.

    Returns:
        (B, W, K) log score, and (B or 1, W or 1, K, 2) seconds from the window's start.
    """
    query = torch.arange(len(opened), device=opened.device).repeat_interleave(opened.shape[1])
    pairs = torch.stack([query, opened.flatten()], dim=1)  # (B * W, 2)
    assert answerer.localizer is not None, "somebody must say where in a window"
    spans = localize_corpus(answerer.localizer, queries, corpus.codes, pairs)
    scores = {name: value.unflatten(0, relevance.shape) for name, value in spans.scores.items()}
    joint = answerer.fusion(relevance, scores, answerer.settings)  # (B, W, K)
    barred = (relevance == -torch.inf).unsqueeze(2)
    if barred.any():
        joint = joint.masked_fill(barred, -torch.inf)
    shared = len(spans.times) == 1
    return joint, spans.times[None] if shared else spans.times.unflatten(0, opened.shape)


def _inside_own(answerer: Answerer, corpus: Corpus, queries: Code, own_window: Tensor) -> MomentBlock:
    """The best moments inside each query's own window (B,), by the spans' scores alone; -1 = no window."""
    relevance = torch.zeros(len(own_window), 1, device=own_window.device)
    relevance = relevance.masked_fill(own_window[:, None] < 0, -torch.inf)  # (B, 1)
    return _moments(answerer, corpus, queries, relevance, own_window.clamp(min=0)[:, None])


def _moments(
    answerer: Answerer, corpus: Corpus, queries: Code, relevance: Tensor, opened: Tensor
) -> MomentBlock:
    """The best moments of the windows opened for each query; arguments as of `score_spans`."""
    joint, times = score_spans(answerer, corpus, queries, relevance, opened)
    return best_moments(joint, times, opened, corpus.window_lengths, answerer.search.max_before_nms)


def _ranked(scores: Tensor, keep: int) -> MomentBlock:
    """Places by score, without times."""
    score, place = top(scores, keep)  # (B, R) each
    times = score.new_zeros((*score.shape, 2), dtype=torch.float64)
    return MomentBlock(place, times, score, score > -torch.inf)


def _reported(block: MomentBlock, answerer: Answerer) -> MomentBlock:
    """The block on the CPU, its scores on the scale that is written."""
    score = answerer.reported(block.score.double(), answerer.settings)
    return MomentBlock(block.place.cpu(), block.times.cpu(), score.cpu(), block.valid.cpu())


def _table(blocks: Sequence[MomentBlock], query_ids: Sequence[str], names: Sequence[str]) -> RankingTable:
    counts = np.concatenate([block.valid.sum(1).numpy() for block in blocks])
    columns: Mapping[str, np.ndarray] = {
        name: np.concatenate([getattr(block, name)[block.valid].numpy() for block in blocks])
        for name in ("place", "times", "score")
    }
    offset = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return RankingTable(list(query_ids), offset, columns["place"], columns["times"], columns["score"], names)
