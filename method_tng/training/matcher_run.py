"""Who chooses the windows where the localizer does not: a first stage, or another run (`--matcher RUN`).

Both are made ready for the queries of a split.
"""

from collections.abc import Mapping
from dataclasses import fields, replace

import torch
from torch import nn

from method_tng.contract.errors import CheckpointError, ConfigError, DataError
from method_tng.contract.protocols import Localizer, Matcher
from method_tng.contract.recipe import Recipe, Stage
from method_tng.contract.settings import DataSettings
from method_tng.dataset.collection import Collection
from method_tng.retrieval.preselection import Preselection, same_windows, shared_windows
from method_tng.retrieval.split import encoded_corpus, store_of
from method_tng.runs.config import RunSettings
from method_tng.runs.folder import RunFolder
from method_tng.runs.models import load_models, made_with
from method_tng.runs.systems import recipe_of
from method_tng.training.trained import open_split

ASKED = ("format", "annotations", "durations", "language", "narration_set")  # what is asked, of which films
WITHOUT = ("SVMR",)  # tasks in which no window has to be found
UNOPENED = ("VR",)  # tasks in which none is opened


def require_parts(
    run: RunFolder, settings: RunSettings, matcher: Matcher | None, localizer: Localizer | None
) -> None:
    """Makes sure that somebody finds windows and somebody opens them, as far as the tasks want it.

    Raises:
        ConfigError: neither the system nor another run finds windows, or nobody opens them.
    """
    tasks = set(settings.search.tasks)
    if localizer is None and not tasks <= set(UNOPENED):
        raise ConfigError(
            f"{run.path} holds no model that opens windows; ask for --tasks {' '.join(UNOPENED)} only"
        )
    if matcher is None and not settings.search.matcher and not tasks <= set(WITHOUT):
        raise ConfigError(
            f"{run.path} (system {settings.system!r}) does not find windows by itself; name a run that does "
            f"with --matcher RUN, or ask for the moments of given windows only: --tasks {' '.join(WITHOUT)}"
        )


def preselection_of(
    run: RunFolder,
    settings: RunSettings,
    recipe: Recipe,
    models: Mapping[str, nn.Module],
    collection: Collection,
    device: torch.device,
) -> Preselection | None:
    """Who chooses the windows for the system's localizer; None = the localizer does it itself.

    Args:
        run: of the system that answers.
        settings: its settings now.
        recipe: its own.
        models: its models by stage, as far as they are there.
        collection: the split that is answered.
        device: where everything computes.

    Raises:
        ConfigError: neither the system nor another run finds windows, or nobody opens them.
        CheckpointError: there is no such run, or it finds no windows either.
        DataError: it knows other films, or has no features of a query.
    """
    matcher, localizer = recipe.assemble(models)
    require_parts(run, settings, matcher, localizer)
    if settings.search.matcher:
        return _other_run(run, settings, collection, device)
    if matcher is None or localizer is None or matcher is localizer:
        return None
    return _first_stage(run, settings, (recipe.stages[0], matcher), collection, device)


def _first_stage(
    run: RunFolder,
    settings: RunSettings,
    first: tuple[Stage, Matcher],
    collection: Collection,
    device: torch.device,
) -> Preselection:
    """The system's own first stage; all its windows may be opened."""
    stage, matcher = first
    known = open_split(run, settings, stage, collection.split.name)
    made = made_with({stage.name: matcher}, settings.train.precision, settings.model)
    store = store_of(run.path / "codes" / stage.name, known, made)
    return Preselection(
        matcher,
        encoded_corpus(matcher.encode_windows, known, settings.search, device, store),
        known.query_batch,
        torch.from_numpy(known.window_movies).to(device),
        same_windows(known.windows, collection.windows).to(device),
        len(known.windows),
    )


def _other_run(
    run: RunFolder, settings: RunSettings, collection: Collection, device: torch.device
) -> Preselection:
    """What the run that `--matcher` names would open.

    It reads the same annotations.  Of the features it reads its own; a file that both runs were trained on,
    and that is another one now, is another one for both.
    """
    search = settings.search
    other = RunFolder.open(search.matcher, settings.train.results_root)
    told = _asked_alike(other.settings, settings, run.settings)
    recipe = recipe_of(told.system)
    models = load_models(other, told, recipe, device)
    theirs, _ = recipe.assemble(models)
    if theirs is None:
        raise CheckpointError(
            f"{other.path} is a run of system {told.system!r}, which does not find windows by itself; give "
            "another run with --matcher"
        )
    known = open_split(other, told, recipe.stages[0], collection.split.name)
    numbers = _films_in_our_numbers(known, collection, other)
    made = made_with(models, settings.train.precision, told.model)
    store = store_of(other.path / "codes", known, made)
    return Preselection(
        theirs,
        encoded_corpus(theirs.encode_windows, known, search, device, store),
        known.query_batch,
        numbers[torch.from_numpy(known.window_movies)].to(device),
        shared_windows(known.cuts.unwidened, collection.cuts.unwidened).to(device),
        search.matcher_windows,
    )


def _asked_alike(other: RunSettings, settings: RunSettings, trained: RunSettings) -> RunSettings:
    """The other run's settings with the annotations of ours, and our changes where it was trained alike."""
    now, before = settings.data, trained.data
    alike = [name for name in _paths() if getattr(other.data, name) == getattr(before, name)]
    changes = {name: getattr(now, name) for name in (*ASKED, *alike)}
    return replace(other, data=replace(other.data, **changes))


def _paths() -> list[str]:
    return [field.name for field in fields(DataSettings) if field.name.endswith("_features")]


def _films_in_our_numbers(known: Collection, ours: Collection, other: RunFolder) -> torch.Tensor:
    """(films of the other run,) int64 our number of each.

    Raises:
        DataError: they are not the same films.
    """
    films, own = (
        {one.movie_id: row for row, one in enumerate(split.movies)} for split in (known.split, ours.split)
    )
    if films.keys() != own.keys():
        raise DataError(
            f"{other.path} reads {len(films)} films of split {ours.split.name!r}, this run {len(own)} "
            f"({min(films.keys() ^ own.keys())!r} is not in both); expected the same, give a run of the same "
            "data with --matcher"
        )
    return torch.tensor([own[film] for film in films])
