"""Composition root: builds the services and hands them to the window, the command line or the worker process."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path

VERSION = "0.1.0"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run Chromask; the exit code is 0 done, 1 some jobs failed, 2 wrong usage.

    Everything is imported where it is used: ``--version`` and ``--help`` answer in a fraction of a second.
    """
    # OpenBLAS wakes a thread for each core even for thin matrices, and they spin while another process needs the core.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # What these libraries warn of while they load (an optional package, tied weights) asks nothing of an operator.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments == ["--version"]:
        print(f"chromask {VERSION}")  # noqa: T201 - the answer itself
        return 0
    if arguments[:1] == ["worker"]:
        return _worker(Path(arguments[1]))
    if arguments[:1] == ["trainer"]:
        from engine.training.process import main as train

        train(Path(arguments[1]))
    if not arguments:  # a double click: no command line need be understood, which takes a tenth of a second
        from engine.cli.console import exit_code

        return exit_code(lambda: _window(None, ()))
    from engine.cli.app import Composition, run
    from storage.location import SqliteLocation

    return run(arguments, Composition(VERSION, SqliteLocation(), worker_command, trainer_command, _window))


def worker_command(catalog: Path) -> list[str]:
    """The command line that starts a worker process for a catalog; also from a frozen application."""
    return [*program(), "worker", str(catalog)]


def trainer_command(folder: Path) -> list[str]:
    """The command line that starts the process of a training run; also from a frozen application."""
    return [*program(), "trainer", str(folder)]


def program() -> list[str]:
    """The beginning of every command line of Chromask; also from a frozen application."""
    script = [] if getattr(sys, "frozen", False) else [str(Path(__file__).resolve())]
    return [sys.executable, *script]


def _worker(catalog: Path) -> int:
    from engine.worker.loop import main as serve
    from storage.location import SqliteLocation

    return serve(SqliteLocation().open_artifacts(catalog))


def _window(catalog: Path | None, drop: Sequence[Path]) -> int:
    from engine.cli.composition import default_export_folder
    from engine.dispatch.session import open_session
    from storage.location import SqliteLocation

    # A collection among two thousand modules frees nothing and takes a tenth of the start; `run_window` sees to it.
    gc.disable()
    location = SqliteLocation()
    with open_session(location, catalog) as session, location.open_thumbnails(session.path) as thumbnails:
        # After the catalog: once PySide is there it looks into the source of every module that is imported.
        from engine.services.demo import draw_demo
        from engine.services.log_file import kept_log
        from gui.app import run_window
        from gui.services import WindowServices
        from gui.torch_process import TorchProcess

        dispatcher = session.dispatcher(worker_command)
        parts = (session.catalog, session.artifacts, dispatcher, TorchProcess(program()), default_export_folder())
        services = WindowServices(*parts, draw_demo, session.path, thumbnails)
        with kept_log(session.path):
            return run_window(services, [str(path) for path in drop])


if __name__ == "__main__":
    sys.exit(main())
