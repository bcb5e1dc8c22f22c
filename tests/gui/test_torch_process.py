"""What only torch can answer, asked in processes of their own."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

from engine.domain.errors import Cancelled, KnownError
from gui.torch_process import TorchProcess
from main import program


@pytest.fixture(scope="module")
def lora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.lora_dialects import PublishedLora, saved, spelled

    tensors = spelled(PublishedLora(1, 1, rank=2).original, "lora_unet_", "down", "_")
    return saved(tensors, tmp_path_factory.mktemp("loras") / "scarf.safetensors")


def test_a_lora_is_checked_by_the_command_line(lora: Path) -> None:
    from engine.services.lora_files import check_lora_file

    assert TorchProcess(program()).check_lora(lora) == check_lora_file(lora)


def test_a_refusal_arrives_with_file_reason_and_remedy(tmp_path: Path) -> None:
    from engine.services.lora_files import check_lora_file

    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"\x80\x04pickle")
    with pytest.raises(KnownError) as here:
        check_lora_file(bad)
    with pytest.raises(KnownError) as there:
        TorchProcess(program()).check_lora(bad)
    assert (there.value.what, there.value.remedy, there.value.path) == (here.value.what, here.value.remedy, bad)


def test_a_process_that_dies_is_a_sentence(tmp_path: Path) -> None:
    torch = TorchProcess([sys.executable, "-c", "import sys; sys.exit('out of luck')"])
    with pytest.raises(KnownError, match="out of luck"):
        torch.check_lora(tmp_path / "a.safetensors")


def test_closing_the_window_ends_what_runs() -> None:
    torch = TorchProcess([sys.executable, "-c", "import time; time.sleep(60)"])
    ends: list[float] = []

    def ask() -> None:
        with pytest.raises(Cancelled):
            torch.check_lora(Path("a.safetensors"))
        ends.append(time.monotonic())

    thread = threading.Thread(target=ask)
    thread.start()
    while not torch._running:
        time.sleep(0.01)
    torch.stop()
    thread.join(10)
    assert ends
    with pytest.raises(Cancelled):
        torch.graphics_card()
