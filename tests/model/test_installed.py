"""Versions as ``importlib.metadata`` tells them."""

from importlib.metadata import version

import pytest

from exhume.model.installed import version_of


@pytest.mark.parametrize("name", ["yara-x", "google-re2", "pysigma", "PyYAML", "jinja2", "Jinja2", "pytest"])
def test_the_version_is_the_same(name):
    assert version_of(name) == version(name) != ""


def test_what_is_not_installed_has_none():
    assert version_of("no-such-package-anywhere") == ""
