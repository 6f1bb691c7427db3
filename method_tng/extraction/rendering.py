"""Short films that are drawn: scenes in which a coloured shape moves over a coloured ground, titles, cuts.

Seeded, H.264 in MP4, subtitles beside each film, every scene told in English and in Chinese.  They stand in
for films where none are at hand: what is told can be seen, and what can be seen is told.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw
from tqdm import tqdm

from method_tng.contract.files import write_text

SIZE, RATE = (320, 180), 12
COLOURS = {
    "red": ("红色", (214, 48, 49)),
    "blue": ("蓝色", (34, 87, 203)),
    "yellow": ("黄色", (246, 205, 60)),
    "green": ("绿色", (39, 150, 83)),
    "white": ("白色", (240, 240, 240)),
    "purple": ("紫色", (129, 60, 172)),
}
GROUNDS = {
    "dark": ("黑暗", (22, 24, 30)),
    "sandy": ("沙黄", (202, 178, 132)),
    "pale": ("浅蓝", (172, 208, 226)),
}
SHAPES = {"circle": "圆", "square": "方块", "triangle": "三角形"}
MOVES = {
    "to the left": ("向左", (-1, 0)),
    "to the right": ("向右", (1, 0)),
    "up": ("向上", (0, -1)),
    "down": ("向下", (0, 1)),
}
TITLE, SCENE = 2.0, 6.0  # seconds


@dataclass(frozen=True)
class Scene:
    """What is seen for SCENE seconds."""

    colour: str
    shape: str
    move: str
    ground: str

    def told(self) -> tuple[str, str]:
        """In English and in Chinese."""
        english = f"A {self.colour} {self.shape} moves {self.move} over {self.ground} ground."
        ground, colour = GROUNDS[self.ground][0], COLOURS[self.colour][0]
        return english, f"{colour}的{SHAPES[self.shape]}在{ground}的地面上{MOVES[self.move][0]}移动。"


def render_films(folder: Path, films: int, scenes: int, seed: int = 0) -> None:
    """Writes `films` films of `scenes` scenes into folder/films, and their narrations into folder.

    The last fifth of the films, at least one, are the validation split.  What is there is made again.
    """
    (folder / "films").mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(seed)
    lines: dict[str, list[str]] = {"train": [], "val": []}
    for number in tqdm(range(films), desc="films drawn", unit="film", disable=None):
        name = f"Film-{number + 1:02}"
        story = [_scene(draw) for _ in range(scenes)]
        _render(folder / "films" / f"{name}.mp4", name, story)
        write_text(folder / "films" / f"{name}.srt", _subtitles(story))
        split = "val" if number >= films - max(1, films // 5) else "train"
        for start, scene in _timed(story):
            for text in scene.told():
                line = {"text": text, "movie_id": name, "start": start, "end": start + SCENE}
                lines[split].append(json.dumps(line, ensure_ascii=False))
    for split, told in lines.items():
        write_text(folder / f"{split}.jsonl", "".join(f"{line}\n" for line in told))


def _scene(draw: np.random.Generator) -> Scene:
    return Scene(*(str(draw.choice(list(choices))) for choices in (COLOURS, SHAPES, MOVES, GROUNDS)))


def _timed(story: list[Scene]) -> Iterator[tuple[float, Scene]]:
    """Each scene with the second it starts at."""
    for number, scene in enumerate(story):
        yield TITLE + number * SCENE, scene


def _subtitles(story: list[Scene]) -> str:
    """Every other scene is spoken of while it is seen."""
    blocks = []
    for number, (start, scene) in enumerate(_timed(story)):
        if number % 2 == 0:
            span = f"{_clock(start + 1)} --> {_clock(start + 3)}"
            blocks.append(f"{len(blocks) + 1}\n{span}\nLook, the {scene.shape}!\n")
    return "\n".join(blocks)


def _clock(seconds: float) -> str:
    return f"00:{int(seconds // 60):02}:{int(seconds % 60):02},{round(seconds % 1 * 1000):03}"


def _render(path: Path, title: str, story: list[Scene]) -> None:
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "veryfast", "g": "48"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for number, picture in enumerate(_pictures(title, story)):
            frame = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _pictures(title: str, story: list[Scene]) -> Iterator[Image.Image]:
    card = Image.new("RGB", SIZE, (0, 0, 0))
    ImageDraw.Draw(card).text((SIZE[0] // 2, SIZE[1] // 2), title, fill=(255, 255, 255), anchor="mm")
    yield from [card] * round(TITLE * RATE)
    frames = round(SCENE * RATE)
    for scene in story:
        yield from (_picture(scene, number / frames) for number in range(frames))


def _picture(scene: Scene, done: float) -> Image.Image:
    """A moment of a scene; done from 0 to 1."""
    picture = Image.new("RGB", SIZE, GROUNDS[scene.ground][1])
    across, down = MOVES[scene.move][1]
    x = SIZE[0] / 2 + across * (done - 0.5) * SIZE[0] * 0.7
    y = SIZE[1] / 2 + down * (done - 0.5) * SIZE[1] * 0.6
    radius, fill, pen = 34, COLOURS[scene.colour][1], ImageDraw.Draw(picture)
    box = (x - radius, y - radius, x + radius, y + radius)
    if scene.shape == "circle":
        pen.ellipse(box, fill)
    elif scene.shape == "square":
        pen.rectangle(box, fill)
    else:
        pen.polygon([(x, y - radius), (x - radius, y + radius), (x + radius, y + radius)], fill)
    return picture
