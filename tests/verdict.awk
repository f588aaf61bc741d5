# verdict.awk - judges the processes of one program by the census that census.c
# made of them, and the logs that a checker left; see inspect.sh, which sets
# name, checker, catch and status. Prints every log that gives offence, a row
# for table.sh, and "exit 0" if all is well, else "exit 1".
#
# valgrind leaves a log for every process, with a summary at its end unless the
# process was killed; a sanitizer writes only when it finds something.

function blame(pid, what, why)
{
	found[what] = 1
	printf "== process %s of %s: %s\n%s", pid, name, why, text[pid]
}

# Whether a process was killed by somebody who may; or its parent was, for a
# zygote, or a test, takes its children along. Its log may then end anywhere, or
# never have begun, but what stands there counts.
function is_killed(pid)
{
	return pid in killed || parent[pid] in killed
}

function judge(pid)
{
	errors += wrong[pid]
	leaks += lost[pid]
	if (lost[pid] > 0)
		blame(pid, "leaks", "leaks")
	else if (wrong[pid] > 0)
		blame(pid, "errors", "errors")
	else if (!(pid in parent))
		blame(pid, "uncounted", "has a log, but nobody saw it begin")
	else if (checker == "sanitizer" && pid in text)
		blame(pid, "unknown", "a log of another kind")
	else if (checker == "sanitizer" || pid in summary || is_killed(pid))
		return
	else if (!(pid in text))
		blame(pid, "unlogged", "has left no log, and nobody killed it")
	else
		blame(pid, "cut", "its log ends early, and nobody killed it")
}

FNR == 1 {
	pid = FILENAME
	sub(/.*\//, "", pid)
	gsub(/[^0-9]/, "", pid)
}

# The census.
pid == "" && $1 == "process" && ++forked[$2] == 3 {
	# Both sides of a fork tell of it. The second log has replaced the first.
	blame($2, "reused", "two processes had this id; run it again")
}
pid == "" && $1 == "killed" { killed[$2] = 1 }
pid == "" && $1 == "beside" { beside[$2] = 1 }
pid == "" && NF == 3 { parent[$2] = $3 }
pid == "" { next }

# Not what valgrind says of system calls that it does not know.
!/^--[0-9]+-- / { text[pid] = text[pid] $0 "\n" }

# valgrind. Until there is a summary, each stack counts as an error; but not the
# one of who wrote to a process that had been killed.
/ are definitely lost in loss record / { lost[pid]++ }
/^==[0-9]+== Process terminating .* \(SIGPIPE\)$/ { unheard[pid] = 1 }
/^==[0-9]+== +at 0x/ && !(pid in summary) && !(pid in unheard) { wrong[pid]++ }
/^==[0-9]+== ERROR SUMMARY: / {
	gsub(/,/, "")
	wrong[pid] = $4 - lost[pid]
	summary[pid] = 1
}

# The sanitizers.
/ERROR: AddressSanitizer|WARNING: ThreadSanitizer|: runtime error: / {
	wrong[pid]++
}
/^(Direct|Indirect) leak of / { lost[pid]++ }

END {
	for (pid in text)
		judge(pid)
	for (pid in parent) {
		processes++
		ended += is_killed(pid) && !(pid in summary)
		if (!(pid in text))
			judge(pid)
	}
	if (checker == "sanitizer")
		for (pid in beside)
			blame(pid, "beside", "forks beside threads; see must.h")
	if (status != 0) {
		found["failed"] = 1
		printf "== %s: exit status %d\n", name, status
	}
	if (processes == 0)
		found["uncounted"] = 1
	for (what in found)
		verdict = verdict (verdict == "" ? "" : " ") what
	if (catch != "")
		verdict = verdict == catch ? "caught" : "NOT CAUGHT"
	printf "row\t%s\t%d\t%d\t%d\t%d\t%s\n", name, processes, ended,
		errors, leaks, verdict
	print "exit", verdict == "" || verdict == "caught" ? 0 : 1
}
