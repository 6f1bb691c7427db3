"""What a camera and a microphone would notice of a demo film: one row per clip of 2 s.

Every concept is a fixed random direction.  The video stream is always on: people, things and deeds come and
go before a place that stays, each film has its own look and each shot its own light, all is blurred in time
and noisy, and every clip misses a part of what happens, so that only the clips of a moment together show it.
The subtitle stream knows only what is said and which thing is mentioned; it is sharp in time and zero where
nobody speaks.
"""

import zlib
from collections.abc import Iterator
from functools import cache

import numpy as np

from method_tng.corpora.demo_story import Event, Film

CLIP_SECONDS = 2.0
VIDEO_WIDTH, SUBTITLE_WIDTH = 128, 96
PLACE, PRESENT, AGENT, RECIPIENT, DEED, THING = 0.8, 0.2, 1.0, 1.0, 1.0, 1.0  # loudness in the video
LOOK, LIGHT, NOISE = 0.6, 0.5, 0.6  # of the film, of the shot, of the clip
SHOT_CLIPS = 4  # clips of one light
SEEN = 0.5  # share of the clips of an event in which one of its parts is noticed
BLUR = (0.25, 0.5, 0.25)  # over neighbouring clips
SPOKEN = 0.6  # share of the clips of a spoken event in which a word falls
MENTIONED = 0.5  # share of these in which the thing is named
CHATTER = 0.1  # share of all other clips in which something unrelated is said
SUBTITLE_NOISE = 0.4


def num_clips(film: Film) -> int:
    """Clips of a film, the last one possibly shorter."""
    return int(np.ceil(film.duration / CLIP_SECONDS))


def video_rows(film: Film, generator: np.random.Generator, seed: int) -> np.ndarray:
    """(T, VIDEO_WIDTH) float32."""
    rows = np.zeros((num_clips(film), VIDEO_WIDTH))
    for scene in film.scenes:
        for clip in _clips(scene.start, scene.end, len(rows)):
            rows[clip] += PLACE * _direction("place", scene.place, VIDEO_WIDTH, seed)
            for person in scene.people:
                rows[clip] += PRESENT * _direction("person", person, VIDEO_WIDTH, seed)
    for clip, event in _told(film, len(rows)):
        for loudness, role, name in _parts(event):
            if generator.random() < SEEN:
                rows[clip] += loudness * _direction(role, name, VIDEO_WIDTH, seed)
    rows += LOOK * _unit(generator.standard_normal(VIDEO_WIDTH))
    lights = _unit(generator.standard_normal((len(rows) // SHOT_CLIPS + 1, VIDEO_WIDTH)))
    rows += LIGHT * np.repeat(lights, SHOT_CLIPS, axis=0)[: len(rows)]
    padded = np.pad(rows, ((1, 1), (0, 0)), mode="edge")
    shifted = [share * padded[shift : shift + len(rows)] for shift, share in enumerate(BLUR)]
    rows = np.sum(shifted, axis=0)
    return (rows + NOISE * _unit(generator.standard_normal(rows.shape))).astype(np.float32)


def subtitle_rows(film: Film, generator: np.random.Generator, seed: int) -> np.ndarray:
    """(T, SUBTITLE_WIDTH) float32, zero where nobody speaks."""
    rows = np.zeros((num_clips(film), SUBTITLE_WIDTH))
    spoken = np.zeros(len(rows), bool)
    for clip, event in _told(film, len(rows)):
        if event.topic and generator.random() < SPOKEN:
            spoken[clip] = True
            rows[clip] += _direction("topic", event.topic, SUBTITLE_WIDTH, seed)
            if event.thing and generator.random() < MENTIONED:
                rows[clip] += 0.7 * _direction("thing", event.thing, SUBTITLE_WIDTH, seed)
    chatter = ~spoken & (generator.random(len(rows)) < CHATTER)
    rows[chatter] = _unit(generator.standard_normal((int(chatter.sum()), SUBTITLE_WIDTH)))
    noisy = spoken | chatter
    rows[noisy] += SUBTITLE_NOISE * _unit(generator.standard_normal((int(noisy.sum()), SUBTITLE_WIDTH)))
    return rows.astype(np.float32)


def _told(film: Film, count: int) -> Iterator[tuple[int, Event]]:
    """Every clip of every event."""
    for event in (event for scene in film.scenes for event in scene.events):
        for clip in _clips(event.start, event.end, count):
            yield clip, event


def _parts(event: Event) -> list[tuple[float, str, str]]:
    """(loudness, role, name) of what an event has."""
    parts = [
        (AGENT, "agent", event.agent),
        (RECIPIENT, "recipient", event.recipient),
        (DEED, "deed", event.deed),
        (THING, "thing", event.thing),
    ]
    return [(loudness, role, name) for loudness, role, name in parts if name]


def _clips(start: float, end: float, count: int) -> range:
    """The clips that hold the middle of a stretch's share of them, one at least."""
    first = int(start / CLIP_SECONDS + 0.5)
    return range(min(first, count - 1), min(max(first + 1, int(end / CLIP_SECONDS + 0.5)), count))


@cache
def _direction(role: str, name: str, width: int, seed: int) -> np.ndarray:
    """The unit vector of a concept; the same person as agent and as recipient differs in half of it."""
    if role in ("agent", "recipient"):
        person = _direction("person", name, width, seed)
        return _unit(person + _direction(f"as {role}", name, width, seed))
    return _unit(np.random.default_rng(zlib.crc32(f"{seed} {role} {name}".encode())).standard_normal(width))


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)
