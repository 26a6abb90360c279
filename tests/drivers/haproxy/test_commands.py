"""Commands are built and replies read without a proxy: every reply here was taken from a real one."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from releasetrain.rollouts.drivers.haproxy import commands
from releasetrain.rollouts.drivers.haproxy.commands import Unexpected, Versions
from releasetrain.rollouts.drivers.haproxy.setting import HEADER, Setting, read_lines
from releasetrain.rollouts.drivers.salts import salt_of

LISTING = """# id (file) description
0 (/etc/hosts.map) pattern loaded from file '/etc/hosts.map' used by map at file 'h.cfg' line 9. curr_ver=0 next_ver=0 entry_cnt=1
1 (/var/lib/rt/shop.map) pattern loaded from file '/var/lib/rt/shop.map' used by map at file 'h.cfg' line 16, by map at file 'h.cfg' line 17. curr_ver=2 next_ver=5 entry_cnt=3

"""  # noqa: E501 - as it comes


def test_a_map_is_found_among_those_that_are_loaded() -> None:
    assert commands.read_versions(LISTING, "/var/lib/rt/shop.map") == Versions(2, 5)


def test_a_map_that_is_not_loaded_is_told() -> None:
    with pytest.raises(Unexpected, match=r"loaded no map /var/lib/rt/other\.map"):
        commands.read_versions(LISTING, "/var/lib/rt/other.map")


@pytest.mark.parametrize(
    "reply", ["Permission denied\n\n", "Unknown map identifier. Please use #<id> or <file>.\n\n"]
)
def test_a_text_reply_is_shown_and_never_taken_for_an_answer(reply: str) -> None:
    for read in (commands.read_nothing, commands.read_created, commands.read_map, commands.read_servers):
        with pytest.raises(Unexpected) as refusal:
            read(reply)
        assert str(refusal.value) == reply.strip()


def test_what_was_prepared_has_a_number() -> None:
    assert commands.read_created("New version created: 12\n\n") == 12


def test_entries_come_with_their_addresses() -> None:
    reply = "0x7fa494047be0 weight 50\n0x7fa494047e20 salt 9f3c\n0x7fa494047e60 fence 7\n\n"
    assert commands.read_map(reply) == Setting(50, 7, "9f3c")


def test_an_empty_map_means_baseline() -> None:
    assert commands.read_map("\n") == Setting(0, 0)


@pytest.mark.parametrize("text", ["abc", "101", "-1", "5.5", "٥", "9" * 30])
def test_a_weight_that_is_no_whole_percentage_is_none(text: str) -> None:
    assert read_lines([f"weight {text}"]).weight is None


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 100), st.integers(0, 2**62), st.text("ab .-/1", max_size=20))
def test_what_is_put_in_is_what_is_read_back(weight: int, fence: int, version: str) -> None:
    setting = Setting(weight, fence, salt_of(version))
    assert read_lines((HEADER + setting.lines()).splitlines()) == setting
    payload = commands.add("/m", 3, setting).partition("<<\n")[2]
    assert read_lines(payload.splitlines()) == setting
    assert "\n\n" not in payload  # an empty line would end it


def test_each_version_has_first_users_of_its_own() -> None:
    assert salt_of("2.4.1") != salt_of("2.4.2")


def test_servers_are_read_by_the_names_of_the_columns() -> None:
    head = "# pxname,svname,scur,status,weight,type,addr,check_status,last_chk"
    rows = [
        "shop,FRONTEND,1,OPEN,,0,,,",
        "shop,baseline,2,UP,1,2,10.0.0.11:8080,L7OK,",
        "shop,candidate,0,DOWN,0,2,10.0.0.21:8080,L4CON,Connection refused",
        "shop,other,0,no check,1,2,10.0.0.31:8080,,",
        "shop,BACKEND,2,UP,1,1,,,",
    ]
    baseline, candidate, other = commands.read_servers("\n".join([head, *rows, "", ""]))
    assert (baseline.name, baseline.sessions, baseline.is_up) == ("baseline", 2, True)
    assert (candidate.is_up, candidate.check) == (False, "Connection refused")
    assert (other.is_up, other.is_checked) == (True, False)


@pytest.mark.parametrize("reply", ["admin\n\n", "user\n\n", "operator\n\n"])
def test_the_level_of_a_socket_is_read(reply: str) -> None:
    assert commands.read_level(reply) == reply.strip()
