"""What a killed session left behind goes before the engine's first job, off the thread that opened the catalog."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

import pytest

from engine.dispatch.session import Session, open_session
from engine.domain.artifacts import ArtifactKind
from engine.domain.files import TEMPORARY_PREFIX
from storage.artifacts import DiskArtifactStore
from storage.location import SqliteLocation


def leave_behind(catalog: Path, number: int) -> list[Path]:
    """Files that no result refers to, as a session that was killed leaves them."""
    store = SqliteLocation().open_artifacts(catalog)
    refs = [store.put(ArtifactKind.MASK, f"stray {n}".encode(), ".png") for n in range(number)]
    half = store.path(refs[0]).with_name(f"{TEMPORARY_PREFIX}half.png")
    half.write_bytes(b"half")
    return [*(store.path(ref) for ref in refs), half]


def run_engine(session: Session) -> None:
    dispatcher = session.dispatcher(lambda path: ["never", str(path)])
    dispatcher.start()
    assert dispatcher.wait_idle(60)
    dispatcher.stop()


def test_opening_deletes_nothing_and_the_engine_does_on_its_own_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "catalog.db"
    left = leave_behind(path, 3)
    threads: list[int] = []
    sweep = DiskArtifactStore.sweep

    def noted(store: DiskArtifactStore, *arguments: object) -> int:
        threads.append(threading.get_ident())
        return sweep(store, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(DiskArtifactStore, "sweep", noted)
    with open_session(SqliteLocation(), path) as session:
        assert all(file.exists() for file in left)
        assert threads == [], "whoever only reads or exports does not wait for it"
        run_engine(session)
    assert not any(file.exists() for file in left)
    assert len(threads) == 1
    assert threads[0] != threading.get_ident()


def test_what_this_process_stores_before_the_sweep_ends_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    left = leave_behind(path, 2)
    with open_session(SqliteLocation(), path) as session:
        # A person's mask whose job is not in the catalog yet; its bytes are those of a file that was left behind.
        again = session.artifacts.put(ArtifactKind.MASK, b"stray 0", ".png")
        session.sweep()
        assert session.artifacts.path(again) == left[0]
        assert [file.exists() for file in left] == [True, False, False]


def test_a_sweep_ends_where_the_engine_is_stopped(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    left = leave_behind(path, 3)
    with open_session(SqliteLocation(), path) as session:
        session.sweep(lambda: True)
    assert all(file.exists() for file in left), "the next session goes on with it"


def test_a_disk_that_refuses_does_not_stop_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "catalog.db"
    leave_behind(path, 1)

    def refuse(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    with open_session(SqliteLocation(), path) as session:
        told: list[tuple[str, str]] = []
        monkeypatch.setattr(session.catalog, "log", lambda kind, message, job_id=None: told.append((kind, message)))
        with monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", refuse)
            run_engine(session)
    assert [kind for kind, _ in told] == ["not swept"]


def test_a_store_without_the_catalog_remembers_nothing(tmp_path: Path) -> None:
    store = DiskArtifactStore(tmp_path)
    ref = store.put(ArtifactKind.MASK, b"x", ".png")
    needed: Iterable[str] = []
    assert store.sweep(needed) == 1, "a worker's store does not grow with every file it writes"
    assert not store.path(ref).exists()
