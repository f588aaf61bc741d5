"""
get_reraise.py - the same, but the result is asked for its value.

To wait for a result says nothing about success; to get its value does. The
error that was silent now ends the program, with a traceback that tells where
it was born: in this process, in one of the pool's handler threads, while it
encoded the arguments of a task. "Tasks done." is not reached.
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
    condition = fork.Condition()
    with fork.Pool(workers) as pool:
        items = [(condition, number) for number in range(tasks)]
        result = pool.starmap_async(task, items)
        sleep(delay)

        condition.acquire()
        print("Tasks begin.", flush=True)
        condition.notify_all()
        condition.release()
        result.get()
        print("Tasks done.", flush=True)


if __name__ == "__main__":
    run()
