"""Alerts as they come out of a real detector."""

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from agent.alerts import SCHEMA_FILE, Reporter, secrets_masker
from agent.detector import Detector
from agent.verdict import Verdict
from models.bundle import Bundle

Judge = Callable[[list[str]], list[Verdict]]


@pytest.fixture(scope="session")
def valid() -> Callable[[str], dict[str, Any]]:
    """The alert in a text, checked against the schema."""
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)

    def check(text: str) -> dict[str, Any]:
        alert: dict[str, Any] = json.loads(text)
        validator.validate(alert)
        # A field that the schema does not know is one that docs and readers do not know either.
        assert list(alert) == list(schema["properties"])
        return alert

    return check


@pytest.fixture
def judge(bundle: Bundle) -> Judge:
    """Verdicts on lines, all of them anomalous."""

    def verdicts(lines: list[str]) -> list[Verdict]:
        detector = Detector(bundle, rule=bundle.manifest.rule, threshold=0.0, provider="cpu")
        offset, offsets = 0, []
        for line in lines:
            offsets.append(offset)
            offset += len(line.encode("utf-8", "replace")) + 1
        found = detector.add("app.log", lines, 0.0, offsets)
        detector.close()
        return found + detector.take()

    return verdicts


@pytest.fixture
def reporter(bundle: Bundle) -> Reporter:
    return Reporter(bundle=bundle, threshold=0.5, secrets=secrets_masker())
