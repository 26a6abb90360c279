"""Know where the nginx.configuration is: the help page shows it, and a real nginx is tested with it."""

from pathlib import Path

SAMPLE = Path(__file__).with_name("nginx.conf")
