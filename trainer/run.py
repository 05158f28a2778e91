"""A run: what ``fit`` leaves behind, so that it can be resumed, evaluated and exported.

run.json          preset, seed, corpora with fingerprints, label counts, network configuration
split.npz         seen sessions of each system, and the digests of all that were trained on
templates.json    templates of each system, mined on its seen part
history.npz       counts of the target's seen sessions, where the preset reads them
words.npz         word table (pruned) and document frequencies
checkpoint.npz    weights, optimiser state, random state, where training is, whether it is over
tensorboard/      scalars
"""

import json
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.arrays import load_arrays
from models.bundle import pack_words, unpack_words
from models.embedding import DocumentFrequencies, EventEmbedder
from models.errors import UserError
from models.events import DrainParameters
from models.placing import placed_file
from models.reading import Description
from models.words import WordTable
from trainer.corpus import Corpus
from trainer.mistaken import no_run
from trainer.network import NetworkConfig
from trainer.presets import Preset
from trainer.progress import counted
from trainer.splits import Fractions, Indices
from trainer.systems import System
from trainer.unknown import unknown_system

# 2: sessions are described by other numbers than in 1.
SCHEMA = 2
_DESCRIPTION = "run.json"
_CHECKPOINT = "checkpoint.npz"
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Role:
    """A corpus in a run, found again by its path and checked by its fingerprint. path: None for the
    target of a run that has none."""

    name: str
    path: str | None
    fingerprint: str
    sessions: int
    anomalous: int
    normal_labels: int
    anomaly_labels: int

    @classmethod
    def of(cls, system: System) -> "Role":
        labels = system.labels(system.seen)
        return cls(
            name=system.corpus.name,
            path=str(system.corpus.path.absolute()) if system.corpus.fingerprint else None,
            fingerprint=system.corpus.fingerprint,
            sessions=len(system.corpus),
            anomalous=system.corpus.counts["anomalous"],
            normal_labels=int((labels == 0).sum()),
            anomaly_labels=int((labels == 1).sum()),
        )

    def open(self) -> Corpus:
        """The corpus, unchanged. Raises UserError where it is gone or another."""
        if self.path is None:
            return unknown_system()
        corpus = Corpus.open(Path(self.path))
        if corpus.fingerprint != self.fingerprint:
            raise UserError(
                f"{self.path}: is not the corpus this run was trained on (its fingerprint differs);"
                " prepare it again from the same logs, or fit again"
            )
        return corpus


@dataclass(frozen=True)
class Run:
    """A run on disk. roles: the sources in their order, then the target, which may be one that
    nobody has seen (``trainer.unknown``). inherited: what the
    bundle that it goes on from was trained on, as in Manifest.data."""

    path: Path
    preset: Preset
    fractions: Fractions
    seed: int
    vectors: str | None
    drain: DrainParameters
    network: NetworkConfig
    roles: tuple[Role, ...]
    version: str
    threshold: float
    threshold_origin: str
    inherited: tuple[dict[str, Any], ...] = ()

    @property
    def target(self) -> Role:
        return self.roles[-1]

    @property
    def systems_named(self) -> tuple[tuple[str, Role], ...]:
        """ "source" or "target" with each system that there is."""
        sources = tuple(("source", role) for role in self.roles[:-1])
        return sources if self.target.path is None else (*sources, ("target", self.target))

    @property
    def untouched(self) -> bool:
        """Whether there are sessions of the target that training did not see."""
        return len(self.seen_of_target()) < self.target.sessions

    def save(self) -> None:
        value = {
            "kind": "metalog-run",
            "schema": SCHEMA,
            **{k: v for k, v in asdict(self).items() if k != "path"},
        }
        with placed_file(self.path / _DESCRIPTION) as file:
            file.write_text(json.dumps(value, indent=2) + "\n")

    @classmethod
    def open(cls, path: Path) -> "Run":
        """Raises UserError where ``path`` is no run, or that of another schema."""
        try:
            value = json.loads((path / _DESCRIPTION).read_bytes())
            if value["kind"] != "metalog-run":
                raise UserError(f"{path / _DESCRIPTION}: is not that of a metalog run")
            if value["schema"] > SCHEMA:
                raise UserError(
                    f"{path}: run schema {value['schema']}, this metalog reads {SCHEMA}: "
                    "install a newer metalog"
                )
            if value["schema"] < SCHEMA:
                raise UserError(
                    f"{path}: run schema {value['schema']}, of an earlier metalog; this one reads "
                    f"{SCHEMA}: fit it again"
                )
            return cls(
                path=path,
                preset=Preset.from_json(value["preset"]),
                fractions=Fractions(**value["fractions"]),
                seed=value["seed"],
                vectors=value["vectors"],
                drain=DrainParameters(**value["drain"]),
                network=NetworkConfig.from_json(value["network"]),
                roles=tuple(Role(**role) for role in value["roles"]),
                version=value["version"],
                threshold=value["threshold"],
                threshold_origin=value["threshold_origin"],
                inherited=tuple(value.get("inherited", ())),
            )
        except (FileNotFoundError, NotADirectoryError):
            raise UserError(no_run(path)) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{path / _DESCRIPTION}: cannot be read: {error!r}; fit again"
            ) from None

    def save_systems(self, systems: list[System], embedder: EventEmbedder) -> None:
        """Keep the split, the templates and the words; before training, so that all is fixed."""
        chosen = ((system.corpus, i) for system in systems for i in system.seen)
        total = sum(len(system.seen) for system in systems)
        trained = np.array(
            [
                int.from_bytes(corpus.digest(i), "big")
                for corpus, i in counted("noting what is seen", chosen, total)
            ],
            dtype=np.uint64,
        )
        seen = {f"seen_{number}": system.seen for number, system in enumerate(systems)}
        hidden = systems[-1].hidden
        self._save_arrays("split.npz", {**seen, "hidden": hidden, "trained_on": np.unique(trained)})
        templates = [list(system.templates) for system in systems]
        with placed_file(self.path / "templates.json") as file:
            file.write_text(json.dumps(templates, ensure_ascii=False, indent=0), encoding="utf-8")
        self._save_arrays("words.npz", pack_words(embedder.table, embedder.frequencies))

    def systems(self) -> list[System]:
        """The systems as they were when training began."""
        split = self._load_arrays("split.npz")
        systems: list[System] = []
        first_row = 0
        for number, (role, own) in enumerate(zip(self.roles, self._templates(), strict=True)):
            seen = split[f"seen_{number}"]
            hidden = split["hidden"] if role is self.target else seen[:0]
            systems.append(System(role.open(), seen, tuple(own), first_row, hidden))
            first_row += len(own)
        return systems

    def _templates(self) -> list[list[str]]:
        """Templates of each role."""
        path = self.path / "templates.json"
        try:
            templates: list[list[str]] = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise UserError(f"{path}: cannot be read: {error}; fit again") from None
        if not isinstance(templates, list) or len(templates) != len(self.roles):
            raise UserError(f"{path}: does not hold the templates of each system; fit again")
        return templates

    def target_templates(self) -> tuple[tuple[str, ...], int]:
        """The target's templates and the row of the first one; needs no corpus."""
        templates = self._templates()
        return tuple(templates[-1]), sum(len(own) for own in templates[:-1])

    def trained_on(self) -> set[bytes]:
        """Digests of every session that training saw; see ``Corpus.digest``."""
        digests = self._load_arrays("split.npz")["trained_on"]
        return {int(digest).to_bytes(8, "big") for digest in digests}

    def words(self) -> tuple[WordTable, DocumentFrequencies]:
        path = self.path / "words.npz"
        try:
            return unpack_words(path.read_bytes())
        except (OSError, ValueError, KeyError) as error:
            raise UserError(f"{path}: cannot be read: {error}; fit again") from None

    def embedder(self) -> EventEmbedder:
        return EventEmbedder(*self.words())

    def save_description(self, description: Description) -> None:
        """Keep the target's history; before training."""
        self._save_arrays("history.npz", description.arrays())

    def description(self) -> Description:
        """The target's history, ready to describe its sessions."""
        templates, _ = self.target_templates()
        vectors = self.embedder().embed_all(templates)
        arrays = self._load_arrays("history.npz")
        return Description.from_arrays(arrays, templates, vectors, self.words()[0])

    def seen_of_target(self) -> Indices:
        seen: Indices = self._load_arrays("split.npz")[f"seen_{len(self.roles) - 1}"]
        return seen

    def save_checkpoint(self, arrays: Arrays) -> None:
        self._save_arrays(_CHECKPOINT, arrays)

    def load_checkpoint(self) -> Arrays:
        if not (self.path / _CHECKPOINT).exists():
            raise UserError(
                f"{self.path}: nothing trained yet (no {_CHECKPOINT}); go on with `{self.resume}`"
            )
        return self._load_arrays(_CHECKPOINT)

    def trained(self) -> Arrays:
        """The checkpoint of a run that is over. Raises UserError where training was stopped."""
        arrays = self.load_checkpoint()
        if not is_over(arrays):
            raise UserError(
                f"{self.path}: is not finished ({_reached(arrays)}); go on with `{self.resume}`"
            )
        return arrays

    def progress(self) -> tuple[int, int | None, bool]:
        """Steps that are done, of how many (None where nobody knows), and whether all is over."""
        if not (self.path / _CHECKPOINT).exists():
            return 0, None, False
        arrays = self.load_checkpoint()
        steps = int(arrays["steps"]) if "steps" in arrays else None
        return int(arrays["step"]), steps, is_over(arrays)

    @property
    def resume(self) -> str:
        """The command that goes on with this run."""
        return f"metalog-train fit --resume -o {shlex.quote(str(self.path))}"

    def sweep(self) -> None:
        """Remove what a run that was killed left of a checkpoint it had not finished writing."""
        for left in self.path.glob(f".{_CHECKPOINT}.*"):
            left.unlink(missing_ok=True)

    def _save_arrays(self, name: str, arrays: Arrays) -> None:
        with placed_file(self.path / name) as file, file.open("wb") as opened:
            np.savez(opened, **arrays)  # type: ignore[arg-type]

    def _load_arrays(self, name: str) -> Arrays:
        try:
            return load_arrays(self.path / name)
        except (OSError, ValueError) as error:
            raise UserError(f"{self.path / name}: cannot be read: {error}; fit again") from None


def is_over(checkpoint: Arrays) -> bool:
    """Whether nothing is left to do. Checkpoints of earlier versions do not say; most are over."""
    return bool(checkpoint.get("over", np.array(True)))


def _reached(checkpoint: Arrays) -> str:
    step, steps = int(checkpoint["step"]), int(checkpoint["steps"])
    return f"step {step:,} of {steps:,}" if step < steps else "its threshold is missing"
