"""What must hold of the published network whatever its weights are."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from method_tng.contract.batch import QueryBatch, WindowBatch, take_queries, take_windows
from method_tng.contract.errors import ConfigError
from method_tng.contract.recipe import Sizes
from method_tng.contract.settings import DataSettings
from method_tng.reloclnet.model import ReLoCLNet, span_lengths
from method_tng.reloclnet.settings import ReLoCLNetSettings
from tests.reloclnet.clip_world import DATA, FRAMES, LENGTHS, SUBTITLES, all_pairs, make_batch, make_model

STREAMS = [(FRAMES, SUBTITLES), (FRAMES, 0), (0, SUBTITLES)]


def longer(windows: WindowBatch, room: int) -> WindowBatch:
    """The same windows with padding of nonsense."""
    pad = {
        name: F.pad(getattr(windows, name), (0, 0, 0, room), value=3.0) for name in ("frames", "subtitles")
    }
    return replace(windows, mask=F.pad(windows.mask, (0, room)), **pad)


def answers(model: ReLoCLNet, queries: QueryBatch, windows: WindowBatch) -> tuple[torch.Tensor, list]:
    """Match, and per pair the finite proposals as (start, end, score)."""
    asked, kept = model.encode_queries(queries), model.encode_windows(windows)
    pairs = all_pairs(len(queries), len(windows))
    spans = model.localize(asked, kept, pairs)
    times = spans.times.expand(len(pairs), -1, -1)
    found = []
    for row, scores in enumerate(spans.scores["span"]):
        real = scores > -torch.inf
        found.append(torch.cat((times[row, real], scores[real, None].double()), dim=1))
    return model.match(asked, kept), found


@pytest.fixture(autouse=True)
def no_gradient():
    with torch.no_grad():
        yield


@pytest.mark.parametrize("widths", STREAMS)
@pytest.mark.parametrize("label_end", ["upstream", "inclusive"])
def test_padding_changes_nothing(widths: tuple[int, int], label_end: str) -> None:
    model, batch = make_model(*widths, label_end=label_end), make_batch()
    queries = replace(
        batch.queries,
        words=F.pad(batch.queries.words, (0, 0, 0, 1), value=5.0),
        mask=F.pad(batch.queries.mask, (0, 1)),
    )
    match, spans = answers(model, batch.queries, batch.windows)
    padded_match, padded_spans = answers(model, queries, longer(batch.windows, 3))
    torch.testing.assert_close(padded_match, match, rtol=1e-5, atol=1e-5)
    for one, other in zip(spans, padded_spans, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("pad_compat", [False, True])
def test_a_window_does_not_know_its_neighbours(pad_compat: bool) -> None:
    model, batch = make_model(pad_compat=pad_compat), make_batch()
    order = torch.tensor([3, 0, 4, 2, 1])
    match, spans = answers(model, batch.queries, batch.windows)
    moved = take_windows(batch.windows, order, max(LENGTHS))
    moved_match, moved_spans = answers(model, batch.queries, moved)
    torch.testing.assert_close(moved_match, match[:, order], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(moved_spans[0], spans[3], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("pad_compat", [False, True])
@pytest.mark.parametrize("widths", STREAMS)
def test_one_query_and_one_window_of_one_clip_are_enough(widths: tuple[int, int], pad_compat: bool) -> None:
    model, batch = (
        make_model(*widths, pad_compat=pad_compat, label_end="inclusive", min_pred_l=1),
        make_batch(),
    )
    one_query = take_queries(batch.queries, torch.tensor([2]), 1)
    match, spans = answers(model, one_query, take_windows(batch.windows, torch.tensor([3]), 1))
    assert match.shape == (1, 1) and match.isfinite().all()
    assert spans[0].tolist() == [[0.0, 2.0, pytest.approx(0.0, abs=1e-6)]]  # the only span is certain


def test_published_models_pad_and_let_it_leak_into_the_last_clips_alone() -> None:
    batch = make_batch()
    strict, leaky = make_model(pad_compat=False), make_model(pad_compat=True)
    found = []
    for model in (strict, leaky):
        codes = model.encode_queries(batch.queries), model.encode_windows(batch.windows)
        found.append((codes, model.span_logits(*codes, all_pairs(1, 1))[0][0, : LENGTHS[0]]))
    assert found[1][0][1]["mask"].shape[1] == DATA.max_ctx_l
    torch.testing.assert_close(strict.match(*found[0][0]), leaky.match(*found[1][0]), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found[0][1][:-2], found[1][1][:-2], rtol=1e-4, atol=1e-4)
    assert (found[0][1][-2:] - found[1][1][-2:]).abs().min() > 1e-3


def test_pairs_are_localized_as_in_the_whole_grid_and_in_their_order() -> None:
    model, batch = make_model(), make_batch()
    codes = model.encode_queries(batch.queries), model.encode_windows(batch.windows)
    grid = model.localize(*codes, all_pairs(7, 5)).scores["span"].view(7, 5, -1)
    pairs = torch.tensor([[6, 0], [0, 4], [6, 0], [2, 2]])
    torch.testing.assert_close(model.localize(*codes, pairs).scores["span"], grid[pairs[:, 0], pairs[:, 1]])


def test_the_scores_of_all_spans_are_those_of_start_and_end() -> None:
    model, batch = make_model(), make_batch()
    codes = model.encode_queries(batch.queries), model.encode_windows(batch.windows)
    start, end = model.border_log_probabilities(*codes, torch.tensor([[1, 0]]))
    torch.testing.assert_close(start.exp().sum(), torch.tensor(1.0))
    _, spans = answers(model, take_queries(batch.queries, torch.tensor([1]), 5), batch.windows)
    for begin, stop, score in spans[0].tolist():
        a, b = round(begin / 2), round(stop / 2)  # upstream labels: b is the clip behind
        assert 2 <= b - a < 6
        assert score == pytest.approx(float(start[0, a] + end[0, b]), abs=1e-5)
    assert len(spans[0]) == sum(9 - length for length in (2, 3, 4, 5))


def test_inclusive_spans_reach_the_last_clip() -> None:
    model, batch = make_model(label_end="inclusive", min_pred_l=1), make_batch()
    _, spans = answers(model, batch.queries, batch.windows)
    times = spans[1][:, :2]  # the window of 3 clips
    assert {tuple(row) for row in times.tolist()} == {(0, 2), (0, 4), (0, 6), (2, 4), (2, 6), (4, 6)}


def test_pooled_windows_have_a_clock_of_their_own_and_end_in_time() -> None:
    model, batch = make_model(label_end="inclusive", min_pred_l=1), make_batch()
    seconds = torch.tensor([2.0, 3.0, 2.0, 2.0, 2.0], dtype=torch.float64)
    windows = replace(batch.windows, clip_seconds=seconds)
    windows.seconds[1, 1] = windows.seconds[1, 0] + 8.5
    _, spans = answers(model, batch.queries, windows)
    assert spans[0][:, 1].max() == 2.0 * 9
    assert spans[1][:, 1].max() == 8.5


@pytest.mark.parametrize("widths", STREAMS)
def test_half_precision_gives_finite_and_nearly_equal_scores(widths: tuple[int, int]) -> None:
    model, batch = make_model(*widths), make_batch()
    match, _ = answers(model, batch.queries, batch.windows)
    with torch.autocast("cpu", torch.bfloat16):
        half, spans = answers(model, batch.queries, batch.windows)
    assert half.isfinite().all() and all(row.isfinite().all() for row in spans)
    assert (half - match).abs().max() < 0.05 * model.settings.q2c_alpha


def test_the_vectors_for_an_index_find_the_score_again() -> None:
    model, batch = make_model(), make_batch()
    asked, kept = model.encode_queries(batch.queries), model.encode_windows(batch.windows)
    vectors, total = model.window_vectors(kept), 0.0
    for name, query in model.query_vectors(asked).items():
        rows, norms = vectors[name]
        torch.testing.assert_close(rows.norm(dim=-1), norms)
        assert (norms[~kept["mask"]] == 0).all()
        cosine = torch.einsum("nd,mtd->nmt", query, rows) / query.norm(dim=1)[:, None, None]
        total += (cosine / norms).masked_fill(norms == 0, -torch.inf).amax(2) / 2
    torch.testing.assert_close(total * model.settings.q2c_alpha, model.match(asked, kept))


def test_the_published_size_has_the_published_number_of_parameters() -> None:
    model = ReLoCLNet(ReLoCLNetSettings(), DataSettings(), Sizes(frames=3074, subtitles=770, words=768))
    assert sum(parameter.numel() for parameter in model.parameters()) == 7_765_650


def test_fresh_weights_are_drawn_as_published() -> None:
    model = ReLoCLNet(ReLoCLNetSettings(), DataSettings(), Sizes(frames=200, subtitles=100, words=50))
    assert model.query_encoder.self.query.weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert model.ctx_pos_embed.position_embeddings.weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert model.video_encoder1.output.dense.bias.abs().max() == 0
    assert model.merged_st_predictor.weight.abs().max() <= 1 / 5**0.5


@pytest.mark.parametrize(
    ("label_end", "limits", "expected"),
    [
        ("upstream", {}, range(3, 17)),  # 2 <= b - a < 16, both labels counted
        ("inclusive", {}, range(2, 17)),
        ("inclusive", {"min_pred_seconds": 2.0, "max_pred_seconds": 24.0}, range(2, 17)),
        ("upstream", {"min_pred_seconds": 3.0, "max_pred_seconds": 22.5}, range(3, 17)),
    ],
)
def test_allowed_lengths_follow_the_label_convention(label_end: str, limits: dict, expected: range) -> None:
    assert span_lengths(ReLoCLNetSettings(**limits), DataSettings(label_end=label_end)) == expected


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"conv_stride": 2}, "stride 1"),
        ({"conv_kernel_size": 4}, "odd kernel"),
        ({"n_heads": 5}, "multiple of n_heads"),
        ({"min_pred_l": 9}, "no moment at all"),
        ({"frames": 0, "subtitles": 0}, "no stream"),
    ],
)
def test_what_cannot_be_built_is_refused_in_a_sentence(changes: dict, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make_model(**changes)
