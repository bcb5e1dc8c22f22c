"""Keeps the backends of a worker process, each built when its first job comes."""

from __future__ import annotations

from engine.domain.requests import EngineName
from engine.ports import Backend, Painter


class Backends:
    """Builds backends once. Used by the worker's main thread only."""

    def __init__(self) -> None:
        self._built: dict[EngineName, Backend] = {}

    def get(self, name: EngineName) -> Backend:
        """The backend of that name.

        Raises
        ------
        KnownError
            Kontext's libraries or files are not usable.
        """
        if name not in self._built:
            self._built[name] = _build(name)
        return self._built[name]

    def painter(self) -> Painter:
        """What paints whole pictures; the Kontext backend, whose model is loaded once for all that it does.

        Raises
        ------
        KnownError
            Kontext's libraries or files are not usable.
        """
        from engine.inference.kontext.backend import KontextBackend

        backend = self.get(EngineName.KONTEXT)
        assert isinstance(backend, KontextBackend)
        return backend


def _build(name: EngineName) -> Backend:
    if name is EngineName.KONTEXT:
        from engine.inference.kontext.backend import KontextBackend

        return KontextBackend()
    if name is EngineName.GROUNDED:
        from engine.inference.grounded.backend import GroundedBackend

        return GroundedBackend()
    from engine.inference.classical import ClassicalBackend

    return ClassicalBackend()
