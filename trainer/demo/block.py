"""One block of the block store, and the line for each thing that can be logged of it."""

from trainer.demo.dice import Dice
from trainer.demo.story import Step

COPIES = 3
NODES = tuple(f"10.250.{rack}.{host}" for rack in range(10, 20) for host in range(111, 115))
FOLDERS = ("orders", "metrics", "audit", "clicks", "images")


class Block:
    """The parameters of one block; every method makes the step that logs one event of its life."""

    def __init__(self, dice: Dice, key: str) -> None:
        self.dice = dice
        self.key = key
        self.size = 67108864 if dice.chance(0.7) else dice.whole(4096, 67108863)
        self.nodes = dice.some_of(NODES, COPIES)
        self.client = dice.one_of(NODES)
        part = dice.whole(0, 99999)
        self.path = f"/data/{dice.one_of(FOLDERS)}/2026-03-01/part-{part:05d}"

    def milliseconds(self, median: float) -> int:
        return round(self.dice.response_time(median)) + 1

    def other_nodes(self, count: int) -> list[str]:
        return self.dice.some_of([node for node in NODES if node not in self.nodes], count)

    # Writing.

    def allocated(self) -> Step:
        content = f"Allocated {self.key} for {self.path} with {COPIES} copies"
        return Step("allocated", "INFO", "store.Allocator", content)

    def opened(self) -> Step:
        content = f"Opened pipeline for {self.key} through {' '.join(self.nodes)}"
        return Step("opened", "INFO", "store.Pipeline", content)

    def packet(self, number: int) -> Step:
        content = f"Streaming packet {number} of {self.key}, {self.dice.whole(512, 65536)} bytes"
        return Step("packet", "DEBUG", "store.Pipeline", content, pause=0.08)

    def acknowledged(self, number: int) -> Step:
        content = f"Acknowledgement for packet {number} of {self.key} from /{self.nodes[0]}"
        return Step("acknowledged", "DEBUG", "store.Pipeline", content, pause=0.05)

    def receiving(self, node: str) -> Step:
        source = f"/{self.client}:{self.dice.whole(32768, 60999)}"
        content = f"Receiving block {self.key} src: {source} dest: /{node}:50010"
        return Step("receiving", "INFO", "store.Replicator", content)

    def received(self, node: str) -> Step:
        content = f"Received block {self.key} of size {self.size} from /{node}"
        return Step("received", "INFO", "store.Replicator", content, pause=0.5)

    def registered(self, node: str) -> Step:
        content = f"Registry updated: {node}:50010 now holds {self.key} size {self.size}"
        return Step("registered", "INFO", "store.Registry", content)

    def closed(self) -> Step:
        content = (
            f"Closing pipeline for {self.key}, its queue drained in {self.milliseconds(40)} ms"
        )
        return Step("closed", "INFO", "store.Pipeline", content)

    def committed(self) -> Step:
        content = f"Committed {self.key}, file {self.path} complete"
        return Step("committed", "INFO", "store.Registry", content)

    def verified(self) -> Step:
        content = f"Verification succeeded for {self.key} in {self.milliseconds(40)} ms"
        return Step("verified", "INFO", "store.Verifier", content, pause=0.6)

    # What happens on good days too.

    def slow(self) -> Step:
        disk = self.dice.whole(0, 11)
        content = (
            f"Slow write of {self.key}, disk{disk} has {self.dice.whole(30, 90)} requests waiting"
        )
        return Step("slow", "WARN", "store.Replicator", content, pause=0.8)

    def reset(self, number: int) -> Step:
        node = self.dice.one_of(self.nodes)
        content = f"Connection reset by /{node} sending {self.key}, retry {number}"
        return Step("reset", "WARN", "store.Pipeline", content, pause=0.5)

    def resets(self) -> list[Step]:
        """Mostly none, at times one or two: no fault."""
        count = self.dice.whole(1, 2) if self.dice.chance(0.12) else 0
        return [self.reset(number) for number in range(1, count + 1)]

    # Reading.

    def asked(self) -> Step:
        content = f"Client /{self.client}:{self.dice.whole(32768, 60999)} requests {self.key}"
        return Step("asked", "INFO", "store.Reader", content)

    def cached(self) -> Step:
        content = f"Found {self.key} in memory cache, hit {self.dice.whole(2, 400)}"
        return Step("cached", "DEBUG", "store.Reader", content, pause=0.02)

    def loaded(self) -> Step:
        disk = self.dice.whole(0, 11)
        content = f"Loading {self.key} from /mnt/disk{disk}/current/{self.key}.data"
        return Step("loaded", "DEBUG", "store.Reader", content, pause=0.4)

    def served(self, number: int) -> Step:
        offset = number * 1048576
        content = f"Served bytes {offset} to {offset + 1048575} of {self.key} to /{self.client}"
        return Step("served", "INFO", "store.Reader", content, pause=0.2)

    def finished(self) -> Step:
        content = f"Finished reading {self.key}, {self.milliseconds(60)} ms lost on disk"
        return Step("finished", "INFO", "store.Reader", content)

    def hung_up(self) -> Step:
        content = f"Client /{self.client} hung up early while reading {self.key}"
        return Step("hung up", "WARN", "store.Reader", content)

    # Balancing.

    def planned(self, target: str) -> Step:
        content = f"Planned move of {self.key} from {self.nodes[0]} to {target}"
        return Step("planned", "INFO", "store.Balancer", content)

    def started(self) -> Step:
        limit = self.dice.one_of((1024, 4096, 8192))
        content = f"Transfer of {self.key} started with bandwidth limit {limit} kB/s"
        return Step("started", "INFO", "store.Balancer", content)

    def progressed(self, percent: int) -> Step:
        content = f"Progress {percent} percent transferring {self.key}"
        return Step("progressed", "DEBUG", "store.Balancer", content, pause=0.6)

    def transferred(self) -> Step:
        content = f"Transfer of {self.key} done, {self.size} bytes in all"
        return Step("transferred", "INFO", "store.Balancer", content)

    def relocated(self, target: str) -> Step:
        content = f"Location of {self.key} changed to {target}:50010"
        return Step("relocated", "INFO", "store.Registry", content)

    def old_removed(self) -> Step:
        content = f"Removed old copy of {self.key} at {self.nodes[0]}"
        return Step("old removed", "INFO", "store.Cleaner", content)

    # Scrubbing.

    def queued(self) -> Step:
        content = f"Queued scrub of {self.key} with priority {self.dice.whole(1, 9)}"
        return Step("queued", "INFO", "store.Scrubber", content)

    def scanned(self, number: int) -> Step:
        content = f"Scanned {self.dice.whole(64, 4096)} sectors of {self.key} at {number * 8192}"
        return Step("scanned", "DEBUG", "store.Scrubber", content)

    def scrub_paused(self) -> Step:
        load = self.dice.whole(80, 99)
        content = f"Pausing scrub of {self.key}, load is {load} percent"
        return Step("scrub paused", "WARN", "store.Scrubber", content)

    def scrub_resumed(self) -> Step:
        return Step(
            "scrub resumed", "INFO", "store.Scrubber", f"Resuming scrub of {self.key}", pause=1.0
        )

    def digested(self) -> Step:
        content = f"Digest of {self.key} is {self.dice.hexadecimal(32)}, as recorded"
        return Step("digested", "INFO", "store.Scrubber", content)

    # Deleting.

    def scheduled(self) -> Step:
        content = f"Scheduling deletion of {self.key} owned by uid {self.dice.whole(1000, 1040)}"
        return Step("scheduled", "INFO", "store.Cleaner", content)

    def trashed(self) -> Step:
        content = f"Holding {self.key} in trash for {self.dice.whole(1, 4)} s"
        return Step("trashed", "INFO", "store.Cleaner", content)

    def deleted(self, node: str) -> Step:
        disk = self.dice.whole(0, 11)
        content = f"Deleted {self.key} file /mnt/disk{disk}/current/{self.key}.data on {node}"
        return Step("deleted", "INFO", "store.Cleaner", content, pause=0.5)

    def forgotten(self) -> Step:
        content = f"Erased {self.key} from registry, {self.size * COPIES} bytes freed"
        return Step("forgotten", "INFO", "store.Registry", content)
