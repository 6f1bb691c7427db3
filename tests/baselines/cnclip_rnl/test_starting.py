"""First weights that do not lose what a sentence says of a frame, and rows of one scale."""

import torch

from baselines.cnclip_rnl.localizer import RNL
from baselines.cnclip_rnl.starting import scaled_rows
from tests.baselines.cnclip_rnl.rnl_world import make_batch, make_model


def interaction(model: RNL, size: float = 0.1) -> float:
    """How much of the logits depends on frame and sentence together, as a share of what depends on the frame.

    Of small features: their numbers are of the given size.
    """
    batch = make_batch(count=8)
    rows = size * batch.windows.frames[:1, :20].expand(8, -1, -1)
    mask = batch.windows.mask[:1, :20].expand(8, -1)
    queries = type(batch.queries)(batch.queries.ids, size * batch.queries.words, batch.queries.mask)
    with torch.no_grad():
        logits = model(model.read_frames(rows, mask), mask, *model.read_sentence(queries)).logits
    both = logits - logits.mean(0) - logits.mean(1, keepdim=True) + logits.mean()
    return float(both.std() / logits.mean(0).std())


def test_the_sentence_reaches_the_heads() -> None:
    options = {"hidden_size": 32, "mask_alignment": True}
    usual, kept = make_model(**options), make_model(**options, start="kept", scale_rows=True)
    assert interaction(kept) > 0.05 and interaction(kept) > 10 * interaction(usual)


def test_the_start_changes_weights_and_no_names() -> None:
    usual, kept = make_model().state_dict(), make_model(start="kept").state_dict()
    assert list(usual) == list(kept)
    assert not torch.equal(usual["co1.linears.0.0.weight"], kept["co1.linears.0.0.weight"])
    again = make_model(start="kept").state_dict()
    assert all(torch.equal(kept[name], again[name]) for name in kept)


def test_rows_are_scaled_and_empty_ones_stay() -> None:
    rows = torch.tensor([[3.0, 4.0], [0.0, 0.0], [1e-3, 0.0]])
    found = scaled_rows(rows)
    assert torch.allclose(found.square().mean(-1), torch.tensor([1.0, 0.0, 1.0]))


def test_scaled_rows_forget_their_size() -> None:
    model = make_model(scale_rows=True)
    batch = make_batch()
    rows, mask = batch.windows.frames[:, :20], batch.windows.mask[:, :20]
    torch.testing.assert_close(model.read_frames(rows, mask), model.read_frames(7 * rows, mask))
