"""Which text encoder is meant: the one a run's query features came from, or a new one."""

import math
from collections.abc import Collection, Mapping
from typing import Any

from method_tng.contract.errors import ConfigError, MissingExtra
from method_tng.encoders.text import TextEncoder, text_encoder_of

OPTIONS = {
    "hashed": ("width",),
    "table": ("source", "max_words"),
    "transformers": ("source", "max_words"),
    "sentences": ("source",),
}
WIDTH = 256  # of a hashed vector, when nobody says otherwise


def encoder_of_run(facts: Mapping[str, Any], told: Collection[str] = ()) -> TextEncoder:
    """The encoder of a run's query features.

    Args:
        facts: the run's run.json.
        told: options of a new encoder that were given beside the run; there must be none.

    Raises:
        ConfigError: the query features came from elsewhere, without a word on how they were made.
    """
    for name in told:
        raise ConfigError(f"--run takes the run's own encoder; leave out --{name}")
    if not facts.get("text_encoder"):
        raise ConfigError(
            "the run's query features do not say how they were made (imported ones), so no other sentence "
            "can be encoded alike; encode the training queries with `prepare text` and train again"
        )
    return text_encoder_of(facts["text_encoder"])


def new_encoder(kind: str, options: Mapping[str, Any], language: str = "en") -> TextEncoder:
    """An encoder that has not been used before.

    Args:
        kind: hashed, table, transformers or sentences.
        options: those of `OPTIONS` that were told: `width` of a hashed vector; `source`, the table's .npz
            file or the model's local folder; `max_words`, rows of a text at most.
        language: of the texts; a file of tables may hold words of several.

    Raises:
        ConfigError: the source is missing, or an option means nothing to this kind.
        CheckpointError: the source holds something else.
    """
    foreign = [name for name in options if name not in OPTIONS[kind]]
    if foreign:
        raise ConfigError(f"--{foreign[0]} has no effect with --encoder {kind}; leave it out")
    if kind == "hashed":
        return text_encoder_of({"kind": kind, "width": options.get("width", WIDTH), "seed": 0})
    if "source" not in options:
        wanted = "the table's .npz file" if kind == "table" else "the model's local folder"
        raise ConfigError(f"--encoder {kind} needs --source, {wanted}")
    place = str(options["source"])
    words = {"language": language, "max_words": options.get("max_words", 0)}
    return text_encoder_of({"kind": kind, "path": place, "folder": place, **words})


def plan_of(told: Mapping[str, Any], cores: int) -> Any:
    """How films are extracted, by the options of the extract command.

    Raises:
        ConfigError: options that contradict each other, or a number out of its range.
        MissingExtra: films cannot be decoded here.
    """
    try:
        from method_tng.extraction.film import Settings
        from method_tng.extraction.jobs import Plan
    except ImportError as error:
        raise MissingExtra(error.name or "av", "video") from error
    kind, source = told["encoder"], told["source"]
    for name in ("rate", "clip_length"):
        if not 0 < told[name] < math.inf:
            raise ConfigError(f"--{name} is {told[name]}; expected a number above 0")
    if kind == "descriptors" and source:
        raise ConfigError("--source has no effect with --encoder descriptors; leave it out")
    if kind == "transformers" and not source:
        raise ConfigError("--encoder transformers needs --source, the model's local folder")
    processes = told["processes"] or (cores if kind == "descriptors" else 1)
    if processes < 1:
        raise ConfigError(f"--processes is {processes}; expected at least 1")
    images = {"kind": kind, "width": 264, "version": 1}
    if kind == "transformers":
        from method_tng.encoders.images import TransformersImageEncoder

        images = TransformersImageEncoder(source, told["device"]).describe()
    words = new_encoder("hashed", {}).describe()
    settings = Settings(told["rate"], told["clip_length"], 0 if processes == 1 else 1)
    return Plan(images, words, settings, processes)
