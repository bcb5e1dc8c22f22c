"""What the engine needs from the outside, and what it offers: the seams where implementations plug in."""

from __future__ import annotations

from engine.ports.backend import Backend, Painter, ReportStep
from engine.ports.catalog import Catalog, CatalogLocation
from engine.ports.job_queue import JobQueue
from engine.ports.pairs import Pairs
from engine.ports.results import Results
from engine.ports.stores import ArtifactStore, ThumbnailStore
from engine.ports.upkeep import Upkeep
from engine.ports.versions import Versions

__all__ = [
    "ArtifactStore",
    "Backend",
    "Catalog",
    "CatalogLocation",
    "JobQueue",
    "Painter",
    "Pairs",
    "ReportStep",
    "Results",
    "ThumbnailStore",
    "Upkeep",
    "Versions",
]
