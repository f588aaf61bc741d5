/*
 * page.js - steps through what happened in the runs of the scenarios.
 *
 * What there is to show is read once, from the records in the page. Where the
 * reader stands in it is one object, the view: which case, how many of its
 * entries have happened, and which case stands beside it. Each change makes a
 * new view, and show() makes the page, and the address, say what it says.
 */
"use strict";

/* The height of a row of the columns, in em of their font. */
const ROW = 1.6;

/* A pause of so many microseconds gets a row of its own. */
const PAUSE = 50000;

/* How many steps Page Down goes. */
const LEAP = 10;

/* Which case stands beside a case: its fix, or what it is the fix of. */
const FIX = "fork_global";
const BROKEN = "silent_failure";

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
	timed_out: "Nobody notified it in time.",
	notify: "Whoever waits is woken.",
	print: "A line on standard output.",
};

/* What a place does after an entry that begins to last. */
const LASTING = {
	sleep: "sleeps",
	wait: "waits",
	blocked: "blocked",
	await: "waits",
};

/* Where main stands at the same point of both cases: see stepBeside(). */
const MARKS = [
	"submit", "sleep", "wake", "acquire", "notify", "release", "await",
];

/* What it means where there is more to say. */
function meaning({kind, woken, observer, child, signal}) {
	if (kind === "notify" && woken === 0)
		return "Nobody waits, so nobody is woken.";
	if (kind === "error_seen" && observer === "nobody")
		return "The result is freed, and nobody looked at its error.";
	if (kind === "exit" && signal === 9 && child.startsWith("worker"))
		return "The pool kills its workers when it is freed.";
	if (kind === "exit" && child)
		return "The end of a process is noticed by who made it.";
	return MEANINGS[kind] || "";
}

/* Makes an element, with these attributes and children. */
function make(name, attributes = {}, ...children) {
	const element = document.createElement(name);

	for (const [key, value] of Object.entries(attributes))
		element.setAttribute(key, value);
	element.append(...children);
	return element;
}

/* The same of a picture's parts. */
function draw(name, attributes, ...children) {
	const element = document.createElementNS(
		"http://www.w3.org/2000/svg", name);

	for (const [key, value] of Object.entries(attributes))
		element.setAttribute(key, value);
	element.append(...children);
	return element;
}

/* The part of a panel, or of the page, that shows this. */
function part(name, within = document) {
	return within.querySelector(`[data-show="${name}"]`);
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

/*
 * The cases.
 */

/* main, handler, zygote, manager, then the workers in order. */
function placeOrder(a, b) {
	const first = ["main", "handler", "zygote", "manager"];
	const rank = name => (first.indexOf(name) + first.length + 1) %
		(first.length + 1);

	if (first.includes(a) || first.includes(b))
		return (first.includes(a) ? rank(a) : 9) -
			(first.includes(b) ? rank(b) : 9);
	return a.localeCompare(b, "en", {numeric: true});
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
			child: args.child,
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

/*
 * The address.
 */

/*
 * The view that an address names: #CASE/STEP or #CASE/STEP/OTHER; and what is
 * wrong with it, if it has to be the nearest.
 */
function readAddress(hash) {
	const words = hash.replace(/^#/, "").split("/");
	const [name, number, other, ...more] = words;
	const one = findCase(name) || cases[0];
	const last = one.entries.length;
	const isNumber = /^\d{1,9}$/.test(number);
	const view = {
		one, step: isNumber ? Math.min(Number(number), last) : 0,
		other: findCase(other) || null,
	};
	let wrong = "";

	if (view.other === one)
		view.other = null;
	if (name && name !== one.name)
		wrong = `There is no case “${name}”.`;
	else if (number !== undefined && !isNumber)
		wrong = `“${number}” is not a step.`;
	else if (isNumber && Number(number) > last)
		wrong = `${one.name} has no step ${number}, only ${last}.`;
	else if (other !== undefined && !view.other || more.length)
		wrong = `“${words.slice(2).join("/")}” is not another case.`;
	return [view, wrong && `${wrong} This is the nearest there is.`];
}

function address({one, step, other}) {
	return `#${one.name}/${step}${other ? `/${other.name}` : ""}`;
}

/*
 * What does not change while a case is shown.
 */

/* Tells, of each line, where its comment begins and ends, if it has one. */
function commentIn(line, isInside) {
	const begin = isInside ? 0 : line.indexOf("/*");
	const end = line.indexOf("*/", isInside ? 0 : begin + 2);

	if (begin < 0)
		return [line.length, line.length, false];
	return [begin, end < 0 ? line.length : end + 2, end < 0];
}

function sourceLines(source) {
	let inside = false;

	return source.map((line, i) => {
		const [begin, end, goesOn] = commentIn(line, inside);

		inside = goesOn;
		return make("li", {"data-line": i + 1},
			make("code", {}, line.slice(0, begin),
				make("i", {}, line.slice(begin, end)),
				line.slice(end)),
			make("span", {class: "marks"}));
	});
}

/* The columns' heads, and a list for what each place did. */
function columns(one) {
	return one.places.map((name, i) => make("section",
		{"data-place": name, "aria-label": name},
		make("h4", {style: `grid-column: ${2 * i + 3} / span 2`},
			name, make("small")),
		make("ol")));
}

function makePanel(one, isFirst) {
	const panel = document.getElementById("panel").content
		.cloneNode(true).firstElementChild;
	const places = part("places", panel);

	panel.dataset.panel = one.name;
	panel.querySelector("h2").append(...prose(one.title));
	part("lesson", panel).append(...prose(one.lesson));
	part("file", panel).append(`scenarios/${one.name}.c`);
	part("source", panel).append(...sourceLines(one.source));
	places.style.gridTemplateColumns =
		`auto auto repeat(${2 * one.places.length}, minmax(0, 1fr))`;
	places.style.gridAutoRows = `${ROW}em`;
	places.append(
		make("h4", {class: "number"}, "#"),
		make("h4", {class: "time"}, "ms"),
		...columns(one));
	for (const name of ["source", "places", "transcript", "ledger"])
		part(name, panel).setAttribute("aria-label",
			`${name} of ${one.name}`);
	if (isFirst)
		part("now", panel).setAttribute("aria-live", "polite");
	return panel;
}

/*
 * What changes with each step. Each function gets the panel, its case, and the
 * entries that have happened.
 */

/* A process ends after what it did last, which need not be why. */
function because({kind}) {
	return kind === "exit" ? "After" : "Because of";
}

/* What happened last, in words. */
function showNow(panel, one, past) {
	const entry = past.at(-1);
	const now = part("now", panel);

	if (!entry) {
		now.replaceChildren("Nothing has happened yet. ",
			make("kbd", {}, "→"), " goes on.");
		return;
	}
	const said = [
		make("strong", {}, `#${entry.step} ${entry.placeName}`),
		` ${entry.label}`,
	];

	if (entry.line)
		said.push(make("span", {}, `, line ${entry.line}`));
	said.push(". ");
	if (entry.cause)
		said.push(`${because(entry)} `, make("a", {
			"data-because": entry.cause.step,
			"href": address({
				...(one === view.one ? view : {one}),
				step: entry.cause.step,
			}),
		}, `${entry.cause.placeName} #${entry.cause.step}`),
		` (${entry.cause.label}). `);
	said.push(make("small", {}, meaning(entry)));
	now.replaceChildren(...said);
}

/* The line on which each place is; none when it is back in the library. */
function linesOf(past) {
	const lines = new Map();

	for (const entry of past) {
		if (entry.line && entry.kind !== "task_start")
			lines.set(entry.placeName, entry.line);
		if (entry.kind === "task_end" || entry.kind === "exit")
			lines.delete(entry.child || entry.placeName);
	}
	return lines;
}

/* A place's name at its line; a worker after another is only its number. */
function placeMark(name, isMover, before) {
	const isNext = before && /^worker \d+$/.test(name) &&
		/^(worker )?\d+$/.test(before.textContent);

	return make("b", isMover ? {class: "moved"} : {title: name},
		isNext && !isMover ? name.replace("worker ", "") : name);
}

function showSource(panel, one, past) {
	const source = part("source", panel);
	const lines = linesOf(past);
	const mover = past.at(-1)?.placeName;
	const main = past.findLast(entry =>
		entry.line && entry.placeName === "main");
	let shown = main && source.children[main.line - 1];

	for (const line of source.children) {
		line.removeAttribute("aria-current");
		line.lastChild.replaceChildren();
	}
	for (const name of one.places) {
		const line = source.children[lines.get(name) - 1];
		const marks = line?.lastChild;

		marks?.append(placeMark(name, name === mover, marks.lastChild));
		if (line && name === mover) {
			line.setAttribute("aria-current", "step");
			shown = line;
		}
	}
	source.dataset.newest = shown ? shown.dataset.line : "";
}

/* Scrolls a line into view, in its pane alone. */
function reveal(pane, line) {
	const top = line.getBoundingClientRect().top -
		pane.getBoundingClientRect().top;
	const margin = 2 * line.offsetHeight;

	if (top < margin || top + 2 * margin > pane.clientHeight)
		pane.scrollTop += top - pane.clientHeight / 2;
}

/* The entry in its column: to the right of its sign, or to the left. */
function entryItem(one, entry) {
	const middle = 2 * entry.place + 4;
	const isLeft = entry.place >= one.places.length / 2;
	const item = make("li", {
		"data-entry": entry.step,
		"class": entry.category + (isLeft ? " left" : ""),
		"style": `grid-row: ${entry.row + 1}; grid-column: ` +
			(isLeft ? `3 / ${middle}` : `${middle} / -1`),
		"title": entry.label,
	}, make("span", {class: "sign"}, SIGNS[entry.category][0]),
	make("span", {class: "label"}, entry.label));

	if (entry.cause) {
		item.dataset.because = entry.cause.step;
		item.dataset.words = because(entry).toLowerCase();
	}
	return item;
}

/* What stands in the rows' first columns: their numbers, times and pauses. */
function rowItems(past) {
	return past.flatMap(entry => {
		const row = `grid-row: ${entry.row + 1}`;
		const items = [
			make("span", {class: "number", style: row}, entry.step),
			make("span", {class: "time", style: row},
				milliseconds(entry.time)),
		];

		if (entry.pause)
			items.push(make("span", {
				class: "pause",
				style: `grid-row: ${entry.row}`,
			}, `${seconds(entry.pause)} pass`));
		return items;
	});
}

/* The middle of a place's column, and of an entry's row. */
function x(one, place) {
	return `${100 * (place + 0.5) / one.places.length}%`;
}

function y(row) {
	return `${(row - 0.5) * ROW}em`;
}

function line(one, from, to, attributes = {}) {
	return draw("line", {
		x1: x(one, from.place), y1: y(from.row),
		x2: x(one, to.place), y2: y(to.row), ...attributes,
	});
}

/* The entry that says of a place that its process is over, if it is. */
function endOf(one, past, place) {
	return past.find(({kind, child, process}) => kind === "exit" &&
		(child ? child === one.places[place] :
			process === one.processes[place]));
}

/*
 * A place's line: from each of its entries to its next, or to its end. Unlike a
 * drawing, these can be broken between pages.
 */
function lifeline(one, past, place) {
	const own = past.filter(entry => entry.place === place);
	const end = endOf(one, past, place);

	return own.map((entry, i) => {
		const next = own[i + 1] || end || past.at(-1);

		return make("i", {
			class: LASTING[entry.kind] ? "waits" : "lives",
			style: `grid-row: ${entry.row + 1} / ${next.row + 2}; ` +
				`grid-column: ${2 * place + 4}`,
		});
	});
}

/* The lines from causes to effects, unless there is a pause between them. */
function picture(one, past) {
	const rows = past.length ? past.at(-1).row : 0;
	const near = past.filter(entry =>
		entry.cause && entry.cause.pauses === entry.pauses);

	return sheet(rows, "behind",
		...near.map(entry => line(one, entry.cause, entry)));
}

/* What is drawn over the rows of the columns. */
function sheet(rows, name, ...lines) {
	return draw("svg", {
		"aria-hidden": "true",
		"class": name,
		"style": `grid-row: 2 / span ${rows || 1}; ` +
			`grid-column: 3 / -1; height: ${rows * ROW}em`,
	}, ...lines);
}

/* The arrow from an entry's cause to it. */
function arrow(one, entry) {
	const head = `head-${one.name}`;

	return sheet(entry.row, "before", draw("marker", {
		id: head, viewBox: "0 0 8 8", refX: 14, refY: 4,
		markerWidth: 8, markerHeight: 8, orient: "auto",
		markerUnits: "userSpaceOnUse",
	}, draw("path", {d: "M0,0 L8,4 L0,8 z"})),
	line(one, entry.cause, entry, {"marker-end": `url(#${head})`}));
}

/* What a place is at, for its column's head. */
function stateOf(one, past, place) {
	const last = past.findLast(entry => entry.place === place);

	if (!last)
		return "not yet";
	return endOf(one, past, place) ? "ended" : LASTING[last.kind] || "";
}

function showPlaces(panel, one, past) {
	const places = part("places", panel);

	for (const old of places.querySelectorAll(
		":scope > span, :scope > i, svg"))
		old.remove();
	for (const column of places.querySelectorAll("[data-place]")) {
		const name = column.dataset.place;

		column.querySelector("small").textContent =
			stateOf(one, past, one.places.indexOf(name));
		column.lastChild.replaceChildren(...past
			.filter(entry => entry.placeName === name)
			.map(entry => entryItem(one, entry)));
	}
	places.prepend(picture(one, past), ...one.places.flatMap(
		(name, place) => lifeline(one, past, place)));
	places.append(...rowItems(past));
	places.querySelector(`[data-entry="${past.length}"]`)
		?.setAttribute("aria-current", "step");
	point(panel, past.at(-1));
}

/* Shows what caused an entry, if there is one and something did. */
function point(panel, entry) {
	const places = part("places", panel);
	const cause = entry?.cause;

	places.querySelector(".because")?.classList.remove("because");
	places.querySelector("svg.before")?.remove();
	if (!cause)
		return;
	places.querySelector(`[data-entry="${cause.step}"]`)
		.classList.add("because");
	places.append(arrow(findCase(panel.dataset.panel), entry));
}

/*
 * What was printed so far. What went to standard error is no part of a record;
 * the one thing that a scenario writes there is an error that ends it, as its
 * last act.
 */
function showTranscript(panel, one, past) {
	const transcript = part("transcript", panel);
	const isOver = past.length === one.entries.length;
	const end = past.findLast(entry =>
		entry.kind === "exit" && entry.placeName === "main" &&
		!entry.child);
	const printed = past.filter(entry => entry.kind === "print");

	transcript.replaceChildren(...printed.map(entry =>
		make("li", {"data-stream": "stdout"}, entry.text)));
	if ((end || isOver) && one.errors)
		transcript.append(...one.errors.trimEnd().split("\n").map(
			text => make("li", {"data-stream": "stderr"}, text)));
	part("status", panel).textContent =
		end ? `exit status ${end.status}` :
			transcript.children.length ? "" : "nothing so far";
}

function showLedger(panel, one, past) {
	const ledger = part("ledger", panel);

	ledger.parentNode.hidden = past.length < one.entries.length;
	ledger.replaceChildren(...one.ledger.map(text =>
		make("li", /^\s*Seen by/.test(text) ? {class: "seen"} : {},
			text.trim())));
}

function showPanel(panel, one, step) {
	const past = one.entries.slice(0, step);

	showLedger(panel, one, past);
	showTranscript(panel, one, past);
	showNow(panel, one, past);
	showSource(panel, one, past);
	showPlaces(panel, one, past);
}

/*
 * Scrolls each pane of a panel to what is newest in it. This comes when all is
 * there: where things are is reckoned anew if they have changed since it was
 * asked last, which takes longer than all else.
 */
function scrollToNewest(panel) {
	const source = part("source", panel);
	const line = source.children[source.dataset.newest - 1];

	for (const name of ["places", "transcript", "ledger"])
		showEnd(part(name, panel));
	if (line)
		reveal(source, line);
}

function showEnd(pane) {
	pane.scrollTop = pane.scrollHeight;
}

/* The case beside another, with how far it is. */
function showBeside(panel, one, step) {
	const last = one.entries.length;

	showPanel(panel, one, step);
	part("moment", panel).textContent = step === last ?
		`all ${last} steps` : `at the same moment: ${step} of ${last}`;
}

/*
 * The view.
 */

let view = null;

/*
 * Browsers take only so many changes of the address in a while, and a key that
 * is held down steps faster than that.
 */
const ADDRESS_EVERY = 60;
let addressTimer = null;
let addressTime = -ADDRESS_EVERY;

function writeAddress() {
	clearTimeout(addressTimer);
	addressTime = performance.now();
	history.replaceState(null, "", address(view));
}

function writeAddressSoon() {
	const wait = addressTime + ADDRESS_EVERY - performance.now();

	clearTimeout(addressTimer);
	if (wait > 0)
		addressTimer = setTimeout(writeAddress, wait);
	else
		writeAddress();
}

/* The panels that are there, made anew where another case is to be shown. */
function panelsFor(shown) {
	const panels = part("panels");
	const names = [...panels.children].map(panel => panel.dataset.panel);

	if (names.join() !== shown.map(one => one.name).join())
		panels.replaceChildren(...shown.map(
			(one, i) => makePanel(one, i === 0)));
	return [...panels.children];
}

function showControls({one, step, other}) {
	const last = one.entries.length;
	const action = name =>
		document.querySelector(`[data-action="${name}"]`);

	part("step").textContent = `${step} of ${last}`;
	action("seek").max = last;
	action("seek").value = step;
	action("seek").setAttribute("aria-valuetext", `${step} of ${last}`);
	for (const name of ["first", "back"])
		action(name).setAttribute("aria-disabled", step === 0);
	for (const name of ["forward", "last"])
		action(name).setAttribute("aria-disabled", step === last);
	action("compare").textContent =
		`Beside ${(other || partner(one)).name}`;
	action("compare").setAttribute("aria-pressed", other !== null);
	action("link").href = address(view);
	for (const link of part("cases").children)
		if (link.dataset.case === one.name)
			link.setAttribute("aria-current", "page");
		else
			link.removeAttribute("aria-current");
}

/* Makes the page show the view, and say the notice, if there is one. */
function show(next, notice = "") {
	const {one, step, other} = view = next;
	const panels = panelsFor(other ? [one, other] : [one]);

	writeAddressSoon();
	document.title = `${one.name}, step ${step} - Forklore`;
	part("notice").textContent = notice;
	part("notice").hidden = !notice;
	showControls(view);
	showPanel(panels[0], one, step);
	if (other)
		showBeside(panels[1], other, stepBeside(one, step, other));
	panels.forEach(scrollToNewest);
	document.body.dataset.ready = "true";
}

function showAddress() {
	show(...readAddress(location.hash));
}

function go(step) {
	const last = view.one.entries.length;

	show({...view, step: Math.max(0, Math.min(step, last))});
}

/*
 * Another case is a new entry in the browser's history; a step is not. It is
 * shown at once: a key that comes soon after belongs to it, and the one that is
 * left keeps the step that it was at.
 */
function choose(one) {
	if (!one || one === view.one)
		return;
	writeAddress();
	history.pushState(null, "", address({one, step: 0}));
	show({one, step: 0, other: null});
}

async function copyLink() {
	let notice = "The link to this step is copied.";

	try {
		await navigator.clipboard.writeText(
			document.querySelector(`[data-action="link"]`).href);
	} catch {
		notice = "The link to this step is in the address bar.";
	}
	show(view, notice);
}

const actions = {
	first: () => go(0),
	back: () => go(view.step - 1),
	forward: () => go(view.step + 1),
	last: () => go(view.one.entries.length),
	compare: () => show({
		...view, other: view.other ? null : partner(view.one),
	}),
	link: copyLink,
	help: () => document.querySelector("dialog").showModal(),
};

const keys = {
	ArrowRight: actions.forward,
	ArrowLeft: actions.back,
	PageDown: () => go(view.step + LEAP),
	PageUp: () => go(view.step - LEAP),
	Home: actions.first,
	End: actions.last,
	c: actions.compare,
	"?": actions.help,
};

/* The keys work wherever the focus is, but in the dialog, which has its own. */
function pressed(event) {
	const act = /^[1-9]$/.test(event.key) ?
		() => choose(cases[event.key - 1]) : keys[event.key];

	if (!act || event.ctrlKey || event.altKey || event.metaKey ||
		document.querySelector("dialog").open)
		return;
	event.preventDefault();
	act();
}

function clicked(event) {
	const action = event.target.closest("[data-action]")?.dataset.action;
	const name = event.target.closest("[data-case]")?.dataset.case;
	const entry = event.target.closest("[data-entry]");

	if (event.ctrlKey || event.shiftKey || event.metaKey)
		return; /* A link opens elsewhere. */
	if (name && name !== view.one.name) {
		event.preventDefault();
		choose(findCase(name));
	} else if (actions[action]) {
		event.preventDefault();
		actions[action]();
	} else if (entry?.closest("[data-panel]").dataset.panel ===
		view.one.name) {
		go(Number(entry.dataset.entry));
	}
}

/*
 * Shows the cause of what is pointed at, or else of what happened last. Who
 * points at the words that name a cause gets to see it, wherever it is.
 */
function pointed(event) {
	const panel = event.target.closest?.("[data-panel]");
	const item = event.target.closest?.("[data-entry]");
	const link = event.target.closest?.("a[data-because]");

	if (!panel)
		return;
	const places = part("places", panel);
	const shown = places.querySelectorAll("[data-entry]").length;
	const step = item ? Number(item.dataset.entry) : shown;

	point(panel, findCase(panel.dataset.panel).entries[step - 1]);
	if (link)
		reveal(places, places.querySelector(".because"));
}

function pointedAway(event) {
	const panel = event.target.closest?.("[data-panel]");

	if (event.target.closest?.("a[data-because]"))
		showEnd(part("places", panel));
}

function start() {
	part("cases").append(...cases.map((one, i) => make("a", {
		"data-case": one.name,
		"href": address({one, step: 0}),
		"title": one.title,
	}, make("kbd", {}, i + 1), ` ${one.name}`)));
	part("signs").append(...Object.entries(SIGNS).map(
		([category, [sign, meaning]]) => make("tr", {},
			make("td", {class: category}, sign),
			make("td", {}, meaning))));
	addEventListener("hashchange", showAddress);
	addEventListener("keydown", pressed);
	addEventListener("click", clicked);
	for (const kind of ["mouseover", "focusin"])
		addEventListener(kind, pointed);
	for (const kind of ["mouseout", "focusout"])
		addEventListener(kind, pointedAway);
	document.querySelector(`[data-action="seek"]`).addEventListener(
		"input", event => go(Number(event.target.value)));
	showAddress();
}

/* On paper, a case is shown to its end. */
let viewBeforePrint = null;

addEventListener("beforeprint", () => {
	viewBeforePrint = view;
	go(view.one.entries.length);
});
addEventListener("afterprint", () => show(viewBeforePrint));

start();
