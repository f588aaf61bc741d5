/*
 * words.js - what things are called, and what they mean.
 */

/* A category's sign, so that it is known without its colour. */
const SIGNS = {
	process: ["●", "a process or thread: made, begun, asleep, ended"],
	task: ["■", "tasks: submitted, encoded, run, settled"],
	message: ["▶", "a message from one place to another"],
	error: ["✖", "an error: born, stored, seen"],
	condition: ["◆", "the condition: its lock, wait and notify"],
	output: ["❯", "a line is printed"],
};

/* What each kind of entry means, for who reads of it for the first time. */
const MEANINGS = {
	fork: "A new process begins as a copy of this one.",
	thread: "A new thread begins in this process.",
	start: "Here the place begins.",
	exit: "The process is over.",
	sleep: "It does nothing for a while, on purpose.",
	wake: "The pause is over.",
	submit: "The tasks are handed to the pool; the call returns at once.",
	encode: "The handler writes a task down for a worker.",
	settle: "All is known of the tasks: the result is ready.",
	task_start: "The task's function begins.",
	task_end: "The task's function has returned.",
	await: "From here on it waits for the result.",
	ready: "The wait for the result is over. It may be an error.",
	send: "A message leaves.",
	receive: "A message arrives.",
	request: "The manager is asked.",
	reply: "The manager has answered.",
	error_born: "Here the error is made.",
	error_stored: "The result keeps the first error, for who asks.",
	error_seen: "Here somebody looks at the error.",
	failed: "The manager's answer was an error.",
	acquire: "It wants the condition's lock.",
	blocked: "Somebody else has the lock.",
	acquired: "It has the lock.",
	release: "The lock is free again.",
	wait: "It gives the lock back, and waits to be notified.",
	woken: "A notification woke it.",
	timed_out: "Time was up first.",
	notify: "Whoever waits is woken.",
	print: "A line on standard output.",
};

/* What it means where there is more to say. */
function meaning({kind, woken, observer, child, signal}) {
	if (kind === "notify" && woken === 0)
		return "Nobody waits, so nobody is woken.";
	if (kind === "error_seen" && observer === "nobody")
		return "The result is freed, and nobody looked at its error.";
	if (kind === "exit" && signal === 9 && child?.startsWith("worker"))
		return "The pool kills its workers when it is freed.";
	if (kind === "exit" && child)
		return "The end of a process is noticed by who made it.";
	return MEANINGS[kind] || "";
}

/* Markdown in a line of prose: `code`, and [words](of a link). */
function prose(text) {
	return text.split(/(`[^`]*`)/).map((piece, i) =>
		i % 2 ? make("code", {}, piece.slice(1, -1)) :
			piece.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
				.replace(/\*+/g, ""));
}

/* A time or a while, from microseconds: "35.55 ms" */
function milliseconds(time) {
	return (time / 1000).toFixed(2);
}

function seconds(time) {
	return `${(time / 1e6).toFixed(2)} s`;
}

/* A process ends after what it did last, which need not be why. */
function because({kind}) {
	return kind === "exit" ? "After" : "Because of";
}
