"""The two kinds of attention: what they read, and that blocks of frames change nothing."""

import pytest
import torch

from baselines.cnclip_rnl.alignment import AdditiveAttention, AlignmentBlock, attend

WIDTH = 8


def sides(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(2, 7, WIDTH, generator=draw), torch.randn(2, 5, WIDTH, generator=draw)


def test_every_head_reads_whole_rows() -> None:
    rows, _ = sides()
    expected = torch.stack(
        [
            (rows[..., 2 * h : 2 * h + 2] @ rows[..., 2 * h : 2 * h + 2].mT / 2**0.5).softmax(-1) @ rows
            for h in range(4)
        ]
    ).mean(0)
    torch.testing.assert_close(attend(rows, rows, rows, None), expected)


@pytest.mark.parametrize("crosswise", [True, False])
def test_masked_rows_are_not_read(crosswise: bool) -> None:
    torch.manual_seed(1)
    block, (video, text) = AlignmentBlock(WIDTH, crosswise), sides()
    masks = torch.arange(7).expand(2, -1) < 6, torch.arange(5).expand(2, -1) < 3
    other_video, other_text = video.clone(), text.clone()
    other_video[:, 6:] += 5
    other_text[:, 3:] -= 5
    ours, theirs = block(video, text, masks), block(other_video, other_text, masks)
    torch.testing.assert_close(ours[0][:, :6], theirs[0][:, :6])
    torch.testing.assert_close(ours[1][:, :3], theirs[1][:, :3])
    assert not torch.allclose(block(video, text)[0][:, :6], block(other_video, other_text)[0][:, :6])


def test_crosswise_reads_the_other_side_alone() -> None:
    torch.manual_seed(1)
    cross, own = AlignmentBlock(WIDTH, crosswise=True), AlignmentBlock(WIDTH, crosswise=False)
    video, text = sides()
    other = text + 1
    assert torch.equal(own(video, text)[0], own(video, other)[0])
    assert not torch.allclose(cross(video, text)[0], cross(video, other)[0])


@pytest.mark.parametrize("at_once", [1, 100, 300, 1 << 24])
def test_blocks_of_frames_give_the_same_rows_and_gradients(at_once: int) -> None:
    torch.manual_seed(2)
    attention, mask = AdditiveAttention(WIDTH), torch.arange(5).expand(2, -1) < 4
    found = []
    for limit in (1 << 30, at_once):
        video, text = (side.requires_grad_() for side in sides())
        attention.zero_grad()
        rows = attention(video, text, mask, limit)
        rows.square().sum().backward()
        found.append([rows, video.grad, text.grad, *(value.grad.clone() for value in attention.parameters())])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


def test_a_masked_word_says_nothing_of_a_frame() -> None:
    torch.manual_seed(2)
    attention, mask = AdditiveAttention(WIDTH), torch.arange(5).expand(2, -1) < 4
    video, text = sides()
    other = text.clone()
    other[:, 4] += 9
    assert torch.equal(attention(video, text, mask), attention(video, other, mask))
