"""Stars, reasons to reject, versions and training pairs, by key and mouse."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot

from engine.domain.jobs import JobState, Origin, Reason
from engine.domain.requests import EngineName, MaskRequest
from engine.domain.review import Decision, Review
from gui.actions import PageName
from gui.frame.main_window import MainWindow
from gui.review import settings as review_settings
from gui.review.filter import SortOrder
from gui.viewer.compare_view import Part
from tests.contract.factories import NOON
from tests.gui.studio import Studio

AFTER = {"A1": 2.0, "B2": 7.5, "C3": 4.0, "D4": 0.5}
KEY = Qt.Key
SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def window(studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot) -> MainWindow:
    """Four results, worst first: B2 C3 A1 D4."""
    studio.finish(AFTER)
    return reviewing(open_window(), qtbot)


def reviewing(window: MainWindow, qtbot: QtBot) -> MainWindow:
    window.show_page(PageName.REVIEW)
    qtbot.waitUntil(lambda: window.review.compare.panes[Part.RESULT].view.picture is not None)
    return window


def press(window: MainWindow, qtbot: QtBot, key: Qt.Key, modifier=Qt.KeyboardModifier.NoModifier) -> None:
    page = window.review
    qtbot.keyClick(page.grid if page.is_grid else page.list, key, modifier)


def settled(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not window.bridge.is_busy)


def name(window: MainWindow) -> str:
    row = window.review.current_row()
    return row.path.stem.removesuffix("_model") if row else ""


def names(window: MainWindow) -> list[str]:
    results = window.review.results
    return [results.result(i).path.stem.removesuffix("_model") for i in results.shown_ids()]


def kept(window: MainWindow, studio: Studio, qtbot: QtBot) -> dict[str, Review]:
    """The latest verdicts in the catalog."""
    settled(window, qtbot)
    rows = studio.catalog.review_rows()
    return {row.path.stem.removesuffix("_model"): row.review for row in rows if row.review is not None}


def test_number_keys_rate_and_leave_verdict_and_place_alone(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    press(window, qtbot, KEY.Key_4)
    assert name(window) == "B2", "a rating decides nothing"
    assert "Rated by" in window.review.side.who.text()
    review = kept(window, studio, qtbot)["B2"]
    assert (review.rating, review.decision) == (4, Decision.PENDING)
    press(window, qtbot, KEY.Key_P)
    review = kept(window, studio, qtbot)["B2"]
    assert (review.rating, review.decision) == (4, Decision.APPROVED)
    press(window, qtbot, KEY.Key_Z, CONTROL)
    press(window, qtbot, KEY.Key_Z, CONTROL)
    review = kept(window, studio, qtbot)["B2"]
    assert (review.rating, review.decision) == (0, Decision.PENDING)
    press(window, qtbot, KEY.Key_Z, CONTROL | SHIFT)
    assert kept(window, studio, qtbot)["B2"].rating == 4
    press(window, qtbot, KEY.Key_0)
    assert kept(window, studio, qtbot)["B2"].rating == 0


def test_stars_by_mouse_and_the_same_star_takes_them_away(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    stars = window.review.side.stars
    third = QPoint(2 * 22 + 9, stars.height() // 2)
    qtbot.mouseClick(stars, Qt.MouseButton.LeftButton, pos=third)
    assert stars.accessibleName() == "Rated with 3 stars"
    assert kept(window, studio, qtbot)["B2"].rating == 3
    qtbot.mouseClick(stars, Qt.MouseButton.LeftButton, pos=third)
    assert kept(window, studio, qtbot)["B2"].rating == 0


def test_stars_filter_and_sort(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    strip = window.review.strip
    for key in (KEY.Key_2, KEY.Key_Down, KEY.Key_Down, KEY.Key_5):
        press(window, qtbot, key)
    strip.sort.setCurrentIndex(strip.sort.findData(SortOrder.BEST_RATED))
    assert names(window) == ["A1", "B2", "C3", "D4"]
    press(window, qtbot, KEY.Key_1)
    assert names(window) == ["B2", "A1", "C3", "D4"], "it moves to its place"
    assert name(window) == "A1"
    strip.narrow.rating.setCurrentIndex(strip.narrow.rating.findData(2))
    assert names(window) == ["B2"]
    assert kept(window, studio, qtbot)["A1"].rating == 1


def test_going_on_after_a_verdict_can_be_switched_off_and_is_remembered(window: MainWindow, qtbot: QtBot) -> None:
    assert window.actions_table["auto_advance"].isChecked()
    press(window, qtbot, KEY.Key_A)
    assert not review_settings.auto_advance()
    press(window, qtbot, KEY.Key_P)
    assert name(window) == "B2"
    press(window, qtbot, KEY.Key_A)
    press(window, qtbot, KEY.Key_X)
    assert name(window) == "C3"


def test_x_offers_reasons_and_one_key_has_it_tried_again(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    reasons = window.review.reasons
    assert not reasons.isVisible()
    press(window, qtbot, KEY.Key_X)
    assert reasons.isVisible()
    assert reasons.text == "B2_model.jpg rejected. Try again because of its"
    assert name(window) == "C3", "the next one is looked at while the reason may still be given"
    with qtbot.waitSignal(window.review.requeued):
        press(window, qtbot, KEY.Key_C, SHIFT)
    review = kept(window, studio, qtbot)["B2"]
    assert (review.decision, review.reason) == (Decision.REJECTED, Reason.COLOR)
    assert "C3" not in kept(window, studio, qtbot)
    (queued,) = studio.catalog.jobs(states=[JobState.QUEUED])
    assert queued.origin is not None
    assert queued.origin.reason is Reason.COLOR
    assert studio.catalog.job(queued.origin.supersedes).pair_id == queued.pair_id
    assert reasons.isVisible()
    assert reasons.text.startswith("Queued again")
    assert not reasons.is_offering
    press(window, qtbot, KEY.Key_P)
    assert not reasons.isVisible(), "the line goes with the next verdict"


def test_undo_takes_the_queued_try_back_and_redo_queues_it_again(
    window: MainWindow, studio: Studio, qtbot: QtBot
) -> None:
    press(window, qtbot, KEY.Key_C, SHIFT)
    settled(window, qtbot)
    (queued,) = studio.catalog.jobs(states=[JobState.QUEUED])
    press(window, qtbot, KEY.Key_Z, CONTROL)
    settled(window, qtbot)
    assert studio.catalog.job(queued.id).state is JobState.CANCELLED
    assert window.review.reasons.text == "Version 2 is taken out of the queue."
    assert kept(window, studio, qtbot)["B2"].decision is Decision.PENDING
    press(window, qtbot, KEY.Key_Z, CONTROL | SHIFT)
    settled(window, qtbot)
    assert studio.catalog.job(queued.id).state is JobState.QUEUED
    assert window.review.reasons.text == "Version 2 is queued again."
    press(window, qtbot, KEY.Key_P)
    settled(window, qtbot)
    assert studio.catalog.job(queued.id).state is JobState.CANCELLED, "what is approved is not tried again"
    press(window, qtbot, KEY.Key_Up)
    press(window, qtbot, KEY.Key_C, SHIFT)
    settled(window, qtbot)
    (again,) = studio.catalog.jobs(states=[JobState.QUEUED])
    assert again.request == queued.request, "what was never made is tried before anything else"


def test_the_line_that_something_was_queued_again_goes_when_it_has_come(
    window: MainWindow, studio: Studio, qtbot: QtBot
) -> None:
    press(window, qtbot, KEY.Key_C, SHIFT)
    settled(window, qtbot)
    reasons = window.review.reasons
    assert reasons.text.startswith("Queued again")
    window.review.reload()
    settled(window, qtbot)
    assert reasons.isVisible(), "it is still in the queue"
    claimed = studio.catalog.claim("test", NOON)
    assert claimed is not None
    assert studio.catalog.succeed(claimed.id, "test", studio.outcome(claimed, 9.0, 0.9), NOON)
    window.review.reload()
    settled(window, qtbot)
    assert not reasons.isVisible()
    # The next rejection is offered its reasons, whatever came before.
    press(window, qtbot, KEY.Key_X)
    assert reasons.is_offering
    window.review.reload()
    settled(window, qtbot)
    assert reasons.is_offering


def test_undo_says_that_a_try_was_made_already(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    press(window, qtbot, KEY.Key_C, SHIFT)
    settled(window, qtbot)
    claimed = studio.catalog.claim("test", NOON)
    assert claimed is not None
    assert studio.catalog.succeed(claimed.id, "test", studio.outcome(claimed, 9.0, 0.9), NOON)
    press(window, qtbot, KEY.Key_Z, CONTROL)
    settled(window, qtbot)
    assert window.review.reasons.text == "Version 2 is made already, and stays."
    assert studio.catalog.job(claimed.id).state is JobState.SUCCEEDED


def test_a_verdict_is_given_to_the_version_that_is_shown_while_a_newer_one_arrives(
    window: MainWindow, studio: Studio, qtbot: QtBot
) -> None:
    page, shown = window.review, window.review.current_id()
    assert shown is not None
    new = add_version(studio, shown, 0.25)
    press(window, qtbot, KEY.Key_P)  # the window has not read the newer one yet
    assert name(window) == "C3"
    page.reload()
    settled(window, qtbot)
    assert studio.catalog.reviews(shown)[-1].decision is Decision.APPROVED
    assert studio.catalog.reviews(new) == []
    assert page.results.row_of(new) is not None, "the newer one waits for a verdict of its own"


def test_an_older_version_that_is_looked_at_stays_while_a_newer_one_arrives(
    versions: MainWindow, studio: Studio, qtbot: QtBot
) -> None:
    page = versions.review
    press(versions, qtbot, KEY.Key_Down)
    settled(versions, qtbot)
    newest = page.current_id()
    assert newest is not None
    press(versions, qtbot, KEY.Key_PageDown, SHIFT)
    settled(versions, qtbot)
    first = page.current_id()
    assert first not in (None, newest)
    new = add_version(studio, newest, 0.25)
    page.reload()
    settled(versions, qtbot)
    assert page.current_id() == first
    press(versions, qtbot, KEY.Key_X)
    settled(versions, qtbot)
    assert first is not None
    assert studio.catalog.reviews(first)[-1].decision is Decision.REJECTED
    assert studio.catalog.reviews(new) == []
    assert len(page.history.texts()) == 3


def test_until_a_newer_version_can_be_shown_the_verdict_is_the_older_ones(
    window: MainWindow, studio: Studio, qtbot: QtBot
) -> None:
    page, old = window.review, window.review.current_id()
    assert old is not None
    new = add_version(studio, old, 0.25)
    settled(window, qtbot)
    page.arrivals.take(studio.catalog.review_rows(), False)  # the rows are there, the newer one's pictures are not
    assert page.results.row_of(new) is not None
    assert page.current_id() == old
    press(window, qtbot, KEY.Key_P)
    assert page.results.result(old).decision is Decision.APPROVED
    qtbot.waitUntil(lambda: page.current_id() == new)
    settled(window, qtbot)
    assert studio.catalog.reviews(new) == []


def test_after_a_group_verdict_undo_takes_back_all_and_the_place_stays(
    window: MainWindow, studio: Studio, qtbot: QtBot
) -> None:
    press(window, qtbot, KEY.Key_G)
    press(window, qtbot, KEY.Key_A, CONTROL)
    before = window.review.current_id()
    press(window, qtbot, KEY.Key_P)
    settled(window, qtbot)
    assert window.review.current_id() == before, "only a single verdict goes on"
    assert {review.decision for review in kept(window, studio, qtbot).values()} == {Decision.APPROVED}
    press(window, qtbot, KEY.Key_Z, CONTROL)
    assert {review.decision for review in kept(window, studio, qtbot).values()} == {Decision.PENDING}
    assert not window.actions_table["undo"].isEnabled()


def test_without_an_offer_a_reason_rejects_what_is_looked_at(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    press(window, qtbot, KEY.Key_C, SHIFT)
    review = kept(window, studio, qtbot)["B2"]
    assert (review.decision, review.reason) == (Decision.REJECTED, Reason.COLOR)
    assert name(window) == "C3"
    press(window, qtbot, KEY.Key_Up)
    assert window.review.side.who.text().startswith("Rejected for its colour by ")


def test_an_offer_ends_with_another_verdict(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    press(window, qtbot, KEY.Key_X)
    press(window, qtbot, KEY.Key_P)
    assert not window.review.reasons.isVisible()
    press(window, qtbot, KEY.Key_D, SHIFT)
    verdicts = kept(window, studio, qtbot)
    assert verdicts["B2"].reason is None
    assert verdicts["A1"].reason is Reason.DRIFT


def test_many_are_rejected_for_one_reason_each_with_a_try_of_its_own(
    window: MainWindow, studio: Studio, qtbot: QtBot
) -> None:
    press(window, qtbot, KEY.Key_G)
    press(window, qtbot, KEY.Key_A, CONTROL)
    press(window, qtbot, KEY.Key_X)
    assert window.review.reasons.text.startswith("4 results rejected.")
    button = window.review.reasons.findChild(QToolButton, "reject_color_button")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert {review.reason for review in kept(window, studio, qtbot).values()} == {Reason.COLOR}
    queued = studio.catalog.jobs(states=[JobState.QUEUED])
    assert len({job.pair_id for job in queued}) == len(queued) == 4
    assert window.review.reasons.text == "4 results queued again."
    press(window, qtbot, KEY.Key_Z, CONTROL)
    press(window, qtbot, KEY.Key_Z, CONTROL)
    assert {review.decision for review in kept(window, studio, qtbot).values()} == {Decision.PENDING}


def test_that_nothing_else_can_be_tried_is_told_calmly(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    """Until nothing is left: each try is made and rejected again."""
    reasons = window.review.reasons
    for _ in range(40):
        press(window, qtbot, KEY.Key_C, SHIFT)
        settled(window, qtbot)
        if "othing else" in reasons.text:
            break
        for job in studio.catalog.jobs(states=[JobState.QUEUED]):
            claimed = studio.catalog.claim("test", NOON)
            assert claimed is not None
            assert studio.catalog.succeed(job.id, "test", studio.outcome(job, 9.0, 0.9), NOON)
        window.review.reload()
        settled(window, qtbot)
        press(window, qtbot, KEY.Key_Home)
        settled(window, qtbot)
    assert "othing else can be tried" in reasons.text
    assert not window.banner.isVisible()


@pytest.fixture
def versions(studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot) -> MainWindow:
    """A1 in two versions, of which the older is approved, and B2."""
    first, _ = studio.finish({"A1": 5.0, "B2": 3.0})
    studio.catalog.add_reviews([Review(first.id, Decision.APPROVED, "Ada", "", NOON)])
    add_version(studio, first.id, 1.0)
    return reviewing(open_window(), qtbot)


def add_version(studio: Studio, job_id: int, delta_E: float) -> int:
    old = studio.catalog.job(job_id)
    request = MaskRequest(EngineName.CLASSICAL, f"version of {job_id}", "shirt")
    origin = Origin(job_id, Reason.MASK_EDITED, "Ben")
    (job,) = studio.catalog.add_jobs(old.batch_id, [(old.pair_id, request)], origins=[origin])
    claimed = studio.catalog.claim("test", NOON)
    assert claimed is not None
    assert studio.catalog.succeed(job.id, "test", studio.outcome(job, delta_E, 0.9), NOON)
    return job.id


def test_the_newest_version_stands_for_the_result(versions: MainWindow) -> None:
    results, strip = versions.review.results, versions.review.strip
    assert names(versions) == ["B2", "A1"]
    assert [results.result(i).version for i in results.shown_ids()] == [1, 2]
    assert strip.filters[None].text() == "All 2"
    assert strip.filters[Decision.APPROVED].text() == "Approved 0", "only the older version is approved"
    strip.narrow.superseded.setChecked(True)
    assert names(versions) == ["A1", "B2", "A1"]
    assert strip.filters[None].text() == "All 2"


def test_older_versions_can_be_looked_at_and_judged(versions: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    page = versions.review
    press(versions, qtbot, KEY.Key_Down)
    settled(versions, qtbot)
    lines = page.history.texts()
    assert page.history.isVisible()
    assert len(lines) == 2
    assert lines[0].startswith("v2 · mask edited · Ben · ")
    assert lines[1].startswith("v1 · first result · approved · ")
    assert page.figures.texts()["after"] == "1.00"
    press(versions, qtbot, KEY.Key_PageDown, SHIFT)
    settled(versions, qtbot)
    assert page.figures.texts()["after"] == "5.00"
    assert page.side.version.isVisible()
    assert page.side.who.text().startswith("Approved by Ada")
    assert page.current() is not None
    first = page.current_id()
    assert first is not None
    press(versions, qtbot, KEY.Key_X)
    settled(versions, qtbot)
    assert page.current_id() == first, "the version that is judged stays"
    assert studio.catalog.reviews(first)[-1].decision is Decision.REJECTED
    assert page.history.texts()[1].startswith("v1 · first result · rejected · ")
    press(versions, qtbot, KEY.Key_PageUp, SHIFT)
    settled(versions, qtbot)
    assert page.figures.texts()["after"] == "1.00"
    assert not page.side.version.isVisible()
    assert not versions.actions_table["newer_version"].isEnabled()


def test_a_newer_version_takes_the_place_of_what_is_looked_at(
    versions: MainWindow, studio: Studio, qtbot: QtBot
) -> None:
    page = versions.review
    old = page.current_id()
    assert old is not None
    assert name(versions) == "B2"
    new = add_version(studio, old, 0.25)
    page.reload()
    qtbot.waitUntil(lambda: page.current_id() == new)
    assert page.results.row_of(old) is None
    assert names(versions) == ["A1", "B2"]
    settled(versions, qtbot)
    assert page.figures.texts()["after"] == "0.25"


def test_t_marks_a_training_pair_and_takes_the_mark_away(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    job_id, box = window.review.current_id(), window.review.side.training
    press(window, qtbot, KEY.Key_T)
    settled(window, qtbot)
    assert [mark.job_id for mark in studio.catalog.training_marks()] == [job_id]
    assert box.isChecked()
    press(window, qtbot, KEY.Key_Down)
    assert not box.isChecked()
    press(window, qtbot, KEY.Key_Up)
    assert box.isChecked()
    qtbot.mouseClick(box, Qt.MouseButton.LeftButton, pos=QPoint(8, box.height() // 2))
    settled(window, qtbot)
    assert studio.catalog.training_marks() == []


def test_a_verdict_that_is_being_written_is_not_undone_by_rows_that_are_older(
    window: MainWindow, studio: Studio, qtbot: QtBot
) -> None:
    page = window.review
    stale = studio.catalog.review_rows()
    press(window, qtbot, KEY.Key_P)
    page.feed._take(stale, False)  # as they come when they were read before the verdict was written
    assert page.results.counts()[Decision.APPROVED] == 1
    settled(window, qtbot)
    page.reload()
    settled(window, qtbot)
    assert page.results.counts()[Decision.APPROVED] == 1


def test_a_verdict_of_somebody_else_arrives_with_the_next_reading(
    window: MainWindow, studio: Studio, qtbot: QtBot
) -> None:
    last = window.review.results.shown_ids()[-1]
    studio.catalog.add_reviews([Review(last, Decision.REJECTED, "Mina", "", NOON, 2)])
    window.review.reload()
    qtbot.waitUntil(lambda: window.review.results.result(last).decision is Decision.REJECTED)
    assert window.review.strip.filters[Decision.REJECTED].text() == "Rejected 1"
    assert name(window) == "B2"


def test_at_the_smallest_size_every_verdict_is_in_sight(window: MainWindow, qtbot: QtBot) -> None:
    side = window.review.side

    def is_arranged() -> None:
        assert window.height() == 700
        assert all(button.height() >= 34 for button in side.verdicts.values())
        for widget in (*side.verdicts.values(), side.stars, side.note, side.training):
            place = widget.mapTo(side, QPoint(0, 0))
            assert widget.isVisible()
            assert place.y() + widget.height() <= side.height()
        assert side._scroll.verticalScrollBar().maximum() > 0, "the figures scroll, and are not squashed"
        assert side.figures.height() >= side.figures.sizeHint().height()

    window.resize(1120, 700)
    qtbot.waitUntil(is_arranged)  # nested layouts take another turn of the event loop each
