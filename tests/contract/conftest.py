"""A catalog of every implementation, in a folder with a name that is not plain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.ports import Catalog, CatalogLocation
from tests.contract.catalogs import LOCATIONS


@pytest.fixture(params=sorted(LOCATIONS))
def location(request: pytest.FixtureRequest) -> CatalogLocation:
    return LOCATIONS[request.param]()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "studio – März" / "catalog.db"


@pytest.fixture
def catalog(location: CatalogLocation, path: Path) -> Iterator[Catalog]:
    with location.open(path) as (catalog, _):
        yield catalog
