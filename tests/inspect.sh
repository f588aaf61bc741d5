#!/bin/sh
# inspect.sh LOG CHECKER BUILD CATCH PROGRAM [ARG...] - runs a program under a
# checker, which is one of valgrind's tools, or "sanitizer" where that is built
# in. LOG gets what the program printed, what verdict.awk has to say of its
# processes, and a last line "exit 0" if all is well. CATCH is what has to be
# found in a canary, and empty for all others. Succeeds in any case: table.sh
# reads the logs.
log=$1
checker=$2
export BUILD="$3" TRANSCRIPT="$3/transcript"
catch=$4
program=$5
shift 5
name=$(basename "$program")${1:+ $1}

# Processes that have given up their rights leave logs, too.
logs=$(mktemp -d) || exit
trap 'rm -rf "$logs"' EXIT
trap 'exit 1' HUP INT TERM
chmod 777 "$logs"
touch "$logs/census"
export FORKLORE_LOGS="$logs"

# Under a checker everything takes longer.
limit=900
export FORKLORE_PATIENCE=10

# The census comes before the sanitizer, which would rather be first.
export ASAN_OPTIONS="log_path=$logs/log:verify_asan_link_order=0"
export UBSAN_OPTIONS="log_path=$logs/log:print_stacktrace=1"
export TSAN_OPTIONS="log_path=$logs/log"

# The command is put together from its end.
set -- "$program" "$@"
case $program in
*/scenarios/*) set -- "$@" --delay 10 ;;
esac
if [ "$checker" = memcheck ]; then
	set -- --leak-check=full --show-leak-kinds=definite \
		--errors-for-leak-kinds=definite "$@"
fi
if [ "$checker" != sanitizer ]; then
	export FORKLORE_VALGRIND=1
	# A fair scheduler, else a thread that never sleeps starves the others. No
	# files for a debugger: those of a killed process stand in others' way.
	set -- valgrind --tool="$checker" --log-file="$logs/%p.log" \
		--suppressions=tests/valgrind.supp --trace-children=yes \
		--fair-sched=yes --vgdb=no "$@"
fi
set -- env LD_PRELOAD="$PWD/build/census.so" "$@"
case $program in
*/scenarios/*) set -- "$TRANSCRIPT" --limit=$limit \
	"expected/$(basename "$program").txt" "$@" ;;
esac

# cat ends with the last process that could write, orphans included.
{
	timeout --kill-after=5 $limit "$@" </dev/null
	echo $? >"$logs/status"
} 2>&1 | cat >"$log"

set -- "$logs"/*log*
[ -e "$1" ] || set --
awk -v name="$name" -v checker="$checker" -v catch="$catch" \
	-v status="$(cat "$logs/status")" \
	-f tests/verdict.awk "$logs/census" "$@" >>"$log"
