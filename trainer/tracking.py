"""Runs in MLflow: parameters, losses and results, for who keeps experiments there.

The run folder stays the truth. A tracking server that is down delays nothing but its own records:
what it has not taken is kept and sent with the next checkpoint.
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from models.errors import UserError
from models.placing import placed_file
from trainer.run import Run

_FILE = "mlflow.json"
_EXPERIMENT = "metalog"
# MLflow's own limit of one request.
_MOST_METRICS = 1000
_SETTINGS = {
    # MLflow reports to its makers by default; nothing here does that unasked.
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # A folder was asked for in so many words; MLflow 3 refuses them without this.
    "MLFLOW_ALLOW_FILE_STORE": "true",
    # Its own two minutes and seven tries would hold up training for a quarter of an hour.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
}


class Tracking:
    """A run of ours in MLflow. note: told, once, that it cannot be reached any more."""

    def __init__(self, uri: str, note: Callable[[str], None], run_id: str = "") -> None:
        """Raises UserError where mlflow is not installed or the URI is none of a store."""
        self._uri = uri
        self._note = note
        self._run_id = run_id
        self._metrics: list[Any] = []
        self._failed = False
        for name, value in _SETTINGS.items():
            os.environ.setdefault(name, value)
        try:
            from mlflow.entities import Metric, Param
            from mlflow.tracking import MlflowClient
        except ModuleNotFoundError as error:
            raise UserError(
                f"MLflow: {error.name} is not installed: pip install 'metalog[mlflow]'"
            ) from None
        self._metric, self._param = Metric, Param
        with self._or_user_error():
            self._client = MlflowClient(tracking_uri=uri)

    @classmethod
    def connect(cls, place: str, note: Callable[[str], None]) -> "Tracking":
        """place: a folder, or the URI of a server. Raises UserError where nobody answers there."""
        if urlsplit(place).password is not None:
            raise UserError(
                "--mlflow: its address holds a password, which would be kept with the run; give "
                "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD instead"
            )
        tracking = cls(place if "://" in place else Path(place).absolute().as_uri(), note)
        with tracking._or_user_error():
            tracking._experiment()
        return tracking

    @classmethod
    def of(cls, run: Run, note: Callable[[str], None]) -> "Tracking | None":
        """That of a run which began in MLflow. None for any other."""
        path = run.path / _FILE
        if not path.exists():
            return None
        try:
            value = json.loads(path.read_bytes())
            return cls(value["uri"], note, value["run_id"])
        except UserError as error:
            raise UserError(f"{error}; or remove {path} to go on without") from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path}: cannot be read: {error!r}; remove it to go on") from None

    def begin(self, run: Run) -> None:
        """Make the run in MLflow, with its parameters. Raises UserError."""
        with self._or_user_error():
            made = self._client.create_run(self._experiment(), run_name=run.path.absolute().name)
            self._run_id = made.info.run_id
            parameters = [self._param(key, value[:500]) for key, value in _parameters(run).items()]
            self._client.log_batch(self._run_id, params=parameters)
        with placed_file(run.path / _FILE) as file:
            file.write_text(json.dumps({"uri": self._uri, "run_id": self._run_id}) + "\n")

    def go_on(self) -> None:
        """A run that was stopped is running again."""
        self._try(lambda: self._client.update_run(self._run_id, status="RUNNING"))

    def losses(self, step: int, losses: dict[str, float]) -> None:
        """Kept until ``flush``."""
        now = time.time_ns() // 1_000_000
        self._metrics += [self._metric(key, value, now, step) for key, value in losses.items()]

    def flush(self) -> None:
        def send() -> None:
            while self._metrics:
                self._client.log_batch(self._run_id, metrics=self._metrics[:_MOST_METRICS])
                del self._metrics[:_MOST_METRICS]

        self._try(send)

    def end(self, status: str, run: Run | None = None) -> None:
        """status: FINISHED, KILLED or FAILED. run: one that is over, to keep its description."""
        self.flush()
        if run is not None:
            self.losses(0, {"threshold": run.threshold})
            self.flush()
            path = str(run.path / "run.json")
            self._try(lambda: self._client.log_artifact(self._run_id, path))
        self._try(lambda: self._client.set_terminated(self._run_id, status))
        if self._metrics:
            self._note(f"note: {len(self._metrics)} figures did not reach {self._uri}")

    def results(self, figures: Mapping[str, Any], kinds: list[dict[str, Any]], of: str) -> None:
        """What ``evaluate`` found. of: "" for the target, else what it was evaluated on."""
        scope = "".join(one if one.isalnum() or one in "-_." else "_" for one in of)
        prefix = f"{scope}/" if scope else ""
        found = {key: figures.get(key) for key in ("precision", "recall", "f1", "auroc")}
        self.losses(0, {prefix + key: one for key, one in found.items() if one is not None})
        self.flush()
        with TemporaryDirectory(prefix="metalog-mlflow-") as folder:
            path = Path(folder) / f"evaluation{f'-{scope}' if scope else ''}.json"
            path.write_text(json.dumps({**figures, "kinds": kinds}, indent=2, ensure_ascii=False))
            self._try(lambda: self._client.log_artifact(self._run_id, str(path)))

    def _experiment(self) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", _EXPERIMENT)
        known = self._client.get_experiment_by_name(name)
        made: str = known.experiment_id if known else self._client.create_experiment(name)
        return made

    def _try(self, work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as error:
            # Whatever it is: MLflow raises bare Exceptions, too, and training is worth more.
            if not self._failed:
                self._failed = True
                self._note(f"note: {self._uri}: {_first_line(error)}; goes on without it")

    @contextmanager
    def _or_user_error(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            raise UserError(
                f"--mlflow {self._uri}: {_first_line(error)}; give a folder, or the address of an "
                "MLflow server that runs"
            ) from None


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _parameters(run: Run) -> dict[str, str]:
    found: dict[str, Any] = {
        "seed": run.seed,
        "vectors": run.vectors or "shipped",
        "metalog": run.version,
        **{f"preset.{key}": value for key, value in run.preset.to_json().items()},
        **{f"fraction.{key}": value for key, value in vars(run.fractions).items()},
    }
    for number, (kind, role) in enumerate(run.systems_named):
        scope = f"{kind}.{number}" if kind == "source" else kind
        found[f"{scope}.name"] = role.name
        found[f"{scope}.fingerprint"] = role.fingerprint
        found[f"{scope}.normal_labels"] = role.normal_labels
        found[f"{scope}.anomaly_labels"] = role.anomaly_labels
    return {key: str(value) for key, value in found.items()}
