"""Edits of a photograph: what a turn consists of, the queue they go into, and the file that keeps them without one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from engine.domain.codec import from_json, to_json
from engine.domain.errors import BugError, KnownError, UsageError
from engine.domain.files import complete_file, file_sha256, known_os_error
from engine.domain.jobs import Job, JobState, Origin, Reason
from engine.domain.requests import DiffusionSettings, EditRequest, EditTurn, EngineName, InputFile, Sampling
from engine.domain.results import JobOutcome
from engine.domain.review import ResultKind, ReviewRow
from engine.ports import ArtifactStore, Catalog
from engine.services.painting import Painting, description_of, lora_ref
from engine.services.plan import choose_engine
from engine.services.registries import registry_for
from engine.services.review import current_reviewer
from engine.services.versions import SOON


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


def edit_settings(
    prompt: str, model: Path | None = None, *, steps: int = 28, seed: int = 0, lora: str = "", vram_tier: int = 0
) -> DiffusionSettings:
    """With what an edit is painted.

    Parameters
    ----------
    prompt : str
        Goes to the model as it is.
    model : Path, optional
        The base model; the default one otherwise.
    lora : str
        Its name in the registry; empty takes none.
    vram_tier : int
        See `engine.domain.requests.DiffusionSettings`.

    Raises
    ------
    UsageError
        FLUX.1 Kontext is not there (edits have no other engine), the prompt is empty, or there is no such LoRA, tier or
        number of steps.
    KnownError
        The LoRA's file is not there; says which and where to put it.
    """
    if not prompt.strip():
        raise UsageError("an edit needs a prompt", remedy="Say what shall be painted inside the mask.")
    painting = Painting(Sampling(num_inference_steps=steps, seed=seed), vram_tier=vram_tier)
    chosen = choose_engine(EngineName.KONTEXT, model).model
    assert chosen is not None
    description = description_of(chosen)
    return DiffusionSettings(
        model=str(chosen.absolute()),
        prompt=prompt.strip(),
        lora=lora_ref(registry_for(chosen).lora(lora), chosen) if lora else None,
        sampling=painting.sampling if description is None else description.sampling(painting.sampling),
        vram_tier=painting.vram_tier,
    )


def edit_turn(
    diffusion: DiffusionSettings, mask: InputFile, reference: Path | None, *, strength: float = 1.0
) -> EditTurn:
    """What an operator asks for, as a request carries it.

    Parameters
    ----------
    diffusion : DiffusionSettings
        From `edit_settings`.
    mask : InputFile
        From `input_file` or `own_mask`.
    strength : float
        See `engine.domain.requests.EditTurn`.

    Raises
    ------
    UsageError
        The strength is not above 0 and up to 1.
    KnownError
        The reference cannot be read.
    """
    if not 0 < strength <= 1:
        raise UsageError(f"a strength of {strength:g} is not possible", remedy="Choose above 0, up to 1.")
    return EditTurn(mask, input_file(reference) if reference is not None else None, diffusion, strength)


def with_turn(request: EditRequest | None, turn: EditTurn) -> EditRequest:
    """The request with one more turn; a new request where there is none yet."""
    if request is None:
        return EditRequest(EngineName.KONTEXT, (turn,))
    return replace(request, turns=(*request.turns, turn))


def own_mask(artifacts: ArtifactStore, outcome: JobOutcome) -> InputFile:
    """A result's own mask, where it lies in the store: of an edit its last turn's, so that the next one replaces it."""
    ref = outcome.edit.turns[-1].mask if outcome.edit is not None else outcome.mask.alpha
    return InputFile(artifacts.path(ref), ref.sha256)


def submit_edit(catalog: Catalog, edited: Job, turn: EditTurn, *, author: str | None = None) -> Job:
    """Queue one more turn of an edit, or the first one for a photograph.

    Parameters
    ----------
    edited : Job
        The result that was looked at. An edit is gone on with, and the new job is its next version; of any other
        result only the photograph is edited, not what was made of it.
    author : str, optional
        Who asked for it; the account's name otherwise.

    Returns
    -------
    Job
        Queued; or what there is already of the very same turns, which is tried again where it had failed.
    """
    earlier = edited.request if isinstance(edited.request, EditRequest) else None
    request = with_turn(earlier, turn)
    origins = [Origin(edited.id, Reason.EDITED, author or current_reviewer())] if earlier is not None else []
    priority = max(SOON, edited.priority + 1)
    (job,) = catalog.add_jobs(edited.batch_id, [(edited.pair_id, request)], priority, origins=origins)
    catalog.log("edit", f"turn {len(request.turns)}: {turn.diffusion.prompt}", job.id)
    if job.state in (JobState.FAILED, JobState.CANCELLED):
        catalog.retry([job.id])
        job = catalog.job(job.id)
    return job


def edited_result(catalog: Catalog, wanted: str) -> ReviewRow:
    """The result that somebody means who names a job's number or a photograph.

    Parameters
    ----------
    wanted : str
        A number, or the file name or path of an on-model photograph: of its results the newest edit, or else the
        newest one.

    Raises
    ------
    UsageError
        There is no such result, or several photographs have that name.
    """
    found: list[ReviewRow] = []
    path = Path(wanted).absolute()
    for row in _rows(catalog):
        if str(row.job_id) == wanted:
            return row
        if row.superseded_by is None and (row.name == wanted or row.path == path):
            found.append(row)
    if not found:
        raise UsageError(
            f"there is no finished result '{wanted}'",
            remedy="Give a job's number, or an on-model photograph of a batch that was run.",
        )
    if len({row.path for row in found}) > 1:
        raise UsageError(f"several photographs are named '{wanted}'", remedy="Give the path of the one that is meant.")
    return max(found, key=lambda row: (row.kind is ResultKind.EDIT, row.job_id))


def _rows(catalog: Catalog) -> Iterator[ReviewRow]:
    after = 0
    while page := catalog.review_rows(after=after):
        yield from page
        after = page[-1].change


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
