#!/bin/sh
# report.sh LOG... - prints the logs of the tests that failed, and how many
# passed, failed and were skipped in all. Fails if any failed. The log of a
# failure is removed, so that its test runs again the next time.
passed=0
failed=0
skipped=0
for log; do
	# CMocka's own counts; a program that died before it counted is a failure.
	good=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) test(s).*/\1/p' "$log" | tail -n 1)
	bad=$(sed -n 's/^\[  FAILED  \] \([0-9]*\) test(s).*/\1/p' "$log" | tail -n 1)
	left=$(sed -n 's/^\[  SKIPPED \] \([0-9]*\) test(s).*/\1/p' "$log" | tail -n 1)
	status=$(tail -n 1 "$log")
	if [ "$status" != 'exit 0' ] && [ "${bad:-0}" -eq 0 ]; then
		bad=1
	fi
	ran=$((${good:-0} + ${left:-0}))
	if [ "${bad:-0}" -gt 0 ] || [ "$ran" -eq 0 ]; then
		printf '== %s\n' "$log"
		cat "$log"
		rm -f "$log"
		[ "${bad:-0}" -gt 0 ] || bad=1
	fi
	passed=$((passed + ${good:-0}))
	failed=$((failed + ${bad:-0}))
	skipped=$((skipped + ${left:-0}))
done
if [ "$skipped" -gt 0 ]; then
	echo "$passed passed, $failed failed, $skipped skipped"
else
	echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ]
