"""A store of replicated blocks that logs in the manner of log4j: the source system.

A session is the life of one block: it is written, read, moved, scrubbed or deleted.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from trainer.demo.block import COPIES, Block
from trainer.demo.dice import Dice
from trainer.demo.story import (
    Scene,
    Step,
    ended_after,
    followed,
    moved_before,
    play,
    thinned,
    without,
)
from trainer.demo.system import DemoSystem


def write(block: Block) -> list[Step]:
    packets = range(1, block.dice.whole(2, 5) + 1)
    stream = [
        step for number in packets for step in (block.packet(number), block.acknowledged(number))
    ]
    copies = [
        (block.receiving(node), block.received(node), block.registered(node))
        for node in block.nodes
    ]
    return [
        block.allocated(),
        block.opened(),
        *block.resets(),
        *stream,
        *([block.slow()] if block.dice.chance(0.08) else []),
        *block.dice.interleaved(*copies),
        block.closed(),
        block.committed(),
        block.verified(),
    ]


def read(block: Block) -> list[Step]:
    return [
        block.asked(),
        block.cached() if block.dice.chance(0.4) else block.loaded(),
        *(block.served(number) for number in range(block.dice.whole(1, 8))),
        block.hung_up() if block.dice.chance(0.07) else block.finished(),
    ]


def balance(block: Block) -> list[Step]:
    (target,) = block.other_nodes(1)
    marks = block.dice.whole(2, 5)
    return [
        block.planned(target),
        block.started(),
        *block.resets(),
        *(block.progressed(100 * mark // (marks + 1)) for mark in range(1, marks + 1)),
        block.transferred(),
        block.verified(),
        block.relocated(target),
        block.old_removed(),
    ]


def scrub(block: Block) -> list[Step]:
    scans = [block.scanned(number) for number in range(block.dice.whole(2, 6))]
    if block.dice.chance(0.15):
        place = block.dice.whole(1, len(scans) - 1)
        scans[place:place] = [block.scrub_paused(), block.scrub_resumed()]
    return [block.queued(), *scans, block.digested()]


def delete(block: Block) -> list[Step]:
    return [
        block.scheduled(),
        *([block.trashed()] if block.dice.chance(0.5) else []),
        *(block.deleted(node) for node in block.nodes),
        block.forgotten(),
    ]


def temporary(block: Block) -> list[Step]:
    """Written, read at once or not at all, and thrown away."""
    reading = read(block) if block.dice.chance(0.6) else []
    return [*write(block), *reading, *delete(block)]


def damaged_copy(block: Block) -> list[Step]:
    wanted, found = block.dice.hexadecimal(8), block.dice.hexadecimal(8)
    offset = block.dice.whole(0, 16383) * 512
    mismatch = (
        f"Checksum mismatch in {block.key} at offset {offset}: expected {wanted} computed {found}"
    )
    quarantine = f"Quarantined corrupt replica of {block.key} on {block.nodes[0]}"
    added = [
        Step("mismatch", "ERROR", "store.Verifier", mismatch),
        Step("quarantined", "ERROR", "store.Verifier", quarantine),
    ]
    if block.dice.chance(0.5):
        return ended_after(scrub(block), "scanned", added)
    return followed(read(block), "served", added)


def full_disk(block: Block) -> list[Step]:
    exception = f"java.io.IOException: No space left on device while storing {block.key}"
    return ended_after(
        write(block), "receiving", [Step("exception", "ERROR", "store.Replicator", exception)]
    )


def lost_node(block: Block) -> list[Step]:
    silence = (
        f"Node {block.dice.one_of(block.nodes)} unreachable for {block.key}, "
        f"broken pipe at byte {block.dice.whole(1, block.size)}"
    )
    excluded = f"Excluding dead node and recovering {block.key} with {COPIES - 1} replicas"
    added = [
        Step("silence", "ERROR", "store.Pipeline", silence, pause=1.5),
        Step("excluded", "WARN", "store.Pipeline", excluded),
    ]
    return followed(write(block), block.dice.one_of(("opened", "packet")), added)


def never_committed(block: Block) -> list[Step]:
    return without(write(block), "committed")


def never_verified(block: Block) -> list[Step]:
    return without(block.dice.one_of((write, balance))(block), "verified")


def never_relocated(block: Block) -> list[Step]:
    return without(balance(block), "relocated")


def early_commit(block: Block) -> list[Step]:
    return moved_before(write(block), "committed", "received")


def early_removal(block: Block) -> list[Step]:
    return moved_before(balance(block), "old removed", "transferred")


def early_erasure(block: Block) -> list[Step]:
    return moved_before(delete(block), "forgotten", "deleted")


def too_few_copies(block: Block) -> list[Step]:
    return thinned(block.dice, write(block), "registered", lost=block.dice.whole(1, 2))


def too_many_copies(block: Block) -> list[Step]:
    more = block.other_nodes(block.dice.whole(2, 4))
    added = [
        step
        for node in more
        for step in (block.receiving(node), block.received(node), block.registered(node))
    ]
    return followed(write(block), "registered", added)


def lost_acknowledgements(block: Block) -> list[Step]:
    return thinned(block.dice, write(block), "acknowledged", lost=1)


def leftover_copy(block: Block) -> list[Step]:
    return thinned(block.dice, delete(block), "deleted", lost=block.dice.whole(1, 2))


def undisturbed(steps: list[Step]) -> list[Step]:
    """Without the resets of a normal day, so that a storm counts its own alone."""
    return [step for step in steps if step.name != "reset"]


def reset_storm(block: Block) -> list[Step]:
    """Nothing but the reset that normal writes know, far too often."""
    storm = [block.reset(number) for number in range(1, block.dice.whole(8, 18))]
    if block.dice.chance(0.5):
        return followed(undisturbed(write(block)), "opened", storm)
    return followed(undisturbed(balance(block)), "started", storm)


def abandoned_write(block: Block) -> list[Step]:
    attempts = block.dice.whole(6, 14)
    storm = [block.reset(number) for number in range(1, attempts + 1)]
    given_up = f"Giving up on {block.key} after {attempts} failed attempts"
    added = [*storm, Step("given up", "ERROR", "store.Pipeline", given_up)]
    return ended_after(undisturbed(write(block)), "opened", added)


NORMAL: tuple[tuple[float, Callable[[Block], list[Step]]], ...] = (
    (0.34, write),
    (0.24, read),
    (0.14, balance),
    (0.10, scrub),
    (0.08, delete),
    (0.10, temporary),
)

FAULTS: dict[str, dict[str, Callable[[Block], list[Step]]]] = {
    "error": {"damaged-copy": damaged_copy, "full-disk": full_disk, "lost-node": lost_node},
    "missing": {
        "never-committed": never_committed,
        "never-verified": never_verified,
        "never-relocated": never_relocated,
    },
    "order": {
        "early-commit": early_commit,
        "early-removal": early_removal,
        "early-erasure": early_erasure,
    },
    "count": {
        "too-few-copies": too_few_copies,
        "too-many-copies": too_many_copies,
        "lost-acknowledgements": lost_acknowledgements,
        "leftover-copy": leftover_copy,
    },
    "retry": {"reset-storm": reset_storm, "abandoned-write": abandoned_write},
}


def new_key(dice: Dice) -> str:
    sign = "-" if dice.chance(0.5) else ""
    return f"blk_{sign}{dice.whole(10**17, 2**63 - 1)}"


def background(dice: Dice) -> Step:
    return dice.one_of(
        (
            Step(
                "heartbeat",
                "INFO",
                "store.Monitor",
                f"Heartbeat from {dice.whole(38, 40)} nodes, {dice.whole(120, 180)} TB free",
            ),
            Step(
                "collection",
                "WARN",
                "store.Monitor",
                f"Garbage collection stopped the world for {dice.whole(40, 900)} ms",
            ),
            Step(
                "round",
                "INFO",
                "store.Balancer",
                f"Balancing round {dice.whole(100, 999)} considered {dice.whole(0, 40)} moves",
            ),
            Step(
                "journal",
                "INFO",
                "store.Registry",
                f"Rotated journal to /var/lib/store/journal.{dice.whole(1000, 9999)}",
            ),
        )
    )


def render(dice: Dice, milliseconds: int, step: Step) -> str:
    seconds, fraction = divmod(milliseconds, 1000)
    stamp = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S},{fraction:03d}"
    thread = f"worker-{dice.whole(1, 16)}"
    return f"{stamp} {step.level:<5} [{thread}] {step.component}: {step.content}"


SCENE = Scene(
    name="block-store",
    line_format="text",
    line_regex=(
        r"^(?P<time>\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2},\d{3}) (?P<level>[A-Z]+) +"
        r"\[[^\]]+\] (?P<component>[\w.]+): (?P<content>.*)$"
    ),
    time_format="%Y-%m-%d %H:%M:%S,%f",
    key_regex=r"(blk_-?\d+)",
    new_key=new_key,
    subject=Block,
    normal=NORMAL,
    faults=FAULTS,
    background=background,
    render=render,
)


def block_store(sessions: int = 3000, seed: int = 0, anomaly_share: float = 0.03) -> DemoSystem:
    """The logs of a store of replicated blocks; see `trainer.demo.story.play` for the arguments."""
    return play(SCENE, sessions, seed, anomaly_share)
