"""The window: PySide6 on top of the engine's services; no picture arithmetic and no SQL in here."""
