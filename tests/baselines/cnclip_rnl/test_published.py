"""Published weights say their model by their shapes."""

from dataclasses import asdict

import pytest

from baselines.cnclip_rnl.localizer import RNL
from baselines.cnclip_rnl.published import read_published
from method_tng.contract.errors import CheckpointError
from method_tng.contract.settings import DataSettings
from tests.baselines.cnclip_rnl.rnl_world import WITH_FACES, make_model

PUBLISHED = {"anchor_widths": (8, 16, 32, 64), "num_frames": 200, "max_words": 80, "drop": 0.2}


def shapes_of(model: RNL) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in model.state_dict().items()}


@pytest.mark.parametrize("options", [{}, {**WITH_FACES, "max_faces": 3}, {"num_attn_layers": 1}])
def test_the_model_is_read_off_the_shapes(options: dict) -> None:
    model = make_model(**PUBLISHED, **options)
    found = read_published({"shapes": shapes_of(model)})
    assert asdict(found.settings) == asdict(model.settings)
    again = RNL(found.settings, DataSettings(**found.data), found.sizes)
    assert shapes_of(again) == shapes_of(model) and not found.unknown and found.stage == "ground"


def test_known_options_win_and_unknown_ones_are_told() -> None:
    model = make_model(**PUBLISHED, num_heads=2)
    found = read_published({"shapes": shapes_of(model), "num_heads": 2, "max_num_frames": 128, "novel": 1})
    assert found.settings.num_heads == 2 and found.settings.num_frames == 128 and found.unknown == ("novel",)


def test_weights_of_another_model_are_refused() -> None:
    with pytest.raises(CheckpointError, match=r"no weights fc_score\.weight"):
        read_published({"shapes": {"a": (1, 2)}})
    with pytest.raises(CheckpointError, match="proposals of 3 widths; expected 4"):
        read_published({"shapes": shapes_of(make_model())})
