"""
silent_failure.py - a condition goes to the tasks of a pool, and nothing
happens.

Look for what is missing: no task says that it waits, and none completes. Yet
no word of an error, and the program ends well. The tasks never ran: the pool
could not encode (pickle) the condition for another process. The error is in
the result, and nobody asks for it.
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
        result.wait()
        print("Tasks done.", flush=True)


if __name__ == "__main__":
    run()
