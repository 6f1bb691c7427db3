"""What a batch becomes before the locator reads it, and that it learns."""

import math
from dataclasses import replace

import pytest
import torch

from baselines.cnclip_rnl.objective import localizer_terms, training_windows
from tests.baselines.cnclip_rnl.rnl_world import WITH_FACES, make_batch, make_model, progress


def test_without_stretching_training_reads_what_searching_reads() -> None:
    model, batch = make_model(**WITH_FACES).eval(), make_batch(faces=True)
    rows, mask, labels = training_windows(model, batch, progress())
    code = model.encode_windows(batch.windows)
    torch.testing.assert_close(model.read_frames(rows, mask), code["frames"])
    seconds = labels.double() * code["row_seconds"][:, None]
    wanted = batch.targets.clips.double() * batch.windows.clip_seconds[:, None]
    assert bool(((seconds - wanted).abs() <= 2.5).all())  # a row is 2 seconds


def test_stretching_is_drawn_from_the_generator_while_training_alone() -> None:
    model, batch = make_model().train(), make_batch(count=8)
    one, same, other = (training_windows(model, batch, progress(seed))[0] for seed in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)
    calm = make_model(stretch=False).train()
    assert torch.equal(*(training_windows(calm, batch, progress(seed))[0] for seed in (1, 2)))


def test_given_ratios_replace_the_draws() -> None:
    model, batch = make_model().train(), make_batch()
    as_they_are = training_windows(model, batch, progress(), [(1.0, 1.0, 1.0)] * 4)
    torch.testing.assert_close(as_they_are[0], training_windows(model.eval(), batch, progress())[0])
    longer = training_windows(model, batch, progress(), [(2.0, 1.0, 1.0)] * 4)[2]
    assert bool((longer.diff(dim=1) > as_they_are[2].diff(dim=1)).all())


@pytest.mark.parametrize(("label_end", "rows"), [("inclusive", 2), ("upstream", 1)])
def test_a_moment_of_one_row_is_stretched_where_its_label_is_that_row(label_end: str, rows: int) -> None:
    model, batch = (
        make_model(short_windows="mask", num_frames=60, data={"label_end": label_end}),
        make_batch(),
    )
    targets = replace(batch.targets, clips=torch.tensor([[5, 5]] * 4))
    labels = training_windows(
        model.train(), replace(batch, targets=targets), progress(), [(2.0, 1.0, 1.0)] * 4
    )[2]
    assert labels.tolist() == [[5, 4 + rows]] * 4


def test_several_sentences_may_share_a_window() -> None:
    model, batch = make_model(), make_batch()
    shared = type(batch)(batch.queries, batch.windows, torch.tensor([0, 0, 2, 0]), batch.targets)
    rows, _, _ = training_windows(model, shared, progress())
    assert torch.equal(rows[0], rows[1]) and torch.equal(rows[0], rows[3])


@pytest.mark.parametrize("options", [{}, {**WITH_FACES, "project_faces": True}, {"short_windows": "mask"}])
def test_four_sentences_are_learned_by_heart(options: dict) -> None:
    model, batch = make_model(**options, mask_alignment=True).train(), make_batch(faces="face_dim" in options)
    optimizer, totals = torch.optim.Adam(model.parameters(), lr=0.03), []
    for _ in range(10):
        terms = localizer_terms(model, batch, progress(), [(1.0, 1.0, 1.0)] * 4)
        total = sum(terms.values())
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        totals.append(float(total.detach()))
    assert all(math.isfinite(value) for value in totals) and totals[-1] < 0.9 * totals[0]
    assert all(value.grad is not None for value in model.parameters())


def test_windows_too_short_for_any_proposal_teach_nothing_and_break_nothing() -> None:
    model, batch = make_model(short_windows="mask", anchor_widths=(30,), num_frames=20).train(), make_batch()
    terms = localizer_terms(model, batch, progress())
    assert terms["loss_border"] == 0 and terms["loss_score"] == 0
    code = model.encode_queries(batch.queries), model.encode_windows(batch.windows)
    spans = model.localize(*code, torch.tensor([[0, 0]]))
    assert bool((spans.scores["proposal"] == -torch.inf).all())
