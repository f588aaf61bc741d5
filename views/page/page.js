/*
 * page.js - steps through what happened in the runs of the scenarios.
 *
 * What there is to show is read once, from the records in the page. Where the
 * reader stands in it is one object, the view: which case, how many of its
 * entries have happened, and which case stands beside it. Each change makes a
 * new view, and show() makes the page, and the address, say what it says.
 *
 * words.js, cases.js, columns.js and panel.js are parts of the same script.
 */

/* How many steps Page Down goes. */
const LEAP = 10;

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

/* Where the reader stands. */
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
