"""Know where the sample configuration is: the help page shows it, a real HAProxy is tested with it."""

from pathlib import Path

SAMPLE = Path(__file__).with_name("haproxy.cfg")
