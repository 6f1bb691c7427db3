"""How scores are joined, what learns how fast, and what published options mean."""

import pytest
import torch

from baselines.rgnet.matching import frame_cosines, matching_scores, moment_frames
from baselines.rgnet.published import read_published
from baselines.rgnet.recipe import RECIPE, fuse
from baselines.rgnet.settings import RGNetSettings
from method_tng.contract.errors import CheckpointError, ConfigError
from tests.baselines.rgnet.rgnet_world import make_model

OPTIONS = {
    "v_motion_feat_dim": 512, "v_appear_feat_dim": 512, "t_feat_dim": 512, "hidden_dim": 256, "nheads": 8,
    "dec_layers": 6, "num_queries": 5, "pos_temperature": 100, "max_v_l": 900,
}  # fmt: skip


def scores() -> dict[str, torch.Tensor]:
    """One query, two windows, two proposals."""
    return {
        "proposal": torch.tensor([[[0.8, 0.4], [0.6, 0.2]]]).log(),
        "matching": torch.tensor([[[0.0, 2.0], [1.0, 1.0]]]),
    }


def test_both_scores_reach_from_0_to_1_over_all_windows_and_are_added() -> None:
    joint = fuse(torch.full((1, 2), torch.inf), scores(), RGNetSettings())
    assert torch.allclose(joint, torch.tensor([[[1.0, 1 / 3 + 1], [2 / 3 + 0.5, 0.5]]]))


def test_one_score_alone_can_rank() -> None:
    match = torch.zeros(1, 2)
    assert torch.allclose(
        fuse(match, scores(), RGNetSettings(rank_by="proposal")), scores()["proposal"].exp() / 2
    )
    assert torch.equal(fuse(match, scores(), RGNetSettings(rank_by="matching")), scores()["matching"])


def test_the_networks_word_weighs_where_something_else_chose_the_window() -> None:
    own = {**scores(), "window": torch.zeros(1, 2, 2)}
    joint = fuse(torch.full((1, 2), 9.0), own, RGNetSettings(rank_by="proposal"))
    assert torch.allclose(joint, scores()["proposal"].exp() / 2)


def test_a_score_that_there_is_not_cannot_rank() -> None:
    with pytest.raises(ConfigError, match="sentence_features"):
        fuse(torch.zeros(1, 2), {"proposal": scores()["proposal"]}, RGNetSettings(rank_by="matching"))


def test_a_window_that_may_not_be_opened_changes_nothing() -> None:
    match = torch.tensor([[torch.inf, -torch.inf]])
    joint = fuse(match, scores(), RGNetSettings())
    assert joint[0, 0].tolist() == [1, 1] and (joint[0, 1] == -torch.inf).all()


def test_equal_scores_stay() -> None:
    joint = fuse(torch.zeros(1, 1), {"proposal": torch.zeros(1, 1, 2)}, RGNetSettings())
    assert joint.tolist() == [[[0.5, 0.5]]]


def test_the_best_three_cosines_of_a_moment_are_added() -> None:
    frames = torch.tensor([[[1.0, 0.0], [2.0, 0.0], [0.0, 3.0], [3.0, 0.0]]])
    cosines = frame_cosines(frames, torch.tensor([[5.0, 0.0]]))
    assert cosines.tolist() == [[1, 1, 0, 1]]
    borders = torch.tensor([[[0.0, 4.0], [0.4, 1.2], [2.0, 3.0], [3.5, 9.0], [-2.0, 0.0]]])
    inside = moment_frames(borders, torch.tensor([4]), 4)
    assert matching_scores(cosines, inside).tolist() == [[3, 2, 0, 1, 0]]


def test_the_adapter_learns_ten_times_slower() -> None:
    model = make_model(adapter="linear")
    first, second = RECIPE.stages[0].objectives(model, model.settings)[0].groups
    assert (first.lr_scale, second.lr_scale) == (1.0, 0.1) and len(second.parameters) == 4


def test_published_options_are_translated_and_keep_the_published_behaviour() -> None:
    published = read_published({**OPTIONS, "device": "cuda", "novel": 1})
    assert published.settings.hidden_size == 256 and published.settings.text_mask_compat
    assert published.sizes.frames == published.sizes.sentence == 512 and published.data["max_ctx_l"] == 900
    assert tuple(published.unknown) == ("novel",)
    assert "transformer.decoder.bbox_embed.5." in published.unread


def test_options_of_a_variant_that_was_never_released_are_refused() -> None:
    with pytest.raises(CheckpointError, match="pre_norm"):
        read_published({**OPTIONS, "pre_norm": True})
    with pytest.raises(CheckpointError, match="nheads"):
        read_published({name: value for name, value in OPTIONS.items() if name != "nheads"})
