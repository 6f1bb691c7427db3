"""How a sentence falls into words, the same for every word table, hash and vocabulary of the project.

Runs of letters and runs of digits, lower-cased; everything else separates.  Chinese is written without
blanks, so each of its characters is a word, and each pair of neighbours is one more, which stands behind
the first character of the pair.
"""

import re

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
RUN = re.compile(rf"[{HAN}]+|[^\W\d_{HAN}]+|\d+")


def words_of(text: str) -> list[str]:
    """The words of a sentence, in order.

    >>> words_of("Zoë reads 2 letters.")
    ['zoë', 'reads', '2', 'letters']
    >>> words_of("他开门")
    ['他', '他开', '开', '开门', '门']
    """
    words: list[str] = []
    for run in RUN.findall(text.lower()):
        words.extend(_characters_and_pairs(run) if re.match(f"[{HAN}]", run) else [run])
    return words


def _characters_and_pairs(run: str) -> list[str]:
    """The characters of a Chinese run, each followed by its pair with the next one."""
    words = [run[place : place + length] for place in range(len(run)) for length in (1, 2)]
    return words[:-1]  # the last character has no neighbour
