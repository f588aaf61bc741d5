#!/bin/sh
# fuzz.sh FUZZER - lets the fuzzer run on each target in turn, for FUZZ_SECONDS
# in all, or 60. It starts from tests/corpus, and from what it kept of earlier
# runs. Ends with a line for each target; fails if anything was found.
fuzzer=$1
folder=$(dirname "$fuzzer")
seconds=${FUZZ_SECONDS:-60}
case $seconds in
'' | *[!0-9]*)
	echo "FUZZ_SECONDS is '$seconds', where a number of seconds would do" >&2
	exit 2
	;;
esac
targets=$(ls tests/corpus)
each=$((seconds / $(echo "$targets" | wc -l)))
[ "$each" -gt 0 ] || each=1
found=0
lines=
for target in $targets; do
	kept=$folder/corpus/$target
	log=$folder/$target.log
	mkdir -p "$kept"
	FUZZ_TARGET=$target "$fuzzer" -max_total_time=$each -max_len=2048 \
		-timeout=10 -print_final_stats=1 \
		-artifact_prefix="$folder/$target-" \
		"$kept" "tests/corpus/$target" >"$log" 2>&1
	status=$?
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
	took=$(sed -n 's/^Done .* in \([0-9]*\) second.*/\1/p' "$log")
	lines="$lines$(printf '%-10s %10s executions, %5s edges, %4s s' \
		"$target" "${runs:-?}" "${edges:-?}" "${took:-?}")
"
	[ $status -eq 0 ] && continue
	found=$((found + 1))
	cat "$log"
	file=$(sed -n 's/.*Test unit written to //p' "$log")
	lines="$lines  found: ${file:-see $log}
  repeat it: FUZZ_TARGET=$target $fuzzer ${file:-}
"
done
printf '%s' "$lines"
[ $found -eq 0 ]
