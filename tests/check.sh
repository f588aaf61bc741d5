#!/bin/sh
# check.sh LOG BUILD COMMAND [ARG...] - runs a test program and keeps what it
# prints, and its exit status in a last line, in a log. Succeeds in any case:
# report.sh reads the logs. A program that hangs is killed after 120 seconds.
log=$1
BUILD=$2
TRANSCRIPT=$BUILD/transcript
export BUILD TRANSCRIPT
shift 2
timeout --kill-after=5 120 "$@" >"$log" 2>&1 </dev/null
echo "exit $?" >>"$log"
