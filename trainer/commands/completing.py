"""Words that the shell completes where an option takes one of a few."""

from collections.abc import Callable


def one_of(*words: str) -> Callable[[str], list[str]]:
    def matching(incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return matching


FORMATS = one_of(
    "hdfs", "bgl", "thunderbird", "openstack", "syslog", "jsonl", "text", "any", "sessions"
)
DEVICES = one_of("auto", "cpu", "cuda")
PRESETS = one_of("default", "unlabelled", "words", "paper")
PROTOCOLS = one_of("bilateral", "zero-shot", "unlabelled", "budget")
DATASETS = one_of("hdfs", "bgl", "thunderbird", "openstack")
