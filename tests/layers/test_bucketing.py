"""Groups of similar length: least padding, nothing lost, nothing changed."""

from itertools import combinations, pairwise

import torch
from hypothesis import given
from hypothesis import strategies as st

from method_tng.layers.bucketing import encode_in_groups, length_groups


def places(lengths: torch.Tensor, groups: list[torch.Tensor]) -> int:
    return sum(len(rows) * int(lengths[rows].max()) for rows in groups)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.integers(1, 5))
def test_no_other_split_has_less_padding(lengths: list[int], most: int) -> None:
    tensor = torch.tensor(lengths)
    groups = length_groups(tensor, most)
    assert len(groups) <= most
    assert sorted(torch.cat(groups).tolist()) == list(range(len(lengths)))
    ordered, count = sorted(lengths), len(lengths)
    least = min(
        sum((high - low) * ordered[high - 1] for low, high in pairwise((0, *cuts, count)))
        for size in range(min(most, count))
        for cuts in combinations(range(1, count), size)
    )
    assert places(tensor, groups) == least


def test_groups_give_what_all_items_together_give() -> None:
    torch.manual_seed(0)
    lengths = torch.tensor([3, 9, 1, 9, 4, 7])
    mask = torch.arange(9) < lengths[:, None]
    rows = torch.randn(6, 9, 2) * mask[:, :, None]

    def encode(chosen: torch.Tensor, longest: int) -> dict[str, torch.Tensor]:
        part = rows[chosen, :longest]
        return {"clips": part.cumsum(1) * mask[chosen, :longest, None], "sum": part.sum(1)}

    together = encode(torch.arange(6), 9)
    for most in (1, 2, 3, 9):
        found = encode_in_groups(encode, mask, most)
        for name, value in together.items():
            torch.testing.assert_close(found[name], value)
