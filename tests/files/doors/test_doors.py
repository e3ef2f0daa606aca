"""Doors that hand on more than they have loaded."""

import json.decoder

import pytest
from thermospice.files import lazy_names, moved_names


def test_a_name_is_loaded_from_its_home_and_an_unknown_one_is_refused_as_python_does():
    door = lazy_names("json", {"JSONDecoder": "decoder"})
    assert door("JSONDecoder") is json.decoder.JSONDecoder
    with pytest.raises(AttributeError, match=r"module 'json' has no attribute 'loader'"):
        door("loader")


@pytest.mark.parametrize(
    ("home", "told"), [("json.decoder", "moved to json.decoder"), ("json:decoder", "moved to json, as decoder")]
)
def test_a_moved_name_says_where_it_is_now(home, told):
    name = "JSONDecoder" if ":" not in home else "reader"
    with pytest.warns(DeprecationWarning, match=told):
        found = moved_names("json", {name: home})(name)
    assert found is (json.decoder.JSONDecoder if ":" not in home else json.decoder)
