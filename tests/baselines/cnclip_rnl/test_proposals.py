"""The fixed proposals and the overlap of rows."""

import pytest
import torch

from baselines.cnclip_rnl.proposals import legal_proposals, overlap_of_rows, proposal_table, truncated


def test_proposals_stand_around_their_row_in_the_order_of_rows_then_widths() -> None:
    table = proposal_table(3, (1, 4))
    assert table.tolist() == [[0, 0], [-1.5, 1.5], [1, 1], [-0.5, 2.5], [2, 2], [0.5, 3.5]]
    assert proposal_table(200, (8, 16, 32, 64)).shape == (800, 2)


def test_borders_are_cut_towards_zero() -> None:
    assert truncated(torch.tensor([[3.5, -3.5], [-0.5, 0.5]])).tolist() == [[3, -3], [0, 0]]


def test_a_legal_proposal_lies_inside_its_own_window() -> None:
    table = proposal_table(4, (1, 2))
    legal = legal_proposals(table, torch.tensor([4, 2]))
    assert legal.tolist() == [
        [True, False, True, True, True, True, True, True],
        [True, False, True, True, False, False, False, False],
    ]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((2, 5), (2, 5), 1),
        ((2, 5), (4, 7), 2 / 6),
        ((0, 1), (2, 3), 0),
        ((0, 1), (9, 9), 0),
        ((3, 3), (3, 3), 1),
    ],
)
def test_overlap_counts_both_ends(one: tuple, other: tuple, expected: float) -> None:
    pair = torch.tensor(one, dtype=torch.float64), torch.tensor(other, dtype=torch.float64)
    assert overlap_of_rows(*pair).item() == pytest.approx(expected)
    assert overlap_of_rows(*reversed(pair)).item() == pytest.approx(expected)
