"""What a page's commands need other than the page says it. Each table is by page; "*" is all pages.

A key is how a command begins, without variables before it; the longest that fits counts. A command
that is in no table is run as it stands, in a folder with the material of ``tests.docs.material``,
and has to end with exit code 0.
"""

from collections.abc import Mapping

Table = Mapping[str, Mapping[str, str]]

# Not run, and why. The options of those that are metalog's are held against --help all the same.
NOT_RUN: Table = {
    "*": {
        "docker": "needs docker; tests/packaging/test_containers.py looks at the file",
        "kubectl": "needs Kubernetes",
        "make": "builds, or runs the tests that this one is part of",
        "metalog-train benchmark": "minutes",
        "metalog-train compare": "an hour",
        "metalog-train download": "needs the network",
        "pip": "needs the network",
        "python3 -m venv": "the test has an environment",
        "promtool": "needs prometheus; tests/agent/metrics runs both",
        "python -m benchmarks": "minutes",
        "python benchmarks": "minutes",
        "systemctl": "needs root and systemd; tests/packaging/test_systemd.py",
        "systemd-": "needs root and systemd; tests/packaging/test_systemd.py",
        "tensorboard": "serves until somebody stops it",
    },
    "docs/command-line.md": {"metalog-": "says how a command is spelled"},
    "docs/configuration.md": {
        "metalog-agent config check agent.toml": "shows what is said of a wrong file",
    },
    "docs/first-alert.md": {
        "cd": "into the clone and out of it",
        "git clone": "the test is in one",
    },
    "docs/index.md": {"metalog-env/bin/pip": "needs the network"},
    "docs/operations.md": {
        "curl -i 127.0.0.1:9464/readyz": "shows a database that is locked",
    },
    "docs/results.md": {
        "metalog-train prepare": "needs the real logs; docs/walkthrough.md runs the same",
    },
    "docs/security.md": {
        "metalog-": "needs a pair of keys; tests/models/test_signing.py makes one",
    },
    "docs/service.md": {
        "./metalog-agent.pyz": "needs `make agent`; tests/packaging/test_one_file_agent.py",
        "install": "needs root; tests/packaging/test_systemd.py",
    },
    "docs/train.md": {
        "metalog-train --install-completion": "changes the shell of its user",
        "metalog-train fit --source bgl --target hdfs -o run --mlflow": "needs a server of MLflow",
    },
    "docs/troubleshooting.md": {
        "curl": "asks an agent that runs", "metalog-agent": "asks an agent that runs",
    },
}  # fmt: skip

# Words of a page in whose place something else stands here.
STAND_INS: Table = {
    "*": {
        "/etc/metalog": "etc-metalog",
        "/srv": "FOLDER",
        "/var/log/shop": "shop-logs",
        "BUNDLE": "shop-bundle",
        "LOG": "shop.log",
        "RUN": "run",
        "http://am:9093": "http://127.0.0.1:9",
        "https://example.org/hook": "RECEIVER",
        "https://hooks.example": "RECEIVER",
    },
    "docs/alerts.md": {
        "21b58de1df4a43733602b0b944f10df8": "FIRST-ALERT",
        "e41108057349ddea258c0cd57c859686": "SECOND-ALERT",
    },
    "docs/configuration.md": {
        "metalog-agent watch": "metalog-agent watch --config etc-metalog/agent.toml",
    },
    "docs/index.md": {
        "metalog-agent watch shop --history 'shop/": (
            "metalog-agent watch shop-logs --history 'shop-logs/"
        )
    },
    "docs/first-alert.md": {"/home/you/.local/state": "STATES"},
    # Fewer: the shop here has not so many old sessions.
    "docs/report.md": {"250": "80", "report -o host.html": "report --state-dir state -o host.html"},
    "docs/service.md": {"status --check": "status --check --state-dir state"},
    # A person who answers; tests/trainer/test_review.py answers the real one.
    "docs/train.md": {
        "metalog-train label to-label.jsonl": (
            'sed -i \'s/"label": *null/"label": 0/\' to-label.jsonl'
        ),
    },
}

# Commands that end with another exit code than 0, as the page shows.
EXIT_CODES: Mapping[str, Mapping[str, int]] = {
    "docs/alerts.md": {"metalog-agent send-test-alert": 1},
    "docs/train.md": {
        "metalog-train export run -o bundle": 2,
        "metalog-train fit --source HDFS.log": 2,
        "metalog-train fit --source bgl --target hdfs -o run": 130,
    },
}

# Commands that are interrupted (Ctrl-C) once such a file is there.
INTERRUPTED: Table = {
    "docs/train.md": {
        "metalog-train fit --source bgl --target hdfs -o run": "run/tensorboard/events*"
    },
}

# Commands that say other things here than on the page, and why.
OTHER_OUTPUT: Table = {
    "docs/agent.md": {"metalog-agent status": "of agents that ran at another time"},
    "docs/alerts.md": {
        "metalog-agent silence list": "lists a label that is given further down",
        "metalog-agent send-test-alert": "one of two receivers answers, at other addresses",
    },
    "docs/configuration.md": {"metalog-agent config show": "of the file above it"},
    "docs/train.md": {"metalog-train label": "a person answers"},
    "docs/operations.md": {"curl -s 127.0.0.1:9464/metrics": "of a host that was busy"},
}


def exception(table: Mapping[str, Mapping[str, object]], page: str, command: str) -> str | None:
    """The key of the page's own entry, or of the one for all pages."""
    for entries in (table.get(page, {}), table.get("*", {})):
        fitting = [key for key in entries if command.startswith(key)]
        if fitting:
            return max(fitting, key=len)
    return None
