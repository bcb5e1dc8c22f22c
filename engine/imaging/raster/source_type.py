"""Whether metadata declare that a generative model painted in a picture.

Follows IPTC's vocabulary of digital source types. Photoshop does not always set the type where Generative Fill was
used; its history panel, where it is kept in the metadata, names the command.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from engine.imaging.raster.xmp import IPTC_EXTENSION, PAINTED, PREFIXES, RESOURCE_EVENT, XMP_MM
from engine.imaging.raster.xmp_packet import Packet, Value
from engine.imaging.raster.xmp_xml import BrokenPacketError

_PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
_DIGITAL_SOURCE_TYPE = (IPTC_EXTENSION, "DigitalSourceType")
_MODELS_WORK = re.compile(r"/(compositeWithTrainedAlgorithmicMedia|trainedAlgorithmicMedia|compositeSynthetic)/?$")
_COMMANDS = re.compile(r"generative (fill|expand|remove|upscale)|adobe firefly", re.IGNORECASE)
"""What Photoshop calls its commands in English; in other languages only the declared type tells."""

_OWN = "Chromask"


def declared_source(packet: bytes | None) -> str:
    """The IPTC digital source type that says a generative model took part; empty where nothing says so.

    It is the declared one, or `engine.imaging.raster.xmp.PAINTED` where only the history tells. What Chromask itself
    wrote into the history does not count.
    """
    if packet is None:
        return ""
    try:
        tree = Packet(packet)
    except BrokenPacketError:
        return ""
    declared = tree.text(_DIGITAL_SOURCE_TYPE) or ""
    if _MODELS_WORK.search(declared):
        return declared
    log = tree.text((_PHOTOSHOP, "History")) or ""
    told = _COMMANDS.search(log) or any(_tells(event) for event in _events(tree.get((XMP_MM, "History"))))
    return PAINTED if told else ""


def source_packet(source: str) -> bytes:
    """A packet that declares this type and nothing else."""
    tree = Packet()
    tree.put({_DIGITAL_SOURCE_TYPE: source}, PREFIXES)
    return tree.written(0)


def _events(history: Value | None) -> Iterator[Mapping[tuple[str, str], Value]]:
    if history is not None and not isinstance(history, str | Mapping):
        yield from (event for event in history if isinstance(event, Mapping))


def _tells(event: Mapping[tuple[str, str], Value]) -> bool:
    if str(event.get((RESOURCE_EVENT, "softwareAgent"), "")).startswith(_OWN):
        return False
    texts = [value for value in event.values() if isinstance(value, str)]
    return any(_COMMANDS.search(text) or _MODELS_WORK.search(text) for text in texts)
