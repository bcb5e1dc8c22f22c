"""Export: writes results as layered PSD and flat files, re-opens what it wrote, and notes it in the catalog."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from engine.domain.assets import AssetPair
from engine.domain.errors import KnownError
from engine.domain.files import complete_file
from engine.domain.picture import Picture
from engine.domain.review import Decision, ExportFormat, ReviewItem
from engine.ports import ArtifactStore, Catalog
from engine.services.intake import file_sha256
from engine.services.versions import newest_of_each

if TYPE_CHECKING:
    from engine.domain.artifacts import ArtifactRef
    from engine.domain.picture import Alpha, Pixels


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """Where and what to export.

    Attributes
    ----------
    formats : tuple of ExportFormat
        ``MASK`` writes the mask as PNG beside the others.
    approved_only : bool
        False exports pending results too; rejected ones never leave.
    overwrite : bool
        False refuses to touch a file that exists, unless this very result wrote it before.
    """

    folder: Path
    formats: tuple[ExportFormat, ...] = (ExportFormat.PSD, ExportFormat.TIFF, ExportFormat.MASK)
    approved_only: bool = False
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export did.

    Attributes
    ----------
    written : tuple of Path
        Files written by this call.
    kept : tuple of Path
        Files that an earlier call had written already, unchanged since.
    failures : tuple of str
        One sentence each.
    """

    written: tuple[Path, ...]
    kept: tuple[Path, ...]
    failures: tuple[str, ...]


def export_items(
    catalog: Catalog,
    artifacts: ArtifactStore,
    items: Sequence[ReviewItem],
    plan: ExportPlan,
    advance: Callable[[int, int, str], None] | None = None,
) -> ExportReport:
    """Export every result the plan admits, see `items_to_export`; a failing file does not stop the others.

    Parameters
    ----------
    advance : callable, optional
        ``advance(done, total, name)`` before each item; may raise `engine.domain.errors.Cancelled`.
    """
    chosen = [item for item in items_to_export(items) if _admits(plan, item.decision)]
    names = output_names(item.pair for item in items)
    stems = _item_stems(chosen, names)
    written, kept, failures = list[Path](), list[Path](), list[str]()
    for done, item in enumerate(chosen):
        if advance:
            advance(done, len(chosen), item.pair.on_model.path.name)
        export = _ItemExport(catalog, artifacts, item, plan, stems[item.job.id])
        for format in formats_for(item, plan.formats):
            try:
                path, is_new = export.write(format)
            except KnownError as error:
                if str(error) not in failures:  # a photograph that has changed spoils each of its files
                    failures.append(str(error))
                    catalog.log("export failed", str(error), item.job.id)
            else:
                (written if is_new else kept).append(path)
    if advance:
        advance(len(chosen), len(chosen), "")
    return ExportReport(tuple(written), tuple(kept), tuple(failures))


def items_to_export(items: Sequence[ReviewItem]) -> list[ReviewItem]:
    """Of each result the newest approved version, or else the newest one, in the order of the items.

    A version that nobody has looked at does not take the place of one that a person approved.
    """
    approved = newest_of_each(item for item in items if item.decision is Decision.APPROVED)
    return [approved.get(chain, item) for chain, item in newest_of_each(items).items()]


def formats_for(item: ReviewItem, wanted: Iterable[ExportFormat]) -> list[ExportFormat]:
    """The formats that an item can have: without a changed picture only the PSD and the mask make sense."""
    flat = {ExportFormat.TIFF, ExportFormat.PNG, ExportFormat.JPEG}
    return [format for format in wanted if item.outcome.picture is not None or format not in flat]


def output_names(pairs: Iterable[AssetPair]) -> dict[int, str]:
    """A file stem for each pair id, unique within the batch and the same every time.

    The photograph's own stem where it is unique (case ignored, as disks do); otherwise with its folder's name, and
    with the pair's number where even that is not enough. Control characters and what Windows forbids become ``_``;
    stems are cut to 180 bytes, so that suffixes fit every file system's 255.
    """
    by_id = {pair.id: pair for pair in pairs}
    plain = {id: _file_stem(pair.on_model.path.stem) for id, pair in by_id.items()}
    plain_count = Counter(stem.casefold() for stem in plain.values())
    names: dict[int, str] = {}
    for id, pair in by_id.items():
        stem = plain[id]
        names[id] = (
            stem if plain_count[stem.casefold()] == 1 else _file_stem(f"{pair.on_model.path.parent.name}_{stem}")
        )
    count = Counter(name.casefold() for name in names.values())
    return {id: name if count[name.casefold()] == 1 else f"{name}_{id}" for id, name in names.items()}


def _item_stems(items: Sequence[ReviewItem], names: Mapping[int, str]) -> dict[int, str]:
    """A file stem for each job id: the pair's name, and the mask's where it is another than the garment's.

    A photograph that was edited again and again has several results of one name; the number of the first version of
    each tells them apart. All versions of a result have one stem: the newer one takes the older one's place.
    """
    stems: dict[int, str] = {}
    for item in items:
        mask = item.outcome.mask.name
        stems[item.job.id] = names[item.pair.id] + (f"_{mask}" if mask != "garment" else "")
    chains = {item.job.id: item.job.chain or item.job.id for item in items}
    count = Counter(stem for _, stem in {(chains[id], stem.casefold()) for id, stem in stems.items()})
    return {id: stem if count[stem.casefold()] == 1 else f"{stem}_{chains[id]}" for id, stem in stems.items()}


def _file_stem(text: str) -> str:
    cleaned = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*]', "_", text).strip(" .") or "picture"
    return cleaned.encode()[:180].decode(errors="ignore")


def _admits(plan: ExportPlan, decision: Decision) -> bool:
    return decision is Decision.APPROVED or (decision is Decision.PENDING and not plan.approved_only)


def layer_under_mask(below: Pixels, composite: Pixels, alpha: Alpha) -> Pixels:
    """The layer that, seen through ``alpha`` over ``below``, gives ``composite``.

    The composite was blended at the mask's soft edge already; put under the same mask again it would be blended twice.
    Solves ``composite = below + (layer - below) * alpha / 255`` and clips to the range. Where alpha is 0 the layer is
    what lies below.

    Parameters
    ----------
    below, composite : ndarray
        ``(H, W, 3)`` uint8 or uint16.
    alpha : ndarray
        ``(H, W)`` uint8.
    """
    import numpy as np

    layer = composite.copy()
    soft = (alpha > 0) & (alpha < 255)
    base = below[soft].astype(np.float32)
    weight = alpha[soft].astype(np.float32)[:, None] / 255
    solved = base + (composite[soft] - base) / weight
    layer[soft] = np.clip(np.rint(solved), 0, np.iinfo(composite.dtype).max).astype(composite.dtype)
    return layer


class _ItemExport:
    """Writes one item's files; the photograph is decoded once, when first needed."""

    def __init__(
        self, catalog: Catalog, artifacts: ArtifactStore, item: ReviewItem, plan: ExportPlan, stem: str
    ) -> None:
        self._catalog, self._artifacts, self._item, self._plan, self._stem = catalog, artifacts, item, plan, stem
        self._source: Picture | None = None
        self._finished: Mapping[tuple[ExportFormat, Path], str] = {
            (record.format, record.path): record.sha256 for record in catalog.exports(item.job.id)
        }
        others = [job.id for job in catalog.versions(item.job.id) if job.id != item.job.id]
        self._of_other_versions: dict[tuple[ExportFormat, Path], set[str]] = {}
        for record in (record for id in others for record in catalog.exports(id)):
            self._of_other_versions.setdefault((record.format, record.path), set()).add(record.sha256)

    def write(self, format: ExportFormat) -> tuple[Path, bool]:
        """Write one file; the path, and whether it was written now (False: an earlier export did, and it is intact)."""
        earlier = self._intact(format)
        if earlier is not None and not self._plan.overwrite:
            return earlier, False
        path = self.path(format)
        ours = (format, path) in self._finished
        digest = self._finished.get((format, path), "")
        # A record without a hash is an export that was cut off between the rename and the catalog: the file is ours.
        overwrite = self._plan.overwrite or (ours and not digest) or self._is_other_versions(format, path)
        record = None
        if overwrite or not path.exists():
            record = self._catalog.begin_export(self._item.job.id, format, path, datetime.now(UTC))
        with complete_file(path, overwrite=overwrite) as temporary:
            self._write_format(format, temporary)
            digest = file_sha256(temporary)
        if record is not None:
            self._catalog.finish_export(record.id, digest)
        return path, True

    def _is_other_versions(self, format: ExportFormat, path: Path) -> bool:
        """Whether the file is as another version of this result left it: nobody's work but Chromask's."""
        digests = self._of_other_versions.get((format, path), set())
        return bool(digests) and path.exists() and ("" in digests or file_sha256(path) in digests)

    def _intact(self, format: ExportFormat) -> Path | None:
        """A file of this result and format that an earlier export left in the folder, unchanged since.

        Under whatever name: a stem that had to be told apart from another's in a larger batch may be plain in this one.
        """
        folder = self._plan.folder.absolute()
        for (finished, path), digest in self._finished.items():
            if (
                finished is format
                and path.parent == folder
                and digest
                and path.exists()
                and file_sha256(path) == digest
            ):
                return path
        return None

    def path(self, format: ExportFormat) -> Path:
        """Final name. ``_matched`` keeps a flat file apart from the original should both share a folder."""
        flat = format in (ExportFormat.TIFF, ExportFormat.PNG, ExportFormat.JPEG)
        suffix = {ExportFormat.MASK: f"_{self._item.outcome.mask.name}-mask.png"}.get(format, format.suffix)
        if format is ExportFormat.PSD and self._is_too_large_for_psd():
            suffix = ".psb"
        if format is ExportFormat.MASK and self._item.outcome.mask.name != "garment":
            suffix = "-mask.png"
        # An edit's stem ends in the name of its mask, which tells it from the original as well.
        what = "_matched" if flat and self._item.outcome.match is not None else ""
        return self._plan.folder.absolute() / f"{self._stem}{what}{suffix}"

    def _write_format(self, format: ExportFormat, path: Path) -> None:
        from engine.imaging.raster import encode

        match format:
            case ExportFormat.PSD:
                self._write_psd(path)
            case ExportFormat.TIFF:
                encode.write_tiff(path, self._changed())
            case ExportFormat.PNG:
                encode.write_png(path, self._changed())
            case ExportFormat.JPEG:
                encode.write_jpeg(path, self._changed())
            case ExportFormat.MASK:
                path.write_bytes(self._stored(self._item.outcome.mask.alpha))

    def _write_psd(self, path: Path) -> None:
        from engine.imaging.psd.document import AlphaChannel, LayeredDocument, PixelLayer
        from engine.imaging.psd.verify import verify_psd
        from engine.imaging.psd.writer import write_psd
        from engine.imaging.raster.encode import decode_mask

        source, mask = self._original(), self._item.outcome.mask
        alpha = decode_mask(self._stored(mask.alpha))
        layers: tuple[PixelLayer, ...] = ()
        composite = source.pixels
        if self._item.outcome.picture is not None:
            composite = self._changed().pixels
            name = "Matched colour" if self._item.outcome.match is not None else "Edit"
            layers = (PixelLayer(name, layer_under_mask(source.pixels, composite, alpha), alpha),)
        document = LayeredDocument(
            extent=source.extent,
            bit_depth=source.bit_depth,
            background=source.pixels,
            layers=layers,
            alpha_channels=(AlphaChannel(mask.name, alpha),),
            composite=composite,
            icc=source.icc,
            dpi=source.dpi,
            exif=source.exif,
            xmp=source.xmp,
        )
        write_psd(path, document, force_psb=path.suffix == ".psb")
        verify_psd(path, document, shown_as=self.path(ExportFormat.PSD))

    def _is_too_large_for_psd(self) -> bool:
        """Whether Photoshop's large document format is needed: sides above 30,000 px, or close to 2 GB.

        Background, matched layer and composite have three planes each, mask and alpha channel one; PackBits and ZIP may
        exceed the raw size a little.
        """
        asset = self._item.pair.on_model
        size = asset.extent.pixels * 11 * (2 if asset.bit_depth == 16 else 1)
        return max(asset.extent.width, asset.extent.height) > 30_000 or size * 1.02 > 2_000_000_000

    def _stored(self, ref: ArtifactRef) -> bytes:
        """A file of the result, as it was made; where it is gone or damaged, the photograph is named."""
        try:
            return self._artifacts.read(ref)
        except KnownError as error:
            error.path = self._item.pair.on_model.path
            raise

    def _original(self) -> Picture:
        from engine.imaging.raster.decode import read_picture

        if self._source is None:
            asset = self._item.pair.on_model
            self._source = read_picture(asset.path, sha256=asset.sha256)
        return self._source

    def _changed(self) -> Picture:
        """The matched or edited photograph."""
        from engine.imaging.raster.decode import read_picture

        picture = self._item.outcome.picture
        assert picture is not None
        self._stored(picture)
        pixels = read_picture(self._artifacts.path(picture)).pixels
        return replace(self._original(), pixels=pixels)
