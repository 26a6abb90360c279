"""Know where the haproxy.cfgiguration is: the help page shows it, and a real HAProxy is tested with it."""

from pathlib import Path

SAMPLE = Path(__file__).with_name("haproxy.cfg")
