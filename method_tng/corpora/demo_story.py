"""What happens in the films of the demo corpus: scenes at places, and in them the deeds of people.

A film keeps to a small cast, a few places and a few things, so its moments resemble one another and the
films differ: the right moment differs from its rivals by who does what with which thing to whom.
Seconds from the film's start.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from method_tng.corpora.demo_words import DEEDS, MOVES, OBJECTS, PEOPLE, PLACES, TOPICS, TRANSFERS

CAST, SETTINGS, PROPERTIES, SUBJECTS = 5, 6, 8, 6  # people, places, things and topics of one film
SCENE_SECONDS = (35.0, 80.0)
EVENT_SECONDS = (3.0, 11.0)
GAP_SECONDS = (0.0, 5.0)
TALKING_SCENES = 0.75  # share of the scenes in which people talk
SPOKEN_EVENTS = 0.7  # share of the events of such a scene during which they do


@dataclass(frozen=True)
class Event:
    """One deed.  `recipient` is set for transfers only, `thing` for all but moves."""

    start: float
    end: float
    deed: str
    agent: str
    thing: str = ""
    recipient: str = ""
    topic: str = ""  # what is said meanwhile; "" = silence


@dataclass(frozen=True)
class Scene:
    """A stretch of film at one place."""

    start: float
    end: float
    place: str
    people: tuple[str, ...]
    events: tuple[Event, ...]


@dataclass(frozen=True)
class Film:
    """A story with its names: the same person bears another name in another film."""

    film_id: str
    duration: float
    scenes: tuple[Scene, ...]


def write_film(film_id: str, seconds: float, generator: np.random.Generator) -> Film:
    """A film of about that many seconds."""
    cast = _some(PEOPLE, CAST, generator)
    settings = _some(PLACES, SETTINGS, generator)
    things = _some(OBJECTS, PROPERTIES, generator)
    topics = _some(TOPICS, SUBJECTS, generator)
    scenes: list[Scene] = []
    now = 0.0
    while now < seconds:
        people = _some(cast, int(generator.integers(2, 4)), generator)
        others = [place for place in settings if not scenes or place != scenes[-1].place]
        topic = _one(topics, generator) if generator.random() < TALKING_SCENES else ""
        end = round(now + generator.uniform(*SCENE_SECONDS), 1)
        events = _events(now, end, people, things, topic, generator)
        scenes.append(Scene(now, end, _one(others, generator), people, events))
        now = end
    return Film(film_id, now, tuple(scenes))


def _events(
    start: float, end: float, people: tuple[str, ...], things: tuple[str, ...], topic: str,
    generator: np.random.Generator,
) -> tuple[Event, ...]:  # fmt: skip
    """The deeds of one scene, one after the other."""
    events: list[Event] = []
    now = start + generator.uniform(*GAP_SECONDS)
    while True:
        stop = now + generator.uniform(*EVENT_SECONDS)
        if stop > end:
            return tuple(events)
        agent, other = _some(people, 2, generator)
        spoken = topic if generator.random() < SPOKEN_EVENTS else ""
        times = round(now, 1), round(stop, 1)
        kind = generator.random()
        if kind < 0.35:
            event = Event(*times, _one(TRANSFERS, generator), agent, _one(things, generator), other, spoken)
        elif kind < 0.75:
            event = Event(*times, _one(DEEDS, generator), agent, _one(things, generator), "", spoken)
        else:
            event = Event(*times, _one(MOVES, generator), agent, "", "", spoken)
        events.append(event)
        now = stop + generator.uniform(*GAP_SECONDS)


def _some(choices: Iterable[str], count: int, generator: np.random.Generator) -> tuple[str, ...]:
    """Different choices in random order."""
    names = list(choices)
    return tuple(names[index] for index in generator.permutation(len(names))[:count])


def _one(choices: Iterable[str], generator: np.random.Generator) -> str:
    return _some(choices, 1, generator)[0]
