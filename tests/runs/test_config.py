"""Options: layers, types, names."""

import argparse

import pytest

from method_tng.contract.errors import ConfigError
from method_tng.runs.config import (
    add_options,
    inference_options,
    read_layout,
    read_preset,
    refuse_ineffective,
    resolve,
)
from method_tng.runs.door import parse_training
from method_tng.runs.folder import RunFolder
from method_tng.runs.systems import SYSTEMS, presets_of


def test_a_later_layer_wins_and_defaults_fill_the_rest() -> None:
    settings = resolve([("preset", {"lr": 0.1, "bsz": 7}), ("command line", {"lr": 0.2})])
    assert (settings.train.lr, settings.train.bsz, settings.train.seed) == (0.2, 7, 2018)


def test_flat_options_resolve_to_the_same_settings() -> None:
    settings = resolve([("x", {"tasks": ["VR"], "margin": 0.3, "window_seconds": 20})])
    assert resolve([("opt.json", settings.flat())]) == settings


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"max_ctx": 3}, "did you mean 'max_ctx_l'"),
        ({"bsz": "many"}, "bsz is 'many'; expected int"),
        ({"bsz": True}, "expected int"),
        ({"ctx_mode": "tef"}, "expected one of video, sub"),
        ({"system": "relocnet"}, "did you mean 'reloclnet'"),
    ],
)
def test_a_wrong_option_is_told_with_its_source(values: dict, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        resolve([("somewhere", values)])


def test_a_flag_without_effect_is_refused() -> None:
    settings = resolve([("x", {"scorer": "spans", "margin": 0.5})])
    with pytest.raises(
        ConfigError, match="--margin has no effect with scorer 'spans'; it needs --scorer clips"
    ):
        refuse_ineffective({"margin": 0.5}, settings)
    refuse_ineffective({"word_drop": 0.1}, settings)


def test_flags_are_made_from_the_fields() -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_options(parser, "reloclnet")
    flags = vars(
        parser.parse_args(["--lw_neg_q", "-1", "--no_norm_vfeat", "--debug", "false", "--tasks", "VR", "TNG"])
    )
    assert flags == {"lw_neg_q": -1.0, "no_norm_vfeat": True, "debug": False, "tasks": ["VR", "TNG"]}
    with pytest.raises(SystemExit):
        parser.parse_args(["--max_ctx", "3"])  # no abbreviations: it would set max_ctx_l silently


def test_the_family_layout_needs_no_flags() -> None:
    _, _, settings = parse_training(["tvr", "video_sub_tef", "resnet_i3d"], RunFolder.open)
    assert settings.data.no_norm_vfeat
    assert settings.data.vid_feat_size == 3072
    assert settings.data.query_features.endswith("sub_query/tvr_query_pretrained_w_sub_query.h5")
    _, _, settings = parse_training(["tvr", "video", "i3d", "--bsz", "16"], RunFolder.open)
    assert settings.data.query_features.endswith("query_only/tvr_query_pretrained_w_query.h5")
    assert (settings.data.ctx_mode, settings.train.bsz, settings.data.vid_feat_size) == ("video", 16, 1024)


def test_no_arguments_mean_the_demo_corpus() -> None:
    args, _, settings = parse_training([], RunFolder.open)
    assert args.dset == "demo"
    assert settings.data.dset_name == "demo"
    assert settings.train.final_split == "test"


def test_unknown_layouts_features_and_presets_are_told() -> None:
    with pytest.raises(ConfigError, match="did you mean 'tvr'"):
        read_layout("tvrr", None, None)
    with pytest.raises(ConfigError, match="no video feature 'c3d'"):
        read_layout("tvr", "video", "c3d")
    with pytest.raises(ConfigError, match="there is no preset 'moves'"):
        read_preset("moves", "reloclnet")


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_preset_resolves(system: str) -> None:
    for name in presets_of(system):
        assert resolve([read_preset(name, system)]).system == system


def test_paths_and_search_can_change_at_inference_and_sizes_cannot() -> None:
    names = inference_options("reloclnet")
    assert {"tasks", "nms_thd", "q2c_alpha", "video_features", "device"} <= names
    assert not {"hidden_size", "lr", "clip_length", "ctx_mode"} & names
