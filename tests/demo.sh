#!/bin/sh
# demo.sh SCENARIO... - runs scenarios one after another, each under a heading
# and followed by its exit status.
for scenario; do
	printf '\n== %s\n' "$(basename "$scenario")"
	"$scenario" 2>&1
	printf '== exit %d\n' $?
done
