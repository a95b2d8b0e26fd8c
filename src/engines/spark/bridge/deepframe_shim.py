"""Runs deepframe's worker, a node process, inside a Python worker of Spark: Arrow batches in, Arrow batches out.

Spark calls `run` for stages and `call` for SQL functions; their configuration is JSON, and nothing that comes from data is evaluated.
A frame on either pipe is a kind (one byte), a length (four bytes, little-endian) and as many bytes. The node process
outlives a task, so models stay loaded; it ends when its input does, or when it has had nothing to do for a while.

A node process that dies fails its task, and Spark runs that again. At Spark's last attempt we look for the row that
kills it: the batches that were on their way go to a new process in pieces, and the piece that kills it row by row.
"""

import atexit
import collections
import concurrent.futures
import json
import math
import os
import platform
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import zipfile

import pyarrow as pa

OPEN, BATCH, END = 1, 2, 3
RESULT, DONE, FAILED = 1, 2, 3

# batches on their way to node while one is computed
AHEAD = 2
# as runtime/pool-thread.ts has it: else V8 marks its heap for every few MB of tensors that came and went
NODE_FLAGS = ["--enable-source-maps", "--initial-old-space-size=64"]

# seconds that a node process stays without a task
REST = 20

# columns that tell a row from others, in messages
SHOWN = 8

_worker = None
_rest = None
_lock = threading.RLock()


class WorkerDied(Exception):
    """The node process is gone: its exit code, and the last lines it wrote."""

    def __init__(self, code, log):
        super().__init__(code)
        self.code = code
        self.log = log
        self.row = None

    def as_error(self):
        how = "was killed by signal %d" % -self.code if self.code < 0 else "ended with code %d" % self.code
        where = "" if self.row is None else " each time it came to the row with %s" % in_words(self.row)
        lines = "\n".join(self.log) or "(it wrote nothing)"
        message = "the worker process %s%s; its last lines:\n%s" % (how, where, lines)
        fields = {"exit": self.code, "key": self.row, "log": self.log}
        error = {"name": "EngineError", "code": "WORKER_DIED", "message": "Spark: " + message, "fields": fields}
        return told(error)


class Worker:
    def __init__(self, config):
        root = files_root()
        archives = [config["worker"]] if config["node"] else [config["worker"], config["nodeArchive"]]
        with concurrent.futures.ThreadPoolExecutor(len(archives)) as pool:
            folder, *others = pool.map(lambda name: unpacked(root, name), archives)
        node = config["node"] or os.path.join(others[0], "node")
        self.key = worker_key(config)
        self.log = collections.deque(maxlen=50)
        try:
            self.process = subprocess.Popen(
                [node, *NODE_FLAGS, os.path.join(folder, "executor.js"), root],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=folder,
                close_fds=True,
            )
        except OSError as error:
            message = "cannot start %s on %s (%s); pass { worker: { node: ... } } with the path of a node there" % (
                node,
                platform.node(),
                error.strerror,
            )
            raise told({"name": "EngineError", "code": "NO_NODE", "message": "Spark: " + message}) from None
        self.reader = threading.Thread(target=self._read_log, daemon=True)
        self.reader.start()

    def _read_log(self):
        for line in self.process.stderr:
            self.log.append(line.decode("utf-8", "replace").rstrip())

    def send(self, kind, payload):
        self._send(kind, len(payload), lambda pipe: pipe.write(payload))

    def send_batch(self, batch):
        # twice: to count its bytes, and from where they lie into the pipe
        size = pa.MockOutputStream()
        write_stream(batch, size)
        self._send(BATCH, size.size(), lambda pipe: write_stream(batch, pipe))

    def _send(self, kind, length, write):
        pipe = self.process.stdin
        try:
            pipe.write(struct.pack("<BI", kind, length))
            write(pipe)
            pipe.flush()
        except OSError:
            raise self.died() from None

    def receive(self):
        kind, length = struct.unpack("<BI", self._read(5))
        payload = self._read(length)
        if kind == FAILED:
            raise told(json.loads(bytes(payload)))
        return kind, payload

    def open(self, config):
        self.send(OPEN, json.dumps(dict(config, partition=partition_id())).encode("utf-8"))

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
        self.reader.join(5)
        return WorkerDied(code, list(self.log))

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def worker_key(config):
    return config["worker"], config["node"], config["nodeArchive"]


def files_root():
    from pyspark import SparkFiles

    return SparkFiles.getRootDirectory()


def told(error):
    """An error that the client finds in Spark's message and reads back."""
    return RuntimeError("deepframe-error:" + json.dumps(error, ensure_ascii=False))


def unpacked(root, name):
    """The folder of an archive, unpacked once for all sessions of the executor, whose temporary files it lies among."""
    base = os.path.join(os.environ.get("SPARK_LOCAL_DIRS", root).split(",")[0], "deepframe")
    folder = os.path.join(base, name)
    if not os.path.isdir(folder):
        os.makedirs(base, mode=0o700, exist_ok=True)
        aside = tempfile.mkdtemp(dir=base)
        with zipfile.ZipFile(os.path.join(root, name + ".zip")) as archive:
            archive.extractall(aside)
        if os.path.exists(os.path.join(aside, "node")):
            os.chmod(os.path.join(aside, "node"), 0o755)
        try:
            os.rename(aside, folder)
        except OSError:
            # another worker was faster
            shutil.rmtree(aside, ignore_errors=True)
    return folder


def worker_for(config):
    global _worker, _rest
    with _lock:
        if _rest is not None:
            _rest.cancel()
            _rest = None
        if _worker is not None and (_worker.process.poll() is not None or _worker.key != worker_key(config)):
            stop()
        if _worker is None:
            _worker = Worker(config)
        return _worker


def rest():
    """Ends the node process where no task comes soon: nothing is left on executors when a session is over."""
    global _rest
    with _lock:
        _rest = threading.Timer(REST, stop)
        _rest.daemon = True
        _rest.start()


def stop():
    global _worker
    with _lock:
        if _worker is not None:
            _worker.stop()
        _worker = None


atexit.register(stop)


def write_stream(batch, sink):
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)


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
    # sent and not answered yet
    ahead = collections.deque()
    is_done = False
    try:
        # node starts and loads its models while Spark reads; functions of one query take turns, each with its first batch
        if not config.get("isFunction"):
            worker = opened(config)
        for batch in batches:
            if batch.num_rows == 0:
                continue
            worker = worker or opened(config)
            ahead.append(batch)
            worker.send_batch(batch)
            while len(ahead) >= AHEAD:
                yield from decode(worker.receive()[1])
                ahead.popleft()
        if worker is not None:
            worker.send(END, b"")
            while True:
                kind, payload = worker.receive()
                if kind == DONE:
                    break
                yield from decode(payload)
                ahead.popleft()
        is_done = True
    except WorkerDied as died:
        if attempt() + 1 >= config["attempts"]:
            died = blamed(config, ahead) or died
        raise died.as_error() from None
    finally:
        # a task that ends early leaves frames on the way: the next one starts anew
        if worker is not None and not is_done:
            stop()
        elif worker is not None:
            rest()


def opened(config):
    worker = worker_for(config)
    worker.open(config)
    return worker


def call(config_json, arguments):
    """What Spark calls for a SQL function: an iterator of arrays, or of tuples of them, to one of results."""
    for batch in run(config_json, map(as_batch, arguments)):
        yield batch.column(0)


def as_batch(arrays):
    columns = list(arrays) if isinstance(arrays, tuple) else [arrays]
    return pa.RecordBatch.from_arrays(columns, ["argument%d" % i for i in range(len(columns))])


def blamed(config, batches):
    """How the worker dies of a single row of these batches; None where it does not."""
    for batch in batches:
        piece, died = fatal(config, batch, max(1, math.isqrt(batch.num_rows)))
        if piece is None:
            continue
        row, died_again = fatal(config, piece, 1)
        if row is None:
            return died
        died_again.row = key_of(row)
        return died_again
    return None


def fatal(config, batch, size):
    """The first piece of so many rows that kills a new worker, and how it died."""
    piece = None
    stop()
    worker = worker_for(config)
    try:
        worker.open(config)
        for start in range(0, batch.num_rows, size):
            piece = batch.slice(start, size)
            worker.send_batch(piece)
            worker.receive()
    except WorkerDied as died:
        return piece, died
    return None, None


def key_of(row):
    """What tells a row from others: its first columns of plain values, long texts cut."""
    key = {}
    for i, field in enumerate(row.schema):
        if pa.types.is_nested(field.type) or pa.types.is_binary(field.type) or len(key) == SHOWN:
            continue
        value = row.column(i)[0].as_py()
        key[field.name] = value if is_plain_json(value) else shortened(str(value))
    return key


def is_plain_json(value):
    if isinstance(value, float):
        return math.isfinite(value)
    # larger integers are not exact in JavaScript
    return value is None or isinstance(value, bool) or (isinstance(value, int) and abs(value) < 2**53)


def shortened(text):
    return text if len(text) <= 200 else text[:199] + "…"


def in_words(key):
    shown = ("%s %s" % (name, json.dumps(value, ensure_ascii=False)) for name, value in key.items())
    return ", ".join(shown) or "no plain column"


def attempt():
    from pyspark import TaskContext

    context = TaskContext.get()
    return 0 if context is None else context.attemptNumber()


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
