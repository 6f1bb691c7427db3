"""Suppression and recalls of the publication."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from baselines.cnclip_rnl.paper_protocol import hits, recalls, saved_answers, survivors, whole_rows
from standalone_eval.nms import rnl


@given(st.integers(0, 10_000), st.sampled_from([0.05, 0.25, 0.45, 0.65]))
def test_it_keeps_what_the_evaluators_rule_keeps(seed: int, most: float) -> None:
    rng = np.random.default_rng(seed)
    boxes = rng.integers(0, 12, (3, 15, 2)).astype(float)  # ties, empty and turned ones among them
    scores = rng.integers(0, 6, (3, 15)) / 5
    found = survivors(torch.from_numpy(scores), torch.from_numpy(boxes), most)
    for row, kept in enumerate(found.tolist()):
        assert [column for column in kept if column >= 0] == rnl(boxes[row], scores[row], most).tolist()


def test_boxes_fall_on_whole_rows_half_to_even() -> None:
    boxes = torch.tensor([[0.5, 1.5], [-3.0, 250.0], [2.5, 3.5]])
    assert whole_rows(boxes, 200).tolist() == [[0, 2], [0, 199], [2, 4]]


def test_a_hit_by_hand() -> None:
    boxes = torch.tensor([[[0.0, 9.0], [20.0, 29.0], [22.0, 31.0]]])
    scores = torch.tensor([[0.9, 0.8, 0.7]])
    found = hits(scores, boxes, torch.tensor([[22, 31]]))
    assert found[0].tolist() == [[False] * 4, [True] * 4]
    # the second box is right up to 0.5 (8 of 12 rows); at 0.7 only the third is, which then just survives the
    # second: they share 7 of 11 seconds, not more than 0.65


def test_recalls_are_shares_of_the_queries() -> None:
    boxes = torch.tensor([[[0.0, 9.0]], [[0.0, 9.0]]])
    found = recalls(torch.ones(2, 1), boxes, torch.tensor([[0, 9], [50, 60]]))
    assert set(found.values()) == {0.5} and list(found)[:2] == ["R1@0.1", "R1@0.3"]


def test_five_answers_are_saved_and_missing_ones_are_marked() -> None:
    boxes = 10.0 * torch.arange(8)[None, :, None] + torch.tensor([0.0, 5.0])
    assert saved_answers(torch.arange(8.0)[None], boxes).tolist() == [[7, 6, 5, 4, 3]]
    assert saved_answers(torch.ones(1, 2), boxes[:, :2]).tolist() == [[1, 0, -1, -1, -1]]
