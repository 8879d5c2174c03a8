"""Writes a Llama-family GGUF as the graph that is fastest in ONNX Runtime on a CPU: one packed q/k/v
product and GroupQueryAttention with its rotary inside, norms fused with the residual sums, linear layers
as MatMul or MatMulNBits (blocks of 32, accuracy level 4: int8 products), output layer only where asked.

Inputs: input_ids [1, n]; seqlens_k [1] (tokens - 1); total []; wanted [w], positions whose logits come
out; past.{layer}.{k,v} [1, kv heads, room, head]. Outputs: logits [1, w, vocabulary], present.* as past.*.
"""
import os

import gguf
import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

BLOCK = 32
CONTRIB = "com.microsoft"


class Source:
    """Tensors of a GGUF in f32, q and k with their rows in the order of rotary over two halves."""

    def __init__(self, path):
        reader = gguf.GGUFReader(path)
        self.tensors = {t.name: t for t in reader.tensors}
        value = lambda key: reader.fields[key].contents()
        self.architecture = value("general.architecture")
        if self.architecture != "llama":
            raise ValueError(f"{path}: architecture {self.architecture}, only llama is written")
        of = lambda key: value(f"llama.{key}")
        self.layers, self.hidden = of("block_count"), of("embedding_length")
        self.heads, self.kv_heads = of("attention.head_count"), of("attention.head_count_kv")
        self.epsilon = of("attention.layer_norm_rms_epsilon")
        self.rotary_base, self.context = of("rope.freq_base"), of("context_length")
        self.head = self.hidden // self.heads

    def get(self, name):
        t = self.tensors[name]
        w = gguf.dequantize(t.data, t.tensor_type).astype(numpy.float32)
        w = w.reshape([int(d) for d in reversed(t.shape)])
        for part, heads in (("attn_q", self.heads), ("attn_k", self.kv_heads)):
            if f".{part}.weight" in name:
                w = w.reshape(heads, self.head // 2, 2, -1).swapaxes(1, 2).reshape(w.shape)
        return w


def quantize(w, bits):
    """[n, k] -> codes [n, k / 32, 32 * bits / 8] u8 and scales [n * k / 32] f32, zero point in the middle.
    The entry of the largest magnitude is met exactly. (Zero points of their own were no nearer to the
    weights of a Q4_1 file, whose steps do not pass through zero.)"""
    n, k = w.shape
    if k % BLOCK:
        raise ValueError(f"rows of {k} are not blocks of {BLOCK}")
    blocks = w.reshape(n, k // BLOCK, BLOCK)
    middle = 1 << (bits - 1)
    largest = numpy.take_along_axis(blocks, numpy.abs(blocks).argmax(-1)[..., None], -1)
    scales = largest / -middle
    scales[scales == 0] = 1
    codes = numpy.rint(blocks / scales) + middle
    codes = codes.clip(0, 2 * middle - 1).astype(numpy.uint8)
    if bits == 4:
        codes = codes[..., 0::2] | codes[..., 1::2] << 4
    return codes, scales.astype(numpy.float32).reshape(-1)


class Builder:
    def __init__(self, source, bits):
        self.source, self.bits = source, bits
        self.nodes, self.constants, self.inputs, self.outputs = [], [], [], []

    def constant(self, name, array):
        self.constants.append(numpy_helper.from_array(numpy.ascontiguousarray(array), name))
        return name

    def node(self, kind, inputs, outputs, contrib=False, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, outputs,
                                           domain=CONTRIB if contrib else "", **attributes))
        return outputs[0]

    def linear(self, x, weights, out):
        w = numpy.concatenate([self.source.get(name) for name in weights])
        if self.bits == 32:
            return self.node("MatMul", [x, self.constant(out + ".w", w.T)], [out])
        names = [self.constant(f"{out}.{i}", array)
                 for i, array in enumerate(quantize(w, self.bits))]
        return self.node("MatMulNBits", [x, *names], [out], contrib=True, N=w.shape[0],
                         K=w.shape[1], bits=self.bits, block_size=BLOCK, accuracy_level=4)

    def add_and_norm(self, x, y, gain, out):
        """(normalised, sum)"""
        gain = self.constant(out + ".gain", self.source.get(gain))
        self.node("SkipSimplifiedLayerNormalization", [x, y, gain], [out, "", "", out + ".sum"],
                  contrib=True, epsilon=self.source.epsilon)
        return out, out + ".sum"

    def cache(self, layer, which):
        shape = [1, self.source.kv_heads, "room", self.source.head]
        for side, names in (("past", self.inputs), ("present", self.outputs)):
            names.append(helper.make_tensor_value_info(f"{side}.{layer}.{which}",
                                                       TensorProto.FLOAT, shape))

    def attention(self, h, layer):
        p = f"blk.{layer}."
        qkv = self.linear(h, [p + "attn_q.weight", p + "attn_k.weight", p + "attn_v.weight"],
                          p + "qkv")
        self.cache(layer, "k")
        self.cache(layer, "v")
        mixed = self.node("GroupQueryAttention",
                          [qkv, "", "", f"past.{layer}.k", f"past.{layer}.v", "seqlens_k", "total",
                           "cos", "sin"],
                          [p + "mixed", f"present.{layer}.k", f"present.{layer}.v"], contrib=True,
                          num_heads=self.source.heads, kv_num_heads=self.source.kv_heads,
                          do_rotary=1, rotary_interleaved=0)
        return self.linear(mixed, [p + "attn_output.weight"], p + "attended")

    def feed_forward(self, h, layer):
        p = f"blk.{layer}."
        gate = self.linear(h, [p + "ffn_gate.weight"], p + "gate")
        up = self.linear(h, [p + "ffn_up.weight"], p + "up")
        # x * sigmoid(1 * x) in one node
        silu = self.node("QuickGelu", [gate], [p + "silu"], contrib=True, alpha=1.0)
        return self.linear(self.node("Mul", [silu, up], [p + "product"]), [p + "ffn_down.weight"],
                           p + "fed")

    def build(self):
        s = self.source
        info = helper.make_tensor_value_info
        self.inputs += [info("input_ids", TensorProto.INT64, [1, "n"]),
                        info("seqlens_k", TensorProto.INT32, [1]),
                        info("total", TensorProto.INT32, []),
                        info("wanted", TensorProto.INT64, ["w"])]
        self.outputs.append(info("logits", TensorProto.FLOAT, [1, "w", None]))
        frequencies = s.rotary_base ** (-numpy.arange(0, s.head, 2) / s.head)
        angles = numpy.arange(s.context)[:, None] * frequencies[None]
        self.constant("cos", numpy.cos(angles).astype(numpy.float32))
        self.constant("sin", numpy.sin(angles).astype(numpy.float32))
        embedding = self.constant("embedding", s.get("token_embd.weight"))
        x = self.node("Gather", [embedding, "input_ids"], ["x"])
        h = self.node("SimplifiedLayerNormalization",
                      [x, self.constant("first.gain", s.get("blk.0.attn_norm.weight"))], ["h"],
                      axis=-1, epsilon=s.epsilon, stash_type=1)
        for layer in range(s.layers):
            last = layer + 1 == s.layers
            h, x = self.add_and_norm(x, self.attention(h, layer), f"blk.{layer}.ffn_norm.weight",
                                     f"h.{layer}.ffn")
            gain = "output_norm.weight" if last else f"blk.{layer + 1}.attn_norm.weight"
            h, x = self.add_and_norm(x, self.feed_forward(h, layer), gain, f"h.{layer}.next")
        h = self.node("Gather", [h, "wanted"], ["h.wanted"], axis=1)
        head = "output.weight" if "output.weight" in s.tensors else "token_embd.weight"
        self.linear(h, [head], "logits")
        graph = helper.make_graph(self.nodes, "decoder", self.inputs, self.outputs, self.constants)
        return helper.make_model(graph, ir_version=9, opset_imports=[
            helper.make_opsetid("", 17), helper.make_opsetid(CONTRIB, 1)])


def write(path, out, bits):
    """bits: 4, 8, or 32 for f32. Weights go to a file beside `out`."""
    source = Source(path)
    for old in (out, out + ".data"):  # onnx.save would append to the latter
        if os.path.exists(old):
            os.unlink(old)
    onnx.save(Builder(source, bits).build(), out, save_as_external_data=True,
              location=out.rsplit("/", 1)[-1] + ".data")
    return {"layers": source.layers, "kv_heads": source.kv_heads, "head": source.head,
            "vocabulary": int(source.tensors["token_embd.weight"].shape[1])}
