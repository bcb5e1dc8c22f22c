"""The profile that an X11 desktop holds for a screen: ICC Profiles in X Specification 0.4, freedesktop.org."""

from __future__ import annotations

import ctypes
import ctypes.util

_LONGEST = 4 << 20  # in 32-bit units; profiles of screens have at most a few hundred kilobytes


def x11_profile(screen: int) -> bytes | None:
    """Read ``_ICC_PROFILE`` (``_ICC_PROFILE_1`` ... of further screens) of the root window; None where it is not set.

    Safe from any thread: the connection to the X server is the call's own.
    """
    name = ctypes.util.find_library("X11")
    if name is None:
        return None
    x11 = ctypes.CDLL(name)
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XDefaultRootWindow.restype = ctypes.c_ulong
    x11.XInternAtom.restype = ctypes.c_ulong
    connection = x11.XOpenDisplay(None)
    if not connection:
        return None
    display = ctypes.c_void_p(connection)
    try:
        atom = x11.XInternAtom(display, b"_ICC_PROFILE" + (f"_{screen}".encode() if screen else b""), True)
        return _property(x11, display, atom) if atom else None
    finally:
        x11.XCloseDisplay(display)


def _property(x11: ctypes.CDLL, display: ctypes.c_void_p, atom: int) -> bytes | None:
    kind, bits = ctypes.c_ulong(), ctypes.c_int()
    count, left = ctypes.c_ulong(), ctypes.c_ulong()
    data = ctypes.POINTER(ctypes.c_ubyte)()
    failed = x11.XGetWindowProperty(
        display,
        ctypes.c_ulong(x11.XDefaultRootWindow(display)),
        ctypes.c_ulong(atom),
        ctypes.c_long(0),
        ctypes.c_long(_LONGEST),
        ctypes.c_int(False),
        ctypes.c_ulong(0),
        ctypes.byref(kind),
        ctypes.byref(bits),
        ctypes.byref(count),
        ctypes.byref(left),
        ctypes.byref(data),
    )
    if failed or not data:
        return None
    try:
        return ctypes.string_at(data, count.value) if bits.value == 8 and count.value else None
    finally:
        x11.XFree(data)
