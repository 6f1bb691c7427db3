"""Options of a run, resolved into frozen, typed settings.

Defaults <- named preset <- data layout <- a file of options <- flags, the later winning.

All options live in one flat namespace (the fields of DataSettings, TrainSettings, SearchSettings and of
the system's own settings), as in the TVR family's option files.  An unknown key is an error that names the
nearest; a value of the wrong type is an error that names its source.
"""

import dataclasses
import difflib
import math
import re
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from method_tng.contract.errors import ConfigError
from method_tng.contract.settings import ON, DataSettings, SearchSettings, TrainSettings
from method_tng.runs.systems import SYSTEMS, recipe_of, settings_of

if TYPE_CHECKING:  # a recipe needs torch, and --help shall stay quick
    from method_tng.contract.recipe import Stage

FEATURES = ("video_features", "sub_features", "query_features", "sentence_features")
BESIDE = ("sentence_features", "portrait_features", "pictures")  # inputs that only some systems read
NAME = re.compile(r"[\w.+=-]*")


@dataclass(frozen=True)
class RunSettings:
    """Everything that a run was told."""

    system: str
    data: DataSettings
    train: TrainSettings
    search: SearchSettings
    model: Any  # the system's own settings

    def flat(self) -> dict[str, Any]:
        """One dictionary of plain values, as it stands in opt.json."""
        values: dict[str, Any] = {"system": self.system}
        for part in (self.data, self.train, self.search, self.model):
            values.update(dataclasses.asdict(part))
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    def of_stage(self, stage: "Stage", training: bool = False) -> "RunSettings":
        """The same with what one stage has otherwise; with `training`, with what it is shown as it learns."""
        changes = dict(stage.options(self.model, self.data))
        changes |= stage.training(self.model, self.data) if training else {}
        parts = {name: _changed(getattr(self, name), changes) for name in ("data", "train")}
        return dataclasses.replace(self, **parts)


Sourced = tuple[str, Mapping[str, Any]]
"""Where options come from (for messages), and the options."""


def resolve(sources: Iterable[Sourced], system: str = "reloclnet") -> RunSettings:
    """Settings from layers of options, the later winning.

    Raises:
        ConfigError: an unknown name, a value of another type, or a value that is not among the choices.
    """
    sources = list(sources)
    for _, values in sources:
        system = values.get("system", system)
    parts = (DataSettings, TrainSettings, SearchSettings, settings_of(system))
    known = {field.name: (part, field) for part in parts for field in dataclasses.fields(part)}
    chosen: dict[type, dict[str, Any]] = {part: {} for part in parts}
    for source, values in sources:
        for name, value in values.items():
            if name == "system":
                continue
            if name not in known:
                raise ConfigError(_unknown(source, name, known))
            part, field = known[name]
            chosen[part][name] = _checked(source, field, _type_of(part, field), value)
    built = [part(**chosen[part]) for part in parts]
    return RunSettings(system, *built)


def refuse_ineffective(source: str, flags: Mapping[str, Any], settings: RunSettings) -> None:
    """Refuses an option that the resolved settings make meaningless, instead of taking it silently.

    What counts are the settings of the system's stages: an option needs effect in one of them.

    Raises:
        ConfigError: names the option, what it needs, and what was chosen.
    """
    given = [field for _, field, _ in options_of(settings.system) if field.name in flags]
    stages = recipe_of(settings.system).stages if given else ()
    used = [settings.of_stage(stage).flat() for stage in stages]
    modes = used + [settings.of_stage(stage, training=True).flat() for stage in stages]
    told = settings.flat()
    for field in given:
        if all(values[field.name] != told[field.name] for values in used):
            raise ConfigError(
                f"{source}: {field.name} has no effect with system {settings.system!r}, whose stages set it "
                "themselves; leave it out"
            )
        if field.name in BESIDE and flags[field.name] and not any(field.name in one.reads for one in stages):
            raise ConfigError(
                f"{source}: {field.name} has no effect with system {settings.system!r}, which does not read "
                "such features; leave it out"
            )
        for other, wanted in field.metadata.get("needs", {}).items():
            if not any(_is_met(values[other], wanted) for values in modes):
                needed = "to be set" if wanted == ON else " or ".join(str(value) for value in wanted)
                raise ConfigError(
                    f"{source}: {field.name} has no effect with {other} {told[other]!r}; "
                    f"it needs {other} {needed}"
                )


def options_of(system: str) -> list[tuple[type, dataclasses.Field, type]]:
    """Every option with the settings that hold it and the type it is read as."""
    parts = (DataSettings, TrainSettings, SearchSettings, settings_of(system))
    return [(part, field, _type_of(part, field)) for part in parts for field in dataclasses.fields(part)]


def inference_options(system: str) -> set[str]:
    """Names that may differ from the run's when a trained model is used."""
    names = {field.name for field in dataclasses.fields(SearchSettings)}
    names |= {field.name for _, field, _ in options_of(system) if field.metadata.get("inference")}
    paths = ("annotations", "durations", *FEATURES)
    reading = ("format", "language", "narration_set", "cache_gb")
    return names | {*paths, *reading, "device", "precision", "results_root"}


def _changed(part: Any, changes: Mapping[str, Any]) -> Any:
    """A part with those of the changes that are its own."""
    names = {field.name for field in dataclasses.fields(part)}
    return dataclasses.replace(part, **{name: value for name, value in changes.items() if name in names})


def _is_met(value: Any, wanted: Any) -> bool:
    return _is_on(value) if wanted == ON else value in wanted


def _is_on(value: Any) -> bool:
    return bool(value) and not (isinstance(value, int | float) and value < 0)


def _type_of(part: type, field: dataclasses.Field) -> type:
    hint = typing.get_type_hints(part)[field.name]
    return typing.get_origin(hint) or hint


def _unknown(source: str, name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, [*known, "system"], n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"{source}: there is no option {name!r}{hint} (systems: {', '.join(SYSTEMS)}; see --help)"


def _checked(source: str, field: dataclasses.Field, kind: type, value: Any) -> Any:
    """An option's value as its type.  Raises ConfigError where it is none, or none that is allowed."""
    if kind is tuple and isinstance(value, list | tuple):
        value = _items(source, field, value)
    if kind is float and isinstance(value, int | str) and not isinstance(value, bool):
        value = _number(value)  # YAML reads 1e-4 as a text
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{source}: {field.name} is {value}; expected a finite number")
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        raise ConfigError(f"{source}: {field.name} is {value!r}; expected {kind.__name__}")
    _require_allowed(source, field, value)
    return value


def _require_allowed(source: str, field: dataclasses.Field, value: Any) -> None:
    """Raises ConfigError for a value out of bounds, not among the choices, or unfit for a file's name."""
    if field.metadata.get("in_file_name") and not NAME.fullmatch(str(value)):
        raise ConfigError(
            f"{source}: {field.name} is {value!r}; it goes into a file's name, so expected letters, digits, "
            "'_', '-', '+', '=' and '.' only"
        )
    choices, least, most = (field.metadata.get(name) for name in ("choices", "least", "most"))
    for word in list(value) if isinstance(value, tuple) else [value]:
        if choices and word not in choices:
            raise ConfigError(f"{source}: {field.name} is {word!r}; expected one of {', '.join(choices)}")
    if least is not None and not value >= least:
        raise ConfigError(f"{source}: {field.name} is {value}; expected at least {least}")
    if most is not None and not value <= most:
        raise ConfigError(f"{source}: {field.name} is {value}; expected at most {most}")


def _items(source: str, field: dataclasses.Field, value: Iterable[Any]) -> tuple:
    """The items of a list, each as the field's type."""
    kind = typing.get_args(field.type)[0]
    try:
        return tuple(kind(item) for item in value)
    except ValueError as error:
        raise ConfigError(f"{source}: {field.name} is {value!r}; expected {kind.__name__} items") from error


def _number(value: int | str) -> Any:
    try:
        return float(value)
    except ValueError:
        return value
