"""The network: batch mates, padding, the three sparse modes, spans that overrun."""

import pytest
import torch

from baselines.rgnet.model import RGNet
from baselines.rgnet.settings import RGNetSettings
from baselines.rgnet.transformer import sparse_bias
from method_tng.contract.batch import Batch, take_queries, take_windows
from method_tng.contract.errors import ConfigError
from method_tng.contract.recipe import Sizes
from method_tng.contract.settings import DataSettings
from tests.baselines.rgnet.rgnet_world import SMALL, VIDEO, WORDS, make_batch, make_model

MODES = ("release", "row", "key")
GATE = torch.tensor([[0.0, 1.0, 0.0]])
REAL = torch.ones(1, 3, dtype=torch.bool)


def answers(model: RGNet, batch: Batch) -> dict[str, torch.Tensor]:
    """All that inference reads, query n in window n."""
    queries, windows = model.encode_queries(batch.queries), model.encode_windows(batch.windows)
    rows = torch.arange(len(batch.queries))
    spans = model.localize(queries, windows, torch.stack((rows, rows), 1))
    return {"match": model.match(queries, windows).diagonal(), "times": spans.times, **spans.scores}


@pytest.mark.parametrize("mode", MODES)
def test_a_samples_result_does_not_depend_on_its_batch_mates(mode: str) -> None:
    model, batch = make_model(sparse_mode=mode), make_batch()
    together = answers(model, batch)
    for row in range(len(batch.queries)):
        only = torch.tensor([row])
        num_words, num_clips = int(batch.queries.mask[row].sum()), int(batch.windows.mask[row].sum())
        queries = take_queries(batch.queries, only, num_words)
        alone = Batch(queries, take_windows(batch.windows, only, num_clips), torch.tensor([0]))
        for name, value in answers(model, alone).items():
            assert torch.allclose(value[0], together[name][row], atol=1e-5), name


def test_the_published_leak_makes_it_depend_on_them() -> None:
    model, batch = make_model(text_mask_compat=True), make_batch()
    row = torch.tensor([2])
    alone = Batch(take_queries(batch.queries, row, 4), take_windows(batch.windows, row, 9), torch.tensor([0]))
    assert not torch.allclose(answers(model, alone)["times"][0], answers(model, batch)["times"][2], atol=1e-4)


def test_a_gate_that_is_shut_looks_away_from_itself() -> None:
    bias = sparse_bias(GATE.clone(), REAL, "release")[0, 0]
    assert bias.tolist() == [[0, 0, 0], [0, 0, 0], [1, 1, 0]]


def test_a_gate_that_is_shut_sees_only_itself() -> None:
    bias = sparse_bias(GATE.clone(), REAL, "row")[0, 0]
    assert bias.exp().tolist() == [[1, 1, 1], [1, 1, 1], [0, 0, 1]]


def test_the_token_sees_itself_and_open_gates_only() -> None:
    bias = sparse_bias(GATE.clone(), REAL, "key")[0, 0]
    assert bias.exp().tolist() == [[1, 1, 0], [1, 1, 1], [1, 1, 1]]


@pytest.mark.parametrize("mode", MODES)
def test_padding_is_never_left_without_anything_to_see(mode: str) -> None:
    mask = torch.tensor([[True, True, False]])
    bias = sparse_bias(torch.zeros(1, 3), mask, mode) + torch.tensor([0, 0, -torch.inf])
    assert (bias.amax(-1) > -torch.inf).all()


def test_the_gate_is_learned_through_what_it_adds() -> None:
    model, batch = make_model().train(), make_batch()
    queries, windows = model.encode_queries(batch.queries), model.encode_windows(batch.windows)
    read = model.read(queries, windows, torch.tensor([[0, 0]]))
    model.saliency(read).sum().backward()
    assert set(read.gate.detach().unique().tolist()) <= {0.0, 1.0}
    assert model.transformer.prop_instance.weight.grad.abs().sum() > 0


def test_blocks_of_pairs_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model, batch = make_model(), make_batch()
    whole = answers(model, batch)
    monkeypatch.setattr("baselines.rgnet.model.FRAMES_AT_ONCE", 1)
    for name, value in answers(model, batch).items():
        assert torch.allclose(value, whole[name], atol=1e-6)


@pytest.mark.parametrize("adapter", ["none", "linear"])
def test_a_span_that_overruns_its_window_is_scored_by_the_frames_it_has(adapter: str) -> None:
    model, batch = make_model(adapter=adapter), make_batch()
    queries, windows = model.encode_queries(batch.queries), model.encode_windows(batch.windows)
    pairs, length = torch.tensor([[0, 0]]), float(batch.windows.mask[0].sum())
    inside, beyond, outside = (
        model.match_moments(queries, windows, pairs, torch.tensor([[[length - 2, end]]]))
        for end in (length, length + 3, 1)
    )
    assert torch.equal(inside, beyond) and inside.isfinite().all() and outside == 0


def test_as_published_such_a_span_has_no_score() -> None:
    model, batch = make_model(overrun_compat=True), make_batch()
    queries, windows = model.encode_queries(batch.queries), model.encode_windows(batch.windows)
    length = float(batch.windows.mask[0].sum())
    borders = torch.tensor([[[length - 2, length + 2]]])
    assert model.match_moments(queries, windows, torch.tensor([[0, 0]]), borders).isnan().all()


def test_sentences_of_another_width_than_frames_are_refused() -> None:
    with pytest.raises(ConfigError, match="one space"):
        make_model(sentence=VIDEO + 1)


def test_without_sentence_vectors_there_is_no_matching_score() -> None:
    model, batch = make_model(sentence=0), make_batch()
    assert "matching" not in answers(model, batch)


@pytest.mark.parametrize(
    "changes", [{"adapter": "linear"}, {"window_select": "clip"}, {"window_select": "both"}]
)
def test_what_compares_frames_with_sentences_needs_sentences(changes: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"compares frames with sentences, .* --sentence_features"):
        make_model(sentence=0, **changes)


def test_an_adapter_is_part_of_the_model_also_where_its_score_is_not_asked_for() -> None:
    asked, silent = (make_model(adapter="linear", matching=matching) for matching in (True, False))
    silent.load_state_dict(asked.state_dict())
    assert "matching" not in answers(silent, make_batch())


@torch.no_grad()
def test_windows_can_be_chosen_by_their_best_frame() -> None:
    batch = make_batch()
    plain, clip, both = (make_model(window_select=select) for select in ("retrieval", "clip", "both"))
    found = [answers(model, batch) for model in (plain, clip, both)]
    for row, frames in enumerate(batch.windows.frames):
        real = frames[batch.windows.mask[row]]
        cosine = torch.cosine_similarity(real, batch.queries.sentence[row][None]).max()
        assert found[1]["match"][row] == pytest.approx(float(cosine), abs=1e-5)
        product = cosine * found[0]["match"][row].sigmoid()
        assert found[2]["match"][row] == pytest.approx(float(product), abs=1e-5)
        for one in found[1:]:  # the network's own word still weighs the proposals
            assert one["window"][row].tolist() == pytest.approx([float(found[0]["match"][row])] * 5, abs=1e-5)


def test_the_moves_of_the_intervals_start_at_none() -> None:
    sizes = Sizes(frames=VIDEO, words=WORDS)
    model = RGNet(RGNetSettings(**SMALL), DataSettings(ctx_mode="video"), sizes).eval()
    batch = make_batch()
    queries, windows = model.encode_queries(batch.queries), model.encode_windows(batch.windows)
    read = model.read(queries, windows, torch.tensor([[0, 0]]))
    _, started = model.transformer.decode(model.query_embed.weight.sigmoid(), read)
    assert torch.allclose(started[1], started[0])
