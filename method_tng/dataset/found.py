"""What a reader of any annotation format hands over, before it is checked against the films."""

from dataclasses import dataclass, field

from method_tng.contract.items import Narration


@dataclass
class Found:
    """Narrations with their places in the files, and the films that the annotations name themselves.

    Attributes:
        narrations: in file order.
        places: for each, "FILE, line 3".
        films: film -> its duration in seconds, None when the annotations do not tell; in order of appearance.
        closed: the films are a list of the whole split; a narration adds none.
    """

    narrations: list[Narration] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    films: dict[str, float | None] = field(default_factory=dict)
    closed: bool = False

    def add(self, narration: Narration, place: str, duration: float | None = None) -> None:
        """One more narration; its film is noted, with the first duration that is told of it."""
        self.narrations.append(narration)
        self.places.append(place)
        film = narration.movie_id
        if film and self.films.get(film) is None and (film in self.films or not self.closed):
            self.films[film] = duration
