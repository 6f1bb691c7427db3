"""Span sums, norms, cosines, and the pooling over spans with its own gradient."""

import math

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from method_tng.reloclnet.span_heads import OUTSIDE, Damping, WindowHead
from method_tng.reloclnet.span_pool import SpanPool
from method_tng.reloclnet.span_scores import (
    curves,
    pair_curves,
    prefix_sums,
    span_norms,
    span_sums,
    spans_inside,
    sums_of_length,
)


@given(clips=st.integers(1, 9), longest=st.integers(1, 12), seed=st.integers(0, 99))
def test_sums_of_spans_are_sums(clips: int, longest: int, seed: int) -> None:
    values = torch.randn(2, clips, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    sums = span_sums(values, longest)
    assert sums.shape == (2, clips, longest)
    for first in range(clips):
        for length in range(1, longest + 1):
            torch.testing.assert_close(
                sums[:, first, length - 1], values[:, first : first + length].sum(dim=1)
            )
    for length in range(1, longest + 1):
        torch.testing.assert_close(
            sums_of_length(prefix_sums(values, longest), length, longest), sums[:, :, length - 1]
        )


def test_gram_norms_are_the_norms_of_summed_clips() -> None:
    content = torch.nn.functional.normalize(torch.randn(3, 100, 64) + 0.3, dim=2)
    content[:, 40:60] = 0  # silence
    norms = span_norms(content, 20)
    for first in (0, 1, 39, 50, 85, 99):
        for length in (1, 2, 7, 20):
            direct = content[:, first : first + length].sum(dim=1).norm(dim=1)
            torch.testing.assert_close(
                norms[:, first, length - 1], direct.clamp(min=1e-3), atol=1e-3, rtol=1e-3
            )


def test_the_norms_of_a_window_do_not_depend_on_its_neighbours() -> None:
    content = torch.randn(5, 9, 4)
    torch.testing.assert_close(span_norms(content, 4)[2:3], span_norms(content[2:3], 4))


def test_a_span_is_inside_as_long_as_its_clips_are() -> None:
    inside = spans_inside(torch.tensor([[True, True, False]]), 4)
    assert inside.int().tolist() == [[[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]]


def test_span_cosine_of_three_clips_by_hand() -> None:
    """Clips (3, 0), (0, 4), none; query (1, 1): sums 3, 7, 4 over norms 3, 5, 4, damped by sqrt(n)."""
    content = torch.tensor([[[3.0, 0.0], [0.0, 4.0], [0.0, 0.0]]])[:, :, None]  # (1, 3, 1, 2)
    curve = curves(torch.tensor([[[1.0, 1.0]]]), content)  # (1, 1, 1, 3)
    assert curve.flatten().tolist() == [3.0, 4.0, 0.0]
    damped = Damping(1, 2)(span_norms(content[:, :, 0], 2)[..., None])[..., 0]  # (1, 3, 2)
    cosine = span_sums(curve[0, 0], 2) / damped
    root = math.sqrt(2)
    expected = torch.tensor([[3 / 4, 7 / (5 + root)], [4 / 5, 4 / (4 + root)], [0.0, 0.0]])
    torch.testing.assert_close(cosine[0], expected, atol=1e-4, rtol=1e-4)


def test_a_window_score_by_hand() -> None:
    """One stream, two clips, spans of one and two clips: the log of three exponentials."""
    head = WindowHead(2)
    with torch.no_grad():
        head.log_scale.fill_(math.log(2.0))
        head.length_bias.copy_(torch.tensor([0.0, 0.5]))
    curve, prior = torch.tensor([[[[1.0, 3.0]]]]), torch.tensor([[0.2, 0.4]])
    norms = torch.tensor([[[[1.0], [2.0]], [[4.0], [9.0]]]])  # (1, 2, 2, 1)
    inside = torch.tensor([[[True, True], [True, False]]])
    scores = [2 * 1 / 1 + 0.2, 2 * 3 / 4 + 0.4, 2 * 4 / 2 + 0.3 + 0.5]
    expected = math.log(sum(math.exp(score) for score in scores))
    assert abs(head(curve, **head.terms(norms, prior, inside)).item() - expected) < 1e-5


def test_a_window_scores_alike_whether_many_or_few_are_asked() -> None:
    head, (clips, longest) = WindowHead(4), (9, 4)
    mask = torch.arange(clips) < torch.tensor([[9], [3], [1]])
    curve = torch.randn(2, 2, 3, clips) * mask
    norms, prior = torch.rand(3, clips, longest, 2) + 0.5, torch.randn(3, clips) * mask
    terms = head.terms(norms, prior, spans_inside(mask, longest))
    many = head(curve, **terms)
    with torch.no_grad():
        torch.testing.assert_close(head(curve, **terms), many)


def plain_pool(
    sums: Tensor, slopes: Tensor, offsets: Tensor, lengths: tuple[int, ...], longest: int
) -> Tensor:
    """The same, written down as it is read."""
    scores = [
        (sums_of_length(sums, length, longest) * slope[:, None]).sum(dim=0) + offset
        for length, slope, offset in zip(lengths, slopes, offsets, strict=True)
    ]
    return torch.cat(scores, dim=-1).logsumexp(dim=-1)


def test_pooling_and_its_gradient_are_those_of_the_plain_expression() -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = [(2, 3, 4, 5 + 3), (2, 2, 4, 5), (2, 4, 5)]
    inputs = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    inputs[2][0, 1, 2:] = OUTSIDE
    for given_input in inputs:
        given_input.requires_grad_()
    weights = torch.randn(3, 4, generator=generator, dtype=torch.float64)
    results = []
    for pool in (SpanPool.apply, plain_pool):
        pooled = pool(*inputs, (1, 3), 3)
        results.append([pooled, *torch.autograd.grad((pooled * weights).sum(), inputs)])
    for ours, plain in zip(*results, strict=True):
        torch.testing.assert_close(ours, plain)
    with torch.inference_mode():
        torch.testing.assert_close(SpanPool.apply(*inputs, (1, 3), 3), results[0][0])


def test_curves_of_pairs_are_entries_of_the_whole_table() -> None:
    query, content = torch.randn(3, 2, 6), torch.randn(4, 5, 2, 6)
    pairs = torch.tensor([[2, 3], [0, 0], [1, 3], [2, 0], [0, 3]])
    whole = curves(query, content)[:, pairs[:, 0], pairs[:, 1]]
    torch.testing.assert_close(pair_curves(query, content, pairs), whole)
