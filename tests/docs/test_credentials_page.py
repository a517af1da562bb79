"""The settings of credentials in docs/operations.md are settings, and there is one of each kind."""

from __future__ import annotations

import re

import yaml
from conftest import ROOT

from arazzo.provider import CredentialSettings, ProviderSettings

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def test_the_examples_are_settings_of_each_kind() -> None:
    """They are read as a worker reads them."""
    section = PAGE.split("\n## Credentials\n")[1].split("\n## ")[0]
    (example,) = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    read = ProviderSettings.model_validate(yaml.safe_load(example))
    shown = {
        kind for one in read.credentials.values() for kind in one.model_dump(exclude_none=True)
    }
    assert shown == set(CredentialSettings.model_fields)
