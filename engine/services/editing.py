"""The history of a photograph's edits: turns that are added one after the other, and the file they are kept in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from engine.domain.codec import from_json, to_json
from engine.domain.errors import BugError, KnownError, UsageError
from engine.domain.files import complete_file, known_os_error
from engine.domain.jobs import Job
from engine.domain.requests import DiffusionSettings, EditRequest, EditTurn, EngineName, InputFile, LoraRef
from engine.ports import Catalog
from engine.services.intake import file_sha256
from engine.services.painting import Painting


@dataclass(frozen=True, slots=True)
class EditHistory:
    """Everything that was asked for on one photograph.

    Attributes
    ----------
    photograph : InputFile
        The original; every turn is painted on it.
    request : EditRequest
        The turns.
    """

    photograph: InputFile
    request: EditRequest


def input_file(path: Path) -> InputFile:
    """The file as it is now.

    Raises
    ------
    KnownError
        It cannot be read.
    """
    return InputFile(path.absolute(), file_sha256(path))


def edit_turn(
    prompt: str,
    mask: Path,
    reference: Path | None,
    model: Path,
    *,
    painting: Painting | None = None,
    lora: LoraRef | None = None,
    strength: float = 1.0,
) -> EditTurn:
    """What an operator asks for, as a request carries it.

    Parameters
    ----------
    prompt : str
        Goes to the model as it is.
    model : Path
        The base model.
    painting : Painting, optional
        Steps, guidance, seed and VRAM tier; its seeds and draft do not apply.
    strength : float
        See `engine.domain.requests.EditTurn`.

    Raises
    ------
    UsageError
        The prompt is empty, or the strength is not above 0 and up to 1.
    KnownError
        A file cannot be read.
    """
    if not prompt.strip():
        raise UsageError("an edit needs a prompt", remedy="Say what shall be painted inside the mask.")
    if not 0 < strength <= 1:
        raise UsageError(f"a strength of {strength:g} is not possible", remedy="Choose above 0, up to 1.")
    painting = painting if painting is not None else Painting()
    settings = DiffusionSettings(
        model=str(model.absolute()),
        prompt=prompt.strip(),
        lora=lora,
        sampling=painting.sampling,
        vram_tier=painting.vram_tier,
    )
    return EditTurn(input_file(mask), input_file(reference) if reference is not None else None, settings, strength)


def with_turn(request: EditRequest | None, turn: EditTurn) -> EditRequest:
    """The request with one more turn; a new request where there is none yet."""
    if request is None:
        return EditRequest(EngineName.KONTEXT, (turn,))
    return replace(request, turns=(*request.turns, turn))


def submit_edit(catalog: Catalog, batch_id: int, pair_id: int, earlier: EditRequest | None, turn: EditTurn) -> Job:
    """Queue one more turn for a pair's on-model photograph.

    Parameters
    ----------
    batch_id : int
        The batch that the job belongs to.
    earlier : EditRequest or None
        The request of the edit that is gone on with, which the catalog keeps with its job.
    """
    request = with_turn(earlier, turn)
    (job,) = catalog.add_jobs(batch_id, [(pair_id, request)])
    catalog.log("edit", f"turn {len(request.turns)}: {turn.diffusion.prompt}", job.id)
    return job


def read_history(path: Path, photograph: InputFile) -> EditRequest | None:
    """The turns that were asked for on a photograph so far; None where there is no such file yet.

    Raises
    ------
    KnownError
        The file is no history, or of another photograph.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise known_os_error(error, path) from error
    except UnicodeDecodeError as error:
        raise _no_history(path) from error
    try:
        history = from_json(text, EditHistory)
    except BugError as error:
        raise _no_history(path) from error
    if history.photograph.sha256 != photograph.sha256:
        raise KnownError(
            f"this is the history of another photograph, {history.photograph.path.name}",
            remedy="Name that photograph as it was, or another history file.",
            path=path,
        )
    return history.request


def _no_history(path: Path) -> KnownError:
    return KnownError("this is no history of edits", remedy="Name another file, or one that is not there.", path=path)


def write_history(path: Path, photograph: InputFile, request: EditRequest) -> None:
    """Write the history, in place of an earlier state of it.

    Raises
    ------
    KnownError
        It cannot be written.
    """
    with complete_file(path, overwrite=True) as temporary:
        temporary.write_text(to_json(EditHistory(photograph, request)), encoding="utf-8")
