"""Know where the sample configuration is: the help page shows it, and a real Envoy is tested with it."""

from pathlib import Path

SAMPLE = Path(__file__).with_name("envoy.yaml")
