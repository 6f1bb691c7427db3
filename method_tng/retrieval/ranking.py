"""Which windows, and which films, a query is about."""

import torch
import torch.nn.functional as F
from torch import Tensor

from method_tng.contract.protocols import Code, Localizer, Matcher, Spans
from method_tng.retrieval.codes import CorpusCodes


def match_corpus(matcher: Matcher, queries: Code, corpus: CorpusCodes) -> Tensor:
    """(B, M) log relevance of every window of the corpus."""
    num_queries = len(next(iter(queries.values())))
    scores = torch.empty(num_queries, len(corpus), device=corpus.device)
    for group in corpus.groups:
        scores[:, group.rows] = matcher.match(queries, group.code).float()
    return scores  # (B, M)


def match_chosen(matcher: Matcher, queries: Code, corpus: CorpusCodes, chosen: Tensor) -> Tensor:
    """(B, M) log relevance of the chosen windows of each query, -inf elsewhere; chosen (B, M) bool.

    Only these pairs are computed, query by query: for few windows each, or a matcher that reads both at once.
    """
    scores = torch.full(chosen.shape, -torch.inf, device=corpus.device)
    for group in corpus.groups:
        wanted = chosen[:, group.rows]  # (B, m)
        for row in wanted.any(1).nonzero().flatten().tolist():
            columns = wanted[row].nonzero().flatten()
            query = {name: value[row : row + 1] for name, value in queries.items()}
            windows = {name: value[columns] for name, value in group.code.items()}
            scores[row, group.rows[columns]] = matcher.match(query, windows).float()[0]
    return scores


def best_films(scores: Tensor, window_movies: Tensor, num_movies: int) -> Tensor:
    """(B, F) relevance of every film = that of its best window; scores (B, M), window_movies (M,) int64."""
    films = scores.new_full((len(scores), num_movies), -torch.inf)
    return films.scatter_reduce(1, window_movies.expand_as(scores), scores, "amax")


def localize_corpus(localizer: Localizer, queries: Code, corpus: CorpusCodes, pairs: Tensor) -> Spans:
    """Spans of P (query row, window row) pairs, wherever the windows' codes lie.

    Groups may propose differently many spans; the shorter lists end in -inf.
    """
    parts = []
    group_of = corpus.group_of[pairs[:, 1]]  # (P,)
    for index, group in enumerate(corpus.groups):
        chosen = (group_of == index).nonzero().squeeze(1)  # (p,)
        if len(chosen):
            local = torch.stack([pairs[chosen, 0], corpus.row_in_group[pairs[chosen, 1]]], dim=1)
            parts.append((chosen, localizer.localize(queries, group.code, local)))
    if len(parts) == 1:  # pairs stand in order already
        return parts[0][1]
    return _merged(parts, len(pairs))


def _merged(parts: list[tuple[Tensor, Spans]], num_pairs: int) -> Spans:
    """Spans of the groups in the order of the pairs."""
    first = max((spans for _, spans in parts), key=lambda spans: spans.times.shape[1])
    num_spans = first.times.shape[1]
    shared = all(_is_prefix(spans.times, first.times) for _, spans in parts)
    times = first.times if shared else first.times.new_zeros(num_pairs, num_spans, 2)
    scores = {name: value.new_empty((num_pairs, num_spans)) for name, value in first.scores.items()}
    for chosen, spans in parts:
        width = spans.times.shape[1]
        if not shared:
            times[chosen, :width] = spans.times
        for name, value in spans.scores.items():
            scores[name][chosen] = F.pad(value, (0, num_spans - width), value=-torch.inf)
    return Spans(times, scores)


def _is_prefix(times: Tensor, longest: Tensor) -> bool:
    """Whether proposals are the beginning of one fixed grid, so that times need not stand per pair."""
    return len(times) == len(longest) == 1 and torch.equal(times, longest[:, : times.shape[1]])
