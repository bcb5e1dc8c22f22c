"""What several test modules share, built once: the tiny Kontext model, and a catalog with a finished colour match."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.kontext_jobs import with_green_patch


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    import torch

    from tests.tiny_kontext import build_tiny_kontext

    torch.set_num_threads(1)  # layers of 32 numbers: threads would only wait for each other
    return build_tiny_kontext(tmp_path_factory.mktemp("models") / "FLUX.1-Kontext-dev")


@pytest.fixture(scope="session")
def lora_file(tiny) -> Path:
    from tests.tiny_kontext import build_tiny_lora

    return build_tiny_lora(tiny.parent / "loras", tiny)


@pytest.fixture(scope="session")
def new_backend(tmp_path_factory):
    """Backends that share one folder of encoded prompts, which is no user's."""
    from engine.inference.kontext.backend import KontextBackend

    prompts = tmp_path_factory.mktemp("prompts")
    return lambda: KontextBackend(prompts)


@pytest.fixture(scope="session")
def backend(new_backend):
    return new_backend()


@pytest.fixture
def painted_green(monkeypatch):
    """The tiny model paints random colours, so its picture gets a green patch here before the mask is read from it.

    Everything else, from the placement to the sampling, is the real path.
    """
    from engine.inference.kontext import backend as module

    outputs: list[np.ndarray] = []

    def with_green(*args, **kwargs):
        outputs.append(sample(*args, **kwargs))
        return with_green_patch(args[1])

    sample = module.sample
    monkeypatch.setattr(module, "sample", with_green)
    return outputs


@pytest.fixture(scope="session")
def _one_match(tmp_path_factory) -> Path:
    from tests.unit.studio import open_studio

    folder = tmp_path_factory.mktemp("match")
    with open_studio(folder) as studio:
        studio.submit(pairs=1)
    return folder


@pytest.fixture
def matched_studio(_one_match, tmp_path):
    """A copy of a catalog with one colour match, so that no test has to wait for it."""
    from tests.unit.studio import open_studio

    shutil.copytree(_one_match, tmp_path / "studio", ignore=shutil.ignore_patterns("*.lock", "pictures"))
    with open_studio(tmp_path / "studio") as studio:
        yield studio
