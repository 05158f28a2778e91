"""What the pages' commands read: made-up logs, a small run and its bundle, under the pages' names.

A page may use any of it. What it makes itself takes the place of what has that name here.
"""

import csv
import gzip
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

from tests.docs.terminal import Terminal
from trainer.demo import DemoSystem, block_store, web_shop

SESSIONS = 300
KEY = "(ord-[0-9a-f]{8})"
_CONFIGURATION = """
state_dir = "states"
[inputs.shop]
paths = ["shop-logs"]
bundle = "shop-bundle"
[inputs.db]
paths = ["logs"]
"""


def make_material(folder: Path) -> None:
    """Some ten seconds. Everything is below ``folder``, which is made."""
    folder.mkdir()
    store = block_store(sessions=SESSIONS, seed=1, anomaly_share=0.1)
    shop = web_shop(sessions=SESSIONS, seed=1, anomaly_share=0.1)
    for system in (store, shop):
        system.write(folder / "logs")
    _write_hdfs(store, folder)
    _write_sessions(
        block_store(sessions=SESSIONS, seed=2, anomaly_share=0.3), folder / "BGL/sessions"
    )
    _write_shop(shop, folder)
    terminal = Terminal(folder)
    prepare = "metalog-train prepare"
    for command in (
        f"{prepare} hdfs.log --format hdfs --labels anomaly_label.csv -o hdfs",
        f"{prepare} BGL/sessions --format sessions -o bgl",
        f"{prepare} shop.log --format syslog --key-regex '{KEY}' --labels few-labels.csv -o shop",
        "cp -r shop web-shop",
        "cp -r hdfs block-store",
        "metalog-train fit --source hdfs --target shop --preset words --epochs 1 -o run",
        "metalog-train export run -o shop-bundle",
        "cp -r run run-words",
        "cp -r shop-bundle bundle",
        "metalog-agent watch shop.log --once --no-grouping --threshold 0 --state-dir state"
        " > alerts.jsonl",
    ):
        done = terminal.run(command)
        assert done.code == 0, f"{command}: {done.output}"


def _write_shop(shop: DemoSystem, folder: Path) -> None:
    shutil.copy(folder / "logs/web-shop.log", folder / "shop.log")
    shutil.copy(folder / "shop.log", folder / "app.log")
    shutil.copy(folder / "logs/web-shop.labels.csv", folder / "few-labels.csv")
    # As a log that is written to: rotated once.
    lines = [f"{line}\n" for line in shop.lines()]
    live = folder / "shop-logs"
    live.mkdir()
    half = len(lines) // 2
    with gzip.open(live / "shop.log.2.gz", "wt") as old:
        old.writelines(lines[:half])
    (live / "shop.log").write_text("".join(lines[half:]))
    configuration = _CONFIGURATION
    (folder / "agent.toml").write_text(configuration)
    (folder / "etc-metalog").mkdir()
    (folder / "etc-metalog/agent.toml").write_text(configuration.replace('"shop', '"../shop'))


def _write_hdfs(store: DemoSystem, folder: Path) -> None:
    """The block store with the headers of HDFS, and what loghub has beside it."""
    lines = []
    for seconds, raw in sorted(line for session in store.sessions for line in session.lines):
        content = raw.split("] ", 1)[1]
        lines.append(f"{datetime.fromtimestamp(seconds, UTC):%y%m%d %H%M%S} 13 INFO {content}\n")
    text = "".join(lines)
    for name in ("hdfs.log", "HDFS.log"):
        (folder / name).write_text(text)
    with gzip.open(folder / "HDFS_2pct.log.gz", "wt") as packed:
        packed.write(text)
    for name, opened in (("anomaly_label.csv", open), ("labels.csv.gz", gzip.open)):
        with opened(folder / name, "wt", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("BlockId", "Label"))
            for one in store.sessions:
                writer.writerow((one.key, "Anomaly" if one.fault else "Normal"))


def _write_sessions(store: DemoSystem, folder: Path) -> None:
    folder.mkdir(parents=True)
    with gzip.open(folder / "sessions.jsonl.gz", "wt") as file:
        for one in store.sessions:
            events = [raw.split(": ", 1)[1] for _, raw in one.lines]
            row = {"id": one.key, "label": int(one.fault is not None), "events": events}
            file.write(json.dumps(row) + "\n")
