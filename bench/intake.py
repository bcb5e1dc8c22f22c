"""How long intake takes to read the headers of a thousand drawn JPEGs and to pair them: ``python bench/intake.py``."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from engine.domain.geometry import Extent
from engine.imaging.drawn import write_demo_set
from engine.services.intake import scan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=500)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        drawn, folder = Path(temporary) / "drawn", Path(temporary) / "shooting"
        write_demo_set(drawn, 2, extent=Extent(1200, 1500))
        picture = next(drawn.rglob("*_on-model_*.jpg")).read_bytes()
        folder.mkdir()
        for index in range(options.pairs):
            for role in ("on-model", "flatlay"):
                # A trailing number after the end marker makes each file its own.
                (folder / f"CM{index:05d}_{role}_01.jpg").write_bytes(picture + f"{role}{index}".encode())
        started = time.perf_counter()
        report = scan([folder])
        seconds = time.perf_counter() - started
    print(f"{len(report.pictures)} pictures, {len(report.pairs)} pairs in {seconds:.2f} s")


if __name__ == "__main__":
    main()
