"""ONNX Runtime on the graphs of onnx_graph.py (see worker.py)."""
import time

import numpy
import onnx
import onnxruntime

import onnx_graph
import worker

models = {}


def versions():
    return {"onnxruntime": onnxruntime.__version__, "onnx": onnx.__version__,
            "numpy": numpy.__version__}


def open_model(name, path, out, bits, threads):
    shape = onnx_graph.write(path, out, bits)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(out, options, providers=["CPUExecutionProvider"])
    models[name] = session, shape


def close_model(name):
    del models[name]


def feeds(shape, ids, wanted):
    room = numpy.zeros((1, shape["kv_heads"], len(ids), shape["head"]), numpy.float32)
    out = {"input_ids": numpy.array([ids], numpy.int64),
           "seqlens_k": numpy.array([len(ids) - 1], numpy.int32),
           "total": numpy.array(len(ids), numpy.int32),
           "wanted": numpy.array(wanted, numpy.int64)}
    for layer in range(shape["layers"]):
        for which in "kv":
            out[f"past.{layer}.{which}"] = room.copy()
    return out


def prefill(name, ids):
    """Seconds until the logits of the last of ids are there."""
    session, shape = models[name]
    inputs = feeds(shape, ids, [len(ids) - 1])
    begun = time.perf_counter()
    session.run(None, inputs)
    return time.perf_counter() - begun


def logits(name, windows, out):
    """Writes [positions of all windows but each one's last, vocabulary] f32 as a .npy file."""
    session, shape = models[name]
    rows = numpy.lib.format.open_memmap(out, "w+", numpy.float32,
                                        (sum(len(w) - 1 for w in windows), shape["vocabulary"]))
    at = 0
    for ids in windows:
        n = len(ids) - 1
        rows[at:at + n] = session.run(["logits"], feeds(shape, ids, list(range(n))))[0][0]
        at += n
    rows.flush()


if __name__ == "__main__":
    worker.serve({"versions": versions, "open": open_model, "close": close_model,
                  "prefill": prefill, "logits": logits})
