"""The vocabulary of a run."""

from pathlib import Path

from method_tng.dataset.text import Vocabulary, words_of

TEXTS = ("A man opens a door.", "The man, he runs.", "他开门。", "A dog.")


def test_frequent_words_come_first_and_equals_in_alphabetical_order() -> None:
    vocabulary = Vocabulary.build(TEXTS)
    assert vocabulary.words[:6] == ("", "", "a", "man", "dog", "door")
    assert vocabulary.document_frequency[:5] == (0, 0, 2, 2, 1)  # a text counts once for a word
    assert vocabulary.num_queries == 4


def test_ids_are_of_the_words_in_order() -> None:
    vocabulary = Vocabulary.build(TEXTS)
    words = [vocabulary.words[index] for index in vocabulary.ids("A dog opens the Door")]
    assert words == ["a", "dog", "opens", "the", "door"]
    assert vocabulary.ids("zebra dog") == [1, vocabulary.ids("dog")[0]]
    assert vocabulary.ids("a dog a man", limit=2) == vocabulary.ids("a dog")
    assert vocabulary.ids("...") == []


def test_chinese_words_have_ids() -> None:
    vocabulary = Vocabulary.build(TEXTS)
    assert [vocabulary.words[index] for index in vocabulary.ids("开门")] == ["开", "开门", "门"]


def test_only_the_first_words_of_a_text_count() -> None:
    assert Vocabulary.build(["one two three"], limit=2).words == ("", "", "one", "two")


def test_the_order_of_texts_changes_nothing() -> None:
    assert Vocabulary.build(TEXTS) == Vocabulary.build(TEXTS[::-1])


def test_a_vocabulary_survives_its_file(tmp_path: Path) -> None:
    vocabulary = Vocabulary.build(TEXTS)
    vocabulary.write(tmp_path / "vocabulary.json")
    again = Vocabulary.read(tmp_path / "vocabulary.json")
    assert again == vocabulary
    assert again.ids(TEXTS[0]) == vocabulary.ids(TEXTS[0])
    assert len(again) == len({word for text in TEXTS for word in words_of(text)}) + 2


def test_of_no_text_there_is_an_empty_vocabulary() -> None:
    assert Vocabulary.build([]).words == ("", "")
