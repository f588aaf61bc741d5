/*
 * cases.js - the cases, each with what its record says; read once. A case is
 * whole from then on, and nothing in it changes.
 */

/* A pause of so many microseconds gets a row of its own. */
const PAUSE = 50000;

/* Which case stands beside a case: its fix, or what it is the fix of. */
const FIX = "fork_global";
const BROKEN = "silent_failure";

/* Where main stands at the same point of both cases: see stepBeside(). */
const MARKS = [
	"submit", "sleep", "wake", "acquire", "notify", "release", "await",
];

/* main, handler, zygote, manager, then the workers in order. */
function placeOrder(a, b) {
	const first = ["main", "handler", "zygote", "manager"];
	const rank = name =>
		first.includes(name) ? first.indexOf(name) : first.length;

	return rank(a) - rank(b) ||
		a.localeCompare(b, "en", {numeric: true});
}

/* What an entry says in its column. */
function label(name, args) {
	if (args.kind === "print")
		return `prints “${args.text}”`;
	if (args.error)
		return `${name}: ${args.error}`;
	if (args.signal !== undefined)
		return `${name}: signal ${args.signal}`;
	if (args.status !== undefined)
		return `${name}: status ${args.status}`;
	return name;
}

/* The entries, with rows: one for each, and one for each long pause. */
function readEntries(slices, places) {
	const byIndex = new Map();
	let row = 0, pauses = 0, before = 0;

	slices.sort((a, b) => a.ts - b.ts || a.args.index - b.args.index);
	return slices.map((slice, i) => {
		const args = slice.args;
		const pause = slice.ts - before;
		const entry = {
			step: i + 1,
			time: slice.ts,
			place: places.indexOf(args.place),
			placeName: args.place,
			process: slice.pid,
			kind: args.kind,
			category: slice.cat,
			label: label(slice.name, args),
			line: args.line || 0,
			text: args.text,
			status: args.status,
			signal: args.signal,
			/* One that did nothing before its end has no place. */
			child: args.child ||
				(args.child_process && "a process"),
			woken: args.woken,
			observer: args.observer,
			cause: byIndex.get(args.cause) || null,
			pause: pause >= PAUSE ? pause : 0,
		};

		row += entry.pause ? 2 : 1;
		pauses += entry.pause ? 1 : 0;
		entry.row = row;
		entry.pauses = pauses;
		before = slice.ts;
		byIndex.set(args.index, entry);
		return entry;
	});
}

function readCase({name, title, lesson, source, errors, record}) {
	const slices = record.traceEvents.filter(event => event.ph === "X");
	const places = [...new Set(slices.map(slice => slice.args.place))]
		.sort(placeOrder);

	return {
		name, title, lesson, errors, places,
		/* Of which process each place is. */
		processes: places.map(place => slices.find(
			slice => slice.args.place === place).pid),
		source: source.replace(/\n$/, "").split("\n"),
		ledger: record.otherData.ledger.trimEnd().split("\n"),
		entries: readEntries(slices, places),
	};
}

const cases = JSON.parse(document.getElementById("cases").textContent)
	.map(readCase);

function findCase(name) {
	return cases.find(one => one.name === name);
}

/* Which case it is compared with unless the address says another. */
function partner(one) {
	const name = one.name === FIX || one.name === "manager_proxy" ?
		BROKEN : FIX;

	return findCase(name) || cases.find(other => other !== one);
}

/*
 * The marks that a case's main process has passed after so many steps: the
 * entries of what both cases have in common.
 */
function marksOf(one, step) {
	const marks = [];

	for (const entry of one.entries.slice(0, step))
		if (entry.placeName === "main" &&
			entry.kind === MARKS[marks.length])
			marks.push(entry);
	return marks;
}

/*
 * How many steps the other case has made when this one has made so many: its
 * main process has come as far, and as much time has passed since. At the end
 * of this case, the other is shown to its end, too.
 */
function stepBeside(one, step, other) {
	if (step === 0 || step === one.entries.length)
		return step && other.entries.length;
	const now = one.entries[step - 1].time;
	const marks = marksOf(one, step);
	const others = marksOf(other, other.entries.length);
	const from = marks.length ? marks.at(-1).time : 0;
	const mark = others[marks.length - 1] || other.entries[0];
	const next = others[marks.length];
	const count = other.entries.findIndex(entry => entry === next ||
		entry.step > mark.step && entry.time > mark.time + now - from);

	return count < 0 ? other.entries.length : count;
}
