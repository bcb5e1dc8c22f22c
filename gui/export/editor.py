"""Opens documents in the program that edits them. Any thread."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QProcess, QUrl
from PySide6.QtGui import QDesktopServices

from engine.domain.errors import KnownError

_REMEDY = "Choose the program under 'Opens documents' on the Settings page."


def open_documents(command: str, documents: Sequence[Path]) -> None:
    """Have an editor open these files.

    Parameters
    ----------
    command : str
        A program's path, or a command with options, to which the files are added; empty leaves it to the desktop,
        which has a program for every kind of file.

    Raises
    ------
    KnownError
        There is no such program, or none for these files; names the file.
    """
    if not command.strip():
        for path in documents:
            if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(path))):
                raise KnownError(f"the desktop has no program for {path.suffix} files", remedy=_REMEDY, path=path)
        return
    program, *options = started_by(command)
    files = [str(path) for path in documents]
    if not QProcess.startDetached(program, [*options, *files], str(documents[0].parent))[0]:
        raise KnownError(f"'{program}' could not be started", remedy=_REMEDY, path=documents[0])


def started_by(command: str) -> list[str]:
    """The program and its options.

    Raises
    ------
    KnownError
        There is no such program.
    """
    text = command.strip()
    path = Path(text).expanduser()
    if sys.platform == "darwin" and path.suffix == ".app" and path.is_dir():
        return ["open", "-a", str(path)]
    if path.is_file():  # whose name may have blanks in it
        words = [str(path)]
    else:
        try:
            words = shlex.split(text, posix=os.name != "nt")
        except ValueError as error:
            raise KnownError(f"a quote is missing in '{text}'", remedy=_REMEDY) from error
        words = [word.strip('"') for word in words] if os.name == "nt" else words
        words = [str(Path(words[0]).expanduser()), *words[1:]]
    found = shutil.which(words[0])
    if found is None:
        why = "cannot be run" if Path(words[0]).is_file() else "is not there"
        raise KnownError(f"the editor '{words[0]}' {why}", remedy=_REMEDY)
    return [found, *words[1:]]
