"""Every arrow points down."""

import subprocess
import sys
import tomllib
from pathlib import Path

from django.apps import apps
from django.db.models import ForeignKey

ROOT = Path(__file__).parents[2]
LAYERS: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][
    0
]["layers"]


def height(app: str) -> int:
    """Return how high an app stands: 0 is the lowest."""
    return next(
        index
        for index, layer in enumerate(reversed(LAYERS))
        if app in [one.strip() for one in layer.split("|")]
    )


def test_imports_keep_the_contracts() -> None:
    script = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([script, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_no_foreign_key_points_up() -> None:
    ours = [config for config in apps.get_app_configs() if config.name.startswith("releasetrain.")]
    upward = [
        f"{model._meta.label}.{field.name} → {field.related_model._meta.label}"
        for config in ours
        for model in config.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, ForeignKey)
        and field.related_model._meta.app_config.name.startswith("releasetrain.")
        and height(field.related_model._meta.app_label) > height(model._meta.app_label)
    ]
    assert upward == []
