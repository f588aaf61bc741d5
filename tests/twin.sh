#!/bin/sh
# twin.sh PROGRAM - runs a Python program, so that what it writes depends on
# nothing but itself: no variable of the environment changes how (-E, NO_COLOR),
# and the notes are left out that Python has put below an error since 3.14, such
# as "when serializing tuple item 1", for which C has no counterpart.
exec 3>&1
errors=$(NO_COLOR=1 python3 -E "$1" 2>&1 >&3 3>&-)
status=$?
[ -z "$errors" ] || printf '%s\n' "$errors" | sed '/^when serializing /d' >&2
exit $status
