"""The quick masker against the plain one, on made-up and on real texts."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.archive import read_lines
from models.masks import DEFAULT_MASKS, Mask, Masker, key_mask
from models.quick_masks import WORTH_LEARNING, QuickMasker
from trainer.datasets.raw import DEFAULT_RULES, masks_of

DIGITS = "0123456789"
# Parts of which masks take all, some, or nothing; "#" is any digit.
PARTS = st.sampled_from(
    ["########-aaaa-#a##-a###-############", "deadbeef-aaaa-bbbb-cccc-dddddddddddd",
     "##:aa:##:bb:##:cc", "##.###.#.###:####", "/##.#.#.##", "/var/log/a#/b##", "0x##ff",
     "10x20", "#x##", "#x#f", "a0x#",
     "0x", "##", "-#,###.##", "R##-M#-N#", "ext#", "blk_-####", "order ###", "###abcdef##", "%s",
     "%", "é##", "٣", "node", "[instance: ", "/servers/", " ", "=", "-", ".", ":", "<NUM>", "#"]
)  # fmt: skip


@st.composite
def texts(draw: st.DrawFn) -> list[str]:
    """Texts of few shapes, each with several fillings."""
    shapes = draw(st.lists(st.lists(PARTS, max_size=7).map("".join), min_size=1, max_size=3))
    made = []
    for _ in range(draw(st.integers(1, 12))):
        shape = draw(st.sampled_from(shapes))
        filling = iter(draw(st.text(DIGITS, min_size=shape.count("#"), max_size=shape.count("#"))))
        made.append("".join(next(filling) if letter == "#" else letter for letter in shape))
    return made


MASKS = [
    DEFAULT_MASKS,
    masks_of(DEFAULT_RULES["hdfs"]),
    masks_of(DEFAULT_RULES["openstack"]),
    (key_mask(r"order (\d+)"), *DEFAULT_MASKS),
    (key_mask(r"(?:id=(\d*)|ping)"), Mask("NUM", r"\d+")),
    # Masks that tell digits apart, by class, by literal and by reference.
    (Mask("LOW", r"[0-4]+"), *DEFAULT_MASKS),
    (Mask("TEN", "10"), Mask("ONE", "1[a-z]"), *DEFAULT_MASKS),
    (Mask("TWICE", r"(\d)\1"), *DEFAULT_MASKS),
    (Mask("OH", "0x"), Mask("TEN", "10"), Mask("NUM", r"\d+")),
    (Mask("EDGE", ">1"), *DEFAULT_MASKS),
    # A placeholder with a digit, a replacement with an escape, two groups.
    (Mask("IPV4", r"\d+\.\d+"), Mask("NUM", r"V\d")),
    (Mask(r"A\\B", r"\d\d"), *DEFAULT_MASKS),
    (Mask("TWO", r"(a)(\d)"), *DEFAULT_MASKS),
    (Mask("EMPTY", r"\d*"), Mask("OVER", "a(aa)")),
    (),
]


@given(st.sampled_from(MASKS), texts(), st.sampled_from([1, 2, 1000]))
@example(DEFAULT_MASKS, ["at 0xf", "at 1xf"], 1000)
@example(DEFAULT_MASKS, ["R1 a0x7", "R2 a0x8"], 1000)
@example((Mask("TEN", "10"),), ["of 10", "of 11", "10 of 01"], 1000)
@example((key_mask("a(aa)"),), ["aaa"] * 3, 1000)
@example((key_mask(r"(\d)"),), ["1 of 11", "1 of 12"], 1000)
def test_the_same_as_the_plain_masker(
    masks: tuple[Mask, ...], contents: list[str], most: int
) -> None:
    quick = QuickMasker(masks, most_skeletons=most)
    plain = Masker(masks)
    # Often enough: unknown, met a few times, remembered.
    for _ in range(WORTH_LEARNING + 2):
        assert quick.mask_all(contents) == plain.mask_all(contents)


@given(st.sampled_from(MASKS), st.lists(st.text(max_size=30), max_size=6))
def test_the_same_on_any_text(masks: tuple[Mask, ...], contents: list[str]) -> None:
    quick = QuickMasker(masks)
    assert [quick.mask_all(contents) for _ in range(9)] == [Masker(masks).mask_all(contents)] * 9


def test_default_masks_permit_skeletons() -> None:
    assert QuickMasker(DEFAULT_MASKS).remembers
    for rule in DEFAULT_RULES.values():
        assert QuickMasker(masks_of(rule)).remembers


@pytest.mark.parametrize("masks", [MASKS[5], MASKS[7], MASKS[8], MASKS[9], MASKS[10]])
def test_masks_that_do_not_permit_skeletons(masks: tuple[Mask, ...]) -> None:
    assert not QuickMasker(masks).remembers


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("hdfs", "HDFS/raw_2pct/HDFS_2pct.log.gz"),
        ("bgl", "BGL/raw_samples/BGL_2k.log.gz"),
        ("thunderbird", "Thunderbird/raw_68min/Thunderbird_19k.log.gz"),
        ("openstack", "OpenStack/raw/openstack-nova-sample.log.gz"),
    ],
)
def test_the_same_on_real_lines(real_data: Path, name: str, file: str) -> None:
    masks = masks_of(DEFAULT_RULES[name])
    lines = [line for line, _ in zip(read_lines(real_data / file), range(20_000), strict=False)]
    quick = QuickMasker(masks)
    expected = Masker(masks).mask_all(lines)
    assert quick.mask_all(lines) == expected
    assert quick.mask_all(lines) == expected
