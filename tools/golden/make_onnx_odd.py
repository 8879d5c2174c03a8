#!/usr/bin/env python3
"""Writes graphs that the ONNX engine must refuse, or whose jobs must fail: tests/golden/onnx/odd.

usage: make_onnx_odd.py FOLDER    (needs onnx, numpy)
"""
import pathlib
import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

VOCAB = 8
INT64, FLOAT = TensorProto.INT64, TensorProto.FLOAT


def value(name, kind, dims):
    return helper.make_tensor_value_info(name, kind, dims)


def constant(name, array):
    return numpy_helper.from_array(numpy.array(array), name)


def model(inputs=(), outputs=(), nodes=(), constants=(), ids=("input_ids", INT64, [1, "n"]),
          logits=("logits", FLOAT, [1, "n", VOCAB]), row=0.0):
    """logits [1, n, VOCAB] = the ids plus 0 .. VOCAB - 1 plus row."""
    chain = [helper.make_node("Cast", [ids[0]], ["x"], to=FLOAT),
             helper.make_node("Unsqueeze", ["x", "two"], ["y"]),
             helper.make_node("Add", ["y", "row"], [logits[0]])]
    shape = logits[2]
    if len(shape) == 2:  # one row for the whole text
        chain[2] = helper.make_node("Add", ["y", "row"], ["z"])
        chain.append(helper.make_node("ReduceMax", ["z"], [logits[0]], axes=[1], keepdims=0))
    g = helper.make_graph([*chain, *nodes], "odd", [value(*ids), *inputs], [value(*logits), *outputs],
                          [constant("two", numpy.array([2], numpy.int64)),
                           constant("row", numpy.arange(VOCAB, dtype=numpy.float32) + numpy.float32(row)), *constants])
    return helper.make_model(g, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def with_past(kind=FLOAT, grow=True, output="present.0.key"):
    """A past that the logits do not need; it does not grow where `grow` is false."""
    past = value("past_key_values.0.key", kind, [1, 1, "past", 2])
    nodes = [helper.make_node("Concat", ["past_key_values.0.key", "new"] if grow else ["new"],
                              [output], axis=2)]
    zeros = {FLOAT: numpy.float32, INT64: numpy.int64}[kind]
    return model([past], [value(output, kind, [1, 1, "total", 2])], nodes,
                 [constant("new", numpy.zeros((1, 1, 2, 2), zeros))])


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    unknown = model([value("pixel_values", FLOAT, [1, 3])])
    nonsense = model()
    nonsense.graph.node[0].op_type = "Nonsense"
    graphs = {
        "good": model(),
        "nan": model(row=numpy.nan),
        "unknown_input": unknown,
        "unknown_op": nonsense,
        "no_logits": model(logits=("scores", FLOAT, [1, "n", VOCAB])),
        "no_ids": model(ids=("tokens", INT64, [1, "n"])),
        "real_ids": model(ids=("input_ids", FLOAT, [1, "n"])),
        "fixed_length": model(ids=("input_ids", INT64, [1, 16])),
        "two_rows": model(ids=("input_ids", INT64, [2, "n"])),
        "classifier": model(logits=("logits", FLOAT, [1, VOCAB])),
        "whole_past": with_past(kind=INT64),
        "no_present": with_past(output="gone"),
        "wrong_present": with_past(),  # two positions more for each token
    }
    for name, m in graphs.items():
        onnx.save(m, out / f"{name}.onnx")


if __name__ == "__main__":
    main()
