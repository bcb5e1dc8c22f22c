"""The measurements of one result: ΔE before and after, its parts, and the mask's figures."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from engine.domain.results import UNSURE, DeltaEReport, JobOutcome, MatchResult
from engine.services.report import tolerance_text
from gui.look import theme
from gui.review.palette_rows import PaletteRows
from gui.review.verdict_badge import VerdictBadge

_LABEL_ROOM = 16.0
"""Pixels between the middles of two numbers under the scale."""
_SHORTEST_SCALE = 10.0  # ΔE00 that the scale reaches at least, so that small differences look small


class ToleranceScale(QWidget):
    """ΔE on a line: the zones of the tolerance, a ring for before and a dot for after."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._match: MatchResult | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_match(self, match: MatchResult | None) -> None:
        self._match = match
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, 40)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._match is None:
            return
        before, after = self._match.before, self._match.after
        tolerance = after.tolerance
        top = max(_SHORTEST_SCALE, before.delta_E * 1.1, after.delta_E * 1.1)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        left, width, y = 6.0, self.width() - 12.0, 13.0

        def x(value: float) -> float:
            return left + width * min(value, top) / top

        edges = (0.0, min(tolerance.passes, top), min(tolerance.warns, top), top)
        zones = (theme.colors().pass_, theme.colors().warn, theme.colors().fail)
        for start, end, color in zip(edges[:-1], edges[1:], zones, strict=True):
            zone = QColor(color)
            zone.setAlpha(120)
            painter.fillRect(QRectF(x(start), y - 2, max(0.0, x(end) - x(start) - 1), 4), zone)
        painter.setFont(theme.sized(self.font(), theme.CAPTION))
        painter.setPen(QColor(theme.colors().text_quiet))
        last = left
        for value in (tolerance.passes, tolerance.warns):
            # On a long scale the limits crowd beside the zero: a number that has no room is left out.
            if x(value) - last > _LABEL_ROOM and left + width - x(value) > _LABEL_ROOM:
                painter.drawText(QRectF(x(value) - 20, y + 9, 40, 16), Qt.AlignmentFlag.AlignCenter, f"{value:g}")
                last = x(value)
        painter.drawText(QRectF(left, y + 9, 40, 16), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, "0")
        end = QRectF(left + width - 40, y + 9, 40, 16)
        painter.drawText(end, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{top:.0f}")
        painter.setPen(QPen(QColor(theme.colors().text), 1.6))
        painter.setBrush(QColor(theme.colors().panel))
        painter.drawEllipse(QPointF(x(before.delta_E), y), 5, 5)
        painter.setPen(QPen(QColor(theme.colors().panel), 1.5))
        painter.setBrush(QColor(theme.colors().text))
        tip = x(after.delta_E)
        painter.drawPolygon(
            QPolygonF([QPointF(tip - 6, y), QPointF(tip, y - 6), QPointF(tip + 6, y), QPointF(tip, y + 6)])
        )


class DeltaEPanel(QWidget):
    """Shows a `JobOutcome`; empty without one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._before, self._after = theme.label("", "figure"), theme.label("", "figure")
        self._before_badge, self._after_badge = VerdictBadge(), VerdictBadge()
        self._scale = ToleranceScale()
        self._cells: dict[str, tuple[QLabel, QLabel]] = {}
        self._captions: dict[str, QLabel] = {}
        self._facts: dict[str, QLabel] = {}
        self._notices = theme.label("", "caption")
        self._notices.setWordWrap(True)

        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.SMALL)
        self._colour = QWidget()
        colour = QVBoxLayout(self._colour)
        colour.setContentsMargins(0, 0, 0, 0)
        colour.setSpacing(theme.TIGHT)
        self._caption = theme.label("", "caption")
        colour.addWidget(self._caption)
        figures = QHBoxLayout()
        figures.setSpacing(theme.WIDE)
        for title, figure, badge in (
            ("Before", self._before, self._before_badge),
            ("After", self._after, self._after_badge),
        ):
            figures.addLayout(_figure(title, figure, badge), 1)
        colour.addLayout(figures)
        colour.addWidget(self._scale)
        colour.addLayout(self._parts())
        layout.addWidget(self._colour)
        self._rule = QWidget()
        self._rule.setFixedHeight(1)
        self._rule.setProperty("rule", True)
        layout.addWidget(self._rule)
        layout.addLayout(self._mask_facts())
        layout.addWidget(self._notices)
        self.show_outcome(None)

    def show_outcome(self, outcome: JobOutcome | None) -> None:
        """Fill in the figures."""
        match = outcome.match if outcome else None
        self._colour.setVisible(match is not None)
        self._rule.setVisible(match is not None)
        self._scale.set_match(match)
        if match is not None:
            self._show_match(match.before, match.after)
            self._show_views(match)
        for name, text in _facts(outcome).items():
            self._facts[name].setText(text)
        for name, text in (_registration(outcome) | {"Colour guide": _guide(match)}).items():
            self._facts[name].setText(text)
            self._facts[name].setVisible(bool(text))
            self._captions[name].setVisible(bool(text))
        is_unsure = outcome is not None and outcome.mask.confidence < UNSURE
        theme.set_ink(self._facts["Mask confidence"], "warn" if is_unsure else None, bold=is_unsure)
        self._notices.setText("\n".join(outcome.notices) if outcome else "")
        self._notices.setVisible(bool(outcome and outcome.notices))

    def palette_texts(self) -> list[tuple[str, str, str]]:
        """Share, ΔE00 before and after of each colour of a print; empty for a single-colour garment."""
        return self._palette.texts()

    def texts(self) -> dict[str, str]:
        """Every figure by its name, as shown."""
        parts = {f"{name} after": after.text() for name, (_, after) in self._cells.items()}
        facts = {name: fact.text() for name, fact in self._facts.items()}
        return (
            {"before": self._before.text(), "after": self._after.text(), "verdict": self._after_badge.text()}
            | parts
            | facts
        )

    def _show_match(self, before: DeltaEReport, after: DeltaEReport) -> None:
        for figure, badge, report in (
            (self._before, self._before_badge, before),
            (self._after, self._after_badge, after),
        ):
            figure.setText(f"{report.delta_E:.2f}")
            badge.set_verdict(report.verdict)
        figures = {
            "ΔL*": (before.dL, after.dL), "ΔC*": (before.dC, after.dC), "ΔH*": (before.dH, after.dH),
        }  # fmt: skip
        for name, (was, now) in figures.items():
            self._cells[name][0].setText(_signed(was))
            self._cells[name][1].setText(_signed(now))
        tolerance = after.tolerance
        factors = [
            f"{name} {k:g}" for name, k in (("k_L", tolerance.k_L), ("k_C", tolerance.k_C), ("k_H", tolerance.k_H))
        ]
        is_plain = tolerance.k_L == tolerance.k_C == tolerance.k_H == 1
        self._caption.setText(
            "Colour difference ΔE00 to the flatlay" + ("" if is_plain else f" · {', '.join(factors)}")
        )
        for widget in (self._caption, self._scale):
            widget.setToolTip(f"Judged by: {tolerance_text(tolerance)}")
        self._palette.show_reports(before, after)
        self._cells["95 % of pixels"][0].setText(f"{before.p95:.1f}")
        self._cells["95 % of pixels"][1].setText(f"{after.p95:.1f}")

    def _show_views(self, match: MatchResult) -> None:
        """How far the article's views are apart; nothing for an article of one view."""
        spreads = match.provenance.get("views_spread_before"), match.provenance.get("views_spread")
        was, now = self._cells["Views apart"]
        for widget in (self._captions["Views apart"], was, now):
            widget.setVisible(None not in spreads)
        for cell, spread in zip((was, now), spreads, strict=True):
            cell.setText(f"{spread:.1f}" if spread is not None else "")

    def _parts(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.MEDIUM)
        grid.setVerticalSpacing(theme.TIGHT)
        grid.setColumnStretch(0, 1)
        tips = {
            "ΔL*": "Lightness, result minus flatlay: plus is lighter",
            "ΔC*": "Chroma, result minus flatlay: plus is more colourful",
            "ΔH*": "Hue, result minus flatlay",
            "95 % of pixels": "95 % of the garment's pixels differ less than this from the flatlay's mean colour",
            "Views apart": "Largest colour difference between any two views of this article, as solved together",
        }
        for column, title in ((1, "before"), (2, "after")):
            head = theme.label(title, "caption")
            head.setAlignment(Qt.AlignmentFlag.AlignRight)
            head.setMinimumWidth(52)
            grid.addWidget(head, 0, column)
        for row, (name, tip) in enumerate(tips.items(), start=1):
            caption, was, now = theme.label(name, "quiet"), theme.label("", "quiet"), theme.label("")
            caption.setToolTip(tip)
            grid.addWidget(caption, row, 0)
            for column, cell in ((1, was), (2, now)):
                cell.setAlignment(Qt.AlignmentFlag.AlignRight)
                grid.addWidget(cell, row, column)
            self._cells[name] = (was, now)
            self._captions[name] = caption
        self._palette = PaletteRows(grid, len(tips) + 1)
        return grid

    def _mask_facts(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setVerticalSpacing(theme.TIGHT)
        grid.setColumnStretch(0, 1)
        tips = {
            "Mask coverage": "Share of the photograph inside the mask",
            "Mask confidence": "How sure the method is of itself; below 50 % look first",
            "Texture kept": "Correlation of the lightness gradients inside the garment; 100 % keeps every thread",
            "Outside the mask": "Largest change of any channel value where the mask is zero",
            "Model's shift": "How far the model's picture was moved to lie on the photograph, at the mask's edge",
            "Beside the paint": "Mean difference of the model's picture to the photograph outside the paint, before "
            "and after it was moved, in 8-bit levels",
            "Colour guide": "Whether the model's picture of the garment swayed the colour, and how much of the "
            "correction is its; why it was set aside is said below",
        }
        for row, (name, tip) in enumerate(tips.items()):
            caption, value = theme.label(name, "quiet"), theme.label("")
            caption.setToolTip(tip)
            value.setAlignment(Qt.AlignmentFlag.AlignRight)
            grid.addWidget(caption, row, 0)
            grid.addWidget(value, row, 1)
            self._facts[name] = value
            self._captions[name] = caption
        return grid


def _figure(title: str, figure: QLabel, badge: VerdictBadge) -> QVBoxLayout:
    box = QVBoxLayout()
    box.setSpacing(2)
    head = QHBoxLayout()
    head.addWidget(theme.label(title, "caption"))
    head.addStretch()
    box.addLayout(head)
    box.addWidget(figure)
    box.addWidget(badge)
    return box


def _facts(outcome: JobOutcome | None) -> dict[str, str]:
    names = ("Mask coverage", "Mask confidence", "Texture kept", "Outside the mask")
    if outcome is None:
        return dict.fromkeys(names, "—")
    mask, match = outcome.mask, outcome.match
    sure = f"{mask.confidence * 100:.0f} %" + (" · look first" if mask.confidence < UNSURE else "")
    texture, outside = "—", "—"
    if match is not None:
        texture = f"{match.texture * 100:.1f} %"
    result = match or outcome.edit
    if result is not None:
        change = result.outside_max_change
        outside = "0 · untouched" if change == 0 else f"{change} · changed"
    return dict(zip(names, (f"{mask.coverage * 100:.1f} %", sure, texture, outside), strict=True))


def _registration(outcome: JobOutcome | None) -> dict[str, str]:
    """How a dreamed mask or a colour guide was laid on the photograph; empty texts where no model painted."""
    figures = outcome.mask.provenance if outcome else {}
    if outcome is not None and outcome.match is not None and "shift_px" not in figures:
        guided = outcome.match.provenance
        figures = {name.removeprefix("guide_"): value for name, value in guided.items() if name.startswith("guide_")}
    names = ("Model's shift", "Beside the paint")
    if "residual_before" not in figures:
        return dict.fromkeys(names, "")
    shift = float(figures["shift_px"])
    before, after = float(figures["residual_before"]), float(figures["residual_after"])
    return dict(zip(names, (f"{shift:.1f} px" if shift else "none", f"{before:.1f} → {after:.1f}"), strict=True))


def _guide(match: MatchResult | None) -> str:
    """Whether a guide was kept; empty where none was painted."""
    figures = match.provenance if match is not None else {}
    if "guide_weight" not in figures:
        return ""
    weight = float(figures["guide_weight"])
    return f"kept · {weight * 100:.0f} %" if weight > 0 else "set aside"


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "−").replace("+0.0", "0.0").replace("−0.0", "0.0")
