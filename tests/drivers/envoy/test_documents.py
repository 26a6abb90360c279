"""What is written for an Envoy, what is read from it, and what a configuration may say."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releasetrain.rollouts.drivers.envoy.clusters import clusters_in
from releasetrain.rollouts.drivers.envoy.routes import Generation, document, generation_in, seen_in
from releasetrain.rollouts.drivers.envoy.setting import Setting, Unreadable, endpoint_of, setting_of
from releasetrain.rollouts.drivers.samples import FOLDER, OURS

CONFIG = {
    "endpoints": ["127.0.0.1:9901 /var/lib/envoy"],
    "baseline": ["10.0.0.1:80"],
    "candidate": ["10.0.0.2:80"],
}
SETTING = setting_of(CONFIG)
GENERATIONS = st.builds(
    Generation,
    weight=st.integers(0, 100),
    fence=st.integers(0, 2**62),
    version=st.text(max_size=100),
    mirror=st.just(0),
)


def dump_of(told: dict[str, Any]) -> str:
    return json.dumps({"configs": [{"route_config": told["resources"][0], "version_info": "any"}]})


@given(GENERATIONS)
def test_what_is_written_is_what_is_read(wanted: Generation) -> None:
    assert generation_in(str(wanted)) == wanted
    seen = seen_in(dump_of(document(SETTING, wanted)), SETTING)
    assert seen is not None
    assert (seen.told, seen.weight, seen.is_ours, seen.is_random) == (wanted, wanted.weight, True, False)


@given(st.integers(1, 100))
def test_mirrored_share_is_read_and_users_stay_where_they_are(percent: int) -> None:
    seen = seen_in(dump_of(document(SETTING, Generation(0, 7, "2.0", percent))), SETTING)
    assert seen is not None
    assert (seen.weight, seen.mirror, seen.is_ours) == (0, percent, True)


def test_only_allowed_methods_are_mirrored_and_without_noise_only_once() -> None:
    setting = setting_of(CONFIG | {"allow_mirror_methods": ["GET", "POST"], "measure_noise": False})
    route = document(setting, Generation(0, 1, "2.0", 5))["resources"][0]["virtual_hosts"][0]["routes"][0]
    assert route["match"]["headers"][0]["string_match"] == {"safe_regex": {"regex": "GET|POST"}}
    assert [one["cluster"] for one in route["route"]["request_mirror_policies"]] == ["shop-shadow"]


def test_routes_that_lead_elsewhere_have_no_weight() -> None:
    told = document(SETTING, Generation(10, 1, "2.0"))
    told["resources"][0]["virtual_hosts"][0]["routes"].insert(
        0, {"match": {"prefix": "/api"}, "route": {"cluster": "somewhere"}}
    )
    seen = seen_in(dump_of(told), SETTING)
    assert seen is not None
    assert (seen.weight, seen.is_ours) == (None, False)
    assert seen_in(json.dumps({"configs": []}), SETTING) is None


@pytest.mark.parametrize("text", ["", "[]", "null", "OK", "<html>"])
def test_nonsense_is_no_dump(text: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        seen_in(text, SETTING)
    with pytest.raises((ValueError, TypeError)):
        clusters_in(text)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"endpoints": []}, "Envoys is missing"),
        ({"endpoints": ["127.0.0.1:9901"]}, "names no Envoy"),
        ({"endpoints": ["127.0.0.1:9901 relative"]}, "names no Envoy"),
        ({"endpoints": ["127.0.0.1:9901 /var/../etc"]}, "names no Envoy"),
        ({"endpoints": ["http://x/ /var"]}, "names no Envoy"),
        ({"name": "../etc"}, "small letters"),
        ({"name": 7}, "must be a text"),
        ({"user_header": "x user"}, "name of a header"),
        ({"allow_mirror_methods": ["GET|.*"]}, "no method"),
        ({"candidate": "10.0.0.2:80"}, "a list of texts"),
    ],
)
def test_unusable_configuration_gets_a_sentence(change: dict[str, Any], words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        setting_of(CONFIG | change)


def test_endpoint_may_be_ipv6() -> None:
    assert endpoint_of("[::1]:9901 /var/lib/envoy").admin == "[::1]:9901"


def test_names_follow_from_one_name() -> None:
    setting = Setting((endpoint_of("127.0.0.1:9901 /d"),), name="blog")
    assert setting.clusters == ("blog-baseline", "blog-candidate", "blog-candidate-then-baseline")
    assert str(setting.file(setting.endpoints[0])) == "/d/blog.json"


def test_the_first_route_file_of_the_help_page_is_the_one_that_we_write() -> None:
    folder = FOLDER / "envoy"
    setting = setting_of(json.loads((folder / OURS).read_text()))
    assert json.loads((folder / "shop.json").read_text()) == document(setting, Generation(0, 0))
