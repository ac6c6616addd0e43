"""What goes on beside a measurement: in a thread of its own, or in the server by itself."""

import threading
import time


class Beside:
    """with Beside-of-some-kind(...): its run() goes on until self.over is set."""

    def __init__(self):
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def quiet(cpu):
    """CPU seconds once nothing is worked at any more."""
    while True:
        before = cpu()
        time.sleep(1.5)
        if cpu() - before < 0.06:
            return cpu()
