"""Options of published checkpoints in our terms."""

import pytest

from method_tng.contract.errors import CheckpointError
from method_tng.reloclnet.published import read_published

OPTIONS = {
    "visual_input_size": 42,
    "sub_input_size": 26,
    "query_input_size": 28,
    "hidden_size": 32,
    "n_heads": 4,
    "max_ctx_l": 20,
    "max_desc_l": 12,
    "ctx_mode": "video_sub_tef",
    "margin": 0.2,
    "use_hard_negative": True,
}


def test_every_option_finds_its_place() -> None:
    told = read_published(OPTIONS | {"stack_conv": 1})
    settings, data, sizes = told.settings, told.data, told.sizes
    assert (settings.hidden_size, settings.n_heads, settings.margin) == (32, 4, 0.2)
    assert settings.pad_compat and not settings.mask_related and settings.hard_negative_start_epoch == 0
    assert data["max_ctx_l"] == 20 and data["label_end"] == "upstream"
    assert (sizes.frames, sizes.subtitles, sizes.words) == (42, 26, 28)
    assert told.unknown == ("stack_conv",)


def test_a_stream_that_the_mode_leaves_out_has_no_width() -> None:
    assert read_published(OPTIONS | {"ctx_mode": "video"}).sizes.subtitles == 0
    assert read_published(OPTIONS | {"ctx_mode": "sub_tef"}).sizes.frames == 0


def test_a_missing_width_is_told() -> None:
    with pytest.raises(CheckpointError, match="lacks sub_input_size"):
        read_published({name: value for name, value in OPTIONS.items() if name != "sub_input_size"})
