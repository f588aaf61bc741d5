/*
 * panel.js - all that is shown of a case. Functions that are called at each step
 * get the panel, the case, and the entries that have happened.
 */

/* Makes an element, with these attributes and children. */
function make(name, attributes = {}, ...children) {
	const element = document.createElement(name);

	for (const [key, value] of Object.entries(attributes))
		element.setAttribute(key, value);
	element.append(...children);
	return element;
}

/* The part of a panel, or of the page, that shows this. */
function part(name, within = document) {
	return within.querySelector(`[data-show="${name}"]`);
}

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
