/*
 * columns.js - the pane with a column for each place, which fill step by step.
 *
 * It is a grid. A row is an entry, or a long pause. Each place has two tracks,
 * so that the label of an entry can begin in the middle of its column; and it
 * may go on over other columns, where nothing else is in that row.
 */

/* The height of a row of the columns, in em of their font. */
const ROW = 1.6;

/* What a place does after an entry that begins to last. */
const LASTING = {
	sleep: "sleeps",
	wait: "waits",
	blocked: "blocked",
	await: "waits",
};

/* Makes a part of a drawing. */
function draw(name, attributes, ...children) {
	const element = document.createElementNS(
		"http://www.w3.org/2000/svg", name);

	for (const [key, value] of Object.entries(attributes))
		element.setAttribute(key, value);
	element.append(...children);
	return element;
}

/* The columns' heads, and a list for what each place did. */
function columns(one) {
	return one.places.map((name, i) => make("section",
		{"data-place": name, "aria-label": name},
		make("h4", {style: `grid-column: ${2 * i + 3} / span 2`},
			name, make("small")),
		make("ol")));
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

/*
 * Makes a list have an item for each entry. The items that are there stay: most
 * steps add one, and to make them all anew would take many times as long.
 */
function keepOrAdd(list, entries, makeItem) {
	while (list.children.length > entries.length)
		list.lastChild.remove();
	list.append(...entries.slice(list.children.length).map(makeItem));
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
		keepOrAdd(column.lastChild, past
			.filter(entry => entry.placeName === name),
		entry => entryItem(one, entry));
	}
	places.prepend(picture(one, past), ...one.places.flatMap(
		(name, place) => lifeline(one, past, place)));
	places.append(...rowItems(past));
	places.querySelector("[data-entry][aria-current]")
		?.removeAttribute("aria-current");
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
