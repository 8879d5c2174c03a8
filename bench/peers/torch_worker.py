"""transformers on PyTorch, from the GGUF (see worker.py)."""
import importlib.metadata
import os
import time

import numpy
import torch
import transformers

import worker

models = {}


def versions():
    return {"torch": torch.__version__, "transformers": transformers.__version__,
            "gguf": importlib.metadata.version("gguf")}


def open_model(name, path, dtype, threads):
    torch.set_num_threads(threads)
    folder, file = os.path.split(path)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=file, dtype=getattr(torch, dtype), attn_implementation="sdpa")
    models[name] = model.eval()


def close_model(name):
    del models[name]


@torch.inference_mode()
def prefill(name, ids):
    """Seconds until the logits of the last of ids are there."""
    tensor = torch.tensor([ids])
    begun = time.perf_counter()
    models[name](tensor, use_cache=True, logits_to_keep=1)
    return time.perf_counter() - begun


@torch.inference_mode()
def logits(name, windows, out):
    """Writes [positions of all windows but each one's last, vocabulary] f32 as a .npy file."""
    model = models[name]
    rows = numpy.lib.format.open_memmap(
        out, "w+", numpy.float32, (sum(len(w) - 1 for w in windows), model.config.vocab_size))
    at = 0
    for ids in windows:
        n = len(ids) - 1
        rows[at:at + n] = model(torch.tensor([ids[:-1]])).logits[0].float().numpy()
        at += n
    rows.flush()


if __name__ == "__main__":
    worker.serve({"versions": versions, "open": open_model, "close": close_model,
                  "prefill": prefill, "logits": logits})
