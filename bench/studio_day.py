"""A whole day at the window on a virtual screen: 500 drawn pairs, from the drop to the export, by keys and mouse alone.

    python bench/studio_day.py --pictures shots

Needs Xvfb and xdotool. Says how long each part of the day took and what the program wrote to the console, which must be
nothing; stops at the first thing that was asked for and did not happen.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.system.screen import Screen
from tests.system.studio_day import live


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=500)
    parser.add_argument("--pictures", type=Path, help="Save pictures of the screen here; needs ImageMagick.")
    options = parser.parse_args()
    if options.pictures is not None:
        options.pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        screen = Screen(Path(temporary))
        try:
            day = live(screen, Path(temporary), options.pairs, options.pictures)
        except BaseException:
            if options.pictures is not None:
                screen.picture(options.pictures / "stopped-here.png")
            print(screen.said())
            raise
        finally:
            screen.close()
    for name, seconds in day.seconds.items():
        print(f"{name:24} {seconds:8.1f} s")
    for name, number in day.counts.items():
        print(f"{name:24} {number:8}")
    print(f"on the console: {day.console!r}")


if __name__ == "__main__":
    main()
