"""Bundles, each read once however many inputs go by it."""

from collections.abc import Callable
from pathlib import Path

from agent.bundle_watch import Look, look_at
from models.bundle import Bundle
from models.errors import UserError
from models.signing import VerifyingKey

_SHIPPED = Path(__file__).parents[1] / "models" / "pretrained" / "bundle"


class Bundles:
    """Reads bundles from disk, and again only where what lies there has changed."""

    def __init__(self) -> None:
        self._read: dict[tuple[Path, Path | None], tuple[Look, Bundle]] = {}

    def loader(self, verify: Path | None) -> Callable[[Path], Bundle]:
        """Takes only what the owner of the key in this file has signed, if one is given. Raises
        UserError for a key, and the loader for a bundle, that cannot be used."""
        key = None if verify is None else VerifyingKey(verify)

        def load(path: Path) -> Bundle:
            look = look_at(path)
            known = self._read.get((path, verify))
            if known is not None and look and known[0] == look:
                return known[1]
            bundle = Bundle.load(path, key=key)
            self._read[path, verify] = (look, bundle)
            return bundle

        return load

    def forget(self) -> None:
        """Hold none for whoever comes later."""
        self._read.clear()


def bundle_of(path: Path | None, load: Callable[[Path], Bundle] = Bundle.load) -> Bundle:
    """The user's, or the one that travels with metalog. Raises UserError."""
    place = place_of(path)
    if path is not None or place.exists():
        return load(place)
    raise UserError(
        "no bundle: give one with --bundle; `metalog-train prepare`, `fit` and `export` make it "
        "from your logs"
    )


def place_of(path: Path | None) -> Path:
    """Where that bundle is."""
    return path or _SHIPPED


def knows_nothing(bundle: Bundle) -> str:
    """What to say of such a bundle where nothing is learnt before sessions are judged."""
    return (
        f"bundle {bundle.manifest.name} knows no system yet, so hardly anything looks odd to it: "
        "follow the logs for a while, or give old ones with `watch --once --history FILE`"
    )
