"""What every implementation of `engine.ports.ArtifactStore` must do."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.domain.artifacts import ArtifactKind, ArtifactRef
from engine.domain.errors import BugError, KnownError
from engine.domain.files import TEMPORARY_PREFIX
from engine.ports import ArtifactStore
from storage.artifacts import DiskArtifactStore

PROJECT = Path(__file__).resolve().parents[2]
STORES: dict[str, Callable[[Path], ArtifactStore]] = {"disk": DiskArtifactStore}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "studio.db.artifacts"


@pytest.fixture(params=sorted(STORES))
def store(request: pytest.FixtureRequest, folder: Path) -> ArtifactStore:
    return STORES[request.param](folder)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_bytes_come_back_under_their_hash(store: ArtifactStore, folder: Path) -> None:
    data = bytes(range(256)) * 100
    ref = store.put(ArtifactKind.MASK, data, ".png")
    assert ref == ArtifactRef(ArtifactKind.MASK, hashlib.sha256(data).hexdigest(), ".png", len(data))
    assert store.read(ref) == data
    assert store.path(ref).read_bytes() == data
    assert files(folder) == [store.path(ref)]
    assert store.path(ref).parent == folder / ref.sha256[:2] / ref.sha256[2:4]


def test_the_same_bytes_are_one_file_and_are_written_once(store: ArtifactStore, folder: Path) -> None:
    first = store.put(ArtifactKind.MASK, b"same", ".png")
    written = store.path(first).stat()
    second = store.put(ArtifactKind.PREVIEW, b"same", ".png")
    assert (second.sha256, second.kind) == (first.sha256, ArtifactKind.PREVIEW)
    assert files(folder) == [store.path(first)]
    assert store.path(second).stat().st_ino == written.st_ino
    assert store.path(second).stat().st_mtime_ns == written.st_mtime_ns


def test_an_empty_artifact_is_an_artifact(store: ArtifactStore) -> None:
    assert store.read(store.put(ArtifactKind.MASK, b"", ".png")) == b""


@pytest.mark.parametrize("damage", [b"", b"dato", b"data and more"])
def test_a_damaged_file_is_noticed_and_healed_by_the_same_bytes(store: ArtifactStore, damage: bytes) -> None:
    ref = store.put(ArtifactKind.MATCHED, b"data", ".tif")
    store.path(ref).write_bytes(damage)
    with pytest.raises(KnownError, match="damaged") as caught:
        store.read(ref)
    assert caught.value.path == store.path(ref)
    assert store.put(ArtifactKind.MATCHED, b"data", ".tif") == ref
    assert store.read(ref) == b"data"


def test_a_missing_file_is_named(store: ArtifactStore) -> None:
    ref = store.put(ArtifactKind.MATCHED, b"data", ".tif")
    store.path(ref).unlink()
    with pytest.raises(KnownError, match="missing") as caught:
        store.read(ref)
    assert caught.value.path == store.path(ref)


@pytest.mark.parametrize(
    ("sha256", "suffix"),
    [("../../etc/passwd", ".png"), ("a" * 63, ".png"), ("A" * 64, ".png"), ("a" * 64, "/../x"), ("a" * 64, "")],
)
def test_no_reference_leads_out_of_the_folder(store: ArtifactStore, sha256: str, suffix: str) -> None:
    with pytest.raises(BugError):
        store.path(ArtifactRef(ArtifactKind.MASK, sha256, suffix, 1))


def test_sweep_removes_temporary_and_unneeded_files_only(store: ArtifactStore, folder: Path) -> None:
    assert store.stray([]) == []
    assert store.sweep([]) == 0
    kept = store.put(ArtifactKind.MASK, b"kept", ".png")
    unneeded = store.put(ArtifactKind.MASK, b"unneeded", ".png")
    temporary = store.path(kept).parent / f"{TEMPORARY_PREFIX}0123456789abcdef.png"
    temporary.write_bytes(b"half")
    other_place = folder / "zz" / "zz" / f"{'a' * 64}.png"
    misplaced = store.path(kept).parent / f"{'0' * 64}.png"
    others = [
        folder / "README.txt",
        folder / f"{TEMPORARY_PREFIX}not-in-a-fan-out-folder",
        store.path(kept).parent / "Thumbs.db",
        other_place,
        misplaced,
    ]
    for path in others:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"somebody else's")
    assert store.stray({kept.sha256}) == sorted([temporary, store.path(unneeded)])
    assert store.sweep(iter([kept.sha256])) == 2
    assert files(folder) == sorted([store.path(kept), *others])
    assert store.sweep([kept.sha256]) == 0
    assert store.read(kept) == b"kept"


@pytest.mark.skipif(os.name == "nt", reason="a link needs a privilege on Windows")
def test_sweep_follows_no_links(store: ArtifactStore, folder: Path, tmp_path: Path) -> None:
    ref = store.put(ArtifactKind.MASK, b"elsewhere", ".png")
    outside = tmp_path / "outside"
    store.path(ref).parents[1].rename(outside)
    (folder / ref.sha256[:2]).symlink_to(outside, target_is_directory=True)
    assert store.sweep([]) == 0
    assert store.read(ref) == b"elsewhere"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind this user")
def test_a_folder_that_cannot_be_written_is_named(store: ArtifactStore, folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o500)
    with pytest.raises(KnownError, match="permission") as caught:
        store.put(ArtifactKind.MASK, b"data", ".png")
    assert caught.value.retryable


def test_a_file_in_the_folders_place_is_named(store: ArtifactStore, folder: Path) -> None:
    folder.write_bytes(b"")
    with pytest.raises(KnownError) as caught:
        store.put(ArtifactKind.MASK, b"data", ".png")
    assert caught.value.path is not None
    assert folder in (caught.value.path, *caught.value.path.parents)


WRITER = """
import resource, signal, sys
from pathlib import Path
from engine.domain.errors import KnownError
from engine.domain.artifacts import ArtifactKind
from storage.artifacts import DiskArtifactStore

store = DiskArtifactStore(Path(sys.argv[1]))
print(store.put(ArtifactKind.MASK, b"whole", ".png").sha256, flush=True)
# The kernel ends the process, or with the signal ignored refuses the write, at exactly this many bytes of any file.
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
signal.signal(signal.SIGXFSZ, signal.SIG_DFL if sys.argv[2] == "kill" else signal.SIG_IGN)
try:
    store.put(ArtifactKind.MATCHED, bytes(250_000), ".tif")
except KnownError as error:
    print(error.retryable, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on a file's size to stop at")
@pytest.mark.parametrize("how", ["kill", "refuse"])
def test_a_write_that_stops_in_the_middle_leaves_no_artifact(store: ArtifactStore, folder: Path, how: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WRITER, str(folder), how],
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )
    whole, *rest = done.stdout.split()
    left = [path for path in files(folder) if path.stem != whole]
    if how == "kill":
        assert done.returncode == -signal.SIGXFSZ
        (half,) = left
        assert half.name.startswith(TEMPORARY_PREFIX)
        assert half.stat().st_size == 100_000
    else:
        assert done.returncode == 0
        assert (rest, left) == (["False"], []), "the same disk refuses it again"
    assert store.stray([whole]) == left
    assert store.sweep([whole]) == len(left)
    assert [path.stem for path in files(folder)] == [whole]
