"""A server on this machine that stands in for those of published weights."""

import contextlib
import hashlib
import http.server
import threading

from alexnet_keras.weights import imagenet


@contextlib.contextmanager
def serving(folder, cut_at=None, silent=0, seen=None):
    """Serves a folder on loopback; yields its address.

    Args:
        folder: whose files are served.
        cut_at: after how many bytes of a file the connection breaks.
        silent: for how many seconds nothing is said, then or at the start.
        seen: a list to which the paths are added that are asked for.
    """
    stopped = threading.Event()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments, **keywords):
            super().__init__(*arguments, directory=str(folder), **keywords)

        def do_GET(self):
            if seen is not None:
                seen.append(self.path)
            if cut_at is None:
                stopped.wait(silent)
            with contextlib.suppress(ConnectionError):  # nobody listens
                super().do_GET()

        def copyfile(self, source, outputfile):
            if cut_at is None:
                super().copyfile(source, outputfile)
            else:
                outputfile.write(source.read(cut_at))
                stopped.wait(silent)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()


def publish(monkeypatch, home, name, address, file, sha256=None):
    """Makes `file` at `address` what a variant's weights are fetched from."""
    monkeypatch.setenv("KERAS_HOME", str(home))
    if sha256 is None:
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    before = imagenet.PUBLISHED[name]
    published = imagenet.Published(
        f"{address}/{file.name}", sha256, before.mean, before.scale
    )
    monkeypatch.setitem(imagenet.PUBLISHED, name, published)
