"""Files of options: presets of a system, layouts of data sets, and YAML files of the user's own.

A layout says where the files of a data set lie (`data`), how it is trained on (`train`), which preset suits
it, and what differs with and without subtitles and by the kind of video feature (`vid_feat_type`).
"""

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from method_tng.contract.errors import ConfigError
from method_tng.contract.settings import DataSettings
from method_tng.runs.config import Sourced
from method_tng.runs.systems import SYSTEMS, presets_of

LAYOUTS = Path(__file__).parent / "layouts"
PARTS = {"preset": str} | dict.fromkeys(
    ("data", "train", "with_subtitles", "without_subtitles", "vid_feat_type"), dict
)


def read_preset(name_or_path: str, system: str) -> Sourced:
    """A preset by the name of a file of the system's configs, or any YAML file by its path."""
    presets = presets_of(system)
    path = presets.get(name_or_path, Path(name_or_path))
    if not path.is_file():
        raise ConfigError(
            f"there is no preset {name_or_path!r}; known: {', '.join(presets)}, or a YAML file's path"
        )
    options = read_yaml(path)
    if isinstance(options.get("data"), dict):
        raise ConfigError(f"{path} says where a data set lies; give it as the first word, without --config")
    return str(path), options


def read_layout(dset: str, ctx_mode: str | None, vid_feat_type: str | None) -> tuple[str, list[Sourced]]:
    """Where the files of a data set lie, by the name of a known layout or the path of a YAML file like it.

    Returns:
        The preset that suits it ("" = defaults), and its options: the data set's, those of the context
        mode, those of the video feature.
    """
    path, source = _layout_file(dset), f"layout {dset}"
    layout = read_yaml(path)
    _require_layout(layout, source)
    mode = ctx_mode or layout["data"].get("ctx_mode", DataSettings().ctx_mode)
    chosen: list[Mapping[str, Any] | None] = [
        {"dset_name": path.stem},
        layout["data"],
        layout.get("train"),
        {"ctx_mode": ctx_mode} if ctx_mode is not None else None,
        layout.get("with_subtitles" if "sub" in mode else "without_subtitles"),
        _video_feature(layout.get("vid_feat_type") or {}, vid_feat_type, source),
    ]
    return layout.get("preset", ""), [(source, options) for options in chosen if options]


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file that holds one mapping."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} cannot be read as YAML: {' '.join(str(error).split())}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(f"{path} holds a {type(content).__name__}; expected a mapping of option: value")
    if odd := [name for name in content if not isinstance(name, str)]:
        raise ConfigError(f"{path}: {odd[0]!r} is no name of an option; expected a mapping of option: value")
    return content


def _layout_file(dset: str) -> Path:
    """The file of a known layout, or the user's own."""
    known = {path.stem: path for path in sorted(LAYOUTS.glob("*.yaml"))}
    path = known.get(dset, Path(dset))
    if path.is_file():
        return path
    if "/" in dset or path.suffix in (".yaml", ".yml"):
        raise ConfigError(
            f"{dset} is no file; expected a YAML file that says where a data set lies, as in data/README.md"
        )
    raise ConfigError(
        f"there is no data layout {dset!r}; did you mean {_nearest(dset, known)!r}? Known: "
        f"{', '.join(known)}. For other data give a YAML file's path, or the paths as flags (--annotations, "
        "--video_features, ...)"
    )


def _require_layout(layout: Mapping[str, Any], source: str) -> None:
    """Raises ConfigError for parts that a layout has not, and for a preset that no system has."""
    foreign = [name for name in layout if name not in PARTS or not isinstance(layout[name], PARTS[name])]
    if foreign or "data" not in layout:
        raise ConfigError(
            f"{source}: {foreign[0] if foreign else 'data'} is {'no part of' if foreign else 'missing in'} a "
            f"layout; expected {', '.join(PARTS)}, where data holds options such as annotations"
        )
    preset = layout.get("preset", "")
    presets = sorted({name for system in SYSTEMS for name in presets_of(system)})
    if preset and preset not in presets:  # one that another system has is left to that system
        raise ConfigError(
            f"{source}: there is no preset {preset!r}; did you mean {_nearest(preset, presets)!r}? Known: "
            f"{', '.join(presets)}"
        )


def _video_feature(kinds: Mapping[str, Any], wanted: str | None, source: str) -> Mapping[str, Any] | None:
    """The options of a kind of video feature, the first one's unless told; None where there are no kinds."""
    kind = wanted or next(iter(kinds), None)
    if kind is not None and kind not in kinds:
        raise ConfigError(f"{source} has no video feature {kind!r}; it has: {', '.join(kinds) or 'only one'}")
    return None if kind is None else kinds[kind]


def _nearest(name: str, known: Iterable[str]) -> str:
    return (difflib.get_close_matches(name, known, n=1) or list(known))[0]
