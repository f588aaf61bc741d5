#!/bin/sh
# parity.sh CHECKER - checks that each scenario has a twin in Python, and that
# the twin does what the scenario's transcript says; prints a line for each, or
# the difference, and counts. Fails if any does not match.
checker=$1

# Prints how the twin of that name differs from the transcript, if it does.
compare()
{
	twin=docs/python/$1.py
	if [ ! -f "$twin" ]; then
		echo "there is no $twin"
		return 1
	fi
	"$checker" "expected/$1.txt" sh tests/twin.sh "$twin" 2>&1
}

if ! command -v python3 >/dev/null; then
	echo 'parity: there is no python3 to run the twins with'
	exit 1
fi
passed=0
failed=0
for source in scenarios/*.c; do
	name=$(basename "$source" .c)
	if difference=$(compare "$name"); then
		echo "$name: matched"
		passed=$((passed + 1))
	else
		printf '%s: does not match\n%s\n' "$name" "$difference"
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
