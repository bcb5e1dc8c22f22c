"""Watch folders on real files: what settles is given once, whole pairs only where they start by themselves."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.domain.errors import KnownError
from engine.domain.requests import EngineName
from engine.services.given_files import GivenFiles, given_file
from engine.services.plan import BatchPlan
from engine.services.watch_folders import FolderWatch, FolderWatcher, Look, WatchFolder
from engine.services.watch_settings import load_watch_folders, save_watch_folders, submit_arrival, taken_in
from storage.location import SqliteLocation


def photograph(path: Path, value: int = 90) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((60, 40, 3), value, np.uint8)).save(path)
    return path


@pytest.fixture
def hot(tmp_path: Path) -> Path:
    folder = tmp_path / "hot"
    folder.mkdir()
    return folder


def watch(folder: Path, given: GivenFiles | None = None, *, starts: bool = False, settle: float = 10) -> FolderWatch:
    return FolderWatch(WatchFolder(folder, settle, starts=starts), given or GivenFiles(None))


def names(look: Look) -> list[str]:
    return sorted(path.name for path in look.arrival.files) if look.arrival else []


def test_a_file_is_given_once_it_has_stayed_the_same_for_the_settle_time(hot: Path) -> None:
    watched = watch(hot)
    path = photograph(hot / "a_model.jpg")
    first = watched.look(0)
    assert (first.pictures, first.settling, first.arrival) == (1, 1, None)
    with path.open("ab") as file:  # the copy goes on
        file.write(b"more")
    assert names(watched.look(9)) == []
    assert names(watched.look(18)) == [], "the time begins anew with every change"
    given = watched.look(19)
    assert names(given) == ["a_model.jpg"]
    assert given.settling == 0
    assert names(watched.look(100)) == [], "nothing is given twice"


def test_a_copy_that_keeps_its_old_date_settles_like_any_other(hot: Path) -> None:
    watched = watch(hot)
    path = photograph(hot / "a_model.jpg")
    os.utime(path, (0, 0))
    assert names(watched.look(0)) == []
    assert names(watched.look(10)) == ["a_model.jpg"]


def test_an_empty_file_never_settles_and_foreign_files_are_passed_over(hot: Path) -> None:
    watched = watch(hot)
    (hot / "a_model.jpg").touch()
    for name in (".hidden.jpg", ".chromask-1f.png", "b_model.jpg.part", "notes.txt", "b.cr2"):
        (hot / name).write_bytes(b"x")
    watched.look(0)
    look = watched.look(100)
    assert (look.pictures, look.settling, look.arrival) == (1, 1, None)


def test_what_was_given_is_known_in_the_next_session_until_it_changes(hot: Path, tmp_path: Path) -> None:
    path = photograph(hot / "ä model.jpg")
    note = given_file(tmp_path / "catalog.db")
    first = watch(hot, GivenFiles(note))
    first.look(0)
    arrival = first.look(10).arrival
    assert arrival is not None
    unsure = watch(hot, GivenFiles(note))
    unsure.look(0)
    assert names(unsure.look(10)) == ["ä model.jpg"], "only what was noted counts"

    GivenFiles(note).add(arrival.files)
    second = watch(hot, GivenFiles(note))
    second.look(0)
    assert names(second.look(10)) == []
    photograph(path, 200)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    second.look(20)
    assert names(second.look(30)) == ["ä model.jpg"]


def test_the_note_survives_a_line_that_was_cut_off_and_can_be_forgotten_by_folder(tmp_path: Path) -> None:
    note = tmp_path / "watched.jsonl"
    given = GivenFiles(note)
    given.add({tmp_path / "a" / "1.jpg": (10, 20), tmp_path / "ab" / "2.jpg": (30, 40)})
    with note.open("a") as file:
        file.write('[50, 60, "/cut')
    again = GivenFiles(note)
    assert again.has(tmp_path / "a" / "1.jpg", (10, 20))
    assert not again.has(tmp_path / "a" / "1.jpg", (10, 21))
    again.forget(tmp_path / "a")
    last = GivenFiles(note)
    assert not last.has(tmp_path / "a" / "1.jpg", (10, 20))
    assert last.has(tmp_path / "ab" / "2.jpg", (30, 40)), "a folder whose name begins alike is another"


def test_a_pair_starts_when_its_second_half_has_arrived(hot: Path) -> None:
    watched = watch(hot, starts=True)
    photograph(hot / "models" / "A1_front.jpg", 10)
    watched.look(0)
    look = watched.look(10)
    assert look.arrival is None
    assert [problem.what for problem in look.waiting] == ["no flatlay of the article 'a1' was found"]
    photograph(hot / "flats" / "A1.jpg", 20)
    watched.look(11)
    look = watched.look(21)
    assert names(look) == ["A1.jpg", "A1_front.jpg"]
    assert look.arrival is not None
    (pair,) = look.arrival.pairs
    assert pair.flatlay is not None
    assert (pair.on_model.path.name, pair.flatlay.path.name) == ("A1_front.jpg", "A1.jpg")
    assert look.waiting == ()


def test_another_view_is_paired_with_a_flatlay_that_was_given_before(hot: Path, tmp_path: Path) -> None:
    given = GivenFiles(tmp_path / "note")
    watched = watch(hot, given, starts=True)
    photograph(hot / "A1_front_model.jpg", 10)
    photograph(hot / "A1_flat.jpg", 20)
    photograph(hot / "B2_front_model.jpg", 30)
    watched.look(0)
    arrival = watched.look(10).arrival
    assert arrival is not None
    given.add(arrival.files)
    later = watch(hot, GivenFiles(tmp_path / "note"), starts=True)
    photograph(hot / "A1_back_model.jpg", 40)
    later.look(0)
    arrival = later.look(10).arrival
    assert arrival is not None
    assert [pair.on_model.path.name for pair in arrival.pairs] == ["A1_back_model.jpg"]
    assert names(later.look(20)) == []


def test_a_pair_list_that_arrives_last_pairs_what_waited(hot: Path) -> None:
    watched = watch(hot, starts=True)
    photograph(hot / "x.jpg", 10)
    photograph(hot / "y.jpg", 20)
    watched.look(0)
    assert len(watched.look(10).waiting) == 2
    (hot / "pairs.csv").write_text("on_model,flatlay\nx.jpg,y.jpg\n")
    watched.look(20)
    arrival = watched.look(30).arrival
    assert arrival is not None
    assert arrival.pairs[0].because == "pair list"


def test_a_folder_that_is_gone_is_told_and_goes_on_where_it_was(hot: Path, tmp_path: Path) -> None:
    watched = watch(hot)
    photograph(hot / "a_model.jpg")
    watched.look(0)
    watched.look(10)
    hot.rename(tmp_path / "away")
    look = watched.look(20)
    assert look.problem == "it is not there"
    assert look.arrival is None
    (tmp_path / "away").rename(hot)
    assert names(watched.look(30)) == [], "what was given before is not given again"
    photograph(hot / "b_model.jpg")
    watched.look(40)
    assert names(watched.look(50)) == ["b_model.jpg"]


def test_a_picture_that_was_never_finished_waits_with_its_reason(hot: Path) -> None:
    watched = watch(hot, starts=True)
    photograph(hot / "A1_flat.jpg", 20)
    whole = photograph(hot / "A1_model.jpg", 10)
    whole.write_bytes(whole.read_bytes()[:100])
    watched.look(0)
    waiting = watched.look(10).waiting
    assert "A1_model.jpg" in [problem.path.name for problem in waiting]


def test_the_export_folder_is_not_watched(hot: Path) -> None:
    photograph(hot / "out" / "a_model.jpg")
    photograph(hot / "b_model.jpg")
    watched = FolderWatch(WatchFolder(hot, 0), GivenFiles(None), [hot / "out"])
    assert names(watched.look(0)) == ["b_model.jpg"]


def test_a_link_in_a_circle_is_not_followed(hot: Path) -> None:
    photograph(hot / "sub" / "b_model.jpg")
    (hot / "sub" / "round").symlink_to(hot, target_is_directory=True)
    assert names(watch(hot, settle=0).look(0)) == ["b_model.jpg"]


def test_links_to_nowhere_and_pipes_do_not_hide_the_pictures_beside_them(hot: Path) -> None:
    photograph(hot / "b_model.jpg")
    (hot / "a_loop.jpg").symlink_to("a_loop.jpg")
    (hot / "a_missing.jpg").symlink_to("nowhere.jpg")
    (hot / "c_folder.jpg").symlink_to(hot, target_is_directory=True)
    os.mkfifo(hot / "a_pipe.jpg")
    look = watch(hot, settle=0).look(0)
    assert (look.problem, look.pictures, names(look)) == ("", 1, ["b_model.jpg"])


def test_threads_see_real_time_and_leave(hot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Look] = []
    arrived, nowhere = threading.Event(), tmp_path / "not there"
    looks: Counter[Path] = Counter()
    look_at = FolderWatch.look

    def look(watch: FolderWatch, now: float) -> Look:
        looks[watch.folder.path] += 1
        return look_at(watch, now)

    def look_again(times: int) -> None:
        """Wait until every folder was looked at so often again, from beginning to end."""
        until, wanted = time.monotonic() + 60, {path: looks[path] + times + 1 for path in (hot, nowhere)}
        while any(looks[path] < count for path, count in wanted.items()):
            assert time.monotonic() < until
            time.sleep(0.02)

    monkeypatch.setattr(FolderWatch, "look", look)

    def see(look: Look) -> None:
        seen.append(look)
        if look.arrival:
            arrived.set()

    watcher = FolderWatcher(GivenFiles(None), see, every=0.05)
    folder = WatchFolder(hot, 0.2)
    watcher.watch([folder, WatchFolder(nowhere, 0.2)])
    photograph(hot / "a_model.jpg")
    assert arrived.wait(60)
    look_again(1)
    assert any(look.problem for look in seen)
    calm = len(seen)
    look_again(6)
    assert len(seen) == calm, "a folder in which nothing happens is silent"
    watcher.watch([folder])
    watcher.stop()
    for thread in threading.enumerate():
        if thread.name.startswith("chromask-watch-hot"):
            thread.join(60)
            assert not thread.is_alive()


def test_the_list_of_folders_comes_back_and_mistakes_are_named(tmp_path: Path) -> None:
    file = tmp_path / "watch-folders.toml"
    assert load_watch_folders(file) == ()
    folders = (WatchFolder(tmp_path / 'Été "1"', 12.5, "Acme", True), WatchFolder(tmp_path / "b"))
    save_watch_folders(file, folders)
    assert load_watch_folders(file) == folders
    with pytest.raises(KnownError, match="not valid Unicode"):
        save_watch_folders(file, [*folders, WatchFolder(Path("/old server/\udcff"))])
    assert load_watch_folders(file) == folders
    for text, what in (
        ('[[folder]]\npath = "relative"\n', "no absolute path"),
        ('[[folder]]\npath = "/a"\nsettle = -1\n', "'settle' is -1"),
        ('[[folder]]\npath = "/a"\nsettles = 1\n', "unknown key 'settles'"),
        ("[[folder]]\nsettle = 1\n", "a folder has no path"),
    ):
        file.write_text(text)
        with pytest.raises(KnownError, match=what):
            load_watch_folders(file)


def test_what_trickles_in_on_one_day_is_one_batch(hot: Path, tmp_path: Path) -> None:
    watched = watch(hot, starts=True, settle=0)
    plan = BatchPlan(color_match=False, engine=EngineName.CLASSICAL)
    noon = datetime(2026, 5, 1, 12, tzinfo=UTC)
    with SqliteLocation().open(tmp_path / "catalog.db") as (catalog, _):
        for number in range(2):
            photograph(hot / f"A{number}_model.jpg", 10 + number)
            photograph(hot / f"A{number}_flat.jpg", 100 + number)
            arrival = watched.look(number).arrival
            assert arrival is not None
            submission = submit_arrival(catalog, arrival, plan, noon)
        assert [batch.name for batch in catalog.batches()] == ["hot 2026-05-01, watched"]
        assert catalog.counts(submission.batch.id).queued == 2


def test_a_picture_that_could_not_be_read_is_offered_again_by_the_next_session(hot: Path, tmp_path: Path) -> None:
    for number in range(2):
        photograph(hot / f"A{number}_model.jpg", 10 + number)
        photograph(hot / f"A{number}_flat.jpg", 100 + number)
    noise = np.random.default_rng(0).integers(0, 256, (60, 40, 3), np.uint8)
    Image.fromarray(noise).save(hot / "A1_model.jpg")  # no other file has its size, so the scan need not hash it
    watched = watch(hot, starts=True, settle=0)
    arrival = watched.look(0).arrival
    assert arrival is not None
    (hot / "A1_model.jpg").unlink()  # between the look and the queue
    with SqliteLocation().open(tmp_path / "catalog.db") as (catalog, _):
        plan = BatchPlan(color_match=False, engine=EngineName.CLASSICAL)
        submission = submit_arrival(catalog, arrival, plan, datetime(2026, 5, 1, tzinfo=UTC))
    noted = taken_in(arrival, submission)
    assert hot / "A0_model.jpg" in noted
    assert hot / "A0_flat.jpg" in noted
    assert hot / "A1_model.jpg" not in noted


def test_where_no_flatlay_is_needed_a_photograph_does_not_wait_for_one(hot: Path) -> None:
    watched = FolderWatch(WatchFolder(hot, 0, starts=True, needs_flatlays=False), GivenFiles(None))
    photograph(hot / "A1_model.jpg")
    first = watched.look(0)
    assert first.arrival is not None
    assert [(pair.on_model.path.name, pair.flatlay) for pair in first.arrival.pairs] == [("A1_model.jpg", None)]
    photograph(hot / "A1_flat.jpg", 30)
    assert watched.look(1).arrival is None, "nothing is begun anew"
    waiting = FolderWatch(WatchFolder(hot, 0, starts=True), GivenFiles(None)).look(0)
    assert waiting.arrival is not None
    assert [pair.flatlay is not None for pair in waiting.arrival.pairs] == [True]
