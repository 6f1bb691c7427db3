"""How the demo corpus tells an event in one or two English sentences."""

import zlib
from collections.abc import Sequence

import numpy as np

from method_tng.corpora import demo_words as lexicon
from method_tng.corpora.demo_story import Event

NAMED = 0.3  # share of the mentions of a person that carry the name
TALK_MENTIONED = 0.75  # share of the narrations of a spoken event that say what is talked about
UNSEEN_FRAME = 0.4  # share of the test narrations in a frame that training never shows
UNSEEN_PAIRS = 4  # one of so many pairs of deed and thing wordings is kept for the test split


def name_people(generator: np.random.Generator) -> dict[str, str]:
    """Person -> name; drawn for each film, so that a name says nothing about who bears it elsewhere."""
    women = iter(generator.permutation(lexicon.NAMES_OF_WOMEN).tolist())
    men = iter(generator.permutation(lexicon.NAMES_OF_MEN).tolist())
    return {person: next(women if person in lexicon.WOMEN else men) for person in lexicon.PEOPLE}


class Narrator:
    """Tells the events of one film.

    Args:
        names: person -> name in this film.
        unseen: whether wordings and frames kept for the test split may be used.
        generator: where all choices come from.
    """

    def __init__(self, names: dict[str, str], unseen: bool, generator: np.random.Generator) -> None:
        self.names = names
        self.unseen = unseen
        self.generator = generator

    def tell(self, event: Event, place: str) -> str:
        """A narration of an event at a place; what is said meanwhile is not always told."""
        text = self._deed(event, place)
        if event.topic and self.generator.random() < TALK_MENTIONED:
            talk = self._frame(lexicon.TALK_FRAMES).format(topic=self._pick(lexicon.TOPICS[event.topic]))
            text = f"{text} {talk}"
        text = text.replace(",,", ",").replace(",.", ".").replace(",:", ":")
        return ". ".join(part[:1].upper() + part[1:] for part in text.split(". "))

    def _deed(self, event: Event, place: str) -> str:
        known = {
            "agent": self._person(event.agent),
            "place": self._pick(lexicon.PLACES[place]),
            "filler": self._pick(lexicon.FILLERS),
        }
        if not event.thing:
            deed = self._pick(lexicon.MOVES[event.deed])
            return self._frame(lexicon.MOVE_FRAMES).format(deed=deed, **known)
        if not event.recipient:
            deed, thing = self._pair(lexicon.DEEDS[event.deed], lexicon.OBJECTS[event.thing])
            return self._frame(lexicon.DEED_FRAMES).format(deed=deed, object=thing, **known)
        present, participles = lexicon.TRANSFERS[event.deed]
        deed, thing = self._pair(present, lexicon.OBJECTS[event.thing])
        known["participle"] = participles[present.index(deed)]
        known["recipient"] = self._person(event.recipient)
        return self._frame(lexicon.TRANSFER_FRAMES).format(deed=deed, object=thing, **known)

    def _person(self, person: str) -> str:
        wording = self._pick(lexicon.PEOPLE[person])
        return f"{self.names[person]}, {wording}," if self.generator.random() < NAMED else wording

    def _pair(self, deeds: Sequence[str], things: Sequence[str]) -> tuple[str, str]:
        """A wording of the deed and one of the thing; some pairs are met in the test split only."""
        pairs = [(deed, thing) for deed in deeds for thing in things]
        usual = [pair for pair in pairs if self.unseen or zlib.crc32(" ".join(pair).encode()) % UNSEEN_PAIRS]
        chosen = usual or pairs
        return chosen[int(self.generator.integers(len(chosen)))]

    def _frame(self, frames: tuple[Sequence[str], Sequence[str]]) -> str:
        return self._pick(frames[int(self.unseen and self.generator.random() < UNSEEN_FRAME)])

    def _pick(self, choices: Sequence[str]) -> str:
        return choices[int(self.generator.integers(len(choices)))]
