"""The log of a run, where a run ends without warning."""

from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from method_tng.runs.journal import Journal


def test_a_save_leaves_no_point_of_the_curves_in_memory(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "find")
    for step in (1, 2):
        journal.add({"loss": 0.5}, {"lr": 0.1}, step)
    journal.state()
    curves = EventAccumulator(str(tmp_path / "tensorboard_log" / "find"))
    curves.Reload()
    assert [event.step for event in curves.Scalars("Train/lr")] == [1, 2]
