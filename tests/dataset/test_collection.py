"""A split ready for use: windows, batches, labels."""

from method_tng.contract.settings import DataSettings
from method_tng.dataset.collection import Collection


def test_the_tiny_corpus_opens(tiny: DataSettings) -> None:
    collection = Collection.open(tiny, "train")
    print(len(collection.windows), len(collection.split.narrations))
    batch = collection.batch([0, 1, 2])
    print(batch.targets.clips, collection.sizes())
