"""What holds for the spans scorer whatever it has learned."""

from dataclasses import replace

import pytest
import torch

from method_tng.contract.errors import ConfigError
from method_tng.contract.recipe import Sizes
from method_tng.reloclnet.span_losses import span_losses
from method_tng.reloclnet.span_model import SpanReLoCLNet
from method_tng.reloclnet.span_query import keep_words, lexicon_words, word_weights
from tests.reloclnet.span_world import DATA, SETTINGS, make_batch, make_model, of_windows, sizes, with_room

ALL_PAIRS = torch.cartesian_prod(torch.arange(8), torch.arange(4))


@pytest.fixture
def model() -> SpanReLoCLNet:
    return make_model(sizes(), attention_branch=True)


@torch.no_grad()
def test_a_window_is_scored_alike_in_any_company(model: SpanReLoCLNet) -> None:
    batch = make_batch()
    queries, rows = model.encode_queries(batch.queries), [2, 0]
    together = model.encode_windows(batch.windows)
    apart = model.encode_windows(of_windows(batch.windows, rows))
    torch.testing.assert_close(model.match(queries, apart), model.match(queries, together)[:, rows])
    pairs = torch.tensor([[5, 0], [1, 1]])
    found = model.localize(queries, apart, pairs).scores["span"]
    whole = model.localize(queries, together, torch.tensor([[5, 2], [1, 0]])).scores["span"]
    torch.testing.assert_close(found, whole)


@torch.no_grad()
def test_padding_changes_nothing(model: SpanReLoCLNet) -> None:
    batch = make_batch()
    padded = replace(
        batch.queries,
        words=torch.nn.functional.pad(batch.queries.words, (0, 0, 0, 3)),
        mask=torch.nn.functional.pad(batch.queries.mask, (0, 3)),
        token_ids=torch.nn.functional.pad(batch.queries.token_ids, (0, 4)),
    )
    short = model.encode_queries(batch.queries), model.encode_windows(batch.windows)
    long = model.encode_queries(padded), model.encode_windows(with_room(batch.windows, 5))
    torch.testing.assert_close(model.match(*long), model.match(*short))
    few, many = (model.localize(*codes, ALL_PAIRS) for codes in (short, long))
    count = few.scores["span"].shape[1]
    torch.testing.assert_close(many.scores["span"][:, :count], few.scores["span"])
    assert (many.scores["span"][:, count:] == -torch.inf).all()
    assert torch.equal(many.times[:, :count], few.times)


@torch.no_grad()
def test_the_order_of_the_words_means_nothing_without_attention() -> None:
    model, queries = make_model(sizes()), make_batch().queries
    order = torch.tensor([3, 0, 4, 1, 2])
    mixed = replace(
        queries,
        words=queries.words[:, order],
        mask=queries.mask[:, order],
        token_ids=queries.token_ids[:, order],
    )
    torch.testing.assert_close(model.encode_queries(mixed)["query"], model.encode_queries(queries)["query"])


@torch.no_grad()
def test_spans_are_probabilities_of_what_fits_the_window(model: SpanReLoCLNet) -> None:
    batch = make_batch()
    codes = model.encode_queries(batch.queries), model.encode_windows(batch.windows)
    spans = model.localize(*codes, ALL_PAIRS)
    scores = spans.scores["span"]
    torch.testing.assert_close(scores.exp().sum(dim=1), torch.ones(len(ALL_PAIRS)))
    clips = batch.windows.mask.sum(dim=1)[ALL_PAIRS[:, 1]]  # (P,)
    fits = spans.times[0, :, 1] <= 2.0 * clips[:, None]
    assert torch.equal(scores > -torch.inf, fits)
    assert spans.times[0, :7].tolist() == [[0, 2], [0, 4], [0, 6], [0, 8], [0, 10], [0, 12], [2, 4]]


@torch.no_grad()
def test_pooled_windows_have_a_clock_of_their_own(model: SpanReLoCLNet) -> None:
    batch = make_batch()
    windows = replace(batch.windows, clip_seconds=torch.tensor([2.0, 2.5, 2.0, 2.0]))
    codes = model.encode_queries(batch.queries), model.encode_windows(windows)
    times = model.localize(*codes, torch.tensor([[0, 1], [0, 0]])).times
    assert times[:, 1].tolist() == [[0, 5], [0, 4]]
    ends = codes[1]["duration"][[1, 0]]
    assert torch.equal(times.amax(dim=(1, 2)), ends)


@torch.no_grad()
def test_forbidden_lengths_are_not_proposed() -> None:
    model, batch = make_model(sizes(), min_pred_l=2, max_pred_l=3), make_batch()
    codes = model.encode_queries(batch.queries), model.encode_windows(batch.windows)
    scores = model.localize(*codes, ALL_PAIRS).scores["span"].unflatten(1, (-1, 6))
    assert torch.equal((scores > -torch.inf).any(dim=1).any(dim=0), torch.tensor([0, 1, 1, 0, 0, 0]).bool())


@torch.no_grad()
def test_alpha_scales_the_match_alone() -> None:
    batch, one, two = make_batch(), make_model(sizes()), make_model(sizes(), q2c_alpha=2.0)
    scores = [m.match(m.encode_queries(batch.queries), m.encode_windows(batch.windows)) for m in (one, two)]
    torch.testing.assert_close(scores[1], 2 * scores[0])


@torch.no_grad()
def test_index_vectors_have_the_norms_they_come_with(model: SpanReLoCLNet) -> None:
    windows = make_batch().windows
    code = model.encode_windows(windows)
    found = model.window_vectors(code)
    assert (
        list(found)
        == ["video", "sub"]
        == list(model.query_vectors(model.encode_queries(make_batch().queries)))
    )
    for stream, (vectors, norms) in enumerate(found.values()):
        damped = vectors.norm(dim=2) + 2.0 * model.damping.eps[stream].abs()
        torch.testing.assert_close(norms, (damped * windows.mask).float(), atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize(
    "size",
    [sizes(subtitles=0), sizes(frames=0), sizes(vocabulary=False), sizes(frames=20, subtitles=3)],
    ids=["video alone", "subtitles alone", "no vocabulary", "other widths"],
)
def test_other_shapes_train_too(size: Sizes) -> None:
    batch = make_batch(frames=size.frames or 4, subtitles=size.subtitles or 4)
    absent = {name: None for name in ("frames", "subtitles") if not getattr(size, name)}
    batch = replace(batch, windows=replace(batch.windows, **absent))
    if not size.document_frequency:
        batch = replace(batch, queries=replace(batch.queries, token_ids=None))
    model = make_model(size, attention_branch=True).train()
    sum(span_losses(model, batch, 0.1).values()).backward()
    idle = [name for name, value in model.named_parameters() if value.grad is None or not value.grad.any()]
    assert not idle


def test_words_are_dropped_from_all_parts_and_never_all() -> None:
    mask = torch.rand(200, 6) < 0.7
    mask[:, 2] = True
    chance = torch.rand(200, 8)
    kept = keep_words(mask, chance, 0.45)
    assert not (kept & ~mask).any() and kept.any(dim=1).all()
    assert 0.5 < kept.sum() / mask.sum() < 0.65
    assert torch.equal(keep_words(mask, chance, 0.0), mask)
    assert (keep_words(mask, chance, 1.0).sum(dim=1) == 1).all()


def test_a_sentence_of_unknown_words_still_trains() -> None:
    batch = make_batch()
    batch.queries.token_ids[batch.queries.mask] = 1
    model = make_model(sizes()).train()
    sum(span_losses(model, batch, 0.1).values()).backward()
    assert all(value.grad is None or value.grad.isfinite().all() for value in model.parameters())


def test_frequencies_weigh_words_only_where_ids_and_vectors_are_of_the_same_words() -> None:
    mask = torch.tensor([[True, True], [True, True]])
    ids = torch.tensor([[2, 3], [2, 0]])
    weights = word_weights(mask, ids, torch.tensor([0.0, 0.0, 200.0, 600.0]))
    torch.testing.assert_close(weights, torch.tensor([[0.5, 0.25], [1.0, 1.0]]))


def test_what_cannot_be_built_is_refused() -> None:
    with pytest.raises(ConfigError, match="label_end"):
        SpanReLoCLNet(SETTINGS, replace(DATA, label_end="upstream"), sizes())
    with pytest.raises(ConfigError, match="ctx_mode"):
        SpanReLoCLNet(SETTINGS, DATA, sizes(frames=0, subtitles=0))
    with pytest.raises(ConfigError, match="max_span_seconds"):
        SpanReLoCLNet(replace(SETTINGS, min_pred_l=9, max_pred_l=12), DATA, sizes())


def test_only_the_most_frequent_words_get_a_vector_of_their_own() -> None:
    frequency = (0, 0, 9, 7, 7, 3, 2, 1)  # padding and unknown first, then words by frequency
    settings = replace(SETTINGS, lex_min_df=2)
    assert lexicon_words(frequency, settings).tolist() == [2, 3, 4, 5, 6]
    assert lexicon_words(frequency, replace(settings, lex_max_words=2)).tolist() == [2, 3]
    assert len(lexicon_words((), settings)) == 0
