"""The colour limits of garments and brands: the shipped defaults with the studio's own file over them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from importlib.resources import files
from pathlib import Path
from typing import TypeVar, cast

from engine.domain.errors import KnownError, UsageError
from engine.domain.requests import Tolerance
from engine.imaging.masks.garments import GarmentCategory, garment_of, load_garments
from engine.services.studio_files import beside_catalog
from engine.services.toml_files import Table, read_toml

TOLERANCES_NAME = "tolerances.toml"
"""Of the shipped file, and of the studio's own one beside its catalog."""

Limits = dict[str, float]
"""What one table states, by the field names of `engine.domain.requests.Tolerance`."""

Key = TypeVar("Key", GarmentCategory, str)

_FIELDS = {"pass": "passes", "warn": "warns", "k_L": "k_L", "k_C": "k_C", "k_H": "k_H"}


@dataclass(frozen=True, slots=True)
class GarmentLimits:
    """Limits for every garment, for body zones and for single garments; a narrower one goes first.

    Attributes
    ----------
    garments : dict
        By the label of ``garments.toml``.
    """

    general: Limits = field(default_factory=dict[str, float])
    categories: dict[GarmentCategory, Limits] = field(default_factory=dict[GarmentCategory, Limits])
    garments: dict[str, Limits] = field(default_factory=dict[str, Limits])

    def limits(self, garment: str) -> Limits:
        """What is stated for a garment's label, or for a body zone; anything else has the general limits."""
        if garment in list(GarmentCategory):
            return self.general | self.categories.get(GarmentCategory(garment), {})
        kind = garment_of(garment)
        if kind is None:
            return self.general
        return self.general | self.categories.get(kind.category, {}) | self.garments.get(kind.label, {})

    def over(self, other: GarmentLimits) -> GarmentLimits:
        """These limits where they state a key, the other's elsewhere."""
        return GarmentLimits(
            other.general | self.general,
            _merged(other.categories, self.categories),
            _merged(other.garments, self.garments),
        )


@dataclass(frozen=True, slots=True)
class BrandLimits:
    """A brand's own limits.

    Attributes
    ----------
    skus : tuple of str
        Patterns of its article numbers, ``*`` any text and ``?`` one character.
    """

    limits: GarmentLimits
    skus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ToleranceRules:
    """Which tolerance a garment is judged by.

    Attributes
    ----------
    own : Path or None
        The studio's file that was read over the shipped one.
    """

    base: GarmentLimits
    brands: dict[str, BrandLimits]
    own: Path | None = None

    def tolerance(self, garment: str = "", *, brand: str = "", sku: str = "") -> Tolerance:
        """The tolerance of a garment.

        Parameters
        ----------
        garment : str
            A label or synonym of ``garments.toml``, or a body zone; empty: not known.
        brand : str
            As the file spells it, in any case; empty: the brand whose ``skus`` fit, where there is one.
        sku : str
            The article number.

        Raises
        ------
        UsageError
            The brand was given and no file names it.
        """
        limits = self.base.limits(garment)
        name = self._brand(brand, sku)
        if name is not None:
            limits = limits | self.brands[name].limits.limits(garment)
        return Tolerance(**limits)

    def by_garment(self, *, brand: str = "", sku: str = "") -> tuple[tuple[str, Tolerance], ...]:
        """The tolerance of every label and body zone that differs from the one of an unknown garment.

        For garments that are only found out while they are masked; see
        `engine.domain.requests.ColorMatchRequest.tolerance_by_garment`.
        """
        general = self.tolerance(brand=brand, sku=sku)
        names = (*(category.value for category in GarmentCategory), *(kind.label for kind in load_garments()))
        stated = ((name, self.tolerance(name, brand=brand, sku=sku)) for name in names)
        return tuple((name, tolerance) for name, tolerance in stated if tolerance != general)

    def require_brand(self, brand: str) -> None:
        """Refuse a brand that no file names, before any work is done.

        Raises
        ------
        UsageError
            Lists the brands there are.
        """
        self._brand(brand, "")

    def _brand(self, brand: str, sku: str) -> str | None:
        if brand:
            for name in self.brands:
                if name.casefold() == brand.strip().casefold():
                    return name
            known = (
                f"Choose from: {', '.join(self.brands)}."
                if self.brands
                else f"Add [brand.{brand}] to a file of your own."
            )
            raise UsageError(f"no tolerances are known for the brand '{brand}'", remedy=known, path=self.own)
        for name, rule in self.brands.items():
            if any(fnmatchcase(sku.casefold(), pattern.casefold()) for pattern in rule.skus):
                return name
        return None


def user_tolerances(catalog: Path | None = None) -> Path:
    """Where a studio keeps its own tolerances: beside its catalog, by default the account's. It need not exist."""
    return beside_catalog(catalog, TOLERANCES_NAME)


def load_tolerances(own: Path | None = None, *, catalog: Path | None = None) -> ToleranceRules:
    """Read the shipped tolerances, and the studio's own file over them, key by key.

    Parameters
    ----------
    own : Path, optional
        The studio's file; by default `user_tolerances` of the catalog, where there is one.
    catalog : Path, optional
        The catalog file the work goes into; by default the account's.

    Raises
    ------
    KnownError
        A file cannot be read, is no TOML, or holds an unknown table or key, a number out of range, or a warn limit
        below its pass limit; names file, table and key.
    """
    shipped = Path(str(files("resources"))) / TOLERANCES_NAME
    rules = replace(_read(shipped), own=None)
    if own is None:
        beside = user_tolerances(catalog)
        own = beside if beside.is_file() else None
    if own is not None:
        studio = _read(own)
        brands = rules.brands | studio.brands
        rules = ToleranceRules(studio.base.over(rules.base), brands, own)
    _check_order(rules)
    return rules


def with_limits(tolerance: Tolerance, passes: float | None, warns: float | None) -> Tolerance:
    """The tolerance with limits given on the command line; a pass limit above the warn limit lifts that one too.

    Raises
    ------
    UsageError
        A limit is no number above 0, or warn lies below pass.
    """
    for name, value in (("pass", passes), ("warn", warns)):
        if value is not None and not (math.isfinite(value) and value > 0):
            raise UsageError(f"the {name} limit is {value:g}", remedy="Give a ΔE00 above 0.")
    if passes is not None:
        tolerance = replace(tolerance, passes=passes, warns=max(passes, tolerance.warns))
    if warns is not None:
        tolerance = replace(tolerance, warns=warns)
    if tolerance.warns < tolerance.passes:
        raise UsageError(
            f"the warn limit {tolerance.warns:g} lies below the pass limit {tolerance.passes:g}",
            remedy="Give a warn limit that is at least the pass limit.",
        )
    return tolerance


# -- reading ------------------------------------------------------------------------------------------------------


def _read(path: Path) -> ToleranceRules:
    content = read_toml(path)
    _require_known(path, "the file", content, ("default", "category", "garment", "brand"))
    general = _limits(path, "default", _table(path, "default", content.get("default", {})))
    base = _scoped(path, "", content, general)
    brands: dict[str, BrandLimits] = {}
    for name, value in _table(path, "brand", content.get("brand", {})).items():
        where = f"brand.{name}"
        table = _table(path, where, value)
        if name.casefold() in (other.casefold() for other in brands):
            raise KnownError(f"the brand '{name}' is listed twice", remedy="Keep one of them.", path=path)
        _require_known(path, f"[{where}]", table, ("skus", "category", "garment", *_FIELDS))
        plain = {key: item for key, item in table.items() if key in _FIELDS}
        limits = _scoped(path, f"{where}.", table, _limits(path, where, plain))
        brands[name] = BrandLimits(limits, _patterns(path, where, table.get("skus", [])))
    return ToleranceRules(base, brands, path)


def _scoped(path: Path, prefix: str, table: Table, general: Limits) -> GarmentLimits:
    """The ``category`` and ``garment`` tables inside ``table``, beside its general limits."""
    categories: dict[GarmentCategory, Limits] = {}
    for name, value in _table(path, f"{prefix}category", table.get("category", {})).items():
        where = f"{prefix}category.{name}"
        if name not in list(GarmentCategory):
            known = ", ".join(GarmentCategory)
            raise KnownError(f"[{where}]: there is no category '{name}'", remedy=f"Use: {known}.", path=path)
        categories[GarmentCategory(name)] = _limits(path, where, _table(path, where, value))
    garments: dict[str, Limits] = {}
    for name, value in _table(path, f"{prefix}garment", table.get("garment", {})).items():
        where = f"{prefix}garment.{name}"
        label = _label(path, where, name)
        if label in garments:
            raise KnownError(f"[{where}]: '{label}' is listed twice", remedy="Keep one of them.", path=path)
        garments[label] = _limits(path, where, _table(path, where, value))
    return GarmentLimits(general, categories, garments)


def _label(path: Path, where: str, name: str) -> str:
    """The registry's label; only a name it lists, or a table for ``blue shirt`` would judge every shirt."""
    for kind in load_garments():
        if name.strip().casefold() in (kind.label, *kind.synonyms):
            return kind.label
    known = ", ".join(kind.label for kind in load_garments())
    raise KnownError(f"[{where}]: the garment '{name}' is unknown", remedy=f"Use: {known}.", path=path)


def _limits(path: Path, where: str, table: Table) -> Limits:
    _require_known(path, f"[{where}]", table, tuple(_FIELDS))
    limits: Limits = {}
    for key, value in table.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            raise KnownError(f"[{where}]: '{key}' is {value!r}", remedy="Give a number above 0.", path=path)
        limits[_FIELDS[key]] = float(value)
    return limits


def _patterns(path: Path, where: str, value: object) -> tuple[str, ...]:
    items = cast("list[object]", value) if isinstance(value, list) else [None]
    patterns = tuple(item for item in items if isinstance(item, str) and item.strip())
    if len(patterns) != len(items):
        raise KnownError(f"[{where}]: 'skus' is {value!r}", remedy="Give a list of texts.", path=path)
    return patterns


def _table(path: Path, where: str, value: object) -> Table:
    if not isinstance(value, dict):
        raise KnownError(f"'{where}' is {value!r}", remedy=f"Write it as a table, [{where}].", path=path)
    return cast("Table", value)


def _require_known(path: Path, where: str, table: Table, known: tuple[str, ...]) -> None:
    for key in table:
        if key not in known:
            raise KnownError(f"{where} has an unknown key '{key}'", remedy=f"Use: {', '.join(known)}.", path=path)


def _check_order(rules: ToleranceRules) -> None:
    """Every garment of every brand must have a warn limit that is at least its pass limit."""
    for where, limits in _combinations(rules):
        if limits["warns"] < limits["passes"]:
            raise KnownError(
                f"{where}: 'warn' ({limits['warns']:g}) lies below 'pass' ({limits['passes']:g})",
                remedy="Raise warn, or lower pass.",
                path=rules.own,
            )


def _combinations(rules: ToleranceRules) -> Iterator[tuple[str, Limits]]:
    for garment in ("", *(kind.label for kind in load_garments())):
        of_garment = f" for {garment}" if garment else ""
        base = rules.base.limits(garment)
        yield f"the limits{of_garment}", base
        for name, brand in rules.brands.items():
            yield f"the limits{of_garment} of the brand '{name}'", base | brand.limits.limits(garment)


def _merged(one: dict[Key, Limits], two: dict[Key, Limits]) -> dict[Key, Limits]:
    return {key: one.get(key, {}) | two.get(key, {}) for key in (*one, *two)}
