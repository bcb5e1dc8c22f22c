"""Provenance in XMP packets: what stays, what is refused, and what is read back from every form of RDF."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest

from engine.domain.provenance import ModelRun, ModelTask, NamedHash, Provenance, ResultOrigin
from engine.domain.results import Verdict
from engine.domain.review import Decision, ResultKind
from engine.imaging.raster import xmp
from engine.imaging.raster.xmp import fitted, read_provenance, with_provenance
from engine.imaging.raster.xmp_packet import RDF, Packet

AT = datetime(2026, 3, 4, 5, 6, 7, 891011, UTC)

MATCH = ResultOrigin(
    job_id=41,
    kind=ResultKind.COLOR_MATCH,
    version=2,
    mask=NamedHash("Überrock 上着 <&>\"'", "ab" * 32),
    models=(
        ModelRun(ModelTask.MASK, "grounded", "sam2", "cd" * 32),
        ModelRun(
            ModelTask.COLOR_GUIDE, "kontext", "FLUX.1-Kontext-dev", "ef" * 32, NamedHash("colour", "12" * 32), 0.85,
            "two lines\nand a\ttab", 7,
        ),
    ),
    delta_E_before=11.400000000000002,
    delta_E_after=0.1 + 0.2,
    verdict=Verdict.PASS,
    decision=Decision.APPROVED,
    reviewer="Zoë Ōno",
    reviewed_at=datetime(2026, 3, 4, 5, 0, 0, 123456, UTC),
)  # fmt: skip
EDIT = ResultOrigin(
    44,
    ResultKind.EDIT,
    1,
    NamedHash("edit", "34" * 32),
    (ModelRun(ModelTask.EDIT, "kontext", "FLUX.1-Kontext-dev", "ef" * 32, prompt="SALE", seed=0),),
    decision=Decision.APPROVED,
)
PROVENANCE = Provenance(NamedHash("IMG_0001 é.CR2.tif", "56" * 32), "0f" * 16, "Chromask 0.1.0", (MATCH,), AT)
PAINTED = replace(PROVENANCE, origins=(MATCH, EDIT))

CAMERA = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Adobe XMP Core 7.0">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <!-- by hand -->
  <rdf:Description rdf:about="uuid:1234"
    xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/" xmlns:stEvt="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"
    xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:studio="https://studio.example/ns#"
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    xmpMM:DocumentID="xmp.did:parent" xmpMM:InstanceID="xmp.iid:parent" xmpMM:OriginalDocumentID="xmp.did:first"
    dc:format="image/x-canon-cr2" studio:Shelf="A &quot;1&quot;&#xA;B"
    Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture">
   <dc:title><rdf:Alt><rdf:li xml:lang="x-default">Größe 42</rdf:li></rdf:Alt></dc:title>
   <studio:Secret rdf:parseType="Resource"><studio:One>1</studio:One><other:Two xmlns:other="urn:o">2</other:Two>
   </studio:Secret>
   <xmpMM:History><rdf:Seq>
     <rdf:li stEvt:action="created" stEvt:when="2026-01-01T00:00:00Z"/>
   </rdf:Seq></xmpMM:History>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>""".encode()


def stamped(packet: bytes | None, provenance: Provenance = PROVENANCE) -> bytes:
    data, notices = with_provenance(packet, provenance)
    assert notices == ()
    return data


@pytest.mark.parametrize("packet", [None, CAMERA])
@pytest.mark.parametrize(
    "provenance", [PROVENANCE, PAINTED, replace(PROVENANCE, origins=()), replace(PAINTED, is_picture=False)]
)
def test_everything_is_read_back(packet: bytes | None, provenance: Provenance) -> None:
    data = stamped(packet, provenance)
    assert read_provenance(data) == provenance
    # Writing it anew, as for another export of the file, changes nothing else.
    again = stamped(data, provenance)
    assert read_provenance(again) == provenance
    assert again.count(b"chromask:Results>") == 2


def test_only_a_painted_picture_is_declared_as_one() -> None:
    source = (xmp.IPTC_EXTENSION, "DigitalSourceType")
    assert source not in Packet(stamped(None))
    assert Packet(stamped(CAMERA)).text(source) == "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
    declared = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
    assert Packet(stamped(None, PAINTED)).text(source) == declared
    # Nothing is painted on the file of an edit's mask.
    assert source not in Packet(stamped(None, replace(PAINTED, is_picture=False)))
    painted = stamped(CAMERA, PAINTED)
    assert Packet(painted).text(source) == declared
    assert painted.count(b"digitalCapture") == 0
    # What was a model's picture altogether is not made less of one.
    whole = CAMERA.replace(b"digitalCapture", b"trainedAlgorithmicMedia")
    assert Packet(stamped(whole, PAINTED)).text(source) == xmp.PAINTED.replace("compositeWithT", "t")


def test_the_file_is_a_document_of_its_own_derived_from_the_photograph() -> None:
    tree = Packet(stamped(CAMERA))
    reference = tree.get((xmp.XMP_MM, "DerivedFrom"))
    assert reference == {
        (xmp.RESOURCE_REF, "documentID"): "xmp.did:parent",
        (xmp.RESOURCE_REF, "instanceID"): "xmp.iid:parent",
        (xmp.RESOURCE_REF, "originalDocumentID"): "xmp.did:first",
        (xmp.RESOURCE_REF, "filePath"): "IMG_0001 é.CR2.tif",
    }
    assert tree.text((xmp.XMP_MM, "OriginalDocumentID")) == "xmp.did:first"
    document = (xmp.XMP_MM, "DocumentID")
    assert tree.text(document) == Packet(stamped(CAMERA)).text(document)
    assert tree.text(document) != Packet(stamped(CAMERA, PAINTED)).text(document)
    instances = {Packet(stamped(CAMERA)).text((xmp.XMP_MM, "InstanceID")) for _ in range(3)}
    assert len(instances) == 3
    history = tree.get((xmp.XMP_MM, "History"))
    assert isinstance(history, list)
    assert history[0] == {
        (xmp.RESOURCE_EVENT, "action"): "created",
        (xmp.RESOURCE_EVENT, "when"): "2026-01-01T00:00:00Z",
    }
    assert [event[xmp.RESOURCE_EVENT, "action"] for event in history] == ["created", "derived"]
    assert history[1][xmp.RESOURCE_EVENT, "softwareAgent"] == "Chromask 0.1.0"
    assert "delta E00 11.40 to 0.30" in history[1][xmp.RESOURCE_EVENT, "parameters"]


@pytest.mark.parametrize("about", [b' R:about="uuid:1234"', b' about="uuid:1234"', b""])
def test_other_prefixes_and_older_syntax_are_read_and_kept(about: bytes) -> None:
    packet = CAMERA.replace(b"rdf:", b"R:").replace(b"xmlns:rdf=", b"xmlns:R=").replace(b' R:about="uuid:1234"', about)
    data = stamped(packet)
    assert read_provenance(data) == PROVENANCE
    assert b"<R:Description" in data
    assert b"uuid:1234" not in data.replace(b">uuid:1234<", b"")
    history = Packet(data).get((xmp.XMP_MM, "History"))
    assert isinstance(history, list)
    assert len(history) == 2
    root = ElementTree.fromstring(data.decode())
    assert {element.attrib[f"{{{RDF}}}about"] for element in root.iter(f"{{{RDF}}}Description")} == {""}


def test_an_instance_id_of_the_old_kind_is_the_photographs() -> None:
    old = CAMERA.replace(b'xmpMM:InstanceID="xmp.iid:parent"', b"")
    reference = Packet(stamped(old)).get((xmp.XMP_MM, "DerivedFrom"))
    assert isinstance(reference, dict)
    assert reference[xmp.RESOURCE_REF, "instanceID"] == "uuid:1234"


def test_a_photograph_without_ids_gets_one_from_its_own_bytes() -> None:
    first, second = (Packet(stamped(None)).get((xmp.XMP_MM, "DerivedFrom")) for _ in range(2))
    assert first == second
    other = replace(PROVENANCE, photograph=NamedHash("IMG_0001 é.CR2.tif", "57" * 32))
    assert Packet(stamped(None, other)).get((xmp.XMP_MM, "DerivedFrom")) != first


def test_what_is_not_ours_stays_byte_for_byte() -> None:
    data = stamped(CAMERA)
    for kept in (
        b"<!-- by hand -->",
        b'xmlns:studio="https://studio.example/ns#"',
        b'studio:Shelf="A &quot;1&quot;&#xA;B"',
        '<dc:title><rdf:Alt><rdf:li xml:lang="x-default">Größe 42</rdf:li></rdf:Alt></dc:title>'.encode(),
        b'<studio:Secret rdf:parseType="Resource"><studio:One>1</studio:One>'
        b'<other:Two xmlns:other="urn:o">2</other:Two>\n   </studio:Secret>',
        b'<rdf:li stEvt:action="created" stEvt:when="2026-01-01T00:00:00Z"/>',
        b'x:xmptk="Adobe XMP Core 7.0"',
        b'dc:format="image/x-canon-cr2"',
    ):
        assert kept in data, kept
    root = ElementTree.fromstring(data.decode())
    about = {element.attrib[f"{{{RDF}}}about"] for element in root.iter(f"{{{RDF}}}Description")}
    assert about == {""}, "an older instance id is the photograph's and not the file's"
    data, _ = with_provenance(CAMERA, PROVENANCE, "image/tiff")
    assert Packet(data).text((xmp.DC, "format")) == "image/tiff"
    assert b"cr2" not in data


def test_the_wrapper_leaves_room_to_write_in_place() -> None:
    data = stamped(CAMERA)
    assert data.startswith('<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'.encode())
    assert data.endswith(b'<?xpacket end="w"?>')
    assert data.count(b"<?xpacket") == 2
    body = data.removesuffix(b'<?xpacket end="w"?>')
    assert 2000 <= len(body) - len(body.rstrip()) <= 4096


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16"])
@pytest.mark.parametrize("padding", ["", "\n" * 10, "\0" * 4])
def test_other_encodings_and_padding_are_read(encoding: str, padding: str) -> None:
    text = CAMERA.decode() + padding
    assert b"Gr\xc3\xb6\xc3\x9fe 42" in stamped(text.encode(encoding))
    assert b"Gr\xc3\xb6\xc3\x9fe 42" in stamped(text.encode())


# -- other programs' forms of the same ----------------------------------------------------------------------------

SHORT = f"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}"><rdf:Description rdf:about=""
 xmlns:ns1="{xmp.CHROMASK}" ns1:Software="Chromask 0.1.0" ns1:Date="2026-03-04T05:06:07.891011+00:00"
 ns1:Catalog="{PROVENANCE.catalog}"><ns1:Photograph ns1:Name="IMG_0001 é.CR2.tif" ns1:SHA256="{"56" * 32}"/>
 <ns1:Results><rdf:Seq><rdf:li><rdf:Description ns1:Job="44" ns1:Kind="edit" ns1:Version="1" ns1:Decision="approved">
   <ns1:Mask><rdf:Description><ns1:Name>edit</ns1:Name><ns1:SHA256>{"34" * 32}</ns1:SHA256></rdf:Description></ns1:Mask>
   <ns1:Models><rdf:Bag><rdf:li ns1:Task="edit" ns1:Engine="kontext" ns1:Model="FLUX.1-Kontext-dev"
     ns1:Fingerprint="{"ef" * 32}" ns1:Prompt="SALE" ns1:Seed="0"/></rdf:Bag></ns1:Models>
 </rdf:Description></rdf:li></rdf:Seq></ns1:Results></rdf:Description></rdf:RDF></x:xmpmeta>"""

LONG = f"""<rdf:RDF xmlns:rdf="{RDF}"><rdf:Description rdf:about="" xmlns:c="{xmp.CHROMASK}">
 <c:Software>Chromask 0.1.0</c:Software><c:Date>2026-03-04T06:06:07.891011+01:00</c:Date></rdf:Description>
 <rdf:Description rdf:about="" xmlns:c="{xmp.CHROMASK}"><c:Catalog rdf:parseType="Resource">
   <rdf:value>{PROVENANCE.catalog}</rdf:value><c:note>a qualifier</c:note></c:Catalog>
 <c:Photograph rdf:parseType="Resource"><c:Name><![CDATA[IMG_0001 é.CR2.tif]]></c:Name>
   <c:SHA256>{"56" * 32}</c:SHA256></c:Photograph>
 <c:Results><rdf:Seq><rdf:li rdf:parseType="Resource"><c:Job>44</c:Job><c:Kind>edit</c:Kind><c:Version>1</c:Version>
   <c:Decision>approved</c:Decision><c:Mask rdf:parseType="Resource"><c:Name>edit</c:Name>
     <c:SHA256>{"34" * 32}</c:SHA256></c:Mask>
   <c:Models><rdf:Seq><rdf:li rdf:parseType="Resource"><c:Task>edit</c:Task><c:Engine>kontext</c:Engine>
     <c:Model>FLUX.1-Kontext-dev</c:Model><c:Fingerprint>{"ef" * 32}</c:Fingerprint><c:Prompt>SALE</c:Prompt>
     <c:Seed>0</c:Seed></rdf:li></rdf:Seq></c:Models></rdf:li></rdf:Seq></c:Results></rdf:Description></rdf:RDF>"""


@pytest.mark.parametrize("form", [SHORT, LONG])
def test_the_attribute_and_the_element_form_say_the_same(form: str) -> None:
    assert read_provenance(form.encode()) == replace(PROVENANCE, origins=(EDIT,))
    assert read_provenance(stamped(form.encode())) == PROVENANCE, "in place of the old one, in either form"


@pytest.mark.parametrize(
    "packet",
    [
        None,
        b"",
        CAMERA,
        b"\xff\xd8\xff\xe0",
        SHORT.replace('ns1:Job="44"', 'ns1:Job="many"').encode(),
        SHORT.replace('ns1:Kind="edit"', 'ns1:Kind="dream"').encode(),
        SHORT.replace('ns1:Version="1"', "").encode(),
        SHORT.replace("891011+00:00", "later").encode(),
        SHORT.replace("<ns1:Mask>", "<ns1:Mask>edit").replace(f"{'34' * 32}</ns1:SHA256>", "</ns1:SHA257>").encode(),
    ],
)
def test_what_is_not_ours_is_nobodys(packet: bytes | None) -> None:
    assert read_provenance(packet) is None


def test_what_lies_behind_the_end_of_the_packet_is_none_of_it() -> None:
    assert (
        read_provenance(stamped(CAMERA) + b"</chromask:Results></rdf:Description></rdf:RDF>   <?xpacket end='w'?>")
        is not None
    )


# -- hostile and broken -------------------------------------------------------------------------------------------

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
BOMB = f'<!DOCTYPE r [<!ENTITY l0 "ha">{LAUGHS}]><x:xmpmeta xmlns:x="adobe:ns:meta/">&l11;</x:xmpmeta>'
EXTERNAL = '<!DOCTYPE r [<!ENTITY e SYSTEM "file:///etc/hostname">]>' + SHORT.replace("Chromask 0.1.0", "&e;")


@pytest.mark.parametrize(
    ("packet", "says"),
    [
        (BOMB.encode(), "it has a document type"),
        (EXTERNAL.encode(), "it has a document type"),
        (BOMB.encode("utf-16"), "it has a document type"),
        (CAMERA[:-200], "not well-formed XML"),
        (b"<a>" * 100_000, "nested more than 64 deep"),
        (b"", "not well-formed XML"),
        (b"\0" * 50, "not well-formed XML"),
        (CAMERA.replace(b"rdf:RDF", b"rdf:rdf"), "it holds no rdf:RDF"),
        (CAMERA.replace("Größe".encode(), b"Gr\xf6\xdfe"), "not well-formed XML"),
        (b'<?xml version="1.0" encoding="klingon"?>' + SHORT.encode(), "not well-formed XML"),
        ("<\0\0".encode("utf-16-le") + b"\x00", "UTF-16"),
        (b"<undeclared:prefix/>", "not well-formed XML"),
        (CAMERA.ljust(17_000_000), "larger than 16 MB"),
    ],
)
def test_a_packet_that_is_broken_or_hostile_is_replaced_and_it_is_said(packet: bytes, says: str) -> None:
    began = time.thread_time()
    data, notices = with_provenance(packet, PAINTED)
    assert time.thread_time() - began < 2
    assert len(notices) == 1
    assert notices[0].startswith("The photograph's XMP metadata cannot be read and were left out: ")
    assert says in notices[0]
    assert read_provenance(data) == PAINTED
    assert read_provenance(packet) is None


def test_what_xml_cannot_hold_is_replaced_in_names() -> None:
    name = "a\x00b\x1bc\ud800d\ufffee 𝛥E"
    file = replace(PROVENANCE, photograph=NamedHash(name, "56" * 32))
    found = read_provenance(stamped(None, file))
    assert found is not None
    assert found.photograph.name == "a\ufffdb\ufffdc\ufffdd\ufffde 𝛥E"


def test_a_reference_to_further_segments_that_are_not_carried_is_taken_out() -> None:
    note = b'xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="0123456789ABCDEF0123456789ABCDEF" '
    data, notices = with_provenance(CAMERA.replace(b"dc:format=", note + b"dc:format="), PAINTED)
    assert b"HasExtendedXMP" not in data
    assert notices == ("The photograph's XMP metadata go on in further JPEG segments, which were left out.",)


# -- little room --------------------------------------------------------------------------------------------------


def with_property(name: str, size: int, packet: bytes = CAMERA) -> bytes:
    return packet.replace(
        b"   <dc:title>", f"   <studio:{name}>{'x' * size}</studio:{name}>\n   <dc:title>".encode(), 1
    )


def test_a_packet_that_fits_is_left_alone() -> None:
    data = stamped(CAMERA, PAINTED)
    assert fitted(data) == (data, ())
    assert fitted(data, len(data)) == (data, ())


def test_padding_goes_first() -> None:
    data = stamped(with_property("Ancestors", 58_000), PAINTED)
    short, notices = fitted(data, len(data) - 1)
    assert notices == ()
    assert len(short) < len(data)
    assert read_provenance(short) == PAINTED
    assert b"x" * 58_000 in short


def test_then_the_longest_properties_go_and_it_is_said_which() -> None:
    packet = with_property("Settings", 20_000, with_property("Ancestors", 300_000, with_property("Short", 20_000)))
    data, notices = fitted(stamped(packet, PAINTED))
    assert len(data) <= 65_502
    assert notices == ("The XMP metadata are too long for a JPEG; left out: Ancestors.",)
    assert data.count(b"x" * 20_000) == 2
    assert "Größe 42".encode() in data
    assert read_provenance(data) == PAINTED


def test_even_provenance_fits_in_the_end_and_the_declaration_is_the_last_to_go() -> None:
    prompt = replace(EDIT, models=(replace(EDIT.models[0], prompt="sale " * 20_000),))
    data, notices = fitted(stamped(CAMERA, replace(PAINTED, origins=(prompt,))))
    assert len(data) <= 65_502
    assert "Results" in notices[0]
    assert Packet(data).text((xmp.IPTC_EXTENSION, "DigitalSourceType")) == xmp.PAINTED


def test_a_broken_packet_that_is_too_long_is_said_to_be_left_out() -> None:
    data, notices = fitted(b"<a>" * 30_000)
    assert len(data) <= 65_502
    assert "broken" in notices[0]
