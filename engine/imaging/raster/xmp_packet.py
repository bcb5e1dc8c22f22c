"""XMP packets (ISO 16684-1): read strictly, changed property by property, written with everything else as it was."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Union
from xml.dom.minidom import Document, Element, ProcessingInstruction, Text

from engine.imaging.raster.xmp_xml import BrokenPacketError, NewText, attribute_nodes, parsed, write_node, xml_text

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XML = "http://www.w3.org/XML/1998/namespace"
XMLNS = "http://www.w3.org/2000/xmlns/"

Name = tuple[str, str]
"""Namespace and local name."""
Value = Union[str, "Sequence[Value]", "Mapping[Name, Value]"]
"""A property's value: a text, an ordered array, or a structure."""

PADDING_BYTES = 2048
"""White space behind the data, in which another program may write its changes without moving the rest of the file; 2 to
4 KB by the standard's recommendation (ISO 16684-1, 7.3.2)."""

_BEGIN = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
_END = '<?xpacket end="w"?>'
_EMPTY = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}"></rdf:RDF></x:xmpmeta>'


class Packet:
    """An XMP packet, parsed.

    Parameters
    ----------
    data : bytes or None
        With or without the ``<?xpacket`` wrapper, UTF-8 or UTF-16. None makes an empty packet.

    Raises
    ------
    BrokenPacketError
        The data are not well-formed XML, are longer than 16 MB, or hold no ``rdf:RDF``. A document type is refused too:
        XMP has none, and entities are how a kilobyte of XML becomes gigabytes of memory.
    """

    def __init__(self, data: bytes | None = None) -> None:
        self._document: Document = parsed(_EMPTY.encode() if data is None else data)
        found = self._document.getElementsByTagNameNS(RDF, "RDF")
        if not found:
            raise BrokenPacketError("it holds no rdf:RDF")
        self._rdf: Element = found[0]

    def __contains__(self, name: Name) -> bool:
        return any(True for _ in self._holders(name))

    def get(self, name: Name) -> Value | None:
        """A property's value, however RDF writes it; None where it is not there."""
        for description, element in self._holders(name):
            return _value(element) if element is not None else description.getAttributeNS(*name)
        return None

    @property
    def about(self) -> str:
        """What the packet is about: ``""``, which is the file it is in; before 2005 that was an instance id."""
        return next((_about(description) for description in self._descriptions()), "")

    @about.setter
    def about(self, resource: str) -> None:
        for description in self._descriptions():
            if description.hasAttribute("about"):  # RDF's first syntax
                description.removeAttribute("about")
            about = description.getAttributeNodeNS(RDF, "about")
            if about is not None:  # under the packet's own prefix
                about.value = resource
                continue
            description.setAttributeNS(XMLNS, "xmlns:rdf", RDF)
            description.setAttributeNS(RDF, "rdf:about", resource)

    def text(self, name: Name) -> str | None:
        """A simple property's value; None where it is not there or is not simple."""
        value = self.get(name)
        return value if isinstance(value, str) else None

    def names(self) -> dict[Name, int]:
        """Every property and how many characters it takes up when written."""
        sizes: dict[Name, int] = {}
        for description in self._descriptions():
            for namespace, local, value in _attributes(description):
                sizes[namespace, local] = len(local) + len(value)
            for element in _elements(description):
                out = io.StringIO()
                write_node(element, out)
                sizes[element.namespaceURI or "", element.localName] = out.tell()
        return sizes

    def remove(self, name: Name) -> None:
        """Take a property out, wherever it stands."""
        for description, element in list(self._holders(name)):
            if element is None:
                description.removeAttributeNS(*name)
            else:
                description.removeChild(element)
            if not _attributes(description) and not _elements(description):
                self._rdf.removeChild(description)

    def put(self, properties: Mapping[Name, Value], prefixes: Mapping[str, str]) -> None:
        """Write properties in place of those of the same names.

        Parameters
        ----------
        prefixes : mapping of str to str
            By namespace: every one in ``properties``.
        """
        about = self.about
        for name in properties:
            self.remove(name)
        description = self._document.createElementNS(RDF, "rdf:Description")
        description.setAttributeNS(XMLNS, "xmlns:rdf", RDF)
        for namespace in sorted(_namespaces(properties)):
            description.setAttributeNS(XMLNS, f"xmlns:{prefixes[namespace]}", namespace)
        description.setAttributeNS(RDF, "rdf:about", about)
        for name, value in properties.items():
            self._build(description, name, value, prefixes)
        self._rdf.appendChild(description)

    def append(self, name: Name, item: Value, prefixes: Mapping[str, str]) -> None:
        """Add an item to the end of an ordered array, whose other items stay as they are written."""
        sequences = [
            sequence
            for _, element in self._holders(name)
            if element is not None
            for sequence in _elements(element)
            if (sequence.namespaceURI, sequence.localName) == (RDF, "Seq")
        ]
        if not sequences:
            self.put({name: [item]}, prefixes)
            return
        self._build(sequences[0], (RDF, "li"), item, {RDF: "rdf", **prefixes})
        added = _elements(sequences[0])[-1]
        added.setAttributeNS(XMLNS, "xmlns:rdf", RDF)
        for namespace in sorted(_namespaces(item)):
            added.setAttributeNS(XMLNS, f"xmlns:{prefixes[namespace]}", namespace)

    def written(self, padding: int = PADDING_BYTES) -> bytes:
        """The packet in UTF-8 with its wrapper, writable in place."""
        out = io.StringIO()
        out.write(_BEGIN)
        for node in self._document.childNodes:
            if not (isinstance(node, ProcessingInstruction) and node.target == "xpacket"):
                write_node(node, out)
        out.write("\n")
        lines, rest = divmod(padding, 100)
        out.write((" " * 99 + "\n") * lines + " " * rest)
        out.write(_END)
        return out.getvalue().encode()

    def _descriptions(self) -> list[Element]:
        return [e for e in _elements(self._rdf) if (e.namespaceURI, e.localName) == (RDF, "Description")]

    def _holders(self, name: Name) -> Iterator[tuple[Element, Element | None]]:
        """Each description that holds the property, and its element; None where it is an attribute."""
        for description in self._descriptions():
            if description.hasAttributeNS(*name):
                yield description, None
            for element in _elements(description):
                if (element.namespaceURI, element.localName) == name:
                    yield description, element

    def _build(self, parent: Element, name: Name, value: Value, prefixes: Mapping[str, str]) -> None:
        namespace, local = name
        element = self._document.createElementNS(namespace, f"{prefixes[namespace]}:{local}")
        parent.appendChild(element)
        if isinstance(value, str):
            text = NewText()
            text.data = xml_text(value)
            element.appendChild(text)
        elif isinstance(value, Mapping):
            element.setAttributeNS(RDF, "rdf:parseType", "Resource")
            for inner, field in value.items():
                self._build(element, inner, field, prefixes)
        else:
            sequence = self._document.createElementNS(RDF, "rdf:Seq")
            element.appendChild(sequence)
            for item in value:
                self._build(sequence, (RDF, "li"), item, {RDF: "rdf", **prefixes})


def _value(element: Element) -> Value:
    """The value of a property's element or of an array's item, in any of the forms of RDF/XML that XMP allows."""
    if element.hasAttributeNS(RDF, "resource"):
        return element.getAttributeNS(RDF, "resource")
    inner = _elements(element)
    fields: dict[Name, Value] = {(namespace, local): text for namespace, local, text in _attributes(element)}
    is_structure = element.getAttributeNS(RDF, "parseType") == "Resource" or bool(fields)
    if len(inner) == 1 and inner[0].namespaceURI == RDF:
        if inner[0].localName in ("Seq", "Bag", "Alt"):
            return [_value(item) for item in _elements(inner[0])]
        if inner[0].localName == "Description":
            fields |= {(namespace, local): text for namespace, local, text in _attributes(inner[0])}
            inner, is_structure = _elements(inner[0]), True
    if not is_structure and not inner:
        return "".join(node.data for node in element.childNodes if isinstance(node, Text))
    fields |= {(field.namespaceURI or "", field.localName): _value(field) for field in inner}
    # A value with qualifiers is written as a structure.
    return fields.get((RDF, "value"), fields)


def _elements(parent: Element) -> list[Element]:
    return [node for node in parent.childNodes if isinstance(node, Element)]


def _attributes(element: Element) -> list[tuple[str, str, str]]:
    """Namespace, local name and text of those that are properties."""
    return [
        (attribute.namespaceURI, attribute.localName, attribute.value)
        for attribute in attribute_nodes(element)
        if attribute.namespaceURI is not None and attribute.namespaceURI not in (RDF, XML, XMLNS)
    ]


def _about(description: Element) -> str:
    return description.getAttributeNS(RDF, "about") or description.getAttribute("about")


def _namespaces(value: Value) -> set[str]:
    if isinstance(value, str):
        return set()
    if isinstance(value, Mapping):
        return {namespace for namespace, _ in value} | {n for field in value.values() for n in _namespaces(field)}
    return {namespace for item in value for namespace in _namespaces(item)}
