"""Labels of the pixels of a figure: skin, hair, the garments of the body zones, shoes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engine.imaging.masks.blobs import Blobs, blob_fit, cloth_groups, find_blobs
from engine.imaging.masks.mixtures import OUTLIER_DENSITY, Mixture, fit_mixture, smooth_labels
from engine.imaging.masks.person import skin_locus

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.imaging.masks.person import Figure

    Floats = NDArray[np.float32]
    Mask = NDArray[np.bool_]


class Zone(IntEnum):
    """What a pixel of the figure shows; also the row of the score planes."""

    SKIN = 0
    HAIR = 1
    UPPER = 2
    LOWER = 3
    FEET = 4


COMPONENTS = {Zone.SKIN: 3, Zone.HAIR: 2, Zone.UPPER: 4, Zone.LOWER: 4, Zone.FEET: 3}
"""Gaussians per label: a garment has light, middle, dark, and perhaps a second colour."""
NEVER = 1e-5


@dataclass(frozen=True, slots=True, eq=False)
class Parse:
    """The labelled figure.

    Attributes
    ----------
    posterior : ndarray
        ``(5, h, w)`` float32 in the order of `Zone`; zero outside the figure.
    prior : ndarray
        ``(5, h, w)`` float32, where each label is expected, before any colour was looked at.
    by_colour : ndarray
        ``(5, h, w)`` float32, what each label's share would be by colour alone, place disregarded; zero outside.
    blobs : Blobs
        The connected regions of one cloth each.
    """

    posterior: Floats
    prior: Floats
    by_colour: Floats
    blobs: Blobs


def parse_figure(lab: Floats, figure: Figure, *, one_piece: bool, worn: Zone | None = None) -> Parse:
    """Label every pixel of the figure by colour, place and its neighbours.

    One colour mixture over the whole figure starts from the pixels whose place alone names them (the face, the chest,
    the shins) and is fitted by expectation maximisation; then every component goes to the label in whose place most of
    its pixels lie. A shirt's colour therefore stays the shirt's down to its hem, wherever that is. What colour a
    garment *should* have does not enter.

    Parameters
    ----------
    lab : ndarray
        ``(h, w, 3)`` float32 CIELAB of the lightly blurred picture.
    one_piece : bool
        A dress or overall: the upper garment's label covers the legs too.
    worn : Zone, optional
        A zone that is known to be covered: a skin colour that lies in its middle to a good part is its cloth's.
    """
    prior = _priors(figure, lab.shape[0], lab.shape[1], one_piece=one_piece)
    # The outermost pixels mix with the background and would look like a pale garment of their own.
    core = cv2.erode(figure.mask.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=2) > 0
    colours = lab[core]
    places = prior[:, core]
    step = max(1, len(colours) // 40000)
    mixture, skin_components = _first_colours(core, prior, figure, lab)
    for _ in range(6):
        mixture = mixture.improved(colours[::step])
    skin_components |= _skin_like(mixture, colours[::step], _trunk(figure)[core][::step])
    if worn is not None:
        inside = (_middle(figure) & (prior[worn] > 0.5))[core][::step]
        skin_components &= _share_within(mixture, colours[::step], inside) < _MIDDLE_OF_CLOTH
    density = mixture.component_densities(colours) * mixture.weights[:, None]
    row = np.nonzero(core)[0]
    cluster = np.zeros(core.shape, np.int32)
    cluster[core] = density.argmax(axis=0)
    blobs = find_blobs(cluster, cloth_groups(mixture.means), core, 0.003)
    blob = blobs.labels[core]
    scores = np.full(prior.shape, np.float32(np.log(NEVER)))
    for _ in range(3):
        ownership = _own(density[:, ::step], places[:, ::step], skin_components)
        fit = blob_fit(blobs, core, places, SHARED_FIT)
        likelihood = np.asarray((ownership @ density) * fit[:, blob] + np.float32(OUTLIER_DENSITY), np.float32)
        places = _learn_places(likelihood, places, prior[:, core], row, lab.shape[0])
    scores[:, core] = np.log(likelihood) + np.log(places)
    posterior = smooth_labels(scores, lab, core)
    posterior = _spread_to_rim(posterior, core, figure.mask)
    by_colour = np.zeros_like(prior)
    by_colour[:, core] = likelihood / likelihood.sum(axis=0)
    return Parse(posterior, prior, _spread_to_rim(by_colour, core, figure.mask), blobs)


SHARED_FIT = float(np.log(0.3))
"""Mean log of place below which no single label explains where a colour lies, and two garments share it."""


def _own(density: Floats, places: Floats, skin_components: Mask) -> Floats:
    """Who wears which colour: ``(5, c)``, the probability of every label given the colour.

    A component belongs to the label whose place explains where its pixels lie: the mean, over its pixels, of the log of
    the place prior. The mean log punishes a label for every pixel that it hardly allows, which the share of the mass
    does not: half a shirt lies where trousers may be, the other half excludes them. Cubed, because neighbouring pixels
    are no independent witnesses but are more than one. Where no label explains it (a black top and black shoes), the
    labels share it as their places do.
    """
    belongs = density / (density.sum(axis=0) + OUTLIER_DENSITY)
    held = np.maximum(belongs.sum(axis=1), 1e-6)
    single = np.exp(3.0 * (np.log(np.maximum(places, 0.01)) @ belongs.T / held))
    mixed = (places / places.sum(axis=0)) @ belongs.T / held
    share = single + np.exp(3.0 * SHARED_FIT) * mixed
    # Bare arms fill the shirt's place with the face's colours: what was learnt on the face is skin everywhere.
    share[:, skin_components] *= 0.02
    share[Zone.SKIN, skin_components] = 1.0
    share[Zone.SKIN, ~skin_components] *= 0.02
    return (share / np.maximum(share.sum(axis=0), 1e-12)).astype(np.float32)


def _learn_places(likelihood: Floats, places: Floats, prior: Floats, row: NDArray[np.intp], height: int) -> Floats:
    """The place of every label by rows, half from body proportions, half from where this figure's labels were found."""
    total = likelihood * places
    total /= total.sum(axis=0)
    sums = np.stack([np.bincount(row, weights=plane, minlength=height) for plane in total]).astype(np.float32)
    # A fiftieth of the height: sharper than any prior, wide enough for a slanting hem.
    sums = cv2.GaussianBlur(sums, (0, 0), sigmaX=0.02 * height, sigmaY=1e-3, borderType=cv2.BORDER_REPLICATE)
    profile = sums / np.maximum(sums.sum(axis=0), 1e-6)
    # The proportions' own floor stays: no garment climbs into the face.
    return np.maximum(np.sqrt(np.maximum(profile[:, row], 0.01) * prior), NEVER)


def _skin_like(mixture: Mixture, colours: Floats, trunk: Mask) -> Mask:
    """Components of skin colour that lie mostly beside the trunk: arms and hands the face did not foretell."""
    # The middle half of a garment's pixels lies in the middle; an arm's pixels do not.
    return skin_locus(mixture.means) & (_share_within(mixture, colours, trunk) < _MIDDLE_OF_CLOTH)


_MIDDLE_OF_CLOTH = 0.3
"""Share of a colour's pixels in the middle of a zone from which on it is cloth."""


def _share_within(mixture: Mixture, colours: Floats, inside: Mask) -> Floats:
    """Which share of every component's pixels lies inside: ``(c,)`` float32, 0 to 1."""
    density = mixture.component_densities(colours) * mixture.weights[:, None]
    belongs = density / (density.sum(axis=0) + OUTLIER_DENSITY)
    return belongs[:, inside].sum(axis=1) / np.maximum(belongs.sum(axis=1), 1e-6)


def nearest_of(mask: Mask) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Row and column of the nearest True pixel, for every pixel of an ``(h, w)`` mask that has one."""
    from scipy.ndimage import distance_transform_edt

    indices = np.asarray(distance_transform_edt(~mask, return_distances=False, return_indices=True))
    return indices[0], indices[1]


def _spread_to_rim(posterior: Floats, core: Mask, figure: Mask) -> Floats:
    """Give every figure pixel outside ``core`` the posterior of the nearest pixel inside."""
    result = np.zeros_like(posterior)
    if not core.any():
        return result
    rows, columns = nearest_of(core)
    result[:, figure] = posterior[:, rows[figure], columns[figure]]
    return result


def _ramp(position: Floats, start: float, end: float) -> Floats:
    """0 before ``start``, 1 after ``end``, smooth between; falls where ``end < start``."""
    t = np.clip((position - start) / (end - start), 0.0, 1.0)
    return (t * t * (3.0 - 2.0 * t)).astype(np.float32)


def _priors(figure: Figure, height: int, width: int, *, one_piece: bool) -> Floats:
    """Where each label is expected, from the proportions of a standing adult (7.5 heads, crotch at 4, knee at 5.5)."""
    y = np.arange(height, dtype=np.float32)
    skin, hair, upper, lower, feet = (np.zeros(height, np.float32) for _ in Zone)
    head = figure.head
    if head is not None:
        t = (y - head.neck) / np.float32(head.unit)  # heads below the neck
        skin = 0.15 + 0.85 * _ramp(t, 0.6, 0.1)
        hair = 0.002 + 0.6 * _ramp(t, 1.6, 0.0) ** 2 + 0.4 * _ramp(t, 0.0, -0.2)
        # Between a tucked-in waist (1.7 heads below the neck) and a long shirt's hem (3.5) place says little.
        end = (figure.bottom - head.neck) / head.unit if figure.touches_bottom else 6.5
        upper = _ramp(t, -0.25, 0.3) * (0.03 + 0.97 * _ramp(t, 3.8, 1.4))
        lower = _ramp(t, 0.9, min(3.6, max(2.2, end - 0.2))) * (0.05 + 0.95 * _ramp(t, 6.4, 5.6))
        feet = _ramp(t, 4.6, 6.2) if not figure.touches_bottom else 0.3 * _ramp(t, 4.6, 6.2)
        if one_piece:
            upper = _ramp(t, -0.25, 0.3) * (0.05 + 0.95 * _ramp(t, 6.6, 5.8))
            lower = 0.1 * lower
    else:
        s = (y - figure.top) / np.float32(max(1, figure.bottom - figure.top))
        skin = np.full(height, 0.15, np.float32)
        hair = np.full(height, NEVER, np.float32)
        upper = 0.01 + 0.99 * _ramp(s, 0.3, 0.0)
        lower = 0.1 + 0.9 * _ramp(s, 0.0, 0.15)
        feet = NEVER + 0 * s
        if not figure.touches_bottom:
            lower *= 0.05 + 0.95 * _ramp(s, 0.98, 0.9)
            feet = NEVER + _ramp(s, 0.8, 0.97)
        if one_piece:
            upper, lower = np.maximum(upper, lower), 0.1 * lower
    rows = np.stack([skin, hair, upper, lower, feet])
    return np.ascontiguousarray(np.broadcast_to(np.maximum(rows, NEVER)[:, :, None], (len(Zone), height, width)))


def _first_colours(core: Mask, prior: Floats, figure: Figure, lab: Floats) -> tuple[Mixture, Mask]:
    """The mixture to start from, and which of its components are skin."""
    face = _face(figure, lab) & core
    bare = np.zeros(core.shape, bool)
    face_model = fit_mixture(lab[face], COMPONENTS[Zone.SKIN]) if face.sum() > 60 else None
    if face_model is not None:
        # Ten times the outlier floor: at the clusters' outskirts, where shaded skin lies.
        bare[core] = face_model.density(lab[core]) > 10 * OUTLIER_DENSITY
    middle = _middle(figure) & core
    garments: list[Mixture] = []
    for zone in (Zone.HAIR, Zone.UPPER, Zone.LOWER, Zone.FEET):
        others = np.delete(prior, [zone, Zone.SKIN], axis=0).max(axis=0)
        sure = core & (prior[zone] > 0.6) & (prior[zone] > 3.0 * others)
        if zone in (Zone.UPPER, Zone.LOWER):
            sure &= middle
        # Where most of the zone looks like skin, the garment itself has that colour, or the legs are bare.
        chosen = sure & ~bare if (sure & ~bare).sum() > 0.2 * sure.sum() else sure
        if chosen.sum() > 60:
            garments.append(fit_mixture(lab[chosen], COMPONENTS[zone]))
    limbs = _limbs(lab, core & ~middle, face, garments)
    skin = [face_model] if face_model is not None else []
    if limbs.sum() > 60:
        skin.append(fit_mixture(lab[limbs], COMPONENTS[Zone.SKIN]))
    parts = skin + garments
    if not parts:
        parts = [fit_mixture(lab[core], COMPONENTS[Zone.UPPER])]
    mixture = Mixture.joined(parts)
    return mixture, np.arange(len(mixture.weights)) < sum(len(part.weights) for part in skin)


def _middle(figure: Figure) -> Mask:
    """The middle half of the figure's width, row by row: off the arms and hands that hang beside the body."""
    mask = figure.mask
    columns = np.arange(mask.shape[1])
    first = np.where(mask, columns, mask.shape[1]).min(axis=1)
    last = np.where(mask, columns, -1).max(axis=1)
    quarter = 0.25 * (last - first)
    return mask & (columns >= (first + quarter)[:, None]) & (columns <= (last - quarter)[:, None])


def _trunk(figure: Figure) -> Mask:
    """The middle of the body where a garment is expected: chest to hips, or hips to knees where the head is cropped."""
    trunk = _middle(figure)
    head = figure.head
    if head is not None:
        start, end = head.neck + 0.5 * head.unit, head.neck + 2.6 * head.unit
    else:
        start, end = (figure.top + share * (figure.bottom - figure.top) for share in (0.1, 0.5))
    trunk[: max(0, round(start))] = False
    trunk[max(0, round(end)) :] = False
    return trunk


def _face(figure: Figure, lab: Floats) -> Mask:
    found = np.zeros(figure.mask.shape, bool)
    head = figure.head
    if head is None:
        return found
    side = round(0.2 * (head.right - head.left))
    rows = slice(head.top + round(0.35 * (head.neck - head.top)), head.neck)
    columns = slice(head.left + side, head.right - side)
    found[rows, columns] = skin_locus(lab[rows, columns]) & figure.mask[rows, columns]
    return found


def _limbs(lab: Floats, aside: Mask, face: Mask, garments: list[Mixture]) -> Mask:
    """Hands and bare arms: off the figure's middle, skin-coloured, of the face's hue, and no garment's colour.

    Shading and tan change the lightness and chroma of skin between face and hands, hardly its hue.
    """
    skin = skin_locus(lab) & aside
    if face.any():
        hue = np.degrees(np.arctan2(lab[..., 2], lab[..., 1]))
        skin &= np.abs(hue - np.median(hue[face])) < 15.0
    if skin.any() and garments:
        colours = lab[skin]
        skin[skin] = np.max([garment.density(colours) for garment in garments], axis=0) < 10 * OUTLIER_DENSITY
    return cv2.morphologyEx(skin.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
