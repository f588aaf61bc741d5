#!/bin/sh
# table.sh LOG... - prints what a checker found, a row for each program that ran
# under inspect.sh; before that, the logs of those in which something is wrong.
# Fails if there is any. Such a log is removed, so that its program runs again
# the next time.
for log; do
	[ "$(tail -n 1 "$log")" != 'exit 0' ] || continue
	printf '== %s\n' "$log"
	grep -v '^row	\|^exit ' "$log"
done
awk -F '\t' '
BEGIN {
	printf "%-30s %9s %9s %9s %9s\n",
		"program", "processes", "killed", "errors", "leaks"
}
/^\[  (PASSED|FAILED|SKIPPED) *\] [0-9]+ test/ {
	split($0, words, " ")
	tests[words[2]] += words[4]
}
$1 == "row" {
	printf "%-30s %9d %9d %9d %9d  %s\n", $2, $3, $4, $5, $6, $7
	if ($7 == "caught")
		canaries++
	else if ($7 != "")
		wrong++
	if ($7 ~ /^(NOT )?CAUGHT$|^caught$/)
		next
	programs++
	processes += $3
	killed += $4
	errors += $5
	leaks += $6
}
END {
	printf "%d programs, %d processes, %d killed, %d errors, %d leaks; ",
		programs, processes, killed, errors, leaks
	printf "%d tests passed, %d failed, %d skipped; ",
		tests["PASSED"], tests["FAILED"], tests["SKIPPED"]
	printf "%d canaries caught; %d wrong\n", canaries, wrong
}
' "$@"
bad=0
for log; do
	[ "$(tail -n 1 "$log")" = 'exit 0' ] && continue
	rm -f "$log"
	bad=1
done
exit $bad
