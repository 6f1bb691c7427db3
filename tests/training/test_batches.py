"""Plans of an epoch."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from method_tng.contract.settings import TrainSettings
from method_tng.training.batches import TrainingRows, plan_epoch, share_of

WINDOW_MOVIES = np.repeat(np.arange(6), 10)
OWN = np.random.default_rng(0).integers(0, 60, 400)
ROWS = TrainingRows(OWN, WINDOW_MOVIES)
USED = np.arange(len(OWN))


def _train(batches: str, **others) -> TrainSettings:
    return replace(TrainSettings(), batches=batches, bsz=64, batch_windows=8, batch_films=2, **others)


@pytest.mark.parametrize("batches", ["shuffled", "windows"])
def test_every_query_comes_once_in_an_epoch(batches: str) -> None:
    plan = plan_epoch(ROWS, USED, _train(batches), epoch=3)
    assert sorted(np.concatenate([batch.queries for batch in plan]).tolist()) == USED.tolist()


@pytest.mark.parametrize("batches", ["shuffled", "windows", "films"])
def test_a_plan_depends_on_seed_and_epoch_only(batches: str) -> None:
    once, again = (plan_epoch(ROWS, USED, _train(batches), 1) for _ in range(2))
    other = plan_epoch(ROWS, USED, _train(batches), 2)
    assert all(np.array_equal(a.queries, b.queries) for a, b in zip(once, again, strict=True))
    assert any(not np.array_equal(a.queries, b.queries) for a, b in zip(once, other, strict=False))


def test_batches_of_films_hold_all_queries_of_their_windows_and_few_films() -> None:
    for batch in plan_epoch(ROWS, USED, _train("films"), 0):
        assert len(np.unique(WINDOW_MOVIES[batch.windows])) <= 2
        assert len(batch.windows) <= 8
        assert sorted(batch.queries.tolist()) == sorted(np.flatnonzero(np.isin(OWN, batch.windows)).tolist())


def test_a_small_rest_of_windows_is_left_out_unless_it_is_all_there_is() -> None:
    rows = TrainingRows(np.array([0, 1, 2]), np.zeros(3, dtype=np.int64))
    plan = plan_epoch(rows, np.arange(3), replace(_train("films"), batch_windows=100), 0)
    assert [len(batch.windows) for batch in plan] == [3]


def test_queries_can_come_in_the_order_of_the_file() -> None:
    plan = plan_epoch(ROWS, USED, _train("ordered"), 3)
    assert np.concatenate([batch.queries for batch in plan]).tolist() == USED.tolist()


TOUCHED = np.stack([np.stack([OWN - OWN % 10, OWN], 1), np.stack([OWN - OWN % 10, OWN - OWN % 10 + 8], 1)], 1)
DRAWN = {"window_draw": "near_middle", "film_negatives": True}


@pytest.mark.parametrize("draw", ["near_middle", "holding"])
@pytest.mark.parametrize("batches", ["shuffled", "ordered"])
def test_windows_are_drawn_anew_each_epoch_among_those_that_are_allowed(batches: str, draw: str) -> None:
    rows = replace(ROWS, drawn=TOUCHED[:, 0], touched=TOUCHED[:, 1])
    seen = []
    for epoch in (0, 0, 1):
        plan = plan_epoch(rows, USED, _train(batches, **DRAWN | {"window_draw": draw}), epoch)
        queries, positive, negative = (
            np.concatenate([getattr(batch, name) for batch in plan])
            for name in ("queries", "positive", "negative")
        )
        assert (TOUCHED[queries, 0, 0] <= positive).all() and (positive <= TOUCHED[queries, 0, 1]).all()
        assert (negative == TOUCHED[queries, 1, 1] + 1).all()  # the only window of the film left
        seen.append(dict(zip(queries.tolist(), positive.tolist(), strict=True)))
    assert seen[0] == seen[1] != seen[2]


@given(st.integers(1, 4), st.sampled_from(["shuffled", "films"]))
def test_the_shares_of_all_processes_make_the_batch(world: int, batches: str) -> None:
    for batch in plan_epoch(ROWS, USED, _train(batches), 0):
        shares = [share_of(batch, ROWS, rank, world) for rank in range(world)]
        together = np.concatenate([share.queries for share in shares])
        assert together.tolist() == batch.queries.tolist()
        if batch.windows is not None:
            windows = np.concatenate([share.windows for share in shares])
            assert windows.tolist() == batch.windows.tolist()


@given(st.integers(1, 4))
def test_drawn_windows_stay_with_their_queries_in_every_process(world: int) -> None:
    rows = replace(ROWS, drawn=TOUCHED[:, 0], touched=TOUCHED[:, 1])
    for batch in plan_epoch(rows, USED, _train("shuffled", **DRAWN), 0):
        shares = [share_of(batch, rows, rank, world) for rank in range(world)]
        for name in ("queries", "positive", "negative"):
            together = np.concatenate([getattr(share, name) for share in shares])
            assert together.tolist() == getattr(batch, name).tolist()
