#!/bin/sh
# measure.sh [FOLDER] - measures all figures three times and all growths once,
# and leaves in FOLDER (docs/performance) what report.sh and plot.sh make tables
# and pictures of: run-1.csv to run-3.csv, growth.csv, wanted.csv and machine.txt.
# BENCH_OPTIONS are options of build/bench. If it fails, all is as it was.
set -eu

folder=${1:-docs/performance}
# shellcheck disable=SC2086 # They are several words.
set -- ${BENCH_OPTIONS:-}
if [ ! -x build/bench ] || [ ! -r bench/peer.py ]; then
	echo 'measure.sh: is to be run in the root of the repository, after ninja' >&2
	exit 2
fi

# Prints the first line of what a program says of its version.
version()
{
	command -v "$1" >/dev/null && "$1" --version 2>&1 | head -n 1
}

# Says on what is measured; the load is that of the minutes before.
describe()
{
	processor=$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1)
	echo "- ${processor:-unknown processor}, $(nproc) processors"
	echo "- $(uname -s -r -m)"
	for program in gcc python3 mpirun; do
		version "$program" | sed 's/^/- /'
	done
	[ -z "${BENCH_OPTIONS:-}" ] || echo "- measured with \`$BENCH_OPTIONS\`"
	echo "- load average when it began: $(cut -d ' ' -f 1-3 /proc/loadavg)"
}

new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
describe >"$new/machine.txt"
build/bench --list --csv >"$new/wanted.csv"
for run in 1 2 3; do
	echo "run $run of 3" >&2
	build/bench --csv "$@" >"$new/run-$run.csv"
done
echo growth >&2
build/bench --growth --csv "$@" >"$new/growth.csv"
mkdir -p "$folder"
cp "$new"/* "$folder"
