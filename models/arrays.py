"""Arrays in a .npz, read whole."""

import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray


def load_arrays(file: Path | IO[bytes]) -> dict[str, NDArray[Any]]:
    """Arrays by name. Raises ValueError for whatever is damaged, OSError where it cannot be read.

    NumPy reads an array when it is asked for and raises what zipfile, zlib or its own parser have:
    all of it is met here. Pickled objects are refused.
    """
    try:
        with np.load(file, allow_pickle=False) as arrays:
            return dict(arrays)
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, TypeError) as error:
        raise ValueError(f"damaged or no .npz: {error}") from None
