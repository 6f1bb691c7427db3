"""Options: layers, types, names."""

import argparse
from pathlib import Path

import pytest

from method_tng.contract.errors import ConfigError
from method_tng.contract.files import write_json
from method_tng.runs.config import (
    inference_options,
    options_of,
    refuse_ineffective,
    resolve,
)
from method_tng.runs.door import parse_training
from method_tng.runs.flags import add_options, help_of
from method_tng.runs.option_files import read_layout, read_preset
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
        ({"ctx_mode": "teff"}, "expected one of video, sub"),
        ({"system": "relocnet"}, "did you mean 'reloclnet'"),
    ],
)
def test_a_wrong_option_is_told_with_its_source(values: dict, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        resolve([("somewhere", values)])


def test_a_flag_without_effect_is_refused() -> None:
    settings = resolve([("x", {"scorer": "spans", "margin": 0.5})])
    with pytest.raises(
        ConfigError, match=r"the flags: margin has no effect with scorer 'spans'; it needs scorer clips"
    ):
        refuse_ineffective("the flags", {"margin": 0.5}, settings)
    refuse_ineffective("the flags", {"word_drop": 0.1}, settings)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"lr_schedule": "constant", "lr_warmup_proportion": 0.2}, r"it needs lr_schedule warmup_linear or"),
        ({"stop_task": "last", "max_es_cnt": 3}, "max_es_cnt has no effect with stop_task 'last'"),
        ({"eval_split": "", "stop_task": "VR"}, r"stop_task has no effect with eval_split ''; .* to be set"),
        ({"window_stride": 10.0}, "window_stride has no effect with window_seconds 0.0"),
        ({"ranking_loss_type": "lse", "margin": 0.2}, "margin has no effect with ranking_loss_type 'lse'"),
        ({"hard_negative_start_epoch": -1, "hard_pool_size": 5}, "hard_pool_size has no effect"),
        ({"scorer": "spans", "vocabulary": False, "lex_drop": 0.1}, "lex_drop has no effect with vocabulary"),
        ({"max_pred_seconds": 20.0, "max_pred_l": 9}, "max_pred_l has no effect with max_pred_seconds 20.0"),
    ],
)
def test_an_option_that_another_one_switches_off_is_refused(values: dict, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        refuse_ineffective("the flags", values, resolve([("the flags", values)]))


@pytest.mark.parametrize(
    "values",
    [
        {"window_seconds": 100.0},
        {"window_seconds": 200.0},
        {"window_margin": 9.0},
        {"stop_task": "TNG"},
        {"eval_tasks_at_training": ["TNG"]},
        {"captions": True},
    ],
)
def test_an_option_that_all_stages_set_themselves_is_refused(values: dict) -> None:
    with pytest.raises(ConfigError, match="has no effect with system 'cnclip_rnl', whose stages set it"):
        refuse_ineffective("the flags", values, resolve([("the flags", values)], "cnclip_rnl"))


@pytest.mark.parametrize("values", [{"window_offsets": "offsets.json"}, {"bsz": 4}, {"lr": 0.1}])
def test_an_option_that_has_effect_in_one_stage_is_taken(values: dict) -> None:
    refuse_ineffective("the flags", values, resolve([("the flags", values)], "cnclip_rnl"))


@pytest.mark.parametrize("system", SYSTEMS)
def test_no_preset_says_what_has_no_effect(system: str) -> None:
    for name in presets_of(system):
        source, values = read_preset(name, system)
        refuse_ineffective(source, values, resolve([(source, values)], system))


@pytest.mark.parametrize("values", [{"data_ratio": 1.5}, {"ema": 1.0}, {"drop": 1.0}, {"lr": -1.0}])
def test_a_number_out_of_its_range_is_refused(values: dict) -> None:
    with pytest.raises(ConfigError, match=r"expected at (most|least)"):
        resolve([("the flags", values)])


def test_flags_beat_a_file_of_options_which_beats_the_layout_and_its_preset(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("clip_length: 3.0\nhidden_size: 32\nn_epoch: 4\n", encoding="utf-8")
    _, _, settings = parse_training(["tng-mini", "--config", str(mine), "--n_epoch", "5"])
    assert (settings.data.clip_length, settings.model.hidden_size, settings.train.n_epoch) == (3.0, 32, 5)
    assert settings.model.scorer == "spans"  # of the layout's preset, which stays underneath
    mine.write_text("margin: 0.3\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"mine\.yaml: margin has no effect with scorer 'spans'"):
        parse_training(["tng-mini", "--config", str(mine)])


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
    _, _, settings = parse_training(["tvr", "video_sub_tef", "resnet_i3d"])
    assert settings.data.no_norm_vfeat
    assert settings.data.vid_feat_size == 3072
    assert settings.data.query_features.endswith("sub_query/tvr_query_pretrained_w_sub_query.h5")
    _, _, settings = parse_training(["tvr", "video", "i3d", "--bsz", "16"])
    assert settings.data.query_features.endswith("query_only/tvr_query_pretrained_w_query.h5")
    assert (settings.data.ctx_mode, settings.train.bsz, settings.data.vid_feat_size) == ("video", 16, 1024)


def test_no_arguments_mean_the_demo_corpus() -> None:
    args, _, settings = parse_training([])
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
        assert resolve([read_preset(name, system)], system).system == system


def test_paths_and_search_can_change_at_inference_and_sizes_cannot() -> None:
    names = inference_options("reloclnet")
    assert {"tasks", "nms_thd", "q2c_alpha", "video_features", "device"} <= names
    assert not {"hidden_size", "lr", "clip_length", "ctx_mode"} & names


@pytest.mark.parametrize("name", ["exp_id", "eval_id", "dset_name"])
def test_a_word_of_a_file_name_holds_no_path(name: str) -> None:
    for word in ("a/b", "..\n", "two words"):
        with pytest.raises(ConfigError, match=rf"{name} is .*goes into a file's name"):
            resolve([("the flags", {name: word})])
    assert resolve([("the flags", {name: "雪-2.1+x"})])


def test_a_misspelt_preset_of_a_layout_and_a_layout_that_is_not_there_are_told(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("preset: moves\ndata: {annotations: x.jsonl}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="there is no preset 'moves'; did you mean 'movies'"):
        read_layout(str(mine), None, None)
    mine.write_text("preset: films\ndata: {annotations: x.jsonl}\n", encoding="utf-8")
    assert read_layout(str(mine), None, None)[0] == "films"  # another system has it
    with pytest.raises(
        ConfigError, match=r"mine\.yaml says where a data set lies; give it as the first word"
    ):
        parse_training(["--config", str(mine)])
    with pytest.raises(ConfigError, match=r"other\.yaml is no file; expected a YAML file"):
        read_layout(str(tmp_path / "other.yaml"), None, None)


@pytest.mark.parametrize("system", SYSTEMS)
def test_help_tells_every_choice_and_default(system: str) -> None:
    parser = argparse.ArgumentParser(prog="x", usage="x")
    add_options(parser, system)
    told = " ".join(parser.format_help().split())
    for _, field, _ in options_of(system):
        assert f"--{field.name} " in told
        assert all(choice in help_of(field) for choice in field.metadata["choices"] or ())
    for part in ("--lr X learning rate [0.0001]", "training: how weights", f"model: of system {system}"):
        assert part in told
    assert "video_sub_tef [video_sub]" in told


@pytest.mark.parametrize(
    "values",
    [
        {"ctx_mode": "video", "sub_features": "said.h5"},
        {"ctx_mode": "video_tef", "sub_feat_size": 8},
        {"ctx_mode": "sub_tef", "video_features": "seen.h5"},
        {"ctx_mode": "sub", "no_norm_vfeat": True},
        {"ctx_mode": "sub", "vid_feat_size": 8},
    ],
)
def test_a_stream_that_the_context_mode_leaves_out_needs_no_options(values: dict) -> None:
    name = list(values)[1]
    with pytest.raises(ConfigError, match=f"{name} has no effect with ctx_mode"):
        refuse_ineffective("the flags", values, resolve([("the flags", values)]))
    values |= {"ctx_mode": "video_sub_tef"}
    refuse_ineffective("the flags", values, resolve([("the flags", values)]))


@pytest.mark.parametrize(
    ("system", "option"),
    [
        ("reloclnet", "sentence_features"),
        ("reloclnet", "pictures"),
        ("rgnet", "pictures"),
        ("rgnet", "portrait_features"),
    ],
)
def test_inputs_that_a_system_does_not_read_are_refused(system: str, option: str) -> None:
    values = {option: "somewhere"}
    with pytest.raises(ConfigError, match=f"{option} has no effect with system '{system}', which does not"):
        refuse_ineffective("the flags", values, resolve([("the flags", values)], system))
    refuse_ineffective("the flags", {option: ""}, resolve([("the flags", {option: ""})], system))


def test_batches_in_the_order_of_the_file_have_a_size_too() -> None:
    values = {"batches": "ordered", "bsz": 4}
    refuse_ineffective("the flags", values, resolve([("the flags", values)]))


@pytest.mark.parametrize("values", [{"lr": float("inf")}, {"margin": float("nan")}, {"nms_thd": "nan"}])
def test_a_number_is_finite(values: dict) -> None:
    with pytest.raises(ConfigError, match="expected a finite number"):
        resolve([("the flags", values)])


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_is_one_that_every_generator_takes(seed: int) -> None:
    with pytest.raises(ConfigError, match=r"seed is -?\d+; expected at (least|most)"):
        resolve([("the flags", {"seed": seed})])


def test_files_of_options_name_their_system_and_options_that_can_exist(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("system: rgnet\nn_epoch: 2\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"mine\.yaml: system is 'rgnet', but .* give --system rgnet"):
        parse_training(["demo", "--config", str(mine)])
    assert parse_training(["demo", "--config", str(mine), "--system", "rgnet"])[2].train.n_epoch == 2
    mine.write_text("1: 2\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"mine\.yaml: 1 is no name of an option"):
        parse_training(["demo", "--config", str(mine)])


def test_a_context_mode_of_any_layer_chooses_the_features_of_the_queries(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("ctx_mode: video\n", encoding="utf-8")
    for words in (["tvr", "--config", str(mine)], ["tvr", "--ctx_mode", "video"], ["tvr", "video"]):
        assert "query_only" in parse_training(words)[2].data.query_features


@pytest.mark.parametrize("words", [["tvr", "sub", "i3d", "--lr", "0.5"], ["demo", "--seed", "3"]])
def test_the_options_of_a_run_are_a_file_that_repeats_it(words: list[str], tmp_path: Path) -> None:
    _, _, settings = parse_training(words)
    options = tmp_path / "opt.json"
    write_json(options, settings.flat())
    assert parse_training(["--config", str(options)])[2] == settings
