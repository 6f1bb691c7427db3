"""CN-CLIP checkpoints become folders that transformers loads, whatever their size."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import ChineseCLIPConfig, ChineseCLIPModel

from baselines.cnclip_rnl.scripts.convert_cn_clip import main
from method_tng.contract.errors import CheckpointError
from method_tng.encoders.cn_clip import convert_cn_clip
from tests.encoders.tiny_clip import cn_clip_weights, save_tiny_clip

BASELINE = 600 << 20  # what Python, torch and transformers need before they do anything, at most


@pytest.fixture
def template(tmp_path: Path) -> Path:
    return save_tiny_clip(tmp_path / "template", weights=False)


def save_checkpoint(path: Path, model: ChineseCLIPModel, **more: object) -> Path:
    """As several processes save it, beside an optimiser's state."""
    weights = {f"module.{name}": value for name, value in cn_clip_weights(model).items()}
    state = {"state": {0: {"exp_avg": torch.zeros(3), "step": 7}}, "param_groups": [{"lr": 2e-6}]}
    torch.save({"epoch": 1, "step": 7, "name": "run", "state_dict": weights | more, "optimizer": state}, path)
    return path


def random_model(template: Path, kind: torch.dtype = torch.float32) -> ChineseCLIPModel:
    torch.manual_seed(5)
    return ChineseCLIPModel(ChineseCLIPConfig.from_pretrained(template)).to(kind)


@pytest.mark.parametrize("kind", [torch.float32, torch.float16])
def test_every_weight_comes_back(template: Path, tmp_path: Path, kind: torch.dtype) -> None:
    model = random_model(template, kind)
    checkpoint = save_checkpoint(tmp_path / "epoch1.pt", model)
    assert main([str(checkpoint), str(template), str(tmp_path / "new")]) == 0
    again = ChineseCLIPModel.from_pretrained(tmp_path / "new", dtype=kind).state_dict()
    assert all(torch.equal(again[name], value) for name, value in model.state_dict().items())
    assert (tmp_path / "new" / "vocab.txt").is_file()


def test_a_checkpoint_of_another_model_is_refused_and_nothing_is_written(
    template: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    checkpoint = save_checkpoint(tmp_path / "a.pt", random_model(template))
    other = save_tiny_clip(tmp_path / "other", words="红绿", weights=False)
    assert main([str(checkpoint), str(other), str(tmp_path / "new")]) == 2
    told = capsys.readouterr().err
    assert "another model" in told and "(10, 16) instead of (6, 16)" in told
    assert not (tmp_path / "new").exists()


def test_names_of_another_kind_are_told(template: Path, tmp_path: Path) -> None:
    resnet = {"module.visual.layer1.0.conv1.weight": torch.zeros(2)}
    checkpoint = save_checkpoint(tmp_path / "a.pt", random_model(template), **resnet)
    with pytest.raises(CheckpointError, match=r"1 unknown \(as visual.layer1.0.conv1.weight\)"):
        convert_cn_clip(checkpoint, template, tmp_path / "new")


@pytest.mark.parametrize("content", [b"hello", {"state_dict": 3}, {"epoch": 1}, [torch.zeros(2)]])
def test_what_is_no_checkpoint_is_told_in_one_sentence(
    template: Path, tmp_path: Path, content: object, capsys: pytest.CaptureFixture
) -> None:
    path = tmp_path / "a.pt"
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    assert main([str(path), str(template), str(tmp_path / "new")]) == 2
    assert main([str(tmp_path / "nowhere.pt"), str(template), str(tmp_path / "new")]) == 2
    assert all("CN-CLIP" in line for line in capsys.readouterr().err.strip().splitlines())


def test_code_in_a_checkpoint_is_not_run(template: Path, tmp_path: Path) -> None:
    torch.save({"state_dict": {"a": Path("x")}}, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="cannot be read"):
        convert_cn_clip(tmp_path / "a.pt", template, tmp_path / "new")


def test_the_template_is_no_target_and_must_be_a_chinese_clip(template: Path, tmp_path: Path) -> None:
    checkpoint = save_checkpoint(tmp_path / "a.pt", random_model(template))
    with pytest.raises(CheckpointError, match="the template itself"):
        convert_cn_clip(checkpoint, template, template)
    with pytest.raises(CheckpointError, match=r"no config\.json"):
        convert_cn_clip(checkpoint, tmp_path / "empty", tmp_path / "new")


CONVERT = """
import sys
from pathlib import Path
from method_tng.encoders.cn_clip import convert_cn_clip
convert_cn_clip(*map(Path, sys.argv[1:]))
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.slow
def test_gigabytes_with_optimiser_state_take_less_than_twice_the_model(tmp_path: Path) -> None:
    template = save_tiny_clip(tmp_path / "template", weights=False)
    config = ChineseCLIPConfig.from_pretrained(template)
    config.vision_config.hidden_size, config.vision_config.intermediate_size = 1024, 4096
    config.vision_config.num_hidden_layers, config.vision_config.num_attention_heads = 12, 16
    config.text_config.hidden_size, config.text_config.intermediate_size = 768, 3072
    config.save_pretrained(template)
    model = ChineseCLIPModel(config)
    size = sum(value.numel() * value.element_size() for value in model.state_dict().values())
    path, weights = tmp_path / "epoch1.pt", cn_clip_weights(model)
    moments = {
        number: {"exp_avg": value.clone(), "exp_avg_sq": value.clone()}
        for number, value in enumerate(weights.values())
    }
    torch.save({"state_dict": weights, "optimizer": {"state": moments}}, path)
    del model, weights, moments
    words = [str(path), str(template), str(tmp_path / "new")]
    done = subprocess.run([sys.executable, "-c", CONVERT, *words], check=True, capture_output=True, text=True)
    peak = int(done.stdout.split()[-1]) << 10
    print(f"checkpoint {path.stat().st_size >> 20} MB, model {size >> 20} MB, peak {peak >> 20} MB")
    assert path.stat().st_size > 1 << 30
    assert peak <= 2 * size
    assert peak <= size + BASELINE
