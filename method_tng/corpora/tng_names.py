"""Names out of narrations: whoever is named becomes `someone`, in Chinese `某`.

So that a story is found and not a name.  Masked are: what stands in square brackets; the names of the film's
cast, unless other films use the word, too (a role may be called "the doctor"); in English also every
capitalised word that the corpus hardly ever writes in lower case, unless it is an acronym or one of the words
below.  Neighbouring masks become one.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

ENGLISH, CHINESE = "someone", "某"
BRACKETED = re.compile(r"\[([^\]]*)\]")
WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")
PART = re.compile(r"(?<=['-])[a-z]{2,}|\b[a-z]{2,}(?=['-])")  # of a compound
CAPITALISED = re.compile(r"\b[A-Z][A-Za-z'-]*")
SHARED_FILMS = 5  # a role name that so many other films contain is a word
ORDINARY_COUNT = 3  # a word written so often in lower case is no name

# Capitalised in every text, and no names of persons.
PUBLIC = """
    Mr Mrs Dr Sir Madam Grandpa Ninth
    January February April June July August September October November December Monday Tuesday Christmas
    Chinese Japanese English Korean French American Indian Thai Asian Tibetan British European Mongolian
    Russian Italian German African Soviet
    China Japan Indonesia Thailand India Korea Italy Asia France England America Africa Germany Spain Europe
    Canada Taiwan Tibet Pacific Yangtze Yunnan Sichuan Xinjiang
    Hong Kong Beijing Shanghai Nanjing Macau Chongqing Tianjin Paris Guangzhou Peking Wuhan Shenzhen Tokyo
    Taipei Forbidden
    Buddha Buddhist Taoist Tao Guanyin Bible Jesus Catholic Christian Confucian Nationalist Kuomintang
    Communist
"""
PUBLIC_NAMES = frozenset(PUBLIC.split())


def ordinary_english(texts: Iterable[str]) -> frozenset[str]:
    """The words, lower-cased, that a corpus writes in lower case often enough to be no names."""
    words = [word for text in texts for word in WORD.findall(BRACKETED.sub("", text))]
    counts = Counter(_base(word) for word in words if word[0].islower())
    counts.update(part for word in words for part in PART.findall(word.removesuffix("'s")))
    return frozenset(word for word, count in counts.items() if count >= ORDINARY_COUNT)


def own_names(texts: Mapping[str, str], casts: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The role names of each film that are names indeed.

    Args:
        texts: film -> all its narrations.
        casts: film -> the names of its roles.

    Returns:
        The same casts without names of one character and names that are words in other films.
    """
    films_with = {
        name: sum(name in text for text in texts.values()) for cast in casts.values() for name in cast if name
    }
    return {
        film: [
            name for name in cast if len(name) > 1 and films_with[name] - (name in texts[film]) < SHARED_FILMS
        ]
        for film, cast in casts.items()
    }


def mask_english(texts: Sequence[str], cast: Sequence[str], ordinary: frozenset[str]) -> list[str]:
    """The English narrations of one film without names; cast = the names of its roles."""
    roles = [name for name in _longest_first(cast) if name.lower() not in ordinary]
    listed = re.compile(r"\b(?:" + "|".join(map(re.escape, roles)) + r")\b") if roles else None
    masked = []
    for text in texts:
        text = BRACKETED.sub(ENGLISH, text)
        text = listed.sub(ENGLISH, text) if listed else text
        text = CAPITALISED.sub(lambda found: _masked_word(found.group(), ordinary), text)
        masked.append(re.sub(rf"\b{ENGLISH}(?:\s*{ENGLISH})+\b", ENGLISH, text))
    return masked


def mask_chinese(texts: Sequence[str], cast: Sequence[str]) -> list[str]:
    """The Chinese narrations of one film without names; cast = the names of its roles."""
    roles = _longest_first(cast)
    listed = re.compile("|".join(map(re.escape, roles))) if roles else None
    masked = []
    for text in texts:
        text = BRACKETED.sub(CHINESE, text)
        text = listed.sub(CHINESE, text) if listed else text
        masked.append(re.sub(f"{CHINESE}+", CHINESE, text))
    return masked


def _masked_word(word: str, ordinary: frozenset[str]) -> str:
    """A capitalised word, or the mask with the word's possessive ending."""
    base = word[:-2] if word.endswith("'s") else word
    return word if _no_name(base, ordinary) else ENGLISH + word[len(base) :]


def _no_name(word: str, ordinary: frozenset[str]) -> bool:
    parts = [part for part in word.split("-") if part]
    return (
        word in PUBLIC_NAMES
        or word.isupper()
        or word.startswith("I'")
        or word.lower() in ordinary
        or (len(parts) > 1 and all(part.lower() in ordinary for part in parts))
    )


def _base(word: str) -> str:
    return word.lower().removesuffix("'s")


def _longest_first(names: Sequence[str]) -> list[str]:
    return sorted({name for name in names if name}, key=lambda name: (-len(name), name))
