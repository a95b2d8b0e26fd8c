"""Runs deepframe's worker, a node process, inside a Python worker of Spark: Arrow batches in, Arrow batches out.

The one function that Spark calls is `run`; its configuration is JSON, and nothing that comes from data is evaluated.
A frame on either pipe is a kind (one byte), a length (four bytes, little-endian) and as many bytes. The node process
lives as long as the Python worker, so models stay loaded; it ends when its input does.
"""

import atexit
import collections
import json
import os
import platform
import shutil
import struct
import subprocess
import sys
import threading

import pyarrow as pa

OPEN, BATCH, END = 1, 2, 3
RESULT, DONE, FAILED = 1, 2, 3

# batches on their way to node while one is computed
AHEAD = 2

_worker = None


class Worker:
    def __init__(self, config):
        root = files_root()
        folder = os.path.join(root, config["worker"])
        node = config["node"]
        if node is None:
            node = os.path.join(root, config["nodeArchive"], "node")
            if not os.access(node, os.X_OK):
                os.chmod(node, 0o755)
        self.key = worker_key(config)
        self.log = collections.deque(maxlen=50)
        self.process = subprocess.Popen(
            [node, "--enable-source-maps", os.path.join(folder, "executor.js"), root],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            close_fds=True,
        )
        threading.Thread(target=self._read_log, daemon=True).start()

    def _read_log(self):
        for line in self.process.stderr:
            self.log.append(line.decode("utf-8", "replace").rstrip())

    def send(self, kind, payload):
        try:
            self.process.stdin.write(struct.pack("<BI", kind, len(payload)))
            self.process.stdin.write(payload)
            self.process.stdin.flush()
        except (BrokenPipeError, OSError):
            raise self.died() from None

    def receive(self):
        kind, length = struct.unpack("<BI", self._read(5))
        payload = self._read(length)
        if kind == FAILED:
            raise RuntimeError("deepframe-error:" + bytes(payload).decode("utf-8"))
        return kind, payload

    def _read(self, length):
        data = self.process.stdout.read(length)
        if len(data) < length:
            raise self.died()
        return data

    def died(self):
        try:
            code = self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        lines = "\n".join(self.log) or "(it wrote nothing)"
        message = "the worker process ended with code %s; its last lines:\n%s" % (code, lines)
        error = {"name": "EngineError", "code": "WORKER_DIED", "message": "Spark: " + message, "fields": {"exit": code}}
        return RuntimeError("deepframe-error:" + json.dumps(error))

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def worker_key(config):
    return config["worker"], config["node"], config["nodeArchive"]


def files_root():
    from pyspark import SparkFiles

    return SparkFiles.getRootDirectory()


def worker_for(config):
    global _worker
    if _worker is not None and (_worker.process.poll() is not None or _worker.key != worker_key(config)):
        stop()
    if _worker is None:
        _worker = Worker(config)
    return _worker


def stop():
    global _worker
    if _worker is not None:
        _worker.stop()
    _worker = None


atexit.register(stop)


def encode(batch):
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return memoryview(sink.getvalue())


def decode(payload):
    with pa.ipc.open_stream(pa.py_buffer(payload)) as reader:
        yield from reader


def run(config_json, batches):
    """What Spark calls for each partition: an iterator of record batches to another."""
    config = json.loads(config_json)
    if config.get("probe"):
        yield from probe(batches)
        return
    worker = None
    waiting = 0
    is_done = False
    try:
        for batch in batches:
            if batch.num_rows == 0:
                continue
            if worker is None:
                worker = worker_for(config)
                worker.send(OPEN, json.dumps(dict(config, partition=partition_id())).encode("utf-8"))
            worker.send(BATCH, encode(batch))
            waiting += 1
            while waiting >= AHEAD:
                yield from decode(worker.receive()[1])
                waiting -= 1
        if worker is not None:
            worker.send(END, b"")
            while True:
                kind, payload = worker.receive()
                if kind == DONE:
                    break
                yield from decode(payload)
        is_done = True
    finally:
        # a task that ends early leaves frames on the way: the next one starts anew
        if worker is not None and not is_done:
            stop()


def partition_id():
    from pyspark import TaskContext

    context = TaskContext.get()
    return 0 if context is None else context.partitionId()


def probe(batches):
    for _ in batches:
        pass
    node = shutil.which("node")
    version = None
    if node is not None:
        found = subprocess.run([node, "--version"], capture_output=True, text=True)
        version = found.stdout.strip().lstrip("v") if found.returncode == 0 else None
    info = {
        "python": "%d.%d" % sys.version_info[:2],
        "pyarrow": pa.__version__,
        "platform": sys.platform,
        "machine": platform.machine(),
        "libc": platform.libc_ver()[0],
        "node": node,
        "nodeVersion": version,
    }
    yield pa.RecordBatch.from_pydict({"info": [json.dumps(info)]})
