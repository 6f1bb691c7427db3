"""Cosines that become moments: a constructed space in which the right answer is known."""

import pytest
import torch
from torch.nn import functional as F

from baselines.clip_zeroshot.model import ClipZeroshot, extents, peaks
from baselines.clip_zeroshot.settings import ClipZeroshotSettings
from method_tng.contract.batch import QueryBatch, WindowBatch
from method_tng.contract.errors import ConfigError
from method_tng.contract.recipe import Sizes
from method_tng.contract.settings import DataSettings

WIDTH = 32
VIDEO = DataSettings(ctx_mode="video")


def _model(**settings: object) -> ClipZeroshot:
    return ClipZeroshot(ClipZeroshotSettings(**settings), VIDEO, Sizes(frames=WIDTH, words=WIDTH))


def _world(moments: list[tuple[int, int]], rows: int = 60) -> tuple[QueryBatch, WindowBatch]:
    """A sentence per window, told by its rows of 2 s from first to behind, else noise; one is shorter."""
    draw = torch.Generator().manual_seed(0)
    words = F.normalize(torch.randn(len(moments), 1, WIDTH, generator=draw), dim=-1)
    frames = 0.5 * torch.randn(len(moments), rows, WIDTH, generator=draw) / WIDTH**0.5
    for window, (first, behind) in enumerate(moments):
        frames[window, first:behind] += words[window]
    mask = torch.ones(len(moments), rows, dtype=torch.bool)
    mask[-1, rows - 10 :] = False
    lengths = 2.0 * mask.sum(1).double()
    windows = WindowBatch(
        ids=[str(row) for row in range(len(moments))],
        mask=mask,
        movies=torch.arange(len(moments)),
        seconds=torch.stack([torch.zeros_like(lengths), lengths], dim=1),
        clip_seconds=torch.full((len(moments),), 2.0).double(),
        frames=frames * mask[:, :, None],
    )
    ids = [str(row) for row in range(len(moments))]
    return QueryBatch(ids, words, torch.ones(len(moments), 1, dtype=torch.bool)), windows


def test_a_sentence_is_found_in_its_window_and_at_its_seconds() -> None:
    moments = [(10, 16), (30, 33), (0, 8), (40, 50)]
    queries, windows = _world(moments)
    model = _model()
    asked, seen = model.encode_queries(queries), model.encode_windows(windows)
    assert model.match(asked, seen).argmax(1).tolist() == [0, 1, 2, 3]
    pairs = torch.arange(4)[:, None].expand(-1, 2)
    spans = model.localize(asked, seen, pairs)
    best = spans.scores["moment"].argmax(1)
    found = spans.times[torch.arange(4), best].tolist()
    for (start, end), (first, behind) in zip(found, moments, strict=True):
        assert abs(start - 2 * first) <= 2 and abs(end - 2 * behind) <= 2
    assert bool((spans.times <= windows.seconds[:, 1, None, None]).all())


def test_borders_are_where_the_smoothed_curve_leaves_its_peak() -> None:
    curve = torch.tensor([[0.0, 0.2, 0.9, 1.0, 0.6, 0.1, 0.7, 0.0]])
    mask = torch.tensor([[True] * 7 + [False]])
    assert peaks(curve, mask).nonzero()[:, 1].tolist() == [3, 6]
    first, behind = extents(curve, 0.5 * curve, mask)
    assert (first[0, 3].item(), behind[0, 3].item()) == (2, 5)
    assert (first[0, 6].item(), behind[0, 6].item()) == (6, 7)


def test_a_mean_over_rows_by_hand() -> None:
    model = _model(scales=(4.0, 6.0))
    curve = torch.tensor([[1.0, 3.0, 5.0, 100.0]])
    mask = torch.tensor([[True, True, True, False]])
    two, three = model.smoothed(curve, mask, torch.tensor([2.0]))
    assert two[0, :3].tolist() == [2.0, 4.0, 5.0]  # a row and the next one
    assert three[0, :3].tolist() == [2.0, 3.0, 4.0]


def test_spaces_that_differ_and_other_streams_are_refused() -> None:
    with pytest.raises(ConfigError, match="both must lie in one space"):
        ClipZeroshot(ClipZeroshotSettings(), VIDEO, Sizes(frames=WIDTH, words=8))
    with pytest.raises(ConfigError, match="give --ctx_mode video"):
        ClipZeroshot(ClipZeroshotSettings(), DataSettings(), Sizes(frames=WIDTH, words=WIDTH))
