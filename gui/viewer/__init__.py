"""The picture viewer: linked views, instruments, overlays."""
