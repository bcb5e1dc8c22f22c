"""Provenance in XMP: what Chromask writes into a packet, and how it is read back after other programs wrote it anew.

The properties are those of ISO 16684-1 (``xmp``, ``xmpMM``), of the IPTC Photo Metadata Standard (``Iptc4xmpExt``), and
a namespace of Chromask's own for what no standard has a place for.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid4, uuid5

from engine.domain.provenance import ModelRun, ModelTask, NamedHash, Provenance, ResultOrigin
from engine.domain.results import Verdict
from engine.domain.review import Decision, ResultKind
from engine.imaging.raster.xmp_packet import Name, Packet, Value
from engine.imaging.raster.xmp_xml import BrokenPacketError

CHROMASK = "chromask:ns:provenance/1.0/"
XMP = "http://ns.adobe.com/xap/1.0/"
XMP_MM = "http://ns.adobe.com/xap/1.0/mm/"
XMP_NOTE = "http://ns.adobe.com/xmp/note/"
DC = "http://purl.org/dc/elements/1.1/"
IPTC_EXTENSION = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
RESOURCE_REF = "http://ns.adobe.com/xap/1.0/sType/ResourceRef#"
RESOURCE_EVENT = "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"

PREFIXES = {
    CHROMASK: "chromask",
    XMP: "xmp",
    XMP_MM: "xmpMM",
    DC: "dc",
    IPTC_EXTENSION: "Iptc4xmpExt",
    RESOURCE_REF: "stRef",
    RESOURCE_EVENT: "stEvt",
}

PAINTED = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
"""IPTC's digital source type of a photograph into which a generative model painted."""

_WHOLLY_PAINTED = "/trainedAlgorithmicMedia"
"""Ending of the source type of a picture that is a model's altogether: painting into it does not make it less so."""

JPEG_PACKET_BYTES = 65_502
"""Most that one APP1 segment holds of a packet: 65,535, the length field and the 29 bytes of XMP's own mark apart
(Adobe XMP Specification, part 3, 1.1.3)."""

_DIGITAL_SOURCE_TYPE = (IPTC_EXTENSION, "DigitalSourceType")
_DOCUMENT, _INSTANCE, _ORIGINAL = ((XMP_MM, name) for name in ("DocumentID", "InstanceID", "OriginalDocumentID"))
_DERIVED_FROM, _HISTORY = (XMP_MM, "DerivedFrom"), (XMP_MM, "History")
_EXTENDED = (XMP_NOTE, "HasExtendedXMP")


def with_provenance(
    packet: bytes | None, provenance: Provenance, media_type: str | None = None
) -> tuple[bytes, tuple[str, ...]]:
    """The photograph's packet with an exported file's provenance.

    Everything that was in the packet stays, also what Chromask does not know, with the namespaces' own prefixes. The
    file is a document of its own, derived from the photograph: it gets ids of its own and names the photograph's. Its
    document id is the same for every file made of the same results, its instance id is each file's own.

    Parameters
    ----------
    packet : bytes or None
        The photograph's; None makes a new one.
    media_type : str, optional
        Of the file that is written, such as ``image/tiff``; corrects a ``dc:format`` that says something else.

    Returns
    -------
    bytes
        UTF-8, in its wrapper and with room to be changed in place.
    tuple of str
        One sentence for each thing that was lost: a packet that is broken or too long is replaced by a new one, and the
        part of it that a JPEG held in further segments is not carried.
    """
    notices: list[str] = []
    try:
        tree = Packet(packet)
    except BrokenPacketError as error:
        tree = Packet()
        notices.append(f"The photograph's XMP metadata cannot be read and were left out: {error}.")
    if _EXTENDED in tree:
        tree.remove(_EXTENDED)
        notices.append("The photograph's XMP metadata go on in further JPEG segments, which were left out.")
    of_photograph = f"xmp.did:{uuid5(NAMESPACE_URL, f'sha256:{provenance.photograph.sha256}')}"
    parent = tree.text(_DOCUMENT) or of_photograph
    original = tree.text(_ORIGINAL) or parent
    derived_from = {
        (RESOURCE_REF, "documentID"): parent,
        (RESOURCE_REF, "originalDocumentID"): original,
        (RESOURCE_REF, "filePath"): provenance.photograph.name,
    }
    if instance := tree.text(_INSTANCE) or tree.about:
        derived_from[RESOURCE_REF, "instanceID"] = instance
    made_of = f"{provenance.catalog}/{provenance.photograph.sha256}/{provenance.results}"
    # Adobe's readers take anything else for the instance id, whatever the property of that name says.
    tree.about = ""
    instance = f"xmp.iid:{uuid4()}"
    stamped: dict[Name, Value] = {
        _DOCUMENT: f"xmp.did:{uuid5(NAMESPACE_URL, made_of)}",
        _INSTANCE: instance,
        _ORIGINAL: original,
        _DERIVED_FROM: derived_from,
        (XMP, "MetadataDate"): _date(provenance.at),
        **_properties(provenance),
    }
    if provenance.is_painted and not (tree.text(_DIGITAL_SOURCE_TYPE) or "").endswith(_WHOLLY_PAINTED):
        stamped[_DIGITAL_SOURCE_TYPE] = PAINTED
    if media_type is not None and (DC, "format") in tree:
        stamped[DC, "format"] = media_type
    event = {
        (RESOURCE_EVENT, "action"): "derived",
        (RESOURCE_EVENT, "instanceID"): instance,
        (RESOURCE_EVENT, "when"): _date(provenance.at),
        (RESOURCE_EVENT, "softwareAgent"): provenance.software,
        (RESOURCE_EVENT, "parameters"): _sentence(provenance),
    }
    tree.append(_HISTORY, event, PREFIXES)
    tree.put(stamped, PREFIXES)
    return tree.written(), tuple(notices)


def read_provenance(packet: bytes | None) -> Provenance | None:
    """What `with_provenance` wrote, also after another program wrote the packet anew.

    Returns
    -------
    Provenance or None
        None where there is no packet, it is broken, or it does not say where the file comes from.
    """
    try:
        tree = Packet(packet)
        results = tree.get((CHROMASK, "Results"))
        return Provenance(
            photograph=_named_hash(_fields(tree.get((CHROMASK, "Photograph")))),
            catalog=_text(tree.get((CHROMASK, "Catalog"))),
            software=_text(tree.get((CHROMASK, "Software"))),
            origins=tuple(_origin(_fields(item)) for item in _items(results)),
            at=datetime.fromisoformat(_text(tree.get((CHROMASK, "Date")))),
            is_picture=tree.text((CHROMASK, "Content")) != _MASK,
        )
    # What is not as it was written was written by somebody else; such a file is nobody's.
    except (BrokenPacketError, ValueError, KeyError):
        return None


def fitted(packet: bytes, limit: int = JPEG_PACKET_BYTES) -> tuple[bytes, tuple[str, ...]]:
    """The packet, made to fit where there is little room: without padding first, then without its longest properties.

    Rights and descriptions are small and stay; what takes up kilobytes is what programs note for themselves (ancestors
    in Photoshop, settings of raw converters, thumbnails), and it is still in the photograph. What says where the
    file comes from would be the last to go.

    Returns
    -------
    bytes
        At most ``limit`` bytes.
    tuple of str
        A sentence that names what was left out.
    """
    if len(packet) <= limit:
        return packet, ()
    try:
        tree = Packet(packet)
    except BrokenPacketError as error:
        tree = Packet()
        left_out = [f"all of it, for it is broken: {error}"]
    else:
        left_out = []
        sizes = tree.names()
        by_weight = sorted(sizes, key=lambda name: (name != _DIGITAL_SOURCE_TYPE, name[0] != CHROMASK, sizes[name]))
        while len(tree.written(0)) > limit and by_weight:
            name = by_weight.pop()
            tree.remove(name)
            left_out.append(name[1])
    data = tree.written(min(_SMALL_PADDING, max(0, limit - len(tree.written(0)))))
    if not left_out:
        return data, ()
    return data, (f"The XMP metadata are too long for a JPEG; left out: {', '.join(left_out)}.",)


_SMALL_PADDING = 256
_PICTURE, _MASK = "picture", "mask"


def _sentence(provenance: Provenance) -> str:
    """For the history panel of Photoshop and Bridge."""
    parts: list[str] = []
    for origin in provenance.origins:
        if origin.delta_E_before is not None and origin.delta_E_after is not None:
            figures = f"delta E00 {origin.delta_E_before:.2f} to {origin.delta_E_after:.2f}"
            parts.append(f"colour of {origin.mask.name} matched, {figures}")
        else:
            parts.append(f"{origin.mask.name} painted" if origin.is_painted else f"{origin.mask.name} masked")
    return f"from {provenance.photograph.name}: {'; '.join(parts)}"


def _properties(provenance: Provenance) -> dict[Name, Value]:
    return {
        (CHROMASK, "Software"): provenance.software,
        (CHROMASK, "Date"): _date(provenance.at),
        (CHROMASK, "Catalog"): provenance.catalog,
        (CHROMASK, "Photograph"): _of_named_hash(provenance.photograph),
        (CHROMASK, "Content"): _PICTURE if provenance.is_picture else _MASK,
        (CHROMASK, "Painted"): str(provenance.is_painted),
        (CHROMASK, "Results"): [_of_origin(origin) for origin in provenance.origins],
    }


def _of_origin(origin: ResultOrigin) -> Mapping[Name, Value]:
    fields: dict[str, Value | None] = {
        "Job": str(origin.job_id),
        "Kind": origin.kind.value,
        "Version": str(origin.version),
        "Mask": _of_named_hash(origin.mask),
        "DeltaEBefore": None if origin.delta_E_before is None else repr(float(origin.delta_E_before)),
        "DeltaEAfter": None if origin.delta_E_after is None else repr(float(origin.delta_E_after)),
        "Verdict": None if origin.verdict is None else origin.verdict.value,
        "Decision": origin.decision.value,
        "Reviewer": origin.reviewer or None,
        "ReviewDate": None if origin.reviewed_at is None else _date(origin.reviewed_at),
        "Models": [_of_model(run) for run in origin.models] or None,
        "RetouchSource": origin.retouch_source or None,
    }
    return {(CHROMASK, name): value for name, value in fields.items() if value is not None}


def _of_model(run: ModelRun) -> Mapping[Name, Value]:
    fields: dict[str, Value | None] = {
        "Task": run.task.value,
        "Engine": run.engine,
        "Model": run.model,
        "Fingerprint": run.fingerprint or None,
        "LoRA": None if run.lora is None else _of_named_hash(run.lora),
        "LoRAScale": None if run.lora is None else repr(float(run.lora_scale)),
        "Prompt": run.prompt or None,
        "Seed": None if run.seed is None else str(run.seed),
    }
    return {(CHROMASK, name): value for name, value in fields.items() if value is not None}


def _of_named_hash(file: NamedHash) -> Mapping[Name, Value]:
    return {(CHROMASK, "Name"): file.name, (CHROMASK, "SHA256"): file.sha256}


def _origin(fields: Mapping[str, Value]) -> ResultOrigin:
    return ResultOrigin(
        job_id=int(_text(fields["Job"])),
        kind=ResultKind(_text(fields["Kind"])),
        version=int(_text(fields["Version"])),
        mask=_named_hash(_fields(fields["Mask"])),
        models=tuple(_model(_fields(run)) for run in _items(fields.get("Models"))),
        delta_E_before=float(_text(fields["DeltaEBefore"])) if "DeltaEBefore" in fields else None,
        delta_E_after=float(_text(fields["DeltaEAfter"])) if "DeltaEAfter" in fields else None,
        verdict=Verdict(_text(fields["Verdict"])) if "Verdict" in fields else None,
        decision=Decision(_text(fields["Decision"])),
        reviewer=_text(fields["Reviewer"]) if "Reviewer" in fields else "",
        reviewed_at=datetime.fromisoformat(_text(fields["ReviewDate"])) if "ReviewDate" in fields else None,
        retouch_source=_text(fields["RetouchSource"]) if "RetouchSource" in fields else "",
    )


def _model(fields: Mapping[str, Value]) -> ModelRun:
    has_lora = "LoRA" in fields
    return ModelRun(
        task=ModelTask(_text(fields["Task"])),
        engine=_text(fields["Engine"]),
        model=_text(fields["Model"]),
        fingerprint=_text(fields["Fingerprint"]) if "Fingerprint" in fields else "",
        lora=_named_hash(_fields(fields["LoRA"])) if has_lora else None,
        lora_scale=float(_text(fields["LoRAScale"])) if has_lora else 1.0,
        prompt=_text(fields["Prompt"]) if "Prompt" in fields else "",
        seed=int(_text(fields["Seed"])) if "Seed" in fields else None,
    )


def _named_hash(fields: Mapping[str, Value]) -> NamedHash:
    return NamedHash(_text(fields["Name"]), _text(fields["SHA256"]))


def _text(value: Value | None) -> str:
    if not isinstance(value, str):
        raise ValueError("not a text")
    return value


def _fields(value: Value | None) -> Mapping[str, Value]:
    """A structure's fields in Chromask's namespace."""
    if not isinstance(value, Mapping):
        raise ValueError("not a structure")
    return {local: field for (namespace, local), field in value.items() if namespace == CHROMASK}


def _items(value: Value | None) -> tuple[Value, ...]:
    """An array's items; a file without results has none."""
    if value is None or value == "":
        return ()
    if isinstance(value, str | Mapping):
        raise ValueError("not an array")
    return tuple(value)


def _date(at: datetime) -> str:
    """ISO 8601 as XMP has it, in UTC."""
    return at.astimezone(UTC).isoformat()
