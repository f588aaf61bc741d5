/*
 * look.js - what tests/page.py asks in the page: how it looks to a reader. It
 * reads the page and changes nothing in it.
 */

/* Whether a reader can see it, were it scrolled to. */
function isShown(element) {
	return element.checkVisibility(
		{opacityProperty: true, visibilityProperty: true});
}

function shown(root, selector) {
	return [...root.querySelectorAll(selector)].filter(isShown);
}

/* The text of what is shown under a name, or null where it is not. */
function shownText(root, name) {
	const [element] = shown(root, `[data-show="${name}"]`);

	return element ? element.innerText.trim() : null;
}

function printedTo(panel, stream) {
	const transcript = panel.querySelector('[data-show="transcript"]');

	return shown(transcript, `[data-stream="${stream}"]`)
		.map(line => line.innerText.trim());
}

function lookAtPanel(panel) {
	const places = {};

	for (const place of panel.querySelectorAll("[data-place]"))
		places[place.dataset.place] = shown(place, "[data-entry]")
			.map(entry => Number(entry.dataset.entry));
	return {
		case: panel.dataset.panel,
		lesson: shownText(panel, "lesson"),
		marked: shown(panel, '[data-line][aria-current="step"]').map(
			line => [Number(line.dataset.line), line.innerText]),
		places,
		stdout: printedTo(panel, "stdout"),
		stderr: printedTo(panel, "stderr"),
		ledger: shownText(panel, "ledger"),
	};
}

/* The lines of the source, without what moves them to the right. */
function sourceLines() {
	return shown(document, "[data-line] code")
		.map(line => line.textContent.replaceAll("\t", ""));
}

/* All of the page that tests compare. */
function look() {
	const slider = document.querySelector('[data-action="seek"]');

	return {
		step: shownText(document, "step"),
		notice: shownText(document, "notice"),
		slider: Number(slider.value),
		chosen: shown(document, 'a[data-case][aria-current="page"]')
			.map(link => link.dataset.case),
		panels: shown(document, "[data-panel]").map(lookAtPanel),
	};
}

/* Does something so often, and gives how the page looks after each time. */
function looksAfter(act, count) {
	return Array.from({length: count}, () => {
		act();
		return look();
	});
}

function looksAfterClicks(action, count) {
	const button = document.querySelector(`[data-action="${action}"]`);

	return looksAfter(() => button.click(), count);
}

function looksAfterKeys(key, count) {
	return looksAfter(() => document.body.dispatchEvent(
		new KeyboardEvent("keydown", {key, bubbles: true})), count);
}

/* What has the focus, so that each is told from the others; null if nothing. */
function focused() {
	const element = document.activeElement;
	const {action, case: name, show} = element.dataset;

	if (element === document.body)
		return null;
	return action || name || show || element.outerHTML.slice(0, 60);
}

/* Whether it is seen what has the focus: it has an outline, on the screen. */
function isFocusSeen() {
	const element = document.activeElement;
	const style = getComputedStyle(element);
	const ground = groundOf(element.parentElement);
	const box = element.getBoundingClientRect();

	return style.outlineStyle !== "none" &&
		parseFloat(style.outlineWidth) >= 1 &&
		contrast(toColour(style.outlineColor), ground) >= 3 &&
		box.bottom > 0 && box.top < innerHeight &&
		box.right > 0 && box.left < innerWidth;
}

/*
 * Colours: red, green, blue from 0 to 255, and alpha from 0 to 1.
 */

const canvas = new OffscreenCanvas(1, 1)
	.getContext("2d", {willReadFrequently: true});
const colours = new Map();

/* Any colour of CSS; the browser itself knows best what it means. */
function toColour(text) {
	if (!colours.has(text)) {
		canvas.clearRect(0, 0, 1, 1);
		canvas.fillStyle = text;
		canvas.fillRect(0, 0, 1, 1);
		const [...parts] = canvas.getImageData(0, 0, 1, 1).data;

		parts[3] /= 255;
		colours.set(text, parts);
	}
	return colours.get(text);
}

function blend([red, green, blue, alpha], ground) {
	return [red, green, blue].map(
		(part, i) => part * alpha + ground[i] * (1 - alpha));
}

/* What is behind what stands in an element. */
function groundOf(element) {
	if (!element)
		return toColour("Canvas").slice(0, 3);
	const {backgroundColor} = getComputedStyle(element);
	const colour = toColour(backgroundColor);

	return colour[3] === 1 ? colour.slice(0, 3) :
		blend(colour, groundOf(element.parentElement));
}

function luminance(colour) {
	const linear = part => part <= 0.04045 ? part / 12.92 :
		((part + 0.055) / 1.055) ** 2.4;
	const [red, green, blue] = colour.map(part => linear(part / 255));

	return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/* The contrast of two colours as WCAG has it, from 1 to 21. */
function contrast(one, other) {
	const [dark, light] = [luminance(one), luminance(other)]
		.sort((a, b) => a - b);

	return (light + 0.05) / (dark + 0.05);
}

/* An element's own opacity, and that of all it stands in. */
function opacityOf(element) {
	return element ? Number(getComputedStyle(element).opacity) *
		opacityOf(element.parentElement) : 1;
}

/* The texts that stand in an element itself, and how each is written. */
function textsOf(element) {
	const texts = [...element.childNodes]
		.filter(node => node.nodeType === Node.TEXT_NODE)
		.map(node => [node.data.trim(), getComputedStyle(element)]);

	for (const part of ["::before", "::after"]) {
		const style = getComputedStyle(element, part);

		if (style.content.replace(/^(none|normal)$/, ""))
			texts.push([style.content, style]);
	}
	return texts.filter(([text]) => text);
}

/* How much a text in an element, written so, stands out. */
function contrastOf(element, style) {
	const ground = groundOf(element);
	const [red, green, blue, alpha] = toColour(style.color);
	const colour = [red, green, blue, alpha * opacityOf(element)];

	return contrast(blend(colour, ground), ground);
}

/* The texts that have less contrast than this; with it before them. */
function faintTexts(least) {
	const faint = new Set();

	for (const element of shown(document.body, "*"))
		for (const [text, style] of textsOf(element)) {
			const found = contrastOf(element, style);

			if (found < least)
				faint.add(`${found.toFixed(2)}: ${text}`);
		}
	return [...faint];
}

/* What is cut off: it has more in it than there is room for. */
function cutOff() {
	const isVisible = element =>
		getComputedStyle(element).overflowY === "visible";

	return shown(document, "[data-panel] *")
		.filter(element => !isVisible(element) &&
			element.scrollHeight > element.clientHeight + 1)
		.map(element => element.outerHTML.slice(0, 60));
}

/* What sticks out of the window at its right side. */
function tooWide() {
	const buttons = shown(document, "[data-action], [data-case]");
	const right = element => element.getBoundingClientRect().right;

	return [document.documentElement, document.body]
		.filter(element => element.scrollWidth > innerWidth)
		.concat(buttons.filter(button => right(button) > innerWidth))
		.map(element => element.outerHTML.slice(0, 60));
}
