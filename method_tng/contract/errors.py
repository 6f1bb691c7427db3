"""Every error that this project raises on purpose.

    TngError                 anything a user can mend; a door prints its sentence and exits with 2
      ConfigError            an option, a preset or a flag
      DataError              an annotation, feature or prediction file
      CheckpointError        a run folder or a weights file
      TrainingError          training cannot go on
      MissingExtra           an optional package that is not installed

A message says in one sentence what is wrong, where, what was expected and what to do.
"""


class TngError(Exception):
    """A fault that the user can mend."""


class ConfigError(TngError):
    """An option, preset or flag is unknown, ineffective or out of range."""


class DataError(TngError):
    """A file holds something else than its format promises."""


class CheckpointError(TngError):
    """A run folder or a weights file cannot be used."""


class TrainingError(TngError):
    """Training cannot go on, as with a loss that is not finite."""


class MissingExtra(TngError):
    """An optional package is not installed; the message holds the line that installs it."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"this needs the package {package!r}; install it with: pip install -e '.[{extra}]' (or all "
            "extras: source setup.sh all)"
        )
