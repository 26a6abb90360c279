"""Keep Python's garbage collector away from what stays for as long as the process."""

import gc


def spare_what_is_loaded() -> None:
    """Take what was loaded at the start out of garbage collection: walking it makes all wait for 100 ms."""
    gc.collect()
    gc.freeze()
