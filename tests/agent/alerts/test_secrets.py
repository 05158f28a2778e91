import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.alerts import parse_masks, secrets_masker
from models.errors import UserError

# The secret between << and >>; the rest must stay as it is.
LINES = [
    "login user=bob password=<<hunter2>> from 10.0.0.1",
    'config {"db_password": "<<s3cr3t with spaces>>", "port": 5432}',
    "mysql --user=root --password='<<p w>>' -h db",
    "PGPASSWORD=<<abc>> psql",
    "pwd: <<abc>>; next",
    "api_key=<<0123456789abcdef>>&page=2",
    "X-Api-Key: <<0123456789abcdef>>",
    "aws_secret_access_key = <<wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY>>",
    "Authorization: <<Bearer abc.def-ghi>>",
    '"authorization":"<<Basic dXNlcjpwYXNz>>"',
    "curl -H 'Proxy-Authorization: <<Digest zzz>>'",
    "sent bearer <<0123456789abcdef>> to upstream",
    "Cookie: <<sid=1; other=2>>",
    "jwt <<eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl>> expired",
    "cloned with <<ghp_0123456789abcdefghij0123456789abcdef>>",
    "key <<AKIAIOSFODNN7EXAMPLE>> denied",
    "connect postgres://app:<<hunter2>>@db.internal:5432/shop",
    "mail to <<alice.o'hara+x@mail.example.co.uk>> bounced",
]
HARMLESS = [
    "081109 203615 148 INFO dfs.DataNode$PacketResponder: PacketResponder 1 for block blk_38 ended",
    "password changed for user bob",
    "token expired",
    "user bob@localhost logged in",
    "GET https://example.com/tokens/list?page=2 200",
    "10.0.0.1:8080 -> 10.0.0.2:9090 passed=3 bypass 4",
    "2026-11-22T10:00:00Z secretary: hello",
    "",
]


@pytest.mark.parametrize("line", LINES)
def test_secrets_are_masked_and_nothing_else_is(line: str) -> None:
    before, _, rest = line.partition("<<")
    secret, _, after = rest.partition(">>")
    masked = secrets_masker().mask(before + secret + after)
    assert secret not in masked
    assert masked.startswith(before)
    assert masked.endswith(after)
    assert masked[len(before) :].startswith("<")


@pytest.mark.parametrize("line", HARMLESS)
def test_a_line_without_a_secret_stays_as_it_is(line: str) -> None:
    assert secrets_masker().mask(line) == line


@given(st.text(max_size=300))
def test_masking_again_changes_nothing(line: str) -> None:
    masker = secrets_masker()
    once = masker.mask(line)
    assert masker.mask(once) == once


def test_own_masks_come_beside_the_usual_ones() -> None:
    masks = parse_masks(["card=[0-9]{16}", "tenant=tenant (\\w+)"])
    masked = secrets_masker(masks).mask("tenant acme paid with 4111111111111111 a@b.example")
    assert masked == "tenant <TENANT> paid with <CARD> <EMAIL>"


@pytest.mark.parametrize("option", ["", "card", "card=", "=x", "a b=x", "card=(", "card=x*"])
def test_what_is_no_mask_is_one_line(option: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_masks([option])
    assert "\n" not in str(caught.value)
