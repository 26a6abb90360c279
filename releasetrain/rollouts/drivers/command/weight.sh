#!/bin/sh
# Print the share that stands, such as {"weight": 25, "fence": 7}; $1 is the file that the router reads.
exec cat "$1"
