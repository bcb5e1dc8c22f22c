"""Small, complete domain objects for tests; every figure in them is different, so that a mix-up shows."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.domain.artifacts import ArtifactKind, ArtifactRef
from engine.domain.assets import NewAsset, NewPair, PictureHeader, Role
from engine.domain.geometry import Box, Extent
from engine.domain.jobs import JobFailure
from engine.domain.requests import (
    ColorMatchRequest,
    DiffusionSettings,
    EditRequest,
    EditTurn,
    EngineName,
    InputFile,
    LoraRef,
    MaskRequest,
    Sampling,
    Tolerance,
)
from engine.domain.results import (
    DeltaEReport,
    EditedTurn,
    EditResult,
    JobOutcome,
    MaskResult,
    MatchResult,
    PaletteLine,
    Previews,
    Verdict,
)

NOON = datetime(2026, 3, 29, 12, 0, 0, 123456, tzinfo=UTC)
"""A moment with microseconds."""


def after(seconds: float) -> datetime:
    """So many seconds after `NOON`."""
    return NOON + timedelta(seconds=seconds)


def digest(text: str) -> str:
    """A SHA-256 that belongs to nothing but the text."""
    return hashlib.sha256(text.encode()).hexdigest()


def new_asset(name: str, role: Role = Role.ON_MODEL, *, content: str | None = None) -> NewAsset:
    """A photograph of that file name; ``content`` stands for its bytes."""
    return NewAsset(
        path=Path("/studio/2026-03") / name,
        sha256=digest(content if content is not None else name),
        size_bytes=1_234_567,
        role=role,
        header=PictureHeader(
            extent=Extent(4000, 6000),
            format="JPEG",
            mode="RGB",
            bit_depth=8,
            icc="Adobe RGB (1998)",
            notices=("The picture is rotated by its EXIF orientation.",),
        ),
    )


def new_pair(number: int = 1, *, flatlay: bool = True, sku: str | None = None) -> NewPair:
    """The pair ``number``: other numbers are other photographs."""
    sku = sku if sku is not None else f"SKU{number:06d}"
    return NewPair(
        on_model=new_asset(f"{number:06d}_model.jpg"),
        flatlay=new_asset(f"{number:06d}_flat.jpg", Role.FLATLAY) if flatlay else None,
        sku=sku,
        view="front",
        garment="shirt",
    )


def mask_request(name: str = "garment") -> MaskRequest:
    """A mask on the classical engine."""
    return MaskRequest(engine=EngineName.CLASSICAL, name=name, garment="shirt")


def color_match_request() -> ColorMatchRequest:
    """A colour match on the classical engine."""
    return ColorMatchRequest(engine=EngineName.CLASSICAL, mask=mask_request(), tolerance=Tolerance(passes=2.5))


def kontext_request(seed: int = 7) -> ColorMatchRequest:
    """A colour match on the Kontext engine, with nothing left at its default."""
    lora = LoraRef(
        name="colour",
        path="/models/colour.safetensors",
        sha256=digest("lora"),
        base_model="FLUX.1-Kontext-dev",
        rank=16,
        scale=0.85,
        trigger="chrm",
    )
    settings = DiffusionSettings(
        model="/models/kontext",
        prompt="give the shirt “the flatlay's” colour",
        lora=lora,
        sampling=Sampling(num_inference_steps=20, guidance_scale=3.5, seed=seed),
    )
    mask = MaskRequest(engine=EngineName.KONTEXT, name="garment", garment="shirt", diffusion=settings)
    return ColorMatchRequest(
        engine=EngineName.KONTEXT, mask=mask, tolerance=Tolerance(2.0, 4.0, 2.0, 1.5, 1.25), diffusion=settings
    )


def artifact(kind: ArtifactKind, text: str, suffix: str = ".png") -> ArtifactRef:
    """A reference to a file that does not exist."""
    return ArtifactRef(kind=kind, sha256=digest(text), suffix=suffix, size_bytes=len(text))


def delta_e_report(delta_E: float = 1.25, verdict: Verdict = Verdict.PASS) -> DeltaEReport:
    """A report whose figures are all different and have no short binary form."""
    return DeltaEReport(
        region="garment / flatlay",
        delta_E=delta_E,
        mean=delta_E + 0.1,
        median=delta_E + 0.07,
        p95=delta_E + 3.3,
        dL=-0.3,
        dC=0.7,
        dH=-1.1,
        n_pixels=1_234_567,
        tolerance=Tolerance(passes=2.5, warns=5.5, k_L=2.0),
        verdict=verdict,
        palette=(
            PaletteLine((41.2, 30.1, -7.7), 0.7, (42.0, 29.5, -8.1), 2 / 3, 1.1, Verdict.PASS),
            PaletteLine(None, 0.0, (96.0, 0.1, 0.3), 0.04, None, None),
        ),
    )


def mask_result(text: str = "1") -> MaskResult:
    """A garment mask."""
    return MaskResult(
        name="garment",
        alpha=artifact(ArtifactKind.MASK, f"mask {text}"),
        extent=Extent(4000, 6000),
        box=Box(1000, 1501, 3002, 4503),
        coverage=0.1 + 0.2,
        confidence=0.83,
        provenance={"method": "grabcut", "seed": 7, "seconds": 1.5, "whole": 2.0},
    )


def mask_outcome(text: str = "1") -> JobOutcome:
    """What a mask job without a flatlay yields."""
    previews = Previews(
        on_model=artifact(ArtifactKind.PREVIEW, f"on-model {text}", ".jpg"), flatlay=None, matched=None, mask=None
    )
    return JobOutcome(mask=mask_result(text), match=None, previews=previews)


def match_outcome(text: str = "1", delta_E: float = 1.25) -> JobOutcome:
    """What a colour match yields: every field is filled."""
    return JobOutcome(
        mask=mask_result(text),
        match=MatchResult(
            picture=artifact(ArtifactKind.MATCHED, f"matched {text}", ".tif"),
            before=delta_e_report(11.4, Verdict.FAIL),
            after=delta_e_report(delta_E),
            outside_max_change=0,
            texture=0.987,
            provenance={"method": "affine in CIELAB", "iterations": 3},
        ),
        previews=Previews(
            on_model=artifact(ArtifactKind.PREVIEW, f"on-model {text}", ".jpg"),
            flatlay=artifact(ArtifactKind.PREVIEW, f"flatlay {text}", ".jpg"),
            matched=artifact(ArtifactKind.PREVIEW, f"matched {text}", ".jpg"),
            mask=artifact(ArtifactKind.PREVIEW, f"mask {text}", ".jpg"),
            disagreement=artifact(ArtifactKind.PREVIEW, f"disagreement {text}", ".png"),
            painted=artifact(ArtifactKind.PREVIEW, f"painted {text}", ".jpg"),
        ),
        notices=("The sleeve is cut off.", "Zweite Zeile: ΔE über der Toleranz."),
        retouch=artifact(ArtifactKind.RETOUCH, f"retouch {text}"),
    )


def edit_request(turns: int = 2) -> EditRequest:
    """Edits with and without a reference."""
    settings = kontext_request().diffusion
    assert settings is not None
    every = (
        EditTurn(InputFile(Path("/studio/banner.png"), digest("banner")), None, settings),
        EditTurn(
            InputFile(Path("/studio/shirt.png"), digest("shirt")),
            InputFile(Path("/studio/flat.jpg"), digest("flat")),
            replace(settings, prompt="the shirt of the picture", lora=None),
            strength=0.75,
        ),
    )
    return EditRequest(EngineName.KONTEXT, every[:turns])


def edit_outcome(text: str = "1") -> JobOutcome:
    """What an edit of two turns yields, of which the first is covered."""
    outcome = match_outcome(text)
    return replace(
        outcome,
        mask=replace(outcome.mask, name="edit"),
        match=None,
        edit=EditResult(
            picture=artifact(ArtifactKind.EDITED, f"edited {text}"),
            outside_max_change=0,
            turns=(
                EditedTurn(artifact(ArtifactKind.MASK, f"turn 1 {text}"), Box(10, 21, 32, 43), False, {"seed": 7}),
                EditedTurn(
                    artifact(ArtifactKind.MASK, f"turn 2 {text}"), Box(9, 20, 33, 45), True, {"scale": 0.5, "steps": 28}
                ),
            ),
        ),
    )


def failure(*, retryable: bool = False) -> JobFailure:
    """A job's end in the operator's words."""
    return JobFailure(
        message="000001_model.jpg: the file is cut off",
        remedy="Export it again.",
        retryable=retryable,
        detail="Traceback …",
    )
