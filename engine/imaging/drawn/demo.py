"""The demo batch on disk: originals as a studio delivers them, and the truth in a folder of its own."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import UsageError
from engine.domain.files import complete_file, known_os_error
from engine.domain.geometry import Extent
from engine.imaging.drawn.garments import CATEGORIES
from engine.imaging.drawn.scene import DrawnScene, Framing, draw_scene
from engine.imaging.drawn.shapes import generator
from engine.imaging.drawn.tone import ColorCast

FIRST_SKU = 1001

_ORDER = ("sweatshirt", "dress", "shirt", "jacket", "trousers", "t-shirt", "skirt", "shorts")
"""Garments in the order of the SKUs, so that even a small batch is mixed."""

_CAST_EVERY = 3
"""Every third SKU keeps its right colour: a colour match has to leave it alone."""


@dataclass(frozen=True, slots=True)
class DemoPair:
    """One on-model picture of the demo batch with its flatlay and its truth.

    Attributes
    ----------
    on_model, flatlay : Path
        In the demo folder.
    truth, garment_mask, flatlay_mask : Path
        PNGs in the truth folder.
    region_masks : dict of str to Path
        Masks of absent objects; only those that are in the picture.
    """

    sku: str
    view: str
    garment: str
    category: str
    on_model: Path
    flatlay: Path
    truth: Path
    garment_mask: Path
    flatlay_mask: Path
    region_masks: dict[str, Path]
    cast: ColorCast | None


def truth_folder(folder: Path) -> Path:
    """Where `write_demo_set` puts the truth: beside the demo folder, so that dropping the folder never ingests it."""
    return folder.parent / f"{folder.name}-truth"


def write_demo_set(folder: Path, count: int = 12, seed: int = 0, extent: Extent = Extent(896, 1120)) -> list[DemoPair]:
    """Draw and write a batch of pairs; existing files of the same names are replaced.

    Originals are named ``CM1001_front_on-model_01.jpg`` and ``CM1001_flatlay_01.jpg``. Every third SKU has a second
    view that shares the flatlay and has a wrong colour of its own. Files are JPEGs of quality 95 without chroma
    subsampling; where the batch is large enough, one on-model picture is a 16-bit TIFF and one flatlay a PNG. All carry
    an sRGB profile.

    Parameters
    ----------
    folder : Path
        Receives the originals; `truth_folder` beside it receives ``truth.json``, truth pictures and masks.
    count : int
        Number of on-model pictures.

    Raises
    ------
    UsageError
        ``count`` is less than 1.
    KnownError
        A folder cannot be written to.
    """
    if count < 1:
        raise UsageError(f"a demo of {count} pictures is empty", remedy="Ask for 1 or more.")
    folder = folder.absolute()
    aside = truth_folder(folder)
    for needed in (folder, aside):
        try:
            needed.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise known_os_error(error, needed) from error
    pairs: list[DemoPair] = []
    article = 0
    while len(pairs) < count:
        views = ("front", "detail") if article % 3 == 0 and count - len(pairs) > 1 else ("front",)
        pairs += _write_article(folder, aside, article, views, seed, extent)
        article += 1
    listing = {"seed": seed, "pairs": [_plain(pair, folder.parent) for pair in pairs]}
    _publish(aside / "truth.json", (json.dumps(listing, indent=1, sort_keys=True) + "\n").encode())
    return pairs


def _write_article(
    folder: Path, aside: Path, article: int, views: Sequence[str], seed: int, extent: Extent
) -> list[DemoPair]:
    sku = f"CM{FIRST_SKU + article}"
    kind = _ORDER[article % len(_ORDER)]
    scene_seed = seed * 10_007 + article
    casts = [
        None if article % _CAST_EVERY == 2 else ColorCast.random(generator(scene_seed, 900 + index))
        for index in range(len(views))
    ]
    flatlay = folder / f"{sku}_flatlay_01{'.png' if article == 1 else '.jpg'}"
    flatlay_mask = aside / f"{sku}_flatlay_01.mask.png"
    pairs: list[DemoPair] = []
    for index, (view, cast) in enumerate(zip(views, casts, strict=True)):
        scene = draw_scene(
            scene_seed, extent, kind, cast, framing=_framing(CATEGORIES[kind], index, len(views)), pose=index
        )
        if index == 0:
            _write_picture(flatlay, scene.flatlay)
            _write_mask(flatlay_mask, scene.flatlay_mask)
        stem = f"{sku}_{view}_on-model_01"
        on_model = folder / f"{stem}{'.tif' if article == 2 else '.jpg'}"
        _write_picture(on_model, scene.on_model)
        pairs.append(_write_truth(aside, stem, sku, view, scene, on_model, flatlay, flatlay_mask))
    return pairs


def _framing(category: str, index: int, views: int) -> Framing | None:
    """One view: as the seed has it. Two: the whole figure, then closer."""
    if views == 1:
        return None
    if index == 0:
        return Framing.FULL
    return Framing.LOWER if category == "bottom" else Framing.UPPER


def _write_truth(
    aside: Path, stem: str, sku: str, view: str, scene: DrawnScene, on_model: Path, flatlay: Path, flatlay_mask: Path
) -> DemoPair:
    truth, mask = aside / f"{stem}.truth.png", aside / f"{stem}.mask.png"
    _write_picture(truth, scene.truth)
    _write_mask(mask, scene.garment_mask)
    regions: dict[str, Path] = {}
    for name, alpha in scene.region_masks.items():
        if alpha.any():
            regions[name] = aside / f"{stem}.{name}.png"
            _write_mask(regions[name], alpha)
    return DemoPair(
        sku, view, scene.garment, scene.category, on_model, flatlay, truth, mask, flatlay_mask, regions, scene.cast
    )


def _plain(pair: DemoPair, root: Path) -> dict[str, object]:
    """The pair as JSON, paths relative to the folder that holds both folders."""

    def relative(value: object) -> object:
        if isinstance(value, Path):
            return value.relative_to(root).as_posix()
        return {k: relative(v) for k, v in value.items()} if isinstance(value, dict) else value

    return {name: relative(value) for name, value in asdict(pair).items()}


@lru_cache(maxsize=1)
def srgb_profile() -> bytes:
    """An sRGB ICC profile, made by LittleCMS; its creation date is set to a fixed one, so that files are repeatable."""
    from PIL import ImageCms

    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    # ICC.1:2010, 7.2.8: bytes 24 to 35 hold the date as six big-endian 16-bit numbers. The profile ID is left at zero.
    profile[24:36] = np.array([2025, 1, 1, 0, 0, 0], ">u2").tobytes()
    profile[84:100] = bytes(16)
    return bytes(profile)


def _write_picture(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write ``(H, W, 3)`` uint8 sRGB in the format of the path's suffix; TIFF becomes 16-bit."""
    _publish(path, _ENCODERS[path.suffix](pixels))


def _jpeg(pixels: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95, subsampling=0, icc_profile=srgb_profile(), dpi=(300, 300))
    return buffer.getvalue()


def _png(pixels: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", icc_profile=srgb_profile(), compress_level=3)
    return buffer.getvalue()


def _tiff16(pixels: NDArray[np.uint8]) -> bytes:
    import tifffile

    buffer = io.BytesIO()
    deep = pixels.astype(np.uint16) * 257
    tifffile.imwrite(
        buffer,
        deep,
        photometric="rgb",
        compression="zlib",
        iccprofile=srgb_profile(),
        resolution=(300, 300),
        metadata=None,
    )
    return buffer.getvalue()


_ENCODERS: dict[str, Callable[[NDArray[np.uint8]], bytes]] = {".jpg": _jpeg, ".png": _png, ".tif": _tiff16}


def _write_mask(path: Path, alpha: NDArray[np.uint8]) -> None:
    done, data = cv2.imencode(".png", alpha)
    assert done, "cv2 encodes every uint8 plane as PNG"
    _publish(path, data.tobytes())


def _publish(path: Path, data: bytes) -> None:
    with complete_file(path, overwrite=True) as temporary:
        temporary.write_bytes(data)
