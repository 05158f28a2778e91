"""Masks: what each takes, and that none of them takes words."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import UserError
from models.masks import DEFAULT_MASKS, Mask, Masker, key_mask

MASKER = Masker(DEFAULT_MASKS)


@pytest.mark.parametrize(
    ("content", "masked"),
    [
        ("req-38101a0b-2096-447d-96ea-a692162415ae done", "req-<UUID> done"),
        ("[instance: 38101A0B-2096-447D-96EA-A692162415AE]", "[instance: <UUID>]"),
        ("link 00:1a:2b:3c:4d:5e up", "link <MAC> up"),
        ("src: /10.250.18.114:43996 dest", "src: <IP> dest"),
        ("from ::ffff:10.100.248.1 port 39518", "from <IP> port <NUM>"),
        ("10.0.0.1,10.0.0.2", "<IP>,<IP>"),
        ("open /var/lib/nova/instances/x_1 now", "open <PATH> now"),
        ("cwd=/a/b/c/", "cwd=<PATH>"),
        ("at 0x1f and 0xDEADBEEF", "at <HEX> and <HEX>"),
        ("hash 1f3870be274f6c49b3e31a0c6728957f", "hash <HEX>"),
        ("took 12.75 s, -3 left, 1,024 of 5/6", "took <NUM> s, <NUM> left, <NUM> of <NUM>"),
        ("at 12:30:59 in 10ms", "at <NUM> in <NUM>ms"),
        ("node-12 and part 3.", "node-<NUM> and part <NUM>."),
        ("sshd[29997]: pid=77", "sshd[<NUM>]: pid=<NUM>"),
        ("VM Started", "VM Started"),
        ("eth0 ext3 sha256 ipv4 R02 p2p", "eth0 ext3 sha256 ipv4 R02 p2p"),
        ("deadbeef facade added", "deadbeef facade added"),
        ("and/or read/write input/output/error", "and/or read/write input/output/error"),
        ("/tmp full", "/tmp full"),
        ("http://example.org/index", "http://example.org/index"),
        ("a::b::c be:ad:ed", "a::b::c be:ad:ed"),
        ("well-known e-mail --verbose", "well-known e-mail --verbose"),
        ("", ""),
    ],
)
def test_default_masks(content: str, masked: str) -> None:
    assert MASKER.mask(content) == masked


WORDS = st.text(string.ascii_letters, min_size=1, max_size=14)


@given(
    st.lists(st.tuples(WORDS, st.sampled_from([" ", "-", "_", ": ", ", ", ".", "=", " [", "]"])))
)
def test_no_default_mask_takes_words(parts: list[tuple[str, str]]) -> None:
    content = "".join(word + between for word, between in parts)
    assert MASKER.mask(content) == content


def test_the_key_goes_first_and_only_the_group_is_replaced() -> None:
    masker = Masker((key_mask(r"order (\d+)"), *DEFAULT_MASKS))
    assert masker.mask("order 12 has 3 items, order 13") == (
        "order <KEY> has <NUM> items, order <KEY>"
    )


def test_a_mask_without_a_group_replaces_all_that_matches() -> None:
    assert Masker([Mask("USER", r"user \w+")]).mask("user eve and user bob") == "<USER> and <USER>"


def test_a_group_that_took_no_part_replaces_nothing() -> None:
    masker = Masker([key_mask(r"(?:id=(\d*)|ping)")])
    assert masker.mask("ping id= id=7") == "ping id= id=<KEY>"


def test_masks_apply_in_their_order() -> None:
    first, second = Mask("A", r"\d+"), Mask("B", r"\d+\.\d+")
    assert Masker([first, second]).mask("1.5") == "<A>.<A>"
    assert Masker([second, first]).mask("1.5") == "<B>"


def test_a_pattern_that_is_none_names_the_mask() -> None:
    with pytest.raises(UserError, match="mask BAD"):
        Masker([Mask("BAD", "(")])
