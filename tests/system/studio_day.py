"""An operator's day at the real window: drop, run, review by keyboard, correct with the brush, try again, export.

The test in `test_studio_day` lives a small one, ``python bench/studio_day.py`` a whole one. Nothing reaches into the
program: keys and mouse go in through the screen, and what came of them is read from the catalog and the disk.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from engine.domain.geometry import Extent
from engine.imaging.drawn import write_demo_set
from tests.system.screen import MAIN, PATIENCE, Screen, ask, wait_for

EXTENT = Extent(480, 600)
REJECT_EACH = 10
"""One result of so many is rejected."""

_BURST = 20  # verdicts between two looks at the catalog


@dataclass
class Day:
    """What happened, in seconds and counts; whatever went wrong has raised by then."""

    seconds: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    console: str = ""


def live(screen: Screen, folder: Path, pairs: int, pictures_to: Path | None = None) -> Day:
    """Live through a day with so many drawn pairs below ``folder``.

    Parameters
    ----------
    pictures_to : Path, optional
        Where pictures of the screen are saved along the way.

    Raises
    ------
    AssertionError
        Something that was asked for did not happen.
    """
    day = Day()
    shooting, catalog = folder / "shooting", folder / "catalog" / "studio.db"
    started = time.monotonic()

    def lap(name: str) -> None:
        nonlocal started
        day.seconds[name] = time.monotonic() - started
        started = time.monotonic()
        if pictures_to is not None:
            screen.picture(pictures_to / f"{len(day.seconds)}-{name.replace(' ', '-')}.png")

    def count(question: str) -> int:
        rows = ask(catalog, question)
        return rows[0][0] if rows else 0

    write_demo_set(shooting, pairs, extent=EXTENT)
    originals = {path: path.read_bytes() for path in shooting.rglob("*") if path.is_file()}
    lap("draw")

    program = screen.start(MAIN, "--catalog", catalog)
    window = screen.find("^Chromask$")
    screen.do("windowsize", window, 1600, 1000)
    screen.do("windowfocus", window)
    screen.rest()
    lap("start")

    screen.drop([shooting], (700, 400))
    screen.do("windowfocus", window)
    screen.rest()
    screen.press("ctrl+Return")
    jobs = "SELECT count(*) FROM job"
    wait_for(lambda: count(jobs) == pairs, PATIENCE + pairs)
    lap("drop and queue")

    ended = "SELECT count(*) FROM job WHERE state IN ('succeeded', 'failed')"
    wait_for(lambda: count(ended) == pairs, PATIENCE + 60 * pairs)
    screen.rest()
    results = count("SELECT count(*) FROM job WHERE state = 'succeeded'")
    day.counts["failed"] = pairs - results
    lap("run")

    screen.press("ctrl+3")
    screen.rest()
    _decide_all(screen, catalog, results)
    day.counts["rejected"] = count("SELECT count(*) FROM review WHERE decision = 'rejected'")
    day.counts["approved"] = count("SELECT count(*) FROM review WHERE decision = 'approved'")
    lap("review")

    day.counts["corrected"] = _correct(screen, catalog)
    lap("correct with the brush")

    day.counts["tried again"] = _try_again(screen, catalog)
    lap("reject with a reason")

    screen.press("ctrl+4")
    screen.rest()
    screen.press("ctrl+e")
    approved = """
        SELECT count(DISTINCT coalesce(chain_id, id)) FROM job WHERE state = 'succeeded'
        AND 'approved' = (SELECT decision FROM review WHERE review.job_id = job.id ORDER BY review.id DESC LIMIT 1)
    """
    wanted = count(approved)
    # Beside the pictures once they are all there.
    wait_for(lambda: next(folder.rglob("chromask-batch.json"), None), PATIENCE + 5 * pairs)
    assert count("SELECT count(*) FROM export WHERE sha256 = ''") == 0
    assert len(list(folder.rglob("*.psd"))) >= wanted
    screen.rest()  # the window has heard of it, too: until then it asks before it closes
    day.counts["exported"] = len(list(folder.rglob("*.psd")))
    lap("export")

    screen.press("ctrl+q")
    assert screen.left(program) == 0
    day.console = screen.said()
    assert {path: path.read_bytes() for path in originals} == originals, "an original was written to"
    assert not list(folder.rglob("*.part*")), "a half file was left"
    lap("quit")
    return day


def _decide_all(screen: Screen, catalog: Path, results: int) -> None:
    """A verdict for every result, by the keys alone; each verdict goes on to the next."""
    given = 0
    while given < results:
        burst = range(given + 1, min(results, given + _BURST) + 1)
        screen.press(*("x" if number % REJECT_EACH == 0 else "p" for number in burst))
        given = burst[-1]
        reviewed = "SELECT count(DISTINCT job_id) FROM review"
        wait_for(lambda: ask(catalog, reviewed)[0][0] == given, PATIENCE)  # noqa: B023 - asked before it changes


def _correct(screen: Screen, catalog: Path) -> int:
    """Open the mask editor on the result that is shown, paint, and keep it; the number of corrected versions."""
    kept = "SELECT count(*) FROM job WHERE reason = 'mask_edited'"
    screen.rest()
    screen.press("b")
    screen.rest()
    screen.stroke([(760 + 8 * step, 420 + 4 * step) for step in range(12)])
    screen.rest()
    screen.press("Return")
    wait_for(lambda: ask(catalog, f"{kept} AND state = 'succeeded'")[0][0] == 1, PATIENCE)
    screen.rest()
    screen.press("p")
    approved = "SELECT count(*) FROM review JOIN job ON job.id = review.job_id WHERE job.reason = 'mask_edited'"
    wait_for(lambda: ask(catalog, approved)[0][0] == 1, PATIENCE)
    return ask(catalog, kept)[0][0]


def _try_again(screen: Screen, catalog: Path) -> int:
    """Reject the result that is shown for its colour; the number of further tries."""
    again = "SELECT count(*) FROM job WHERE reason = 'color'"
    screen.rest()
    screen.press("shift+c")
    wait_for(lambda: ask(catalog, f"{again} AND state = 'succeeded'")[0][0] == 1, PATIENCE)
    screen.rest()
    return ask(catalog, again)[0][0]
