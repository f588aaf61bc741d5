"""
error_callback.py - the same, but somebody is told of the error.

The callback runs in this process, in one of the pool's handler threads, as
soon as the condition cannot be encoded: its line comes before "Tasks begin.".
The tasks still never ran, and the program still ends as if all were well.
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


def report(error):
    """Called with the submission's error."""
    print(error, flush=True)


def run(tasks=4, workers=4, delay=1):
    """What the main process does."""
    condition = fork.Condition()
    with fork.Pool(workers) as pool:
        items = [(condition, number) for number in range(tasks)]
        result = pool.starmap_async(task, items, error_callback=report)
        sleep(delay)

        condition.acquire()
        print("Tasks begin.", flush=True)
        condition.notify_all()
        condition.release()
        result.wait()
        print("Tasks done.", flush=True)


if __name__ == "__main__":
    run()
