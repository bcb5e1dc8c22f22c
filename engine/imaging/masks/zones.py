"""Labels of the pixels of a figure: skin, hair, the garments of the body zones, shoes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engine.imaging.masks.blobs import Blobs, blob_fit, cloth_groups, find_blobs
from engine.imaging.masks.mixtures import OUTLIER_DENSITY, Mixture, fit_mixture, smooth_labels
from engine.imaging.masks.person import skin_locus, trunk_rows
from engine.imaging.masks.places import NEVER, Zone, place_priors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.imaging.masks.person import Figure

    Floats = NDArray[np.float32]
    Mask = NDArray[np.bool_]


COMPONENTS = {Zone.SKIN: 3, Zone.HAIR: 2, Zone.UPPER: 4, Zone.LOWER: 4, Zone.FEET: 3}
"""Gaussians per label: a garment has light, middle, dark, and perhaps a second colour."""


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
    """

    posterior: Floats
    prior: Floats
    by_colour: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Cloths:
    """The colours that a figure is made of, before anybody says which of them is worn where.

    Attributes
    ----------
    core : ndarray
        ``(h, w)`` bool, the figure without its outermost pixels: those mix with the background and would look like a
        pale garment of their own.
    density : ndarray
        ``(c, n)`` float32, likelihood of every pixel of the core, in row-major order, under every weighted colour.
    is_skin : ndarray
        ``(c,)`` bool, colours taken for skin.
    blobs : Blobs
        The connected regions of one cloth each.
    """

    core: Mask
    density: Floats
    is_skin: Mask
    blobs: Blobs

    def share_within(self, inside: Mask) -> Floats:
        """Which share of every colour's pixels lies inside an ``(h, w)`` mask: ``(c,)`` float32, 0 to 1."""
        density, inside = self.density[:, :: self.step], inside[self.core][:: self.step]
        belongs = density / (density.sum(axis=0) + OUTLIER_DENSITY)
        return belongs[:, inside].sum(axis=1) / np.maximum(belongs.sum(axis=1), 1e-6)

    @property
    def step(self) -> int:
        """Every how manieth pixel is enough to count colours with."""
        return max(1, self.density.shape[1] // 40000)


def find_cloths(lab: Floats, figure: Figure) -> Cloths:
    """Fit one colour mixture to the whole figure and connect the pixels of one colour.

    The mixture starts from the pixels whose place alone names them (the face, the chest, the shins) and is fitted by
    expectation maximisation. What colour a garment *should* have does not enter.

    Parameters
    ----------
    lab : ndarray
        ``(h, w, 3)`` float32 CIELAB of the lightly blurred picture.
    """
    core = cv2.erode(figure.mask.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=2) > 0
    colours = lab[core]
    step = max(1, len(colours) // 40000)
    mixture, is_skin = _first_colours(core, place_priors(figure, one_piece=False), figure, lab)
    for _ in range(6):
        mixture = mixture.improved(colours[::step])
    density = mixture.component_densities(colours) * mixture.weights[:, None]
    cluster = np.zeros(core.shape, np.int32)
    cluster[core] = density.argmax(axis=0)
    cloths = Cloths(core, density, is_skin, find_blobs(cluster, cloth_groups(mixture.means), core, 0.003))
    # Beside the trunk and of a skin's colour: arms and hands the face did not foretell. The middle half of a garment's
    # pixels lies in the middle; an arm's pixels do not.
    arms = skin_locus(mixture.means) & (cloths.share_within(_trunk(figure)) < _MIDDLE_OF_CLOTH)
    return replace(cloths, is_skin=is_skin | arms)


def parse_figure(lab: Floats, figure: Figure, cloths: Cloths, *, one_piece: bool, worn: Zone | None = None) -> Parse:
    """Label every pixel of the figure by colour, place and its neighbours.

    Every colour goes to the label in whose place most of its pixels lie. A shirt's colour therefore stays the shirt's
    down to its hem, wherever that is.

    Parameters
    ----------
    lab : ndarray
        ``(h, w, 3)`` float32 CIELAB of the lightly blurred picture.
    cloths : Cloths
        From `find_cloths` on the same picture.
    one_piece : bool
        A dress or overall: the upper garment's label covers the legs too.
    worn : Zone, optional
        A zone that is known to be covered: a skin colour that lies in its middle to a good part is its cloth's.
    """
    core, density, step, blobs = cloths.core, cloths.density, cloths.step, cloths.blobs
    prior = place_priors(figure, one_piece=one_piece)
    places = prior[:, core]
    is_skin = cloths.is_skin
    if worn is not None:
        is_skin = is_skin & ~_fills_middle(cloths, figure, worn, one_piece=one_piece)
    row = np.nonzero(core)[0]
    blob = blobs.labels[core]
    scores = np.full(prior.shape, np.float32(np.log(NEVER)))
    for _ in range(3):
        ownership = _own(density[:, ::step], places[:, ::step], is_skin)
        fit = blob_fit(blobs, core, places, SHARED_FIT)
        likelihood = np.asarray((ownership @ density) * fit[:, blob] + np.float32(OUTLIER_DENSITY), np.float32)
        places = _learn_places(likelihood, places, prior[:, core], row, lab.shape[0])
    scores[:, core] = np.log(likelihood) + np.log(places)
    posterior = smooth_labels(scores, lab, core)
    posterior = _spread_to_rim(posterior, core, figure.mask)
    by_colour = np.zeros_like(prior)
    by_colour[:, core] = likelihood / likelihood.sum(axis=0)
    return Parse(posterior, prior, _spread_to_rim(by_colour, core, figure.mask))


def is_covered_by_skin(cloths: Cloths, figure: Figure, zone: Zone, *, one_piece: bool) -> bool:
    """Whether a colour taken for skin fills the middle of a zone: bare, or a garment of that colour."""
    return bool((cloths.is_skin & _fills_middle(cloths, figure, zone, one_piece=one_piece)).any())


def _fills_middle(cloths: Cloths, figure: Figure, zone: Zone, *, one_piece: bool) -> Mask:
    place = place_priors(figure, one_piece=one_piece)[zone]
    return cloths.share_within(_middle(figure) & (place > 0.5)) >= _MIDDLE_OF_CLOTH


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


_MIDDLE_OF_CLOTH = 0.3
"""Share of a colour's pixels in the middle of a zone from which on it is cloth."""


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
    rows = trunk_rows(figure)
    trunk[: rows.start] = False
    trunk[rows.stop :] = False
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
