"""Judge reports, mask secrets and group error lines; pure."""
