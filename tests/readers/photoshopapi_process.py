"""A process for PhotoshopAPI: reads FILE and writes what it sees as OUT.npz. Needs nothing of Chromask."""

from __future__ import annotations

import json
import sys

import numpy as np
import photoshopapi
from numpy.typing import NDArray


def main(path: str, out: str) -> None:
    file = photoshopapi.LayeredFile.read(path)
    shape = int(file.height), int(file.width)
    arrays: dict[str, NDArray[np.generic]] = {"icc": np.asarray(file.icc)}
    names: list[str] = []
    for number, layer in enumerate(reversed(file.layers)):
        planes = layer.get_image_data()
        names.append(layer.name)
        arrays[f"rgb {number}"] = np.dstack([np.asarray(planes[channel]).reshape(shape) for channel in range(3)])
        if -1 in planes:
            arrays[f"transparency {number}"] = np.asarray(planes[-1]).reshape(shape)
        if -2 in planes:
            arrays[f"mask {number}"] = np.asarray(layer.mask).reshape(shape)
    bits = 16 if file.bit_depth == photoshopapi.enum.BitDepth.bd_16 else 8
    told = json.dumps({"bits": bits, "names": names, "dpi": float(file.dpi)})
    np.savez(out, told=np.array(told), **arrays)  # pyright: ignore[reportArgumentType]


if __name__ == "__main__":
    main(*sys.argv[1:])
