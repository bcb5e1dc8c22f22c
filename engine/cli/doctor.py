"""`chromask doctor`: what works on this machine, what does not, what to do."""

from __future__ import annotations

from dataclasses import asdict

import typer

from engine.cli.composition import composition_of
from engine.cli.console import DONE, SOME_FAILED, answer, answer_json
from engine.cli.options import CatalogOption, JsonOption, ModelOption


def doctor(
    context: typer.Context, catalog: CatalogOption = None, model: ModelOption = None, json: JsonOption = False
) -> None:
    """Examine Python, Qt, torch, GPU, model folders, disk and colour profiles."""
    from engine.services.doctor import Health, examine

    findings = examine(catalog or composition_of(context).location.default_path(), model)
    if json:
        answer_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            answer(f"{finding.health.value:<7} {finding.part:<16} {finding.what}")
            if finding.remedy:
                answer(f"{'':<24} {finding.remedy}")
    raise typer.Exit(SOME_FAILED if any(f.health is Health.BROKEN for f in findings) else DONE)
