"""Real films: extraction tells their frames' own times, and the page plays each, or a clip cut out of it.

``python -m tests.conformance videos ../shared/data/videos``.  Needs every extra; without a Chromium the
second half is told to be left out.
"""

import tempfile
from pathlib import Path

import av
import h5py
import numpy as np
from playwright.sync_api import Page, expect

from method_tng import extract
from method_tng.extraction.library import Film, Library
from method_tng.search.answers import FilmEntry
from tests.web.browsing import chromium, launched, opened
from tests.web.films import ToldSearcher
from tests.web.served import serving

RATE = 2.0  # frames a second that extraction looks at
SEEN = "document.querySelector('#offer').checkVisibility()"
PLAYS = "(one => one.videoWidth > 0 && !one.paused && one.currentTime > 1.2)(document.querySelector('video'))"


def run(folder: Path) -> int:
    """Prints a line per film and question; 0 when all hold."""
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "library"
        if extract.main([str(folder.resolve()), str(out), "--rate", str(RATE)]):
            return 1
        library = Library.open(out)
        passed = [_times(library, film) for film in library.films]
        if chromium() is None:
            print("no Chromium on this machine: nothing is played")
        else:
            passed += _played(library)
    print("all hold" if all(passed) else f"{passed.count(False)} fail")
    return 0 if all(passed) else 1


def _times(library: Library, film: Film) -> bool:
    """Every stored time is that of the first frame at or after a point of the grid."""
    with av.open(film.source) as container:
        stream = container.streams.video[0]
        zero = float((stream.start_time or 0) * stream.time_base)
        shown = np.array([frame.time - zero for frame in container.decode(stream)])
    points = np.arange(0, shown[-1] + 1e-6, 1 / RATE)
    due = np.unique(shown[np.searchsorted(shown, points - 1e-6)])
    with h5py.File(library.features / f"{film.film_id}.h5") as file:
        stored = file["times"][:]
    holds = stored.shape == due.shape and bool(np.abs(stored - due).max() < 1e-6)
    print(f"{film.film_id}: {len(stored)} times of {len(shown)} frames {'equal' if holds else 'DIFFER'}")
    return holds


def _played(library: Library) -> list[bool]:
    """Each film in the browser: as it is, or cut."""
    entries = [
        FilmEntry(**{name: getattr(film, name) for name in FilmEntry.__dataclass_fields__})
        for film in library.films
    ]
    searcher = ToldSearcher(library.folder, entries)
    with serving(searcher) as address, launched() as browser, opened(browser, address) as page:
        page.locator("#sentence").fill("anything")
        page.keyboard.press("Enter")
        expect(page.locator("#status")).to_contain_text("moments")
        return [_plays(page, film) for film in library.films]


def _plays(page: Page, film: Film) -> bool:
    page.locator("button.card").filter(has_text=film.title).first.click()  # the moment from 1 s to 5 s
    page.wait_for_function(f"() => {SEEN} || {PLAYS}", timeout=20_000)
    offered = page.evaluate(SEEN)
    if offered:
        page.locator("#play-clip").click()
        page.wait_for_function(f"() => {PLAYS}", timeout=20_000)
    size, now = page.locator("video").evaluate("one => [[one.videoWidth, one.videoHeight], one.currentTime]")
    holds = size == [film.width, film.height] and 1 <= now <= 5
    print(f"{film.film_id}: {'a cut clip' if offered else 'the film'} plays, {size}, at {now:.1f} s")
    return holds and (offered or film.playable or film.container == "matroska")
