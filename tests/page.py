"""The page of walkthroughs in a real browser: started, driven, looked at.

Nothing of the browser stays behind. All its processes stay below this one,
whichever of them die first, and all that they write goes to one folder.
"""

import base64
import contextlib
import ctypes
import json
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import time

BROWSER = "/usr/bin/chromium"
DRIVER = "/usr/bin/chromedriver"

# What only a hang reaches, in seconds.
PATIENCE = 60

# What the browser shows of itself, before it is told of a page.
OWN_PAGES = ("chrome:", "chrome-untrusted:")

OPTIONS = [
    "--headless=new",
    # Root has to; and it is only our own page that is looked at.
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    # The page wants no network, and nothing else shall use one.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1024,768",
]


def want(path, package):
    if not os.access(path, os.X_OK):
        sys.stderr.write(f"browser.py: there is no {path}; it is in Debian's "
                         f"package {package}\n")
        sys.exit(2)


want(BROWSER, "chromium")
want(DRIVER, "chromium-driver")
try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By
except ImportError as error:
    sys.stderr.write(f"browser.py: {error}; selenium is in Debian's package "
                     f"python3-selenium, for {sys.executable} only if that is "
                     "Debian's own, /usr/bin/python3\n")
    sys.exit(2)


class Interrupted(KeyboardInterrupt):
    """A signal came, or time was up; no test catches this."""


SCRIPT = pathlib.Path(__file__).with_name("look.js").read_text()


def become_subreaper():
    """Has the orphans of all descendants become this process's children."""
    PR_SET_CHILD_SUBREAPER = 36
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def children_of(parent):
    """Gives the living children of a process, and theirs, and so on."""
    found = []
    for thread in pathlib.Path(f"/proc/{parent}/task").glob("*/children"):
        try:
            children = [int(child) for child in thread.read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue  # It ended meanwhile.
        for child in children:
            found += [child, *children_of(child)]
    return found


def reap_all(seconds):
    """Reaps children until none is left; tells whether it came to that."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return True
        if pid == 0:
            time.sleep(0.01)
    return False


class Browser:
    """Debian's chromium, without a window, and the driver that leads it."""

    def __enter__(self):
        become_subreaper()
        self.driver = None
        self.folder = tempfile.mkdtemp(prefix="forklore-browser-")
        try:
            self.start()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_):
        self.end()

    def start(self):
        options = webdriver.ChromeOptions()
        options.binary_location = BROWSER
        for option in OPTIONS + [f"--user-data-dir={self.folder}/profile"]:
            options.add_argument(option)
        options.set_capability(
            "goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        surroundings = dict(os.environ, HOME=self.folder, TMPDIR=self.folder)
        for name in ["XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"]:
            surroundings.pop(name, None)
        # In a session of its own it goes on when the terminal says Ctrl-C, and
        # is ended in order.
        service = Service(DRIVER, env=surroundings,
                          popen_kw={"start_new_session": True})
        self.driver = webdriver.Chrome(service=service, options=options)
        self.driver.command_executor.set_timeout(PATIENCE)
        self.driver.set_script_timeout(PATIENCE)

    def end(self):
        """Ends the browser and all its processes, and removes its folder."""
        for number in [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]:
            signal.signal(number, signal.SIG_IGN)
        signal.alarm(0)
        # A driver that was interrupted may fail in many ways; it is killed.
        with contextlib.suppress(Exception):
            self.driver.quit()
        if not reap_all(PATIENCE / 10):
            while children := children_of(os.getpid()):
                for child in children:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(child, signal.SIGKILL)
                reap_all(0.1)
        shutil.rmtree(self.folder)
        for left in self.left_behind():
            sys.stderr.write(f"browser.py: left behind: {left}\n")

    def left_behind(self):
        """Gives what there is still of the browser: its folder, processes."""
        left = [self.folder] if os.path.exists(self.folder) else []
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                told = b"".join((process / name).read_bytes()
                                for name in ["cmdline", "environ"])
                if self.folder.encode() in told:
                    left.append(process)
        return left


class Page:
    """The page as its reader has it: keys, buttons, and what is shown."""

    def __init__(self, browser, path):
        self.driver = browser.driver
        self.address = pathlib.Path(path).resolve().as_uri()

    def open(self, part=""):
        """Opens the page anew, at a part of it such as "#get_reraise/3"."""
        self.driver.get("about:blank")
        self.driver.get(self.address + part)
        self.await_readiness()

    def go(self, part):
        """Goes to another part of the page, which stays open."""
        self.driver.execute_script("location.hash = arguments[0]", part)
        # What the page does about that comes before what a timer does.
        self.driver.execute_async_script("setTimeout(arguments[0])")
        self.await_readiness()

    def open_window(self, part):
        """Opens a part of the page in a window of its own."""
        self.driver.switch_to.new_window("window")
        self.open(part)

    def close_windows(self):
        """Closes all windows but the first."""
        first, *others = self.driver.window_handles
        for window in others:
            self.driver.switch_to.window(window)
            self.driver.close()
        self.driver.switch_to.window(first)

    def await_readiness(self):
        self.await_script('document.body.dataset.ready === "true"')

    def await_script(self, condition, seconds=PATIENCE / 2):
        """Waits until a condition holds in the page, or time is up."""
        self.driver.execute_async_script(f"""{SCRIPT}
            const [end, done] = [performance.now() + 1000 * arguments[0],
                                 arguments[1]];
            const tryIt = () =>
                ({condition}) || performance.now() > end ? done() :
                    setTimeout(tryIt, 5);
            tryIt()""", seconds)

    def ask(self, question, *arguments):
        """Gives what an expression is, for which look.js has functions."""
        return self.driver.execute_script(
            f"{SCRIPT}\nreturn {question}", *arguments)

    def look(self):
        return self.ask("look()")

    def settled_address(self):
        """Gives the address's part, which is that of the link before long.

        A browser takes only so many changes of it in a while, so that the page
        may wait with them.
        """
        self.await_script(
            "location.href === "
            "document.querySelector('a[data-action=\"link\"]').href", 2)
        return self.ask("location.hash")

    def looks_while_holding(self, key, count):
        """Holds a key until it has come so often, as a keyboard repeats it.

        Gives how the page looks each time, when it has dealt with the key.
        """
        self.driver.execute_script(f"""{SCRIPT}
            window.looks = [];
            window.onkeydown = () => looks.push(look())""")
        actions = ActionChains(self.driver, duration=0)
        for _ in range(count):
            actions.key_down(key)
        actions.key_up(key).perform()
        return self.ask("looks")

    def press(self, *keys):
        ActionChains(self.driver, duration=0).send_keys(*keys).perform()

    def looks_after_keys(self, key, count):
        """Has a key come so often; gives how the page looks each time.

        The key comes from a script: that takes less time than a real one.
        """
        return self.ask(f'looksAfterKeys("{key}", {count})')

    def looks_after_clicks(self, action, count):
        """Clicks a button so often; gives how the page looks each time."""
        return self.ask(f'looksAfterClicks("{action}", {count})')

    def press_with(self, modifier, key):
        ActionChains(self.driver, duration=0).key_down(modifier).send_keys(
            key).key_up(modifier).perform()

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def find_all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def click(self, selector):
        self.find(selector).click()

    def focus(self, selector):
        self.driver.execute_script("arguments[0].focus()", self.find(selector))

    def drag_slider(self, step):
        """Has the slider come to a step, as it does when it is dragged."""
        self.driver.execute_script("""
            arguments[0].value = arguments[1];
            arguments[0].dispatchEvent(new Event("input", {bubbles: true}))""",
            self.find('[data-action="seek"]'), step)

    def command(self, name, **arguments):
        """Has the browser itself do something: a command of its protocol."""
        return self.driver.execute_cdp_cmd(name, arguments)

    def resize(self, width, height):
        self.command("Emulation.setDeviceMetricsOverride", width=width,
                     height=height, deviceScaleFactor=1, mobile=False)

    def emulate(self, media="", **features):
        """Has the page look as with this medium, and with these features.

        Without any, it looks as usual.
        """
        self.command("Emulation.setEmulatedMedia", media=media, features=[
            {"name": name.replace("_", "-"), "value": value}
            for name, value in features.items()])

    def print(self):
        """Prints the page.

        Gives the paper, as PDF; how the page looked when it was printed; and
        what was cut off.
        """
        self.emulate("print")
        self.driver.execute_script(f"""{SCRIPT}
            addEventListener("beforeprint", () =>
                window.printed = [look(), cutOff()], {{once: true}})""")
        paper = self.command("Page.printToPDF")["data"]
        look, cut_off = self.ask("printed")
        self.emulate()
        return base64.b64decode(paper), look, cut_off

    def complaints(self):
        """Gives, once, what the console has said, and what was asked for."""
        said = [f"{entry['level']}: {entry['message']}"
                for entry in self.driver.get_log("browser")]
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] != "Network.requestWillBeSent":
                continue
            request = message["params"]
            url = request["request"]["url"].split("#")[0]
            if request["documentURL"].startswith(OWN_PAGES):
                continue
            if url != self.address and not url.startswith("data:"):
                said.append(f"it asked for {url}")
        return said
