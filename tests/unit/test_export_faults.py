"""What may go wrong on the disk during an export: a clear sentence, no half file, and the others are written."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from engine.domain.errors import KnownError
from engine.domain.export import Collision, ExportFormat
from engine.domain.files import complete_file
from engine.imaging.psd import writer
from engine.imaging.psd.document import LayeredDocument
from tests.unit.export_studio import ExportStudio, changed_inside, drawn_alpha

PSD, TIFF, PNG, MASK = ExportFormat.PSD, ExportFormat.TIFF, ExportFormat.PNG, ExportFormat.MASK


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[ExportStudio]:
    with ExitStack() as stack:
        studio = ExportStudio(tmp_path, stack)
        alpha = drawn_alpha(10, 30)
        studio.match(changed_inside(studio.original, alpha, 9_000), alpha)
        yield studio


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@contextmanager
def disk_at(folder: Path, size: str) -> Iterator[None]:
    """A file system of its own in memory; needs the right to mount one, as in a container's root."""
    if sys.platform != "linux" or shutil.which("mount") is None:
        pytest.skip("no tmpfs here")
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this account may not mount a file system")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_runs_full_in_mid_write(studio: ExportStudio) -> None:
    out = studio.folder / "out"
    with disk_at(out, "8k"):  # room for the mask and nothing else
        report = studio.export(*ExportFormat)
        assert left_in(out) == ["A1_model_garment-mask.png"], "no half file"
        assert [path.name for path in report.written] == ["A1_model_garment-mask.png"]
        assert len(report.failures) == 5
        for sentence in report.failures:
            assert "A1_model" in sentence
            assert "the disk is full. Free some space and retry." in sentence
            assert ".chromask-" not in sentence
        shutil.rmtree(out / "sub", ignore_errors=True)
    report = studio.export(*ExportFormat)
    assert report.failures == ()
    assert len(report.written) == 6


def test_a_full_disk_leaves_the_earlier_file_as_it_was(studio: ExportStudio) -> None:
    out = studio.folder / "out"
    with disk_at(out, "200k"):
        (path,) = studio.export(PSD).written
        before = path.read_bytes()
        (out / "ballast").write_bytes(bytes(os.statvfs(out).f_bavail * os.statvfs(out).f_bsize))
        studio.mask("hat", drawn_alpha(0, 8))
        assert "the disk is full" in studio.export(PSD).failures[0]
        assert path.read_bytes() == before
        (out / "ballast").unlink()
        assert studio.export(PSD).written == (path,), "it is still known as Chromask's own"


def test_a_read_only_share(studio: ExportStudio) -> None:
    out = studio.folder / "out"
    with disk_at(out, "1m"):
        subprocess.run(["mount", "-o", "remount,ro", str(out)], check=True)
        report = studio.export(*ExportFormat)
        assert report.failures == (
            f"{out}: the disk is read-only. Choose another folder, or make this one writable, and retry.",
        )
    assert left_in(out) == []


def test_a_file_that_is_too_large_for_the_disk_has_its_own_sentence(tmp_path: Path) -> None:
    """FAT32, which many sticks and cameras have, ends at 4 GB; a limit of the process fails the same way."""
    program = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from engine.domain.errors import KnownError\n"
        "from engine.domain.files import complete_file\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n"
        "    with complete_file(Path(sys.argv[1])) as temporary:\n"
        "        temporary.write_bytes(bytes(5000))\n"
        "except KnownError as error:\n"
        "    print(error)\n"
    )
    target = tmp_path / "large.psd"
    done = subprocess.run([sys.executable, "-c", program, target], capture_output=True, text=True, check=True)
    assert "large.psd: the file is too large for this disk." in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_another_program_has_open_is_named_and_stays(
    studio: ExportStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows refuses to replace an open file; elsewhere the refusal is simulated at the same call."""
    (path, mask) = studio.export(PSD, MASK).written
    before = path.read_bytes()
    replace = os.replace

    def held(source: str | Path, target: str | Path) -> None:
        if Path(target) == path:
            raise PermissionError(errno.EACCES, "The process cannot access the file", str(target))
        replace(source, target)

    studio.mask("hat", drawn_alpha(0, 8))
    monkeypatch.setattr(os, "replace", held)
    report = studio.export(PSD, MASK)
    assert report.failures == (
        f"{path}: another program has this file open, or it is write-protected. Close it there and retry.",
    )
    assert path.read_bytes() == before
    assert report.kept == (mask,)
    assert [file.name for file in report.written] == ["A1_model_hat-mask.png"], "the others are written"
    assert not [name for name in left_in(path.parent) if name.startswith(".chromask-")]
    monkeypatch.setattr(os, "replace", replace)
    assert studio.export(PSD, MASK).written == (path,), "closed there, it is renewed"


def test_permission_denied_is_told_as_such_where_no_file_is_in_the_way(tmp_path: Path, monkeypatch) -> None:
    def denied(source: object, target: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(target))

    monkeypatch.setattr(os, "link", denied)
    monkeypatch.setattr(os, "replace", denied)
    with pytest.raises(KnownError, match="permission was denied"), complete_file(tmp_path / "a.psd") as temporary:
        temporary.write_bytes(b"x")
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_too_long_is_cut_and_a_path_that_is_too_long_is_named(studio: ExportStudio) -> None:
    report = studio.export(PSD, MASK, name_pattern="x" * 400 + "{stem}")
    assert report.failures == ()
    assert all(len(path.name.encode()) <= 255 for path in report.written)
    deep = "/".join(["d" * 160] * 30) + "/{stem}"
    report = studio.export(PSD, MASK, name_pattern=deep)
    assert report.written == ()
    assert len(report.failures) == 2
    assert all("the name is too long for this disk. Use a shorter file name." in line for line in report.failures)


def test_a_folder_that_vanishes_is_not_made_again(studio: ExportStudio, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network share that has gone leaves an empty mount point: files would land on the computer's own disk."""
    out = studio.folder / "out"
    write = writer.write_psd

    def unplugged(path: Path, document: LayeredDocument, *, force_psb: bool = False) -> Path:
        shutil.rmtree(out)
        return write(path, document, force_psb=force_psb)

    monkeypatch.setattr(writer, "write_psd", unplugged)
    report = studio.export(PSD, TIFF, PNG, MASK, name_pattern="{sku}/{stem}")
    assert report.failures == (
        f"{out}: the folder of the export is gone. Connect its disk or network share again, then export again.",
    )
    assert report.written == ()
    assert not out.exists()


def test_a_folder_that_is_a_file(studio: ExportStudio) -> None:
    (studio.folder / "out").write_text("no folder")
    report = studio.export(PSD, PNG, collision=Collision.OVERWRITE)
    (sentence,) = report.failures
    assert f"{studio.folder / 'out'}: " in sentence
    assert (studio.folder / "out").read_text() == "no folder"
