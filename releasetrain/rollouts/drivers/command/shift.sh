#!/bin/sh
# Put the share of users into the file that the router reads; $1 is that file.
set -eu
held=$(sed -n 's/.*"fence": \([0-9]*\).*/\1/p' "$1")
if [ "$RT_FENCE" -lt "${held:-0}" ]; then
    echo "fence $RT_FENCE is older than $held"
    exit 10
fi
echo "$RT_ACTION: $RT_WEIGHT % of the users of $RT_SERVICE in $RT_ENVIRONMENT get $RT_VERSION"
printf '{"weight": %s, "fence": %s}\n' "$RT_WEIGHT" "$RT_FENCE" > "$1.new"
mv "$1.new" "$1"
printf '{"weight": %s}\n' "$RT_WEIGHT"
