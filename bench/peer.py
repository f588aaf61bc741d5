"""CPython's multiprocessing, as a peer of build/bench.

Says "ready" and its interpreter, and then for each line on its standard input,
such as "map 20000", measures the figure of that name and answers with one line:
a number in the figure's unit, or what went wrong. The files bench/*.c say what
each figure is. What is measured here is the same work done as often, with the
clock started and stopped at the same moments.
"""
import importlib
import os
import re
import sys
import time
from functools import partial
from multiprocessing import get_context

# The workers are forked, also where Python would start them otherwise.
fork = get_context("fork")

PAYLOAD = 64 << 20
DELAY = 0.5
PAUSE = 200e-6

def do_nothing(item=None):
    pass


def echo(argument):
    return argument


def begun_pool(workers):
    """Makes a pool, all of whose workers have begun."""
    pool = fork.Pool(workers)
    pool.map(do_nothing, range(4 * workers), 1)
    return pool


def end(pool):
    pool.terminate()
    pool.join()


def map_rate(count, chunk_size):
    pool = begun_pool(4)
    items = list(range(count))
    start = time.monotonic()
    pool.map(do_nothing, items, chunk_size)
    seconds = time.monotonic() - start
    end(pool)
    return count / seconds


def measure_apply(count):
    pool = begun_pool(4)
    start = time.monotonic()
    for _ in range(count):
        pool.apply(do_nothing)
    seconds = time.monotonic() - start
    end(pool)
    return 1e6 * seconds / count


def measure_pool(count):
    start = time.monotonic()
    for _ in range(count):
        end(fork.Pool(4))
    return 1e3 * (time.monotonic() - start) / count


def measure_pool_used(count):
    start = time.monotonic()
    for _ in range(count):
        used = fork.Pool(4)
        used.map(do_nothing, range(4), 1)
        end(used)
    return 1e3 * (time.monotonic() - start) / count


def lock_seconds(condition, count):
    start = time.monotonic()
    for _ in range(count):
        condition.acquire()
        condition.release()
    return time.monotonic() - start


def measure_condition(count):
    return 1e9 * lock_seconds(fork.Condition(), count) / count


def measure_proxy(count):
    with fork.Manager() as manager:
        shared = manager.Condition()
        lock_seconds(shared, 1)
        return 1e6 * lock_seconds(shared, count) / count


class Crowd:
    """What crowd.c calls so; guarded by the condition's lock."""

    def __init__(self, condition, waiters, times):
        self.condition = condition
        self.times = times
        self.notified = fork.RawValue("l", 0)
        self.ready = fork.RawValue("l", 0)
        self.woken = fork.RawArray("d", waiters)


def be_woken(crowd, number):
    crowd.condition.acquire()
    crowd.ready.value += 1
    for seen in range(crowd.times):
        while crowd.notified.value == seen:
            crowd.condition.wait()
        crowd.woken[number] = time.monotonic()
        crowd.ready.value += 1
    crowd.condition.release()


def acquire_when_all_wait(crowd):
    all_wait = False
    while True:
        time.sleep(PAUSE)
        crowd.condition.acquire()
        if all_wait:
            return
        all_wait = crowd.ready.value == len(crowd.woken)
        crowd.condition.release()


def crowd_wake(condition, times):
    """Gives the microseconds that 4 waiters take to come back."""
    crowd = Crowd(condition, 4, times)
    waiters = [fork.Process(target=be_woken, args=(crowd, number))
               for number in range(4)]
    for waiter in waiters:
        waiter.start()
    seconds = 0
    acquire_when_all_wait(crowd)
    for _ in range(times):
        crowd.ready.value = 0
        crowd.notified.value += 1
        start = time.monotonic()
        condition.notify_all()
        condition.release()
        acquire_when_all_wait(crowd)
        seconds += max(crowd.woken) - start
    condition.release()
    for waiter in waiters:
        waiter.join()
    return 1e6 * seconds / times


def measure_notify(count):
    return crowd_wake(fork.Condition(), count)


def measure_notify_manager(count):
    with fork.Manager() as manager:
        return crowd_wake(manager.Condition(), count)


def measure_payload(count):
    pool = fork.Pool(1)
    pool.apply(echo, (None,))
    seconds = 0
    for _ in range(count):
        sent = b"\1" * PAYLOAD
        start = time.monotonic()
        received = pool.apply(echo, (sent,))
        seconds += time.monotonic() - start
        del received
    end(pool)
    return 2e-9 * PAYLOAD * count / seconds


def measure_memory(count):
    pool = fork.Pool(4)
    pid = pool.apply(os.getpid)
    with open(f"/proc/{pid}/smaps_rollup") as file:
        parts = re.findall(r"^Private_(?:Clean|Dirty): *(\d+)", file.read(),
                           re.MULTILINE)
    end(pool)
    return sum(int(part) for part in parts)


def run_twin(name, completed):
    """Gives the milliseconds that a twin's run() takes beyond its sleeps.

    It runs in a process of its own, which prints into a pipe.
    """
    delay = DELAY if completed else 0
    twin = importlib.import_module(name)
    said_end, say_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(say_end, 1)
        os.close(said_end)
        start = time.monotonic()
        try:
            twin.run(delay=delay)
        except RuntimeError:
            pass  # This is what get_reraise shows.
        seconds = time.monotonic() - start
        os.write(say_end, f"{seconds}\n".encode())
        os._exit(0)
    os.close(say_end)
    with os.fdopen(said_end) as file:
        said = file.read()
    os.waitpid(pid, 0)
    drawn = re.findall(r" completed with (.*)", said)
    if len(drawn) != completed:
        raise RuntimeError(f"{len(drawn)} tasks have completed")
    slept = delay + max((float(number) for number in drawn), default=0)
    return 1e3 * (float(said.split()[-1]) - slept)


FIGURES = {
    "map": partial(map_rate, chunk_size=1),
    "map_default": partial(map_rate, chunk_size=None),
    "apply": measure_apply,
    "pool": measure_pool,
    "pool_used": measure_pool_used,
    "condition": measure_condition,
    "notify": measure_notify,
    "proxy": measure_proxy,
    "notify_manager": measure_notify_manager,
    "payload": measure_payload,
    "memory": measure_memory,
    "silent_failure": partial(run_twin, "silent_failure"),
    "error_callback": partial(run_twin, "error_callback"),
    "get_reraise": partial(run_twin, "get_reraise"),
    "manager_proxy": partial(run_twin, "manager_proxy"),
    "fork_global": partial(run_twin, "fork_global"),
}


def main():
    sys.path.insert(0, "docs/python")
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    silence = os.open(os.devnull, os.O_RDWR)
    os.dup2(silence, 1)
    print("ready", sys.executable, file=replies)
    for line in sys.stdin:
        name, count = line.split()
        try:
            print(FIGURES[name](int(count)), file=replies)
        except Exception as error:
            print(repr(error), file=replies)


if __name__ == "__main__":
    main()
