"""Notes beside the catalog survive a line that was cut off."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.services.appended_notes import append_notes, read_notes


@pytest.mark.parametrize("cut", [1, 3, 9], ids=["its end", "its bracket", "most of it"])
def test_a_line_that_was_cut_off_takes_the_next_one_not_with_it(tmp_path: Path, cut: int) -> None:
    """Otherwise the first note of the session after a power cut would be lost as well."""
    notes = tmp_path / "below" / "notes.jsonl"
    append_notes(notes, [["a", 1], ["b — ü", 2]])
    whole = notes.read_bytes()
    notes.write_bytes(whole[:-cut])
    append_notes(notes, [["c", 3]])
    append_notes(notes, [])
    append_notes(notes, [["d", 4]])
    kept = [["a", 1], *([["b — ü", 2]] if cut == 1 else [])]
    assert read_notes(notes) == [*kept, ["c", 3], ["d", 4]]
