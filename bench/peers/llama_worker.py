"""llama.cpp through llama-cpp-python's low-level functions (see worker.py)."""
import ctypes
import importlib.metadata
import time

import llama_cpp as llama
import numpy

import worker

FILE_TYPES = {"bf16": llama.LLAMA_FTYPE_MOSTLY_BF16, "q4_0": llama.LLAMA_FTYPE_MOSTLY_Q4_0,
              "q8_0": llama.LLAMA_FTYPE_MOSTLY_Q8_0}


@llama.llama_log_callback
def drop_log(level, text, user):
    pass


def versions():
    return {"llama-cpp-python": importlib.metadata.version("llama-cpp-python"),
            "numpy": numpy.__version__,
            "system": llama.llama_print_system_info().decode().strip()}


def quantize(model, out, kind):
    """Writes `model` again with llama.cpp's own quantiser."""
    params = llama.llama_model_quantize_default_params()
    params.ftype = FILE_TYPES[kind]
    params.allow_requantize = True
    if llama.llama_model_quantize(model.encode(), out.encode(), ctypes.byref(params)):
        raise RuntimeError(f"{model}: cannot be written as {kind}")


class Context:
    def __init__(self, model, tokens, sequences, threads):
        params = llama.llama_context_default_params()
        params.n_ctx = tokens * sequences
        params.n_batch = max(512, tokens)
        params.n_ubatch = 512
        params.n_seq_max = sequences
        params.n_threads = params.n_threads_batch = threads
        params.flash_attn_type = llama.LLAMA_FLASH_ATTN_TYPE_ENABLED
        params.kv_unified = False
        self.pointer = llama.llama_init_from_model(model, params)
        if not self.pointer:
            raise RuntimeError("no context")
        self.vocabulary = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(model))
        self.batch = llama.llama_batch_init(params.n_batch, 0, 1)
        self.clear()

    def clear(self):
        llama.llama_memory_clear(llama.llama_get_memory(self.pointer), True)

    def fill(self, entries):
        """entries: (token, position, sequence, whether its logits are wanted)."""
        b = self.batch
        b.n_tokens = len(entries)
        for i, (token, position, sequence, wanted) in enumerate(entries):
            b.token[i], b.pos[i], b.logits[i] = token, position, wanted
            b.n_seq_id[i], b.seq_id[i][0] = 1, sequence

    def fill_prompt(self, ids, sequence=0, every=False):
        last = len(ids) - 1
        self.fill([(t, i, sequence, every or i == last) for i, t in enumerate(ids)])

    def run(self):
        """Computes what was filled in; the seconds that took, with its logits there."""
        begun = time.perf_counter()
        if llama.llama_decode(self.pointer, self.batch):
            raise RuntimeError(f"llama_decode failed with {self.batch.n_tokens} tokens")
        llama.llama_get_logits_ith(self.pointer, self.batch.n_tokens - 1)
        return time.perf_counter() - begun

    def logits(self, i):
        """[vocabulary] f32 of the batch's entry i, until the next run."""
        pointer = llama.llama_get_logits_ith(self.pointer, i)
        return numpy.ctypeslib.as_array(pointer, (self.vocabulary,))

    def close(self):
        llama.llama_batch_free(self.batch)
        llama.llama_free(self.pointer)


models, contexts = {}, {}


def open_model(name, path, tokens, threads, sequences=1):
    if name not in models:
        params = llama.llama_model_default_params()
        params.use_mmap = False  # pages of a mapped file may be dropped while others have their turn
        model = llama.llama_model_load_from_file(path.encode(), params)
        if not model:
            raise RuntimeError(f"{path}: cannot be loaded")
        models[name] = model
    if name in contexts:
        contexts.pop(name).close()
    contexts[name] = Context(models[name], tokens, sequences, threads)


def close_model(name):
    contexts.pop(name).close()
    llama.llama_model_free(models.pop(name))


def prefill(name, ids):
    """Seconds until the logits of the last of ids are there."""
    c = contexts[name]
    c.clear()
    c.fill_prompt(ids)
    return c.run()


def decode(name, prompts, steps):
    """Seconds of so many steps of all prompts in one batch. The tokens that are fed are given, so no
    time goes into choosing them."""
    c = contexts[name]
    c.clear()
    for sequence, ids in enumerate(prompts):
        c.fill_prompt(ids, sequence)
        c.run()
    seconds = 0
    for step in range(steps):
        c.fill([(ids[step], len(ids) + step, sequence, 1) for sequence, ids in enumerate(prompts)])
        seconds += c.run()
    return seconds


def generate(name, prompts, counts):
    """{"seconds", "ids"}: counts[i] greedy tokens after prompts[i], an end token among them or not.
    One prompt after the other is read, then all go on in one batch."""
    c = contexts[name]
    c.clear()
    out = []
    begun = time.perf_counter()
    for sequence, ids in enumerate(prompts):
        c.fill_prompt(ids, sequence)
        c.run()
        out.append([int(c.logits(len(ids) - 1).argmax())])
    while True:
        going = [i for i, ids in enumerate(out) if len(ids) < counts[i]]
        if not going:
            break
        c.fill([(out[i][-1], len(prompts[i]) + len(out[i]) - 1, i, 1) for i in going])
        c.run()
        for at, i in enumerate(going):
            out[i].append(int(c.logits(at).argmax()))
    return {"seconds": time.perf_counter() - begun, "ids": out}


def logits(name, windows, out):
    """Writes [positions of all windows but each one's last, vocabulary] f32 as a .npy file."""
    c = contexts[name]
    rows = numpy.lib.format.open_memmap(out, "w+", numpy.float32,
                                        (sum(len(w) - 1 for w in windows), c.vocabulary))
    at = 0
    for ids in windows:
        c.clear()
        c.fill_prompt(ids, every=True)
        c.run()
        for i in range(len(ids) - 1):
            rows[at + i] = c.logits(i)
        at += len(ids) - 1
    rows.flush()


if __name__ == "__main__":
    llama.llama_log_set(drop_log, ctypes.c_void_p(0))
    llama.llama_backend_init()
    worker.serve({"versions": versions, "quantize": quantize, "open": open_model,
                  "close": close_model, "prefill": prefill, "decode": decode,
                  "generate": generate, "logits": logits})
