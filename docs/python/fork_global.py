"""
fork_global.py - the same, but the condition is a global that the workers
inherit.

The workers are forked when the pool is made, and inherit what is global
then. So the condition reaches the tasks without ever being encoded; all that
is sent to them is their numbers.
"""
from multiprocessing import get_context
from random import random
from time import sleep

# The workers are forked, also where Python would start them otherwise.
fork = get_context("fork")


def task(number):
    """What each task does; its argument is its number."""
    condition.acquire()
    print(f"Task {number} waiting...", flush=True)
    condition.wait()
    condition.release()

    seconds = random()
    sleep(seconds)
    print(f"Task {number} completed with {seconds}", flush=True)


def run(tasks=4, workers=4, delay=1):
    """What the main process does."""
    global condition

    condition = fork.Condition()
    with fork.Pool(workers) as pool:
        items = range(tasks)
        result = pool.map_async(task, items)
        sleep(delay)

        condition.acquire()
        print("Tasks begin.", flush=True)
        condition.notify_all()
        condition.release()
        result.wait()
        print("Tasks done.", flush=True)


if __name__ == "__main__":
    run()
