"""The scripts for Photoshop: parsed as ECMAScript 3, and run with a stand-in for Photoshop where node is present.

They have never been run in Photoshop itself.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from engine.services.export.manifest import MANIFEST, ListedDocument, write_manifest

PROJECT = Path(__file__).resolve().parents[2]
SCRIPTS = PROJECT / "resources" / "photoshop"
BATCH, NEXT = SCRIPTS / "Chromask batch.jsx", SCRIPTS / "Chromask save and next.jsx"
ALL = (BATCH, NEXT, SCRIPTS / "Chromask core.jsxinc")
NODE = shutil.which("node")

needs_node = pytest.mark.skipif(NODE is None, reason="node is not there")

LATER = {
    "a JSON object": r"\bJSON\s*\.",
    "methods of later arrays": r"\.(?:forEach|map|filter|reduce|some|every|find|includes|lastIndexOf)\s*\(",
    "String.trim and kin": r"\.(?:trim|startsWith|endsWith|repeat|padStart)\s*\(",
    "Object.keys and kin": r"\bObject\s*\.",
    "Array.isArray": r"\bArray\s*\.",
    "Function.bind": r"\.bind\s*\(",
    "strict mode": r"[\"']use strict[\"']",
    "eval": r"\beval\s*\(",
    # Right to left in the standard, left to right in ExtendScript.
    "nested conditionals": r"\?[^;\n]*:[^;\n]*\?",
}
"""What parses as ECMAScript 3, but is not in ExtendScript or behaves otherwise there."""


@needs_node
def test_they_are_ecmascript_3() -> None:
    assert NODE is not None
    command = [NODE, "--expose-internals", str(PROJECT / "tests" / "photoshop" / "es3.js")]
    done = subprocess.run([*command, *map(str, ALL)], capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip("this node has no parser of its own")
    assert done.returncode == 0, done.stderr


@needs_node
def test_the_parser_refuses_what_is_later(tmp_path: Path) -> None:
    """The oracle of the test above."""
    assert NODE is not None
    for number, later in enumerate(
        ("let a = 1;", "var f = () => 1;", "var o = {a: 1,};", "var o = {get a() { return 1; }};")
    ):
        (tmp_path / f"{number}.js").write_text(later)
        command = [NODE, "--expose-internals", str(PROJECT / "tests" / "photoshop" / "es3.js")]
        done = subprocess.run([*command, str(tmp_path / f"{number}.js")], capture_output=True, check=False)
        if done.returncode == 77:
            pytest.skip("this node has no parser of its own")
        assert done.returncode != 0, later


def test_they_use_nothing_that_extendscript_does_not_have() -> None:
    for script in ALL:
        text = script.read_text("ascii")
        code = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
        for what, pattern in LATER.items():
            found = re.search(pattern, code)
            assert found is None, f"{script.name}: {what}: {found.group() if found else ''}"


def test_the_readme_names_every_file_and_says_what_was_never_done() -> None:
    text = (SCRIPTS / "README.md").read_text()
    assert all(script.name in text for script in ALL)
    assert MANIFEST in text
    assert "never been run in Photoshop" in text


SHIRT = "B2_ドレス %41.psd"
"""Disks may spell the first sign as two; and what looks like an escape is none."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An export: two approved documents, one in a folder of its own, one that is pending, one that was rejected since,
    and one that has gone.
    """
    folder = tmp_path / "Séance 1"
    lines = []
    for name, decision in (
        ("a1/A1_front.psd", "approved"),
        (SHIRT, "approved"),
        ("C3_back.psd", "pending"),
        ("C4_no.psd", "rejected"),
        ("D4_gone.psd", "approved"),
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"8BPS" + bytes(len(lines)))  # no two of one size and time
        lines.append(ListedDocument(name, f"c-{len(lines)}", "sku", "front", "pass", decision))
    write_manifest(folder, lines)
    (folder / "D4_gone.psd").unlink()
    (folder / "foreign.psd").write_bytes(b"8BPS" + bytes(9))
    return folder


def play(script: Path, folder: Path, **scenario: Any) -> dict[str, Any]:
    """Run a script in the stand-in."""
    assert NODE is not None
    file = folder / "scenario.txt"
    file.write_text(json.dumps({"folder": str(folder), **scenario}))
    stand_in = PROJECT / "tests" / "photoshop" / "fake_photoshop.js"
    done = subprocess.run([NODE, str(stand_in), str(script), str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def opened(path: Path | None, *, saved: bool) -> dict[str, Any]:
    return {"file": str(path) if path is not None else None, "saved": saved}


@needs_node
def test_the_first_approved_document_is_opened_or_all_of_them(folder: Path) -> None:
    assert play(BATCH, folder)["opened"] == [SHIRT]
    everything = play(BATCH, folder, all=True)
    assert everything["opened"] == [SHIRT, "A1_front.psd"]
    assert everything["settings"] == ["ask", "all"], "Photoshop's own settings are as they were"
    assert "2 approved, 1 not decided yet" in everything["shown"]
    with_pending = play(BATCH, folder, all=True, pending=True)
    assert with_pending["opened"] == [SHIRT, "C3_back.psd", "A1_front.psd"]
    assert play(BATCH, folder, cancelled=True)["opened"] == []


@needs_node
def test_save_and_next_saves_with_a_flattened_picture_and_goes_on_to_the_end(folder: Path) -> None:
    first, second = folder / SHIRT, folder / "a1" / "A1_front.psd"
    done = play(NEXT, folder, documents=[opened(first, saved=False)])
    assert done["saved"] == [{"name": first.name, "compatibility": "always", "dialogs": "no"}]
    assert done["closed"] == [first.name]
    assert (done["opened"], done["front"]) == ([second.name], second.name)
    assert done["settings"] == ["ask", "all"]
    last = play(NEXT, folder, documents=[opened(second, saved=True)])
    assert last["saved"] == [], "nothing was changed in it"
    assert last["left"] == []
    assert last["alerts"] == ["A1_front.psd was the last document of the export."]


@needs_node
def test_a_round_with_undecided_pictures_goes_on_through_them(folder: Path) -> None:
    """Save and next once passed over what the round was begun with."""
    approved, pending, last = folder / SHIRT, folder / "C3_back.psd", folder / "a1" / "A1_front.psd"
    begun = play(BATCH, folder, pending=True)
    assert begun["opened"] == [approved.name]
    kept = begun["options"]
    on = play(NEXT, folder, documents=[opened(approved, saved=True)], options=kept)
    assert on["opened"] == [pending.name]
    assert play(NEXT, folder, documents=[opened(pending, saved=True)], options=kept)["opened"] == [last.name]
    # A round without them, or of another folder, passes over them; one that was opened by hand is not gone back from.
    plain = play(BATCH, folder, options=kept)["options"]
    assert play(NEXT, folder, documents=[opened(approved, saved=True)], options=plain)["opened"] == [last.name]
    assert play(NEXT, folder, documents=[opened(pending, saved=True)], options=plain)["opened"] == [last.name]
    elsewhere = {name: {**values, "folder": "/elsewhere"} for name, values in kept.items()}
    assert play(NEXT, folder, documents=[opened(approved, saved=True)], options=elsewhere)["opened"] == [last.name]


@needs_node
def test_what_cannot_be_saved_stays_open(folder: Path) -> None:
    first = folder / SHIRT
    done = play(NEXT, folder, documents=[opened(first, saved=False)], locked=True)
    assert done["alerts"] == [f"{first.name} could not be saved, and stays open: the file is locked"]
    assert (done["left"], done["opened"], done["closed"]) == ([first.name], [], [])
    assert done["settings"] == ["ask", "all"]
    assert "was never saved" in play(NEXT, folder, documents=[opened(None, saved=False)])["alerts"][0]
    assert "No document is open" in play(NEXT, folder)["alerts"][0]


@needs_node
def test_a_disk_that_spells_names_otherwise_does_not_lead_back_to_the_first(folder: Path) -> None:
    first, second = folder / SHIRT, folder / "a1" / "A1_front.psd"
    done = play(NEXT, folder, documents=[opened(first, saved=True)], spelling="NFD")
    assert done["opened"] == [second.name]
    done = play(NEXT, folder, documents=[opened(second, saved=True), opened(first, saved=True)], spelling="NFD")
    assert (done["opened"], done["front"]) == ([], second.name)


@needs_node
def test_what_cannot_be_opened_next_is_told_and_passed_over(folder: Path) -> None:
    """The round stood still there."""
    first, second = folder / SHIRT, folder / "a1" / "A1_front.psd"
    third = folder / "z" / "Z9.psd"
    third.parent.mkdir()
    third.write_bytes(b"8BPS" + bytes(20))
    before = json.loads((folder / MANIFEST).read_text())["files"]
    write_manifest(
        folder, [*(ListedDocument(**line) for line in before), ListedDocument("z/Z9.psd", "z", "", "", "", "approved")]
    )
    second.write_bytes(b"")
    done = play(NEXT, folder, documents=[opened(first, saved=True)])
    assert done["opened"] == [third.name]
    assert done["alerts"] == [f"Not opened: {second.name}: unexpected end of file"]


@needs_node
def test_a_document_that_is_open_is_brought_to_the_front(folder: Path) -> None:
    first, second = folder / SHIRT, folder / "a1" / "A1_front.psd"
    done = play(NEXT, folder, documents=[opened(second, saved=True), opened(first, saved=True)])
    assert (done["opened"], done["front"]) == ([], second.name)


@needs_node
def test_a_folder_without_a_list_is_gone_through_by_name(folder: Path) -> None:
    (folder / MANIFEST).unlink()
    (folder / "E5_matched.tif").write_bytes(b"flat")
    (folder / "E5_layers.tif").write_bytes(b"layered")
    (folder / "c3_back_layers.TIF").write_bytes(b"the same picture as C3_back.psd")
    done = play(BATCH, folder, all=True)
    assert done["opened"] == [SHIRT, "C3_back.psd", "C4_no.psd", "E5_layers.tif", "foreign.psd"]


@needs_node
def test_a_damaged_document_or_list_is_told(folder: Path) -> None:
    (folder / SHIRT).write_bytes(b"")
    done = play(BATCH, folder)
    assert done["opened"] == ["A1_front.psd"], "the next one, so that the work goes on"
    assert done["alerts"] == [f"Not opened: {SHIRT}: unexpected end of file"]
    for text in ('{"chromask-batch": 1, "files": [', '{"files": []}', "[1, 2", '{"a": nonsense}', ""):
        (folder / MANIFEST).write_text(text)
        done = play(BATCH, folder)
        assert done["opened"] == []
        assert done["alerts"], text
