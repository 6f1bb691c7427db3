"""Retrieval from similarities: the properties P26-P28, ties by hand, and the leakage check."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from standalone_eval import evaluate, leakage
from standalone_eval.format_arrays import Similarities
from standalone_eval.retrieval import text_to_video, video_to_text

SCORES = (
    st.integers(1, 6)
    .flatmap(
        lambda videos: st.lists(
            st.lists(st.integers(0, 4), min_size=videos, max_size=videos), min_size=videos, max_size=videos
        )
    )
    .map(lambda rows: np.array(rows, dtype=np.float64)[:, None])
)


@given(SCORES)
def test_optimistic_ranks_are_best_and_pessimistic_worst(sims: np.ndarray) -> None:
    for direction in (text_to_video, video_to_text):
        ranks = direction(sims)
        low, middle, high = (ranks.ranks(ties) for ties in ("optimistic", "mean", "pessimistic"))
        assert (low <= middle).all() and (middle <= high).all()
        assert ((low <= ranks.ranks("index")) & (ranks.ranks("index") <= high)).all()


@given(st.integers(2, 8))
def test_a_constant_score_finds_nothing_when_ties_count_against_it(videos: int) -> None:
    sims = Similarities(np.zeros((videos, 1, videos)))
    topk = tuple(range(1, videos + 1))
    worst = evaluate(sims, None, "retrieval", topk=topk).metrics["t2v"]
    fair = evaluate(sims, None, "retrieval", topk=topk, ties="mean").metrics["t2v"]
    for k in topk:
        assert worst[f"R{k}"] == (100 if k == videos else 0)
        assert fair[f"R{k}"] == pytest.approx(100 * k / videos)
    assert worst["tied"] == videos


@given(SCORES, st.integers(1, 5))
def test_a_rising_map_of_all_scores_changes_nothing(sims: np.ndarray, add: int) -> None:
    before = evaluate(Similarities(sims), None, "retrieval").metrics
    assert evaluate(Similarities(sims**3 + add), None, "retrieval").metrics == before


def test_empty_text_slots_do_not_count() -> None:
    sims = np.array([[[0.9, 0.1], [-np.inf, 0.0]], [[0.2, 0.8], [np.nan, np.nan]]])
    found = evaluate(Similarities(sims), None, "retrieval")
    assert len(found.query) == 2 and found.metrics["t2v"]["R1"] == 100


def test_flat_scores_with_targets_equal_grouped_ones() -> None:
    sims = np.random.default_rng(0).normal(size=(5, 3, 5))
    grouped = evaluate(Similarities(sims), None, "retrieval").metrics
    flat = Similarities(sims.reshape(15, 5), np.repeat(np.arange(5), 3))
    assert evaluate(flat, None, "retrieval").metrics == grouped


def cosine(queries: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """A sound score: text vectors (Q, D) with the mean frame of videos (V, T, D)."""
    videos = candidates.mean(axis=1)
    return queries @ videos.T


RANDOM = np.random.default_rng(1)
TEXTS, FRAMES = RANDOM.normal(size=(7, 4)), RANDOM.normal(size=(7, 6, 4))


def test_a_sound_score_does_not_leak() -> None:
    assert leakage.check(cosine, TEXTS, FRAMES) == []


def test_pooling_each_video_with_its_own_caption_leaks() -> None:
    """The T-MASS case: frames are weighted by the caption of the video's own place in the batch."""

    def pooled_with_own_caption(queries: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        own = queries[np.arange(len(candidates)) % len(queries)]
        weights = np.exp(np.einsum("vtd,vd->vt", candidates, own))
        pooled = np.einsum("vt,vtd->vd", weights / weights.sum(axis=1, keepdims=True), candidates)
        return queries @ pooled.T

    found = {leak.test for leak in leakage.check(pooled_with_own_caption, TEXTS, FRAMES)}
    assert {"query order", "candidate order", "one pair at a time"} <= found


def test_pooling_with_the_query_at_hand_does_not_leak() -> None:
    def pooled_with_each_query(queries: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        weights = np.exp(np.einsum("vtd,qd->qvt", candidates, queries))
        pooled = np.einsum("qvt,vtd->qvd", weights / weights.sum(axis=2, keepdims=True), candidates)
        return np.einsum("qvd,qd->qv", pooled, queries)

    assert leakage.check(pooled_with_each_query, TEXTS, FRAMES) == []


def test_normalising_over_the_candidates_at_hand_leaks() -> None:
    def softmaxed(queries: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        scores = np.exp(cosine(queries, candidates))
        return scores / scores.sum(axis=1, keepdims=True)

    found = {leak.test for leak in leakage.check(softmaxed, TEXTS, FRAMES)}
    assert "candidate blocks" in found and "without the right candidate" in found
    assert "query order" not in found
