"""Release Train: changes board trains, people decide, traffic moves in stages and comes back in a blink."""
