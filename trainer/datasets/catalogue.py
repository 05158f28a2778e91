"""What loghub (Zhu et al., ISSRE 2023) has on Zenodo.

Sums and sizes are those that record 8196385 publishes; a record does not change once it has a DOI.
"""

from dataclasses import dataclass

PLACE = "https://zenodo.org/records/8196385/files"
TERMS = "loghub is free for research; terms and whom to cite: https://github.com/logpai/loghub"


@dataclass(frozen=True)
class Dataset:
    """archive: file name; logs, labels: patterns of the files that it holds; unpacked: bytes that
    they take; caution: what one has to know."""

    archive: str
    size: int
    md5: str
    logs: str
    unpacked: int
    labels: str | None = None
    caution: str | None = None


DATASETS: dict[str, Dataset] = {
    "hdfs": Dataset(
        "HDFS_v1.zip", 186_645_559, "76a24b4d9a6164d543fb275f89773260", "HDFS.log",
        unpacked=1_700_000_000, labels="anomaly_label.csv",
    ),
    "bgl": Dataset(
        "BGL.zip", 57_489_019, "4452953c470f2d95fcb32d5f6e733f7a", "BGL.log",
        unpacked=750_000_000,
    ),
    "thunderbird": Dataset(
        "Thunderbird.tar.gz", 2_016_100_298, "0891b048df2919dc78c99c4428686b44", "Thunderbird.log",
        unpacked=32_000_000_000,
        caution="211 million lines: most papers take the first ten million, "
        "`head -n 10000000 Thunderbird.log`",
    ),
    "openstack": Dataset(
        "OpenStack.tar.gz", 5_394_691, "66bd42c07837a094d9b0ea2d036b5713", "openstack_*.log",
        unpacked=62_000_000,
        caution="its labels cannot be evaluated on: 195 of 198 anomalous sequences equal a normal "
        "one; use it as unlabelled logs",
    ),
}  # fmt: skip
