"""Follow a log file and send its error lines to the house; needs neither tables nor Django.

`follow` reads what was added, `entries` finds the error lines in it, `pile` masks and counts them, `sending`
hands each pile over once, and `run` goes round.
"""
