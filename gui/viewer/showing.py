"""What the viewer has been told to show, and what of it makes sense for the result that is there."""

from __future__ import annotations

from dataclasses import dataclass

from engine.domain.review import Viewed
from gui.pictures.parts import Arrangement, Part

_ARRANGED = {
    Arrangement.THREE: (Part.FLATLAY, Part.ORIGINAL, Part.RESULT),
    Arrangement.TWO: (Part.ORIGINAL, Part.RESULT),
    Arrangement.ONE: (Part.RESULT,),
}


@dataclass(frozen=True, slots=True)
class Showing:
    """The switches of the viewer.

    Attributes
    ----------
    mask, doubt, heat : bool
        Overlays: the mask, where it came out differently each time, the ΔE map.
    original : bool
        The original blinks in the result's place.
    wipes : bool
        Original and result in one picture.
    alone : Part or None
        The one picture that a tool draws on.
    beside : Part or None
        What is looked at beside it.
    has_flatlay : bool
        A photograph whose mask was dreamed may have none; no room is kept for it then.
    """

    arrangement: Arrangement = Arrangement.THREE
    mask: bool = False
    doubt: bool = False
    heat: bool = False
    original: bool = False
    wipes: bool = False
    alone: Part | None = None
    beside: Part | None = None
    has_flatlay: bool = True

    @property
    def parts(self) -> tuple[Part, ...]:
        """The panes that stand side by side."""
        if self.alone is not None:
            return (self.alone,) if self.beside is None else (self.alone, self.beside)
        if self.wipes:
            return (Part.RESULT,)
        return tuple(part for part in _ARRANGED[self.arrangement] if self.has_flatlay or part is not Part.FLATLAY)

    @property
    def main(self) -> Part:
        """The pane that a command without a pointer concerns."""
        return self.alone or Part.RESULT

    def shows_doubt(self, item: Viewed | None) -> bool:
        """Whether it is seen where the item's mask is doubtful."""
        return self.doubt and has_doubt(item) and self.alone is None

    def result(self, item: Viewed) -> ResultPane:
        """What stands in the result's pane."""
        has_result = has_picture(item)
        blinks = self.original and has_result
        return ResultPane(
            blinks=blinks,
            wipes=self.wipes and not blinks,
            heats=self.heat and has_result and not blinks,
            has_result=has_result,
        )


@dataclass(frozen=True, slots=True)
class ResultPane:
    """What stands in the result's pane; a mask alone has the original below it."""

    blinks: bool
    wipes: bool
    heats: bool
    has_result: bool

    @property
    def title(self) -> str:
        if self.blinks:
            return "Original, in place of the result"
        result = "ΔE map" if self.heats else "Result" if self.has_result else "Result · mask only"
        return f"Original  |  {result}" if self.wipes else result

    def source(self, part: Part) -> Part:
        """Which picture a pane shows."""
        stands_in = part is Part.RESULT and (self.blinks or not self.has_result)
        return Part.ORIGINAL if stands_in else part


def has_picture(item: Viewed) -> bool:
    """Whether there is a result to look at, and not only a mask."""
    return item.outcome is not None and item.outcome.picture is not None


def has_doubt(item: Viewed | None) -> bool:
    """Whether the mask was made several times, so that it is known where they differ."""
    outcome = item.outcome if item is not None else None
    return outcome is not None and outcome.previews.disagreement is not None
