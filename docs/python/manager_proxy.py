"""
manager_proxy.py - the same, but the condition lives in a manager process.

What the tasks are given is a proxy, and a proxy can be encoded: it says
where its manager is. So the tasks run, wait, are notified together, and
sleep at the same time, each for a time of its own.
"""
from multiprocessing import get_context
from random import random
from time import sleep

# The workers are forked, also where Python would start them otherwise.
fork = get_context("fork")


def task(condition, number):
    """What each task does; its arguments are the condition and its number."""
    condition.acquire()
    print(f"Task {number} waiting...", flush=True)
    condition.wait()
    condition.release()

    seconds = random()
    sleep(seconds)
    print(f"Task {number} completed with {seconds}", flush=True)


def run(tasks=4, workers=4, delay=1):
    """What the main process does."""
    manager = fork.Manager()
    condition = manager.Condition()
    with fork.Pool(workers) as pool:
        items = [(condition, number) for number in range(tasks)]
        result = pool.starmap_async(task, items)
        sleep(delay)

        condition.acquire()
        print("Tasks begin.", flush=True)
        condition.notify_all()
        condition.release()
        result.wait()
        print("Tasks done.", flush=True)


if __name__ == "__main__":
    run()
