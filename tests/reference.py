"""What CPython's multiprocessing does when something goes wrong, run and seen.

The cases are those that docs/reliability.md compares. Each is a small program
of its own: it makes something happen, and tells the facts that it saw. None
knows what the outcome should be. So on another version, or another day, the
table may differ.

Each case runs in a session of its own, of which nothing is left when it ends.
Each step that may not end has a limit; where it was then is a fact, too. What
has to be reached before the next step is waited for, never slept for. All
cases fork their workers, as Forklore does. --help names the options.
"""

import argparse
import collections
import ctypes
import fcntl
import json
import math
import os
import platform
import select
import signal
import struct
import sys
import tempfile
import termios
import threading
import time
import traceback
from multiprocessing import Condition, Manager, Pool, Process
from multiprocessing import set_start_method

# How many steps of a case may reach their limit before the case is given up.
STEPS = 6

# What a case needs to get under way is waited for so long, in seconds.
PATIENCE = 30.0

# Two outcomes that are looked for.
NO_END = "no end"
FAILED = "THE CASE ITSELF FAILED"

# Of the case that runs: the seconds that a step has; where its facts go; a pipe
# for numbers, from any of its processes to the main one; and what it keeps.
limit = 10.0
facts = None
heard_end = told_end = None
kept = []

CASES = {}


def case(happening):
    """Adds a function to the cases."""

    def add(function):
        CASES[function.__name__.replace("_", "-")] = (happening, function)
        return function

    return add


# What the cases stand on.


class NoEnd(BaseException):
    """A step has reached its limit."""


def on_alarm(number, frame):
    raise NoEnd


def see(what, outcome, number=None):
    """Tells a fact; a number in it, which may vary, stands for its {}."""
    line = json.dumps([f"{what}: {outcome}", number]) + "\n"
    os.write(facts, line.encode())


def attempt(step, call, *arguments):
    """Makes a call, and tells how it ended, if it did.

    After a thread's join was left like this, the thread passes for ended: what
    joins threads has to be the last step of a case.
    """
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        call(*arguments)
    except NoEnd as alarm:
        see(step, NO_END + place_of(alarm))
    except Exception as error:
        see(step, "raises " + type(error).__name__)
    else:
        see(step, "done")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def place_of(alarm):
    """Says which of the library's functions a call was in, outermost first."""
    names = []
    for frame in traceback.extract_tb(alarm.__traceback__):
        module = os.path.splitext(os.path.basename(frame.filename))[0]
        name = f"{module}.{frame.name}"
        if frame.filename != __file__ and name not in names[-1:]:
            names.append(name)
    return f" (in {' > '.join(names)})" if names else ""


def keep(thing):
    """Keeps a pool or a manager for as long as the case runs.

    Where the last reference goes, it is terminated, and that may not end.
    """
    kept.append(thing)
    return thing


def tell(number):
    os.write(told_end, struct.pack("i", number))


def hear_within(seconds):
    """Gives the next number that was told, or None."""
    if not select.select([heard_end], [], [], max(seconds, 0))[0]:
        return None
    return struct.unpack("i", os.read(heard_end, 4))[0]


def hear():
    number = hear_within(PATIENCE)
    if number is None:
        raise RuntimeError("nobody told anything")
    return number


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def poll(condition, seconds):
    """Waits until a condition holds, or the time is over; tells which."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)
    return True


def reach(condition):
    if not poll(condition, PATIENCE):
        raise RuntimeError("what the case needs did not come about")


def kill(pid):
    """Kills a process, and waits for its end."""
    os.kill(pid, signal.SIGKILL)
    reach(lambda: not is_alive(pid))


def answer(condition):
    return "yes" if condition else "no"


# What the cases run: tasks, and the processes beside a pool.


def stay():
    """Tells who runs it, and does not come back."""
    tell(os.getpid())
    signal.pause()


def give_pid():
    return os.getpid()


def give_large():
    tell(os.getpid())
    return bytes(1 << 22)


def give_lambda():
    return lambda: None


def fail(*arguments):
    tell(os.getpid())
    raise ValueError("by intent")


def exit_from_task():
    sys.exit(3)


def exit_at_once():
    os._exit(3)


def read_from_nowhere():
    ctypes.string_at(0)


def start(function, *arguments):
    process = Process(target=function, args=arguments)
    process.start()
    return process


def hold(condition):
    condition.acquire()
    stay()


def wait(condition):
    with condition:
        tell(os.getpid())
        condition.wait()
        tell(os.getpid())


def notify(condition):
    with condition:
        condition.notify_all()


def attempt_to_notify(condition):
    with condition:
        tell(os.getpid())
        attempt("notify_all", condition.notify_all)


def ask_for(condition):
    sys.exit(0 if condition.acquire(False) else 1)


# Workers that are killed.


@case("worker killed while it runs a task")
def worker_killed_at_work():
    pool = keep(Pool(2))
    result = pool.apply_async(stay)
    kill(hear())
    attempt("another task", pool.apply, give_pid)
    pool.close()
    attempt("join", pool.join)
    # All that a result ever gets, it has got by now.
    see("its result is ready", answer(result.ready()))


@case("idle worker killed, the first of 4 in a new pool")
def idle_worker_killed():
    pool = keep(Pool(4))
    see_end_of_idle_worker(pool, pool._pool[0].pid)


@case("idle worker killed, the only one")
def only_idle_worker_killed():
    pool = keep(Pool(1))
    see_end_of_idle_worker(pool, pool.apply(give_pid))


def see_end_of_idle_worker(pool, pid):
    await_idleness(pool)
    kill(pid)
    attempt("next task", pool.apply_async(give_pid).get)
    attempt("terminate", pool.terminate)


def await_idleness(pool):
    # When the lock of the queue of results is free, the last result was sent.
    with pool._outqueue._wlock:
        pass
    # One idle worker reads from the queue of tasks and holds its lock, for
    # which the others wait. Which of them it is, is luck.
    reach(lambda: is_taken(pool._inqueue._rlock))


def is_taken(lock):
    if lock.acquire(block=False):
        lock.release()
        return False
    return True


@case("worker killed holding the lock")
def holder_killed():
    condition = Condition()
    start(hold, condition)
    kill(hear())
    attempt("acquire by another", condition.acquire)


@case("worker killed while waiting, then notify_all")
def waiter_killed():
    condition = Condition()
    start(wait, condition)
    start(wait, condition)
    killed, _ = hear(), hear()
    # Who has the lock now knows that both have released it: both wait.
    with condition:
        kill(killed)
    notifier = start(attempt_to_notify, condition)
    hear()
    got = condition.acquire(timeout=limit / 2)
    see("another gets the lock meanwhile", answer(got))
    see("the living goes on", answer(hear_within(0) is not None))
    notifier.join()


# A pool in which something fails.


@case("a callback raises")
def callback_raises():
    pool = keep(Pool(2))
    result = pool.apply_async(give_pid, callback=fail)
    hear()
    attempt("get of its result", result.get)
    attempt("get of a later one", pool.apply_async(give_pid).get)


@case("a task calls sys.exit(3)")
def task_exits():
    see_end_of_worker(exit_from_task)


@case("a task calls os._exit(3)")
def task_ends_at_once():
    see_end_of_worker(exit_at_once)


@case("a task calls os.abort()")
def task_aborts():
    see_end_of_worker(os.abort)


@case("a task crashes (SIGSEGV)")
def task_crashes():
    see_end_of_worker(read_from_nowhere)


def see_end_of_worker(task):
    pool = keep(Pool(2))
    result = pool.apply_async(task)
    attempt("get", result.get)
    attempt("another task", pool.apply, give_pid)


@case("initializer raises, 2 workers")
def initializer_raises():
    pool = keep(Pool(2, initializer=fail))
    result = pool.apply_async(give_pid)
    deadline = time.monotonic() + limit
    started = 0
    while hear_within(deadline - time.monotonic()) is not None:
        started += 1
    see(f"workers started in {limit:g} s", "{}", started)
    see("a task's result is ready", answer(result.ready()))
    attempt("terminate", pool.terminate)


@case("pool terminated with work pending")
def pool_terminated():
    pool = keep(Pool(1))
    running = pool.apply_async(stay)
    hear()
    queued = pool.apply_async(give_pid)
    attempt("terminate", pool.terminate)
    see("the queued task's result is ready", answer(queued.ready()))
    attempt("get of the running one's", running.get)


# A manager, and a parent.


@case("manager killed")
def manager_killed():
    manager = keep(Manager())
    condition = manager.Condition()
    condition.acquire()
    pool = keep(Pool(2))
    kill(manager._process.pid)
    attempt("a client's call", condition.release)
    # The worker has to decode the proxy.
    attempt("get of a task given a proxy",
            pool.apply_async(str, (condition,)).get)
    attempt("another task", pool.apply, give_pid)


@case("manager's client killed holding the lock")
def client_killed():
    condition = keep(Manager()).Condition()
    # This process is connected before the other ends.
    condition.acquire()
    condition.release()
    start(hold, condition)
    kill(hear())
    attempt("acquire by another", condition.acquire)


@case("client's thread id reused at the manager")
def thread_id_reused():
    condition = keep(Manager()).Condition()
    condition.acquire()
    condition.release()
    start(hold, condition)
    kill(hear())
    see("one connected before gets the lock", answer(condition.acquire(False)))
    # The manager serves each connection in a thread; the dead one's ends soon.
    inherited = poll(lambda: stranger_gets(condition), limit)
    see("one connected since gets the lock", answer(inherited))


def stranger_gets(condition):
    stranger = start(ask_for, condition)
    stranger.join()
    return stranger.exitcode == 0


@case("parent killed by SIGKILL")
def parent_killed():
    parent = start(have_processes)
    manager, *workers = [hear() for _ in range(5)]
    busy = [hear() for _ in range(2)]
    idle = [pid for pid in workers if pid not in busy]
    kill(parent.pid)
    poll(lambda: not any(map(is_alive, [manager, *workers])), limit)
    see("workers at work left", f"{sum(map(is_alive, busy))} of 2")
    see("idle workers left", f"{sum(map(is_alive, idle))} of 2")
    see("manager left", f"{sum(map(is_alive, [manager]))} of 1")


def have_processes():
    """Has a manager, two workers at work and two idle; tells who they are."""
    manager = keep(Manager())
    pool = keep(Pool(4))
    for process in [manager._process, *pool._pool]:
        tell(process.pid)
    for _ in range(2):
        pool.apply_async(stay)
    signal.pause()


# Further cases.


@case("several workers killed at once, each at work")
def several_workers_killed():
    pool = keep(Pool(4))
    results = [pool.apply_async(stay) for _ in range(4)]
    for pid in [hear() for _ in results]:
        os.kill(pid, signal.SIGKILL)
    attempt("another task", pool.apply, give_pid)
    pool.close()
    attempt("join", pool.join)
    see("of 4 results are ready", sum(result.ready() for result in results))


@case("worker killed while it writes a large result")
def worker_killed_while_it_writes():
    pool = keep(Pool(2))
    gate = threading.Event()

    def callback(pid):
        tell(pid)
        gate.wait()

    pool.apply_async(give_pid, callback=callback)
    hear()
    # While that lasts nobody reads results, and a large one gets stuck.
    result = pool.apply_async(give_large)
    pid = hear()
    reach(lambda: bytes_in(pool._outqueue._reader) > 0)
    kill(pid)
    gate.set()
    attempt("another task", pool.apply_async(give_pid).get)
    see("its result is ready", answer(result.ready()))
    attempt("terminate", pool.terminate)


def bytes_in(pipe):
    count = fcntl.ioctl(pipe.fileno(), termios.FIONREAD, bytes(4))
    return struct.unpack("i", count)[0]


@case("worker stopped (SIGSTOP) while the pool is terminated")
def worker_stopped():
    pool = keep(Pool(1))
    pid = pool.apply(give_pid)
    await_idleness(pool)
    os.kill(pid, signal.SIGSTOP)
    attempt("terminate", pool.terminate)


@case("an item cannot be pickled")
def item_not_picklable():
    pool = keep(Pool(2))
    result = pool.map_async(tell, [1, lambda: None, 3], chunksize=1)
    attempt("get", result.get)
    others = [hear_within(limit) for _ in range(2)]
    see("other items that ran", f"{len(others) - others.count(None)} of 2")


@case("a result cannot be pickled")
def result_not_picklable():
    pool = keep(Pool(2))
    attempt("get", pool.apply_async(give_lambda).get)
    attempt("another task", pool.apply, give_pid)


@case("notify before wait")
def notify_before_wait():
    condition = Condition()
    start(notify, condition).join()
    with condition:
        attempt("wait", condition.wait)


# How a case is run.


def become_subreaper():
    """Has the orphans of all descendants become this process's children."""
    PR_SET_CHILD_SUBREAPER = 36
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def run(name, facts_file):
    """Runs a case once; gives its exit status, or None if it was given up."""
    lifeline, held = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(held)
        be_case(name, lifeline, facts_file)
    os.close(lifeline)
    try:
        ended = os.pidfd_open(pid)
        done, _, _ = select.select([ended], [], [], STEPS * limit + PATIENCE)
        os.close(ended)
    finally:
        status = end_session(pid)
        os.close(held)
    return os.waitstatus_to_exitcode(status) if done else None


def end_session(pid):
    """Kills all that is left of a session; gives the status of its leader."""
    os.kill(pid, signal.SIGKILL)
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # It has not begun its session.
    _, status = os.waitpid(pid, 0)
    try:
        while True:
            os.waitpid(-pid, 0)
    except ChildProcessError:
        return status


def be_case(name, lifeline, facts_file):
    global facts, heard_end, told_end
    facts = facts_file
    heard_end, told_end = os.pipe()
    os.setsid()
    if os.fork() == 0:
        # Ends the session if who runs it cannot, since it was killed.
        os.read(lifeline, 1)
        os.killpg(0, signal.SIGKILL)
    for number in [signal.SIGTERM, signal.SIGHUP]:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, on_alarm)
    silence = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(silence, descriptor)
    try:
        set_start_method("fork")
        CASES[name][1]()
    except BaseException as error:
        line = traceback.extract_tb(error.__traceback__)[-1].lineno
        see(FAILED, f"line {line}: {error!r}")
    os._exit(0)


def observe(name, repeat):
    """Runs a case so many times; gives its outcomes, the most frequent first.

    An outcome is the tuple of its facts. With it go the numbers in them and the
    seconds of each run.
    """
    outcomes = collections.defaultdict(list)
    for _ in range(repeat):
        with tempfile.TemporaryFile() as file:
            began = time.monotonic()
            status = run(name, file.fileno())
            seconds = time.monotonic() - began
            file.seek(0)
            seen = [json.loads(line) for line in file]
        if status is None:
            seen.append([f"{FAILED}: it did not end", None])
        elif status != 0:
            seen.append([f"{FAILED}: exit status {status}", None])
        texts = tuple(text for text, _ in seen)
        numbers = [number for _, number in seen]
        outcomes[texts].append((numbers, seconds))
    return sorted(outcomes.items(), key=lambda item: -len(item[1]))


# How it is told.


def span(numbers, form="{:g}"):
    low, high = form.format(min(numbers)), form.format(max(numbers))
    return low if low == high else f"{low} to {high}"


def rows_of(name, repeat):
    """Gives a row for each outcome of a case: case, what happened, seconds."""
    for texts, runs in observe(name, repeat):
        told = []
        for text, *numbers in zip(texts, *(numbers for numbers, _ in runs)):
            if numbers[0] is not None:
                text = text.format(span(numbers))
            told.append(text)
        what = "; ".join(told)
        if repeat > 1:
            what = f"{len(runs)} of {repeat}: {what}"
        if NO_END in what:
            seconds = f"no end within {limit:g} s"
        else:
            seconds = span([seconds for _, seconds in runs], "{:.1f}")
        yield CASES[name][0], what, seconds


class Parser(argparse.ArgumentParser):
    def error(self, message):
        if message.startswith("unrecognized"):
            message += "; --help names the options"
        self.exit(2, f"{self.prog}: {message}\n")


def seconds_option(text):
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not (math.isfinite(seconds) and seconds > 0):
        raise argparse.ArgumentTypeError(
            f"'{text}' is no number of seconds above 0")
    return seconds


def count_option(text):
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"'{text}' is no count of 1 or more")
    return int(text)


def case_option(text):
    if text not in CASES:
        raise argparse.ArgumentTypeError(
            f"there is no case '{text}'; --list names them all")
    return text


def parse_options():
    parser = Parser(
        allow_abbrev=False,
        description="Runs what docs/reliability.md compares, with the "
        "multiprocessing of the Python that runs this, and prints a table.")
    parser.add_argument(
        "--limit", metavar="SECONDS", type=seconds_option, default=10.0,
        help="what each step has to end in (default 10)")
    parser.add_argument(
        "--case", metavar="NAME", type=case_option, action="append",
        help="run this case only; may be repeated")
    parser.add_argument(
        "--repeat", metavar="N", type=count_option, default=1,
        help="run each case so many times, and count its outcomes")
    parser.add_argument(
        "--markdown", action="store_true", help="print rows for a document")
    parser.add_argument(
        "--list", action="store_true", help="name the cases, and run none")
    return parser.parse_args()


def main():
    global limit
    options = parse_options()
    if options.list:
        for name, (happening, _) in CASES.items():
            print(f"{name:30} {happening}")
        return 0
    limit = options.limit
    for number in [signal.SIGTERM, signal.SIGHUP]:
        signal.signal(number, lambda number, frame: sys.exit(128 + number))
    become_subreaper()
    version = f"{platform.python_implementation()} {platform.python_version()}"
    form = "| {} | {} | {} |" if options.markdown else "{}\n  {}\n  {}"
    print(form.format("case", version, "seconds"))
    if options.markdown:
        print("|---|---|---|")
    failed = False
    for name in options.case or CASES:
        for row in rows_of(name, options.repeat):
            print(form.format(*row), flush=True)
            failed = failed or FAILED in row[1]
    return int(failed)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
