"""The pages of the window, each built when it is wanted for the first time. GUI thread only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar, cast

from PySide6.QtWidgets import QStackedWidget

from gui.actions import COMMANDS, PageName
from gui.context import WindowContext

if TYPE_CHECKING:
    from gui.export.page import ExportPage
    from gui.intake.page import IntakePage
    from gui.models.page import ModelsPage
    from gui.queue.page import QueuePage
    from gui.review.page import ReviewPage
    from gui.settings.page import SettingsPage
    from gui.training.page import TrainingPage

    Page = IntakePage | QueuePage | ReviewPage | ExportPage | ModelsPage | TrainingPage | SettingsPage

_P = TypeVar("_P", bound="Page")


class Pages(QStackedWidget):
    """Holds the pages that were built so far. A page's modules are imported with it: of the seven a start needs three.

    Until a page is built its commands are switched off; whatever gives one that is known everywhere brings the page to
    the front first, and so builds it.

    Parameters
    ----------
    on_built : callable
        ``on_built(name, page)`` connects a new page with the window, before it is first shown.
    """

    def __init__(self, context: WindowContext, on_built: Callable[[PageName, Page], None]) -> None:
        super().__init__()
        self._context, self._on_built = context, on_built
        self._built: dict[PageName, Page] = {}
        for name in PageName:
            self._switch_commands(name, is_on=False)

    @property
    def intake(self) -> IntakePage:
        return self._wanted(PageName.INTAKE, _intake)

    @property
    def queue(self) -> QueuePage:
        return self._wanted(PageName.QUEUE, _queue)

    @property
    def review(self) -> ReviewPage:
        return self._wanted(PageName.REVIEW, _review)

    @property
    def export(self) -> ExportPage:
        return self._wanted(PageName.EXPORT, _export)

    @property
    def models(self) -> ModelsPage:
        return self._wanted(PageName.MODELS, _models)

    @property
    def training(self) -> TrainingPage:
        return self._wanted(PageName.TRAINING, _training)

    @property
    def settings(self) -> SettingsPage:
        return self._wanted(PageName.SETTINGS, _settings)

    def page(self, name: PageName) -> Page:
        """That page, built now if it was not yet."""
        return self._wanted(name, _BUILDERS[name])

    def build_intake_soon(self) -> None:
        """Build the page that watches folders though nobody looks at it: what it needs is imported and read in the
        background first, which takes longer than the building.
        """

        def build(_: None) -> None:
            self.page(PageName.INTAKE)

        if not self.is_built(PageName.INTAKE):
            self._context.bridge.run_in_background(_import_intake, build, self._context.report)

    def is_built(self, name: PageName) -> bool:
        return name in self._built

    def built(self) -> Iterator[Page]:
        """Every page that was built."""
        yield from self._built.values()

    def name_of_current(self) -> PageName:
        """The page at the front."""
        return next(name for name, page in self._built.items() if page is self.currentWidget())

    def _wanted(self, name: PageName, build: Callable[[WindowContext], _P]) -> _P:
        if name not in self._built:
            self._switch_commands(name, is_on=True)
            page = self._built[name] = build(self._context)
            self.addWidget(page)
            page.refresh_actions()
            self._on_built(name, page)
        return cast("_P", self._built[name])

    def _switch_commands(self, name: PageName, *, is_on: bool) -> None:
        for command in COMMANDS:
            if command.page is name:
                self._context.actions[command.name].setEnabled(is_on)


def _import_intake() -> None:
    import gui.intake.page  # noqa: F401
    from engine.imaging.masks.garments import load_garments

    load_garments()


def _intake(context: WindowContext) -> IntakePage:
    from gui.intake.page import IntakePage

    return IntakePage(context)


def _queue(context: WindowContext) -> QueuePage:
    from gui.queue.page import QueuePage

    return QueuePage(context)


def _review(context: WindowContext) -> ReviewPage:
    from gui.review.page import ReviewPage

    return ReviewPage(context)


def _export(context: WindowContext) -> ExportPage:
    from gui.export.page import ExportPage

    return ExportPage(context)


def _models(context: WindowContext) -> ModelsPage:
    from gui.models.page import ModelsPage

    return ModelsPage(context)


def _training(context: WindowContext) -> TrainingPage:
    from gui.training.page import TrainingPage

    return TrainingPage(context)


def _settings(context: WindowContext) -> SettingsPage:
    from gui.settings.page import SettingsPage

    return SettingsPage(context)


_BUILDERS: dict[PageName, Callable[[WindowContext], Page]] = {
    PageName.INTAKE: _intake,
    PageName.QUEUE: _queue,
    PageName.REVIEW: _review,
    PageName.EXPORT: _export,
    PageName.MODELS: _models,
    PageName.TRAINING: _training,
    PageName.SETTINGS: _settings,
}
