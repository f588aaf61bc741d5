"""Tries the page of walkthroughs in a real browser, as its readers use it.

It is told where the page is; and, if not all is to be tried, what of it, as
unittest names it:

    /usr/bin/python3 -B tests/browser.py build/walkthrough/index.html PrintTest

What the page should show is read from the records of the runs, which lie beside
it. After each test the browser tells what the page complained of, and what it
asked for; both should be nothing.
"""

import bisect
import itertools
import json
import pathlib
import signal
import sys
import unittest

from page import Browser, Interrupted, Page
from selenium.webdriver.common.keys import Keys

# In the README's order, which is that of their keys.
CASES = ["silent_failure", "error_callback", "get_reraise", "manager_proxy",
         "fork_global"]
FAILING = CASES[:3]
FIX = "fork_global"

BUTTONS = ["first", "back", "forward", "last", "compare", "help"]

# How many steps Page Down goes.
LEAP = 10

# Where main stands at the same point of all cases.
MARKS = ["submit", "sleep", "wake", "acquire", "notify", "release", "await"]

# The screens of a laptop and of a projector.
SIZES = [(1024, 768), (1920, 1080)]

# What WCAG 2.1 demands of text.
CONTRAST = 4.5

# What the whole takes only if something hangs, in seconds.
LIMIT = 300

page = None
records = {}


def lines_of(text):
    """Gives the lines of a text, without the space around them."""
    return [line.strip() for line in text.splitlines() if line.strip()]


class Record:
    """What happened in a case's run, from what the run has left."""

    def __init__(self, case, folder):
        trace = json.loads((folder / f"{case}.json").read_text())
        slices = [event for event in trace["traceEvents"]
                  if event["ph"] == "X"]
        slices.sort(key=lambda slice: (slice["ts"], slice["args"]["index"]))
        self.times = [slice["ts"] for slice in slices]
        self.entries = [slice["args"] for slice in slices]
        self.steps = len(slices)
        self.ledger = lines_of(trace["otherData"]["ledger"])
        source = pathlib.Path(f"scenarios/{case}.c").read_text()
        self.output = lines_of((folder / f"{case}.out").read_text())
        self.errors = lines_of((folder / f"{case}.err").read_text())
        self.source = source.replace("\t", "").splitlines()

    def moved(self, step):
        """Gives the place that the step's entry is of."""
        return self.entries[step - 1]["place"]

    def line(self, step):
        """Gives the line that the place that moved has come to, if any.

        A place that has ended, or a worker that has ended its task, is at none.
        """
        line = None
        for entry in self.entries[:step]:
            if entry["place"] == self.moved(step):
                line = entry.get("line", line)
                if entry["kind"] in ["task_end", "exit"] and (
                        "child" not in entry):
                    line = None
        return line

    def count(self, step, place):
        """Gives how many entries a place has up to a step."""
        return sum(entry["place"] == place for entry in self.entries[:step])

    def printed(self, step):
        """Gives the lines that were printed up to a step."""
        return [entry["text"] for entry in self.entries[:step]
                if entry["kind"] == "print"]

    def marks(self, step):
        """Gives the times at which main passed its marks, up to a step."""
        marks = []
        for entry, time in zip(self.entries[:step], self.times):
            if (entry["place"] == "main" and len(marks) < len(MARKS)
                    and entry["kind"] == MARKS[len(marks)]):
                marks.append(time)
        return marks

    def step_beside(self, other, step):
        """Gives the step that belongs beside one of another case.

        Here main has passed the same marks as there, and as much time has
        passed since. Both begin and end together.
        """
        if step in [0, other.steps]:
            return self.steps if step else 0
        there = other.marks(step)
        here = self.marks(self.steps)
        passed = len(there)
        if passed == 0:
            return bisect.bisect_right(
                self.times, min(other.times[step - 1], here[0] - 1))
        time = here[passed - 1] + other.times[step - 1] - there[-1]
        if passed < len(here):
            time = min(time, here[passed] - 1)
        return bisect.bisect_right(self.times, time)


class PageTest(unittest.TestCase):
    """Opens the page before each test, and hears its complaints after it."""

    maxDiff = None

    def setUp(self):
        page.resize(*SIZES[0])
        page.emulate()
        page.open()

    def tearDown(self):
        page.close_windows()
        self.assertEqual(page.complaints(), [])

    def check_panel(self, panel, case, step):
        """Checks that a panel shows just what its record has at a step."""
        record = records[case]
        where = f"{case}, step {step}"
        self.assertEqual(panel["case"], case)
        self.assertEqual(
            sorted(itertools.chain(*panel["places"].values())),
            list(range(1, step + 1)), where)
        for place, entries in panel["places"].items():
            self.assertEqual(len(entries), record.count(step, place),
                             f"{where}: {place}")
        self.assertEqual(panel["stdout"], record.printed(step), where)
        if step < record.steps:
            self.assertIsNone(panel["ledger"], where)
        else:
            self.assertEqual(lines_of(panel["ledger"]), record.ledger, where)
        line = record.line(step)
        if line is None:
            self.assertEqual(panel["marked"], [], where)
            return
        [[number, text]] = panel["marked"]
        self.assertEqual(number, line, where)
        self.assertIn(record.source[line - 1].strip(), text, where)
        self.assertIn(record.moved(step), text, where)

    def check_look(self, look, case, step):
        """Checks that the page shows this case alone, at this step."""
        self.assertEqual(look["step"], f"{step} of {records[case].steps}")
        self.assertEqual(look["slider"], step)
        self.assertEqual(look["chosen"], [case])
        self.assertEqual(len(look["panels"]), 1)
        self.check_panel(look["panels"][0], case, step)

    def check(self, case, step):
        """Looks at the page; checks that it shows this case, at this step."""
        self.check_look(page.look(), case, step)
        self.assertEqual(page.settled_address(), f"#{case}/{step}")

    def check_beside(self, case, step, other):
        """Checks that two cases are shown, and that they are in step."""
        look = page.look()
        beside = records[other].step_beside(records[case], step)
        self.assertEqual(len(look["panels"]), 2)
        self.check_panel(look["panels"][0], case, step)
        self.check_panel(look["panels"][1], other, beside)
        self.assertEqual(page.settled_address(), f"#{case}/{step}/{other}")


class StepTest(PageTest):
    """Steps through the cases, by each of the ways there are."""

    def check_walk(self, walk, forward, back, cases):
        """Walks through cases to their ends and back; checks each step."""
        for case in cases:
            with self.subTest(case=case):
                steps = records[case].steps
                page.open(f"#{case}/0")
                self.check(case, 0)
                looks = [*walk(forward, steps), *walk(back, steps)]
                way = [*range(1, steps + 1), *range(steps - 1, -1, -1)]
                for look, step in zip(looks, way, strict=True):
                    self.check_look(look, case, step)
                self.check(case, 0)

    def test_each_case_steps_to_its_end_and_back(self):
        self.check_walk(page.looks_after_keys, "ArrowRight", "ArrowLeft", CASES)

    def test_held_keys_step_to_the_end_and_back(self):
        self.check_walk(
            page.looks_while_holding, Keys.RIGHT, Keys.LEFT, CASES[:1])

    def test_buttons_step_to_the_end_and_back(self):
        self.check_walk(page.looks_after_clicks, "forward", "back", CASES[:1])

    def test_buttons_are_clicked_by_a_mouse(self):
        last = records[CASES[0]].steps
        for action, step in [("forward", 1), ("forward", 2), ("back", 1),
                             ("last", last), ("back", last - 1), ("first", 0)]:
            page.click(f'[data-action="{action}"]')
            self.check(CASES[0], step)

    def test_there_is_no_step_before_the_first_or_after_the_last(self):
        last = records[CASES[0]].steps
        for keys, action, step in [
                ([Keys.LEFT, Keys.PAGE_UP], "back", 0),
                ([Keys.END, Keys.RIGHT, Keys.PAGE_DOWN], "forward", last)]:
            page.press(*keys)
            self.check(CASES[0], step)
            page.click(f'[data-action="{action}"]')
            self.check(CASES[0], step)

    def test_keys_jump(self):
        last = records[CASES[0]].steps
        for key, step in [(Keys.PAGE_DOWN, LEAP), (Keys.PAGE_DOWN, 2 * LEAP),
                          (Keys.PAGE_UP, LEAP), (Keys.RIGHT, LEAP + 1),
                          (Keys.PAGE_UP, 1), (Keys.PAGE_UP, 0),
                          (Keys.END, last), (Keys.PAGE_UP, last - LEAP),
                          (Keys.PAGE_DOWN, last), (Keys.HOME, 0)]:
            page.press(key)
            self.check(CASES[0], step)

    def test_the_slider_jumps(self):
        last = records[CASES[0]].steps
        page.click('[data-action="seek"]')  # In its middle.
        self.assertAlmostEqual(page.look()["slider"], last / 2, delta=2)
        self.check(CASES[0], page.look()["slider"])
        for step in [last, 7, 0]:
            page.drag_slider(step)
            self.check(CASES[0], step)

    def test_keys_work_wherever_the_focus_is(self):
        for selector in ['[data-action="seek"]', '[data-action="forward"]',
                         f'[data-case="{CASES[1]}"]', '[data-show="source"]',
                         '[data-show="places"]']:
            for key, step in [(Keys.RIGHT, 1), (Keys.PAGE_DOWN, 1 + LEAP),
                              (Keys.LEFT, LEAP), (Keys.HOME, 0),
                              (Keys.END, records[CASES[0]].steps)]:
                page.focus(selector)
                page.press(key)
                self.check(CASES[0], step)
            page.press(Keys.HOME)

    def test_keys_with_ctrl_or_alt_are_the_browsers(self):
        for modifier in [Keys.CONTROL, Keys.ALT]:
            for key in ["c", "2", Keys.END]:
                page.press_with(modifier, key)
                self.check(CASES[0], 0)


class CaseTest(PageTest):
    """Chooses cases, and looks at what is told of each."""

    def test_there_are_five_cases_in_the_readmes_order(self):
        links = page.find_all("a[data-case]")
        self.assertEqual(
            [link.get_attribute("data-case") for link in links], CASES)

    def test_a_case_is_chosen_by_its_link(self):
        for case in reversed(CASES):
            page.click(f'[data-case="{case}"]')
            self.check(case, 0)

    def test_a_case_is_chosen_by_its_number(self):
        page.press(Keys.END)
        for number in [2, 3, 4, 5, 1]:
            page.press(str(number))
            self.check(CASES[number - 1], 0)
        page.press("6")
        self.check(CASES[0], 0)

    def test_a_case_has_a_lesson_and_its_whole_source(self):
        for case in CASES:
            page.open(f"#{case}/0")
            [panel] = page.look()["panels"]
            self.assertGreater(len(panel["lesson"]), 100)
            self.assertEqual(page.ask("sourceLines()"), records[case].source)

    def test_the_end_shows_what_was_printed_to_either_stream(self):
        for case in CASES:
            page.open(f"#{case}/{records[case].steps}")
            [panel] = page.look()["panels"]
            self.assertEqual(panel["stdout"], records[case].output)
            self.assertEqual(panel["stderr"], records[case].errors)

    def test_failing_ledgers_differ_in_one_line_the_observer(self):
        ledgers = []
        for case in FAILING:
            page.open(f"#{case}/{records[case].steps}")
            ledgers.append(lines_of(page.look()["panels"][0]["ledger"]))
        differing = [set(lines) for lines in zip(*ledgers, strict=True)
                     if len(set(lines)) > 1]
        self.assertEqual(differing, [{
            "Seen by: nobody.", "Seen by: the error callback.",
            "Seen by: result_get()."}])

    def test_the_end_of_what_did_nothing_is_no_other_end(self):
        """A process that is killed as it begins has no place in a record."""
        state, *meanings = page.driver.execute_script("""
            const [told] = JSON.parse(
                document.getElementById("cases").textContent);
            for (const event of told.record.traceEvents)
                delete event.args?.child;
            const one = readCase(told);
            const ends = one.entries.filter(({kind}) => kind === "exit");
            const past = one.entries.slice(0, ends[0].step);
            return [stateOf(one, past, ends[0].place), ...ends.map(meaning)]""")
        self.assertNotEqual(state, "ended")
        self.assertNotIn("", meanings)

    def test_the_help_is_shown_and_goes_away(self):
        page.press("?")
        self.assertTrue(page.ask('shown(document, "dialog").length'))
        page.press(Keys.ESCAPE)
        self.assertFalse(page.ask('shown(document, "dialog").length'))
        page.click('[data-action="help"]')
        self.assertTrue(page.ask('shown(document, "dialog").length'))
        page.press(Keys.ESCAPE, Keys.RIGHT)
        self.check(CASES[0], 1)


class BesideTest(PageTest):
    """Looks at a case beside another one."""

    def test_a_case_stands_beside_its_fix(self):
        for case in FAILING:
            page.open(f"#{case}/12")
            page.press("c")
            self.check_beside(case, 12, FIX)
            button = page.find('[data-action="compare"]')
            self.assertEqual(button.get_attribute("aria-pressed"), "true")
            page.click('[data-action="compare"]')
            self.check(case, 12)
            self.assertEqual(button.get_attribute("aria-pressed"), "false")

    def test_two_cases_step_in_time(self):
        for case, other in [(CASES[0], FIX), (FIX, CASES[0]),
                            (CASES[2], CASES[3])]:
            steps = records[case].steps
            page.open(f"#{case}/0/{other}")
            self.check_beside(case, 0, other)
            for step in [*range(1, steps, 7), steps]:
                page.drag_slider(step)
                self.check_beside(case, step, other)

    def test_keys_step_both(self):
        page.open(f"#{CASES[0]}/20/{FIX}")
        for key, step in [(Keys.RIGHT, 21), (Keys.LEFT, 20), (Keys.END,
                          records[CASES[0]].steps), (Keys.HOME, 0)]:
            page.press(key)
            self.check_beside(CASES[0], step, FIX)


class AddressTest(PageTest):
    """Opens addresses, shared and mistaken, and goes back in history."""

    def test_a_shared_link_shows_its_step_in_a_new_window(self):
        for case, step in [(CASES[0], 12), (FIX, records[FIX].steps)]:
            page.open(f"#{case}/{step}")
            self.check_link_in_new_window()
            self.check(case, step)

    def test_a_shared_link_shows_two_cases_in_a_new_window(self):
        page.open(f"#{CASES[0]}/12/{FIX}")
        self.check_link_in_new_window()
        self.check_beside(CASES[0], 12, FIX)

    def check_link_in_new_window(self):
        """Checks that the link is the address, and opens it elsewhere."""
        link = page.find('a[data-action="link"]').get_attribute("href")
        self.assertEqual(link, page.address + page.settled_address())
        page.open_window("#" + link.partition("#")[2])

    def test_the_link_can_be_clicked(self):
        page.open(f"#{CASES[0]}/12")
        page.click('[data-action="link"]')
        page.await_script('shownText(document, "notice")')
        self.check(CASES[0], 12)

    def test_a_bad_address_shows_the_nearest_and_says_so(self):
        for bad, case, step in [
                ("#nonsense/4", CASES[0], 4),
                ("#nonsense", CASES[0], 0),
                (f"#{FIX}/99999", FIX, records[FIX].steps),
                (f"#{FIX}/99999999999999999999", FIX, None),
                (f"#{FIX}/-1", FIX, 0),
                (f"#{FIX}/1.5", FIX, None),
                (f"#{FIX}/nonsense", FIX, 0),
                (f"#{FIX}/3/nonsense", FIX, 3),
                (f"#{FIX}/3/{CASES[0]}/3", FIX, None),
                ("#%00", CASES[0], 0),
                ("#%", CASES[0], 0),
                ("#//", CASES[0], 0),
                ("#__proto__/1", CASES[0], 1),
                ("#<b>/1", CASES[0], 1)]:
            with self.subTest(address=bad):
                page.go(f"#{CASES[1]}/1")
                page.go(bad)
                self.assertTrue(page.look()["notice"])
                if step is not None:
                    self.check(case, step)

    def test_a_bad_address_can_be_opened(self):
        for bad, case, step in [("#nonsense/4", CASES[0], 4),
                                (f"#{FIX}/-1", FIX, 0),
                                ("#%00", CASES[0], 0)]:
            page.open(bad)
            self.assertTrue(page.look()["notice"])
            self.check(case, step)

    def test_a_good_address_says_nothing(self):
        for good, case, step in [("", CASES[0], 0), ("#", CASES[0], 0),
                                 (f"#{FIX}/0", FIX, 0),
                                 (f"#{FIX}/3", FIX, 3),
                                 (f"#{FIX}", FIX, 0)]:
            page.open(good)
            self.check(case, step)
            self.assertIsNone(page.look()["notice"])

    def test_a_notice_goes_away_with_the_next_step(self):
        page.open("#nonsense/4")
        page.press(Keys.RIGHT)
        self.check(CASES[0], 5)
        self.assertIsNone(page.look()["notice"])

    def test_back_and_forward_go_from_case_to_case(self):
        page.press("2", *[Keys.RIGHT] * 3, "5", *[Keys.RIGHT] * 2)
        self.check(FIX, 2)
        page.driver.back()
        self.check(CASES[1], 3)
        page.driver.back()
        self.check(CASES[0], 0)
        page.driver.forward()
        self.check(CASES[1], 3)
        page.driver.forward()
        self.check(FIX, 2)


class SightTest(PageTest):
    """Looks at the page as one who sees it, on screens and on paper."""

    def views(self):
        """Goes to steps that look different; gives the address of each."""
        addresses = [f"#{case}/{step}" for case in CASES for step
                     in [0, records[case].steps // 2, records[case].steps]]
        for address in [*addresses, f"#{CASES[0]}/20/{FIX}", "#nonsense/4"]:
            page.go(address)
            yield address
        page.press("?")
        yield "help"
        page.press(Keys.ESCAPE)

    def test_all_is_reached_by_tab_and_the_focus_is_seen(self):
        wanted = {*CASES, *BUTTONS, "seek", "link"}
        for scheme in ["light", "dark"]:
            page.emulate(prefers_color_scheme=scheme)
            page.open(f"#{CASES[0]}/{records[CASES[0]].steps}")
            reached = set()
            for _ in range(2 * len(wanted)):
                page.press(Keys.TAB)
                name = page.ask("focused()")
                if name:
                    reached.add(name)
                    self.assertTrue(page.ask("isFocusSeen()"), name)
            self.assertEqual(wanted - reached, set())

    def test_what_has_the_focus_is_done_by_enter_and_space(self):
        for selector, key, step in [
                ('[data-action="last"]', Keys.ENTER, records[CASES[0]].steps),
                ('[data-action="first"]', Keys.SPACE, 0),
                ('[data-action="forward"]', Keys.ENTER, 1),
                ('[data-action="forward"]', Keys.SPACE, 2)]:
            page.focus(selector)
            page.press(key)
            self.check(CASES[0], step)
        page.focus(f'[data-case="{FIX}"]')
        page.press(Keys.ENTER)
        self.check(FIX, 0)

    def test_nothing_sticks_out_at_either_side(self):
        for size in SIZES:
            page.resize(*size)
            for view in self.views():
                with self.subTest(size=size, view=view):
                    self.assertEqual(page.ask("tooWide()"), [])

    def test_text_can_be_read_in_light_and_in_dark(self):
        grounds = set()
        for scheme in ["light", "dark"]:
            page.emulate(prefers_color_scheme=scheme)
            for view in self.views():
                with self.subTest(scheme=scheme, view=view):
                    page.await_script("document.getAnimations().length === 0")
                    self.assertEqual(page.ask(f"faintTexts({CONTRAST})"), [])
            grounds.add(str(page.ask("groundOf(document.body)")))
        self.assertEqual(len(grounds), 2, "light and dark look the same")

    def test_nothing_moves_for_who_wants_no_motion(self):
        page.emulate(prefers_reduced_motion="reduce")
        for key in [Keys.END, Keys.LEFT, Keys.HOME, "c", "?"]:
            page.press(key)
            self.assertEqual(
                page.ask("document.getAnimations().length"), 0, key)

    def test_a_printed_case_has_all_entries_and_its_ledger(self):
        for case in CASES:
            with self.subTest(case=case):
                page.open(f"#{case}/12")
                paper, look, cut_off = page.print()
                self.assertEqual(paper[:5], b"%PDF-")
                self.assertGreater(len(paper), 10000)
                self.check_panel(look["panels"][0], case, records[case].steps)
                self.assertEqual(cut_off, [])
                self.check(case, 12)


def interrupt(number, _):
    """Has the tests end as at Ctrl-C; unittest would go on after the like."""
    if number == signal.SIGALRM:
        raise Interrupted(f"not done after {LIMIT} s")
    raise Interrupted(signal.Signals(number).name)


def fail(message):
    sys.stderr.write(f"browser.py: {message}\n")
    sys.exit(2)


def read_records(path):
    if not path.is_file():
        fail(f"there is no page {path}; 'ninja walkthrough' makes one")
    for case in CASES:
        records[case] = Record(case, path.parent)


def main():
    global page
    if len(sys.argv) < 2:
        fail("say which page; build/walkthrough/index.html is one")
    read_records(pathlib.Path(sys.argv[1]))
    for number in [signal.SIGTERM, signal.SIGHUP, signal.SIGALRM]:
        signal.signal(number, interrupt)
    signal.alarm(LIMIT)
    with Browser() as browser:
        page = Page(browser, sys.argv[1])
        result = unittest.main(
            argv=sys.argv[:1] + sys.argv[2:], exit=False, verbosity=2).result
    # A test of which several subtests have failed is one.
    bad = {getattr(test, "test_case", test)
           for test, _ in result.failures + result.errors}
    print(f"{result.testsRun - len(bad)} passed, {len(bad)} failed")
    sys.exit(not result.wasSuccessful() or bool(browser.left_behind()))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt as reason:
        sys.stderr.write(f"browser.py: interrupted: {str(reason) or 'SIGINT'}\n")
        sys.exit(130)
