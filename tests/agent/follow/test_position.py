import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.follow import Position
from agent.follow.fingerprint import Fingerprint
from models.errors import UserError

_FINGERPRINTS = st.binary(max_size=1024).map(Fingerprint.of)
_PATHS = st.text(min_size=1).filter(lambda text: "\0" not in text)
_POSITIONS = st.builds(
    Position,
    path=_PATHS,
    source=_PATHS,
    device=st.integers(0, 2**64 - 1),
    inode=st.integers(0, 2**64 - 1),
    offset=st.integers(1024, 2**63),
    head=_FINGERPRINTS,
    tail=_FINGERPRINTS,
    seen_at=st.floats(allow_nan=False, allow_infinity=False),
    copy=st.booleans(),
)


@given(_POSITIONS)
def test_a_position_survives_json(position: Position) -> None:
    assert Position.from_json(position.to_json()) == position


@given(_POSITIONS, st.integers(0, 200), st.characters())
def test_nonsense_is_refused_in_one_line(position: Position, place: int, character: str) -> None:
    text = position.to_json()
    damaged = text[:place] + character + text[place + 1 :]
    try:
        Position.from_json(damaged)
    except UserError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{}",
        '{"version":2}',
        '{"version":1,"path":"/a","source":"/a","device":1,"inode":1,"offset":-1}',
        '{"version":1,"path":"/a","source":"/a","device":1,"inode":1,"offset":0,'
        '"head":[0,""],"tail":[5,""],"seen_at":0}',
        "[" * 100_000,
    ],
)
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="position"):
        Position.from_json(text)


@given(st.binary(max_size=2000), st.binary(max_size=50))
def test_a_fingerprint_grows_by_prefix(data: bytes, more: bytes) -> None:
    fingerprint = Fingerprint.of(data)
    assert fingerprint.matches(data + more)
    if data:
        assert not fingerprint.matches(data[:-1])
        assert not fingerprint.matches(bytes([data[0] ^ 1]) + data[1:] + more)
