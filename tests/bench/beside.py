"""Something that goes on beside what is measured, in a thread of its own."""

import threading


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
