"""XML as XMP packets hold it: parsed into a tree with nothing hostile built, and written so that every reader agrees.

The tree is `xml.dom.minidom`'s: unlike ElementTree it keeps prefixes, namespace declarations, comments and the text
between elements, so that what is not touched is written as it was read.
"""

from __future__ import annotations

import io
from typing import cast
from xml.dom.minidom import Attr, Comment, Document, Element, Node, ProcessingInstruction, Text, parseString
from xml.parsers import expat

_MOST_BYTES = 16_000_000
"""A tree takes some twenty times its text. Photoshop's lists of ancestors, where they got out of hand, are the only
packets known of more than a few hundred kilobytes."""

_MOST_DEPTH = 64
"""Elements inside each other; the deepest structures of Photoshop's own are around a dozen."""


class BrokenPacketError(ValueError):
    """The bytes are no XMP packet; the text says why, without a full stop."""


class NewText(Text):
    """Text that was not in the packet that was read; written so that it may be copied into an attribute as it is."""


def parsed(data: bytes) -> Document:
    """The tree of a packet, with or without its wrapper.

    Raises
    ------
    BrokenPacketError
        See `engine.imaging.raster.xmp_packet.Packet`.
    """
    if len(data) > _MOST_BYTES:
        raise BrokenPacketError(f"it is larger than {_MOST_BYTES // 1_000_000} MB")
    data = data.strip(b"\0 \t\r\n") if not _is_utf16(data) else data
    if _is_utf16(data):
        order = "utf-16-le" if data.startswith((b"<\0", b"\xff\xfe")) else "utf-16-be"
        try:
            data = data.decode(order).strip("\ufeff\0 \t\r\n").encode()
        except UnicodeDecodeError as error:
            raise BrokenPacketError("its text is not UTF-16") from error
    # Adobe's toolkit writes a shorter packet over the old one in a PNG, and leaves the old one's end behind it.
    end_mark = data.find(b"<?xpacket end=")
    if end_mark >= 0:
        data = data[: data.find(b"?>", end_mark) + 2]
    depth = 0

    def begin(name: str, attributes: object) -> None:
        nonlocal depth
        depth += 1
        if depth > _MOST_DEPTH:
            raise BrokenPacketError(f"its elements are nested more than {_MOST_DEPTH} deep")

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1

    def refuse(*_: object) -> None:
        raise BrokenPacketError("it has a document type")

    # A first pass that builds nothing, so that nothing hostile is ever built.
    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler, parser.StartDoctypeDeclHandler = begin, end, refuse
    try:
        parser.Parse(data, True)
        return parseString(data)
    except BrokenPacketError:
        raise
    # ValueError and LookupError are what the parser says to an encoding that it does not know.
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise BrokenPacketError(f"it is not well-formed XML ({error})") from error


def _is_utf16(data: bytes) -> bool:
    return data.startswith((b"<\0", b"\0<", b"\xff\xfe", b"\xfe\xff"))


def attribute_nodes(element: Element) -> list[Attr]:
    """In the order in which they were written."""
    return [cast("Attr", element.attributes.item(at)) for at in range(element.attributes.length)]


def xml_text(text: str) -> str:
    """What XML 1.0 cannot hold (section 2.2) becomes U+FFFD: control characters, and halves of surrogate pairs."""
    return "".join(c if c in "\t\n\r" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff" else "\ufffd"
                   for c in text)  # fmt: skip


_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#xD;"}
_IN_TEXT = str.maketrans(_ESCAPES)
# minidom's own writer leaves white space as it is, and the next reader makes spaces of it (XML 1.0, 3.3.3).
_IN_ATTRIBUTE = str.maketrans({**_ESCAPES, '"': "&quot;", "\t": "&#x9;", "\n": "&#xA;"})
# ExifTool copies the raw text of an element into an attribute in apostrophes (12.57 with -api Compact=Shorthand).
_ANYWHERE = str.maketrans({**_ESCAPES, '"': "&quot;", "'": "&apos;", "\t": "&#x9;", "\n": "&#xA;"})


def write_node(node: Node, out: io.StringIO) -> None:
    """Write a node and all in it."""
    if isinstance(node, Element):
        out.write(f"<{node.tagName}")
        for attribute in attribute_nodes(node):
            out.write(f' {attribute.name}="{attribute.value.translate(_IN_ATTRIBUTE)}"')
        if not node.childNodes:
            out.write("/>")
            return
        out.write(">")
        for child in node.childNodes:
            write_node(child, out)
        out.write(f"</{node.tagName}>")
    elif isinstance(node, NewText):
        out.write(node.data.translate(_ANYWHERE))
    elif isinstance(node, Text):  # a CDATA section, too
        out.write(node.data.translate(_IN_TEXT))
    elif isinstance(node, Comment):
        out.write(f"<!--{node.data}-->")
    elif isinstance(node, ProcessingInstruction):
        out.write(f"<?{node.target} {node.data}?>")
