"""Intake on real files: what is found, what is refused and why."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.domain.assets import Role
from engine.domain.errors import KnownError
from engine.services.intake import hashed_pairs, pair_by_hand, scan, with_photographs_alone


def picture(path: Path, seed: int, size: tuple[int, int] = (40, 30)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), np.uint8)
    Image.fromarray(noise).save(path)
    return path


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    folder = tmp_path / "drop"
    picture(folder / "A1_front_01.jpg", 1)
    picture(folder / "A1_flat_01.jpg", 2)
    picture(folder / "sub" / "on_model7.png", 3)
    picture(folder / "sub" / "still-life7.png", 4)
    return folder


def test_folders_are_walked_paired_and_hashed(drop: Path) -> None:
    report = scan([drop])
    assert [(p.on_model.path.name, p.flatlay.path.name, p.sku, p.view) for p in report.pairs if p.flatlay] == [
        ("A1_front_01.jpg", "A1_flat_01.jpg", "a1", "front"),
        ("on_model7.png", "still-life7.png", "7", ""),
    ]
    assert report.problems == ()
    pairs, problems = hashed_pairs(report.pairs)
    assert problems == []
    assert all(len(pair.on_model.sha256) == 64 for pair in pairs)
    assert pairs[0].on_model.role is Role.ON_MODEL
    assert pairs[0].flatlay is not None
    assert pairs[0].flatlay.role is Role.FLATLAY


def test_nothing_is_silently_skipped(drop: Path) -> None:
    (drop / "A2_model.jpg").write_text("this is a text")
    (drop / "A3_model.jpg").touch()
    (drop / "A4_model.nef").touch()
    (drop / "notes.txt").write_text("shot on Monday")
    picture(drop / "A5_model.jpg", 5)
    report = scan([drop])
    said = {problem.path.name: str(problem) for problem in report.problems}
    assert set(said) == {"A2_model.jpg", "A3_model.jpg", "A4_model.nef", "A5_model.jpg"}
    for name, sentence in said.items():
        assert name in sentence
        assert sentence.endswith(".")
    assert [path.name for path in report.left_aside] == ["notes.txt"]
    assert len(report.pairs) == 2


def test_same_photograph_twice_is_processed_once(drop: Path) -> None:
    shutil.copy(drop / "A1_front_01.jpg", drop / "sub" / "A1_front_02.jpg")
    report = scan([drop])
    (problem,) = report.problems
    assert problem.path.name == "A1_front_02.jpg"
    assert "the same picture as" in problem.what
    assert len(report.pairs) == 2


def test_same_flatlay_may_serve_two_articles(drop: Path) -> None:
    shutil.copy(drop / "A1_flat_01.jpg", drop / "B2_flat_01.jpg")
    picture(drop / "B2_front_01.jpg", 9)
    report = scan([drop])
    assert {p.on_model.path.name: p.flatlay.path.name for p in report.pairs if p.flatlay}["B2_front_01.jpg"] == (
        "B2_flat_01.jpg"
    )
    assert len(report.notices) == 1
    assert "the same picture" in report.notices[0]


def test_awkward_names_and_dropped_files(tmp_path: Path) -> None:
    one = picture(tmp_path / "👗 dress\nnew_model.jpg", 1)
    two = picture(tmp_path / "👗 dress\nnew_flat.jpg", 2)
    missing = tmp_path / "gone.jpg"
    report = scan([one, two, missing])
    assert [(p.on_model.path, p.flatlay.path) for p in report.pairs if p.flatlay] == [(one, two)]
    (problem,) = report.problems
    assert "gone.jpg: the file is not there" in str(problem)


def test_name_that_is_not_unicode_is_refused_with_a_sentence(tmp_path: Path) -> None:
    picture(tmp_path / "A1_model.jpg", 1)
    os.rename(tmp_path / "A1_model.jpg", os.path.join(os.fsencode(tmp_path), b"A1_\xff_model.jpg"))
    report = scan([tmp_path])
    (problem,) = report.problems
    assert problem.what == "its name is not valid Unicode"
    assert str(problem).encode(), "the sentence itself can be printed"


def test_unreadable_folder_is_a_problem_and_the_rest_goes_on(drop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Root reads everything, so the refusal comes from the system call's place instead of the permission bits.
    real = os.scandir

    def refuse(path: str | os.PathLike[str]):
        if str(path).endswith("sub"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    report = scan([drop])
    assert len(report.pairs) == 1
    (problem,) = report.problems
    assert problem.path.name == "sub"
    assert "permission was denied" in str(problem)


def test_output_folder_inside_the_drop_is_left_out(drop: Path) -> None:
    picture(drop / "out" / "A1_front_01_matched.jpg", 8)
    assert len(scan([drop]).pairs) == 3 or len(scan([drop]).problems) > 0
    report = scan([drop], leave_out=[drop / "out"])
    assert len(report.pairs) == 2
    assert report.problems == ()


def test_links_in_a_circle_and_pipes_are_problems_and_the_rest_goes_on(drop: Path) -> None:
    for name in ("A2_model.jpg", "A2_flat.jpg"):
        (drop / name).symlink_to(name)
    os.mkfifo(drop / "A3_model.jpg")
    (drop / "pairs.csv").write_text("on_model,flatlay\nA2_model.jpg,A2_flat.jpg\n")
    report = scan([drop])
    assert len(report.pairs) == 2
    assert {problem.path.name for problem in report.problems} == {"A2_model.jpg", "A2_flat.jpg", "A3_model.jpg"}


def test_pairing_by_hand_settles_a_problem(drop: Path) -> None:
    stray = picture(drop / "mystery.jpg", 11)
    report = scan([drop])
    assert [p.path for p in report.problems] == [stray]
    mended = pair_by_hand(report, stray, drop / "A1_flat_01.jpg", "shirt")
    assert mended.problems == ()
    (pair,) = [p for p in mended.pairs if p.on_model.path == stray]
    assert (pair.because, pair.garment) == ("hand", "shirt")
    with pytest.raises(KnownError, match="cannot be its own flatlay"):
        pair_by_hand(report, stray, stray)


def test_where_no_flatlay_is_needed_photographs_stand_alone(drop: Path) -> None:
    picture(drop / "A2_model.jpg", 5)  # its flatlay is missing
    picture(drop / "shoot" / "IMG_0042.jpg", 6)  # nothing tells what it is
    picture(drop / "A3_flat.jpg", 7)
    shutil.copy(drop / "A2_model.jpg", drop / "sub" / "A2_model.jpg")
    (drop / "A4_model.jpg").write_text("this is a text")
    report = scan([drop])
    assert len(report.pairs) == 2
    alone = with_photographs_alone(report)
    assert [(p.on_model.path.name, p.flatlay and p.flatlay.path.name, p.sku, p.because) for p in alone.pairs] == [
        ("A1_front_01.jpg", "A1_flat_01.jpg", "a1", "names"),
        ("A2_model.jpg", None, "a2", ""),
        ("IMG_0042.jpg", None, "drop/shoot", ""),
        ("on_model7.png", "still-life7.png", "7", "names"),
    ]
    left = {problem.path.relative_to(drop).as_posix() for problem in alone.problems}
    assert left == {"A3_flat.jpg", "sub/A2_model.jpg", "A4_model.jpg"}, "a flatlay, a duplicate and a text"
    ready, problems = hashed_pairs(alone.pairs)
    assert problems == []
    assert [pair.on_model.role for pair in ready] == [Role.ON_MODEL] * 4
    assert [pair.flatlay is None for pair in ready] == [False, True, True, False]


def test_file_that_vanishes_before_hashing_is_a_problem(drop: Path) -> None:
    report = scan([drop])
    (drop / "A1_front_01.jpg").unlink()
    pairs, problems = hashed_pairs(report.pairs)
    assert len(pairs) == 1
    assert "A1_front_01.jpg: the file is not there" in str(problems[0])


@pytest.mark.realdata
def test_all_sixty_real_pairs_are_found(shared_data: Path) -> None:
    report = scan([shared_data / "colour-pairs" / "train" / "input"])
    assert len(report.pairs) == 60
    assert report.problems == ()
    for pair in report.pairs:
        assert pair.flatlay is not None
        number = pair.on_model.path.stem.removeprefix("on_model")
        assert pair.flatlay.path.stem == f"still-life{number}"
