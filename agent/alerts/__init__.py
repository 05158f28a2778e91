"""Alerts: what they say, which of them are said, and what people answer."""

from agent.alerts.alert import SCHEMA_FILE, VERSION, Alert, Reporter, read_evidence
from agent.alerts.groups import Message
from agent.alerts.quiet import Policy, Quiet
from agent.alerts.secrets import parse_masks, secrets_masker

__all__ = [
    "SCHEMA_FILE",
    "VERSION",
    "Alert",
    "Message",
    "Policy",
    "Quiet",
    "Reporter",
    "parse_masks",
    "read_evidence",
    "secrets_masker",
]
