"""sentence-transformers on PyTorch, and ONNX Runtime on graphs of the same encoder (see worker.py)."""
import importlib.metadata
import os
import time

import numpy
import onnxruntime
import torch
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

import worker

BATCH = 32  # sentence-transformers' own; both sort the texts by length first
models = {}


def versions():
    return {n: importlib.metadata.version(n)
            for n in ("torch", "transformers", "sentence-transformers", "onnxruntime")}


class Torch:
    def __init__(self, folder, threads):
        torch.set_num_threads(threads)
        self.model = SentenceTransformer(folder, device="cpu")

    def embed(self, texts):
        return self.model.encode(texts, batch_size=BATCH, show_progress_bar=False)


class Onnx:
    """Mean of the states of a text's tokens, normalised."""

    def __init__(self, folder, graph, threads, most):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(graph, options,
                                                    providers=["CPUExecutionProvider"])
        self.inputs = {i.name for i in self.session.get_inputs()}
        self.tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
        self.tokenizer.enable_truncation(most)
        self.tokenizer.enable_padding()

    def embed(self, texts):
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        out = [None] * len(texts)
        for at in range(0, len(order), BATCH):
            rows = order[at:at + BATCH]
            encoded = self.tokenizer.encode_batch([texts[i] for i in rows])
            feeds = {"input_ids": numpy.array([e.ids for e in encoded], numpy.int64),
                     "attention_mask": numpy.array([e.attention_mask for e in encoded], numpy.int64)}
            feeds["token_type_ids"] = numpy.zeros_like(feeds["input_ids"])
            states = self.session.run(None, {k: v for k, v in feeds.items() if k in self.inputs})[0]
            mask = feeds["attention_mask"][:, :, None].astype(numpy.float32)
            pooled = (states * mask).sum(1) / mask.sum(1)
            for i, v in zip(rows, pooled / numpy.linalg.norm(pooled, axis=1, keepdims=True)):
                out[i] = v
        return numpy.array(out)


def export(folder, out):
    """Writes the encoder's graph in f32."""
    if os.path.exists(out):
        return
    model = SentenceTransformer(folder, device="cpu")[0].auto_model.eval()
    shape = {0: "texts", 1: "tokens"}
    names = ["input_ids", "attention_mask", "token_type_ids"]
    example = torch.ones((2, 8), dtype=torch.int64)

    class States(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, ids, mask, types):
            return self.model(input_ids=ids, attention_mask=mask,
                              token_type_ids=types).last_hidden_state

    torch.onnx.export(States(), (example, example, example * 0), out + ".part", input_names=names,
                      output_names=["states"], dynamo=False, opset_version=17,
                      dynamic_axes={n: shape for n in [*names, "states"]})
    os.rename(out + ".part", out)


def open_model(name, folder, threads, most, graph=None):
    models[name] = Onnx(folder, graph, threads, most) if graph else Torch(folder, threads)


def embed(name, texts, out=None):
    """Seconds from texts to vectors; they are written to a .npy file if it is named."""
    begun = time.perf_counter()
    vectors = models[name].embed(texts)
    seconds = time.perf_counter() - begun
    if out:
        numpy.save(out, numpy.asarray(vectors, numpy.float32))
    return seconds


if __name__ == "__main__":
    worker.serve({"versions": versions, "export": export, "open": open_model, "embed": embed})
