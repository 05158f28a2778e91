"""Logs to the shape of HDFS, BGL and OpenStack, of any length: ``python -m
benchmarks.generated_logs hdfs 11000000 HDFS.log``. Nothing of theirs is copied but the wording of
a few messages; lengths, mixes and what varies in a line follow the public data sets."""

import argparse
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import islice
from pathlib import Path

_START = datetime(2008, 11, 9, 20, 35, 18, tzinfo=UTC)
# Blocks of HDFS that are being written at the same time, and lines in a second, on average.
_OPEN_BLOCKS = 3000
_LINES_A_SECOND = 80


def hdfs_lines(draw: random.Random) -> Iterator[str]:
    """Blocks of about 20 lines each, a few thousand of them at the same time."""
    waiting: list[tuple[float, int, Iterator[str]]] = []
    for number in range(_OPEN_BLOCKS):
        heappush(waiting, (draw.random() * 60, number, _block(draw)))
    second = -1
    stamp = ""
    written = 0
    while True:
        moment, number, block = heappop(waiting)
        now = written // _LINES_A_SECOND
        if now != second:
            second = now
            stamp = f"{_START + timedelta(seconds=now):%y%m%d %H%M%S}"
        line = next(block, None)
        if line is None:
            block = _block(draw)
            line = next(block)
        written += 1
        yield f"{stamp} {int(draw.random() * 4000) + 1} {line}"
        heappush(waiting, (moment + draw.random() * 60, number, block))


def _block(draw: random.Random) -> Iterator[str]:
    random_ = draw.random
    key = f"blk_{'-' if random_() < 0.5 else ''}{int(random_() * 9.2e18)}"
    size = 67108864 if random_() < 0.7 else int(random_() * 67108864)
    node, block = "INFO dfs.DataNode", "INFO dfs.FSNamesystem: BLOCK* NameSystem."
    for _ in range(3):
        host = _address(draw)
        yield (
            f"{node}$DataXceiver: Receiving block {key} src: /{host}:{_port(draw)} "
            f"dest: /{host}:50010"
        )
    task = f"_task_20081109{int(random_() * 2000):04}_0001_m_{int(random_() * 2000):06}_0"
    part = int(random_() * 2000)
    yield f"{block}allocateBlock: /user/hadoop/rand/_temporary/{task}/part-{part:05}. {key}"
    for place in range(3):
        yield f"{node}$PacketResponder: PacketResponder {place} for block {key} terminating"
        yield (
            f"{node}$PacketResponder: Received block {key} of size {size} from /{_address(draw)}"
        )
        yield (
            f"{block}addStoredBlock: blockMap updated: {_address(draw)}:50010 is added to {key} "
            f"size {size}"
        )
    if random_() < 0.4:
        for _ in range(int(random_() * 8)):
            host = _address(draw)
            yield f"{node}$DataXceiver: {host}:50010 Served block {key} to /{_address(draw)}"
    if random_() < 0.3:
        yield f"{node}.DataBlockScanner: Verification succeeded for {key}"
    if random_() < 0.5:
        for _ in range(3):
            yield f"{block}delete: {key} is added to invalidSet of {_address(draw)}:50010"
        for _ in range(3):
            yield (
                f"{node}.FSDataset: Deleting block {key} file "
                f"/mnt/hadoop/dfs/data/current/subdir{int(random_() * 64)}/{key}"
            )


def bgl_lines(draw: random.Random) -> Iterator[str]:
    """Nodes that mostly repeat few messages, some of them with registers in hexadecimal."""
    moment = 1117838570.0
    while True:
        moment += draw.random() * 4
        node = (
            f"R{draw.randrange(64):02}-M{draw.randrange(2)}-N{draw.choice('0123456789ABCDEF')}-"
            f"C:J{draw.randrange(2, 18):02}-U{draw.choice(('01', '11'))}"
        )
        stamp = datetime.fromtimestamp(moment, UTC)
        label, level, text = _bgl_message(draw)
        # As a burst: one node says the same several times.
        for _ in range(1 + draw.randrange(8)):
            yield (
                f"{label} {int(moment)} {stamp:%Y.%m.%d} {node} {stamp:%Y-%m-%d-%H.%M.%S}."
                f"{draw.randrange(10**6):06} {node} RAS KERNEL {level} {text()}"
            )


def _bgl_message(draw: random.Random) -> tuple[str, str, Callable[[], str]]:
    number = draw.randrange
    return draw.choices(
        (
            ("-", "INFO", lambda: "instruction cache parity error corrected"),
            ("-", "INFO", lambda: f"generating core.{number(20000)}"),
            ("-", "INFO", lambda: f"{number(70000)} double-hummer alignment exceptions"),
            (
                "-", "INFO",
                lambda: f"CE sym {number(40)}, at 0x{number(2**32):08x}, mask 0x{number(128):02x}",
            ),
            ("-", "INFO", lambda: f"ddr: excessive soft failures on rank {number(4)}"),
            ("KERNDTLB", "FATAL", lambda: "data TLB error interrupt"),
            (
                "APPREAD", "FATAL",
                lambda: f"ciod: failed to read message prefix on control stream (CioStream socket "
                f"to 172.16.{number(256)}.{number(256)}:{number(30000, 40000)}",
            ),
            ("-", "FATAL", lambda: f"fpr{number(32)}=0x{number(2**64):016x} {number(2**32):08x}"),
        ),
        (30, 18, 10, 12, 6, 10, 10, 4),
    )[0]  # fmt: skip


def openstack_lines(draw: random.Random) -> Iterator[str]:
    """Machines that are started and deleted: two ids of letters and digits in most lines."""
    while True:
        machine, request = _uuid(draw), f"req-{_uuid(draw)}"
        about = f"[{request}] [instance: {machine}]"
        spawned = draw.random() * 60
        node = f"compute{draw.randrange(9)}"
        yield f"INFO nova.compute.claims {about} Claim successful on node {node}"
        yield f"INFO nova.virt.libvirt.driver {about} Creating image"
        yield f"INFO os_vif [{request}] Successfully plugged vif VIFOpenVSwitch"
        for word in ("Started", "Paused", "Resumed"):
            yield f"INFO nova.compute.manager {about} VM {word} (Lifecycle Event)"
        yield (
            f"INFO nova.compute.manager {about} Took {spawned:.2f} seconds to spawn the instance "
            "on the hypervisor."
        )
        yield (
            f"INFO nova.compute.manager [-] [instance: {machine}] During sync_power_state the "
            "instance has a pending task (spawning). Skip."
        )
        path = f"/opt/stack/data/nova/instances/{machine}_del"
        yield f"INFO nova.virt.libvirt.driver {about} Deleting instance files {path}"
        yield (
            f"INFO nova.scheduler.client.report [{request}] Deleted allocation for instance "
            f"{machine}"
        )


SHAPES: dict[str, Callable[[random.Random], Iterator[str]]] = {
    "hdfs": hdfs_lines, "bgl": bgl_lines, "openstack": openstack_lines,
}  # fmt: skip


def write_log(name: str, path: Path, *, seed: int, lines: int) -> Path:
    """A log like ``name``, of ``SHAPES``."""
    with path.open("w") as file:
        file.writelines(f"{line}\n" for line in islice(SHAPES[name](random.Random(seed)), lines))
    return path


def _address(draw: random.Random) -> str:
    random_ = draw.random
    return f"10.25{int(random_() * 2)}.{int(random_() * 256)}.{int(random_() * 256)}"


def _port(draw: random.Random) -> int:
    return 30000 + int(draw.random() * 30000)


def _uuid(draw: random.Random) -> str:
    text = f"{draw.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("shape", choices=sorted(SHAPES))
    arguments.add_argument("lines", type=int)
    arguments.add_argument("path", type=Path)
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    write_log(given.shape, given.path, seed=given.seed, lines=given.lines)


if __name__ == "__main__":
    main()
