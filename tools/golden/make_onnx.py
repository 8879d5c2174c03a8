#!/usr/bin/env python3
"""Writes tiny random models as ONNX, as optimum exports them, with what transformers (or, for quantised
ones, ONNX Runtime in a greedy loop) says of them: tests/golden/onnx.

usage: make_onnx.py FOLDER    (needs optimum-onnx 0.1 with torch and onnxruntime; a minute)
"""
import copy
import json
import pathlib
import shutil
import sys
import tempfile

import numpy
import onnx
import onnxruntime
import tokenizers
import torch
import transformers
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from onnxruntime.transformers.float16 import convert_float_to_float16
from optimum.exporters.onnx import main_export

VOCAB, NEW, STOP = 64, 16, 3
BASE = {"vocab_size": VOCAB, "bos_token_id": 2, "eos_token_id": STOP, "pad_token_id": 1}
SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
         "intermediate_size": 32, "max_position_embeddings": 512, "initializer_range": 0.5}
GPT = {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 64, "initializer_range": 0.5}
CONFIGS = {
    "llama": lambda: transformers.LlamaForCausalLM(transformers.LlamaConfig(
        **BASE, **SMALL, num_key_value_heads=1, tie_word_embeddings=False)),
    "gpt2": lambda: transformers.GPT2LMHeadModel(transformers.GPT2Config(**BASE, **GPT)),
    "gpt_bigcode": lambda: transformers.GPTBigCodeForCausalLM(transformers.GPTBigCodeConfig(
        **BASE, **GPT, multi_query=True)),
    "t5": lambda: transformers.T5ForConditionalGeneration(transformers.T5Config(
        **BASE, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2, decoder_start_token_id=1,
        initializer_factor=3.0, relative_attention_num_buckets=8,
        relative_attention_max_distance=32, tie_word_embeddings=False)),
    "bart": lambda: transformers.BartForConditionalGeneration(transformers.BartConfig(
        **BASE, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32,
        max_position_embeddings=64, init_std=0.4, forced_bos_token_id=5, forced_eos_token_id=None,
        decoder_start_token_id=STOP)),
    "bert": lambda: transformers.BertModel(transformers.BertConfig(
        vocab_size=VOCAB, **{**SMALL, "initializer_range": 0.2, "max_position_embeddings": 64}), add_pooling_layer=False),
}


def prompts(lengths):
    rng = numpy.random.default_rng(5)
    return [[int(i) for i in rng.integers(6, VOCAB, n)] for n in lengths]


def rename(graph, names, counter):
    """Short names inside a graph: exports spend most of their bytes on long ones."""
    def short(name):
        if name and name not in names:
            counter[0] += 1
            names[name] = f"t{counter[0]}"
        return names.get(name, name)
    for node in graph.node:
        node.name, node.doc_string = "", ""
        del node.metadata_props[:]
        node.input[:] = [short(n) for n in node.input]
        node.output[:] = [short(n) for n in node.output]
        for a in node.attribute:
            if a.HasField("g"):
                rename(a.g, names, counter)
    for value in [*graph.initializer, *graph.input, *graph.output]:
        value.name = short(value.name)
    graph.doc_string = ""
    del graph.value_info[:], graph.metadata_props[:]


def shrink(model):
    keep = {v.name: v.name for v in [*model.graph.input, *model.graph.output]}
    rename(model.graph, keep, [0])
    del model.metadata_props[:], model.functions[:]
    model.doc_string = ""
    return model


def save(model, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(shrink(model), path)


def export(source, task, work):
    out = work / f"{source.name}-{task}"
    main_export(str(source), output=str(out), task=task, do_validation=False,
                library_name="transformers")
    return out


def put(export_folder, out, files):
    out.mkdir(parents=True, exist_ok=True)
    for name in files:
        save(onnx.load(export_folder / name), out / name)
    for name in ("config.json", "generation_config.json"):
        if (export_folder / name).exists():
            shutil.copyfile(export_folder / name, out / name)


def greedy_loop(path, prompt):
    """The model's own reference: all tokens again in each step, through an empty past."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    ids, chosen, first = list(prompt), [], None
    types = {"tensor(float)": numpy.float32, "tensor(float16)": numpy.float16}
    past, step = None, ids
    while len(chosen) < NEW:
        total = len(ids)
        feed = {}
        for i in session.get_inputs():
            if i.name == "input_ids":
                feed[i.name] = numpy.array([step], numpy.int64)
            elif i.name == "attention_mask":
                feed[i.name] = numpy.ones((1, total), numpy.int64)
            elif i.name == "position_ids":
                feed[i.name] = numpy.arange(total - len(step), total, dtype=numpy.int64)[None]
            elif past is not None:
                feed[i.name] = past[i.name.replace("past_key_values", "present")]
            else:
                shape = [d if isinstance(d, int) else (1 if k == 0 else 0)
                         for k, d in enumerate(i.shape)]
                feed[i.name] = numpy.zeros(shape, types[i.type])
        names = [o.name for o in session.get_outputs()]
        got = dict(zip(names, session.run(names, feed)))
        logits = got["logits"][0, -1].astype(numpy.float64)
        past = got if len(names) > 1 else None
        best = int(logits.argmax())
        if first is None:
            first = float(logits[best] - numpy.log(numpy.exp(logits - logits.max()).sum())
                          - logits.max())
        if best == STOP:
            break
        chosen.append(best)
        ids.append(best)
        step = [best] if past is not None else ids
    return chosen, first


def own_golden(path, lengths):
    cases = []
    for prompt in prompts(lengths):
        ids, first = greedy_loop(path, prompt)
        cases.append({"prompt": prompt, "greedy": ids, "logprob": first})
    return cases


def nll(model, prompt):
    with torch.no_grad():
        logits = model(torch.tensor([prompt])).logits[0].double().log_softmax(-1)
    return -float(sum(logits[i, prompt[i + 1]] for i in range(len(prompt) - 1)))


def cut(ids):
    return ids[:ids.index(STOP)] if STOP in ids else ids


def decoder_golden(model, lengths):
    cases = []
    for prompt in prompts(lengths):
        common = dict(inputs=torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt)).long(),
                      max_new_tokens=NEW, do_sample=False, eos_token_id=STOP, pad_token_id=1)
        out = [model.generate(**common, num_beams=n)[0, len(prompt):].tolist() for n in (1, 4)]
        cases.append({"prompt": prompt, "greedy": cut(out[0]), "beam": cut(out[1]),
                      "nll": nll(model, prompt)})
    return cases


def seq2seq_golden(model, lengths):
    cases = []
    skip = 2 if model.generation_config.forced_bos_token_id is not None else 1
    for prompt in prompts(lengths):
        common = dict(inputs=torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt)).long(),
                      max_new_tokens=NEW + skip - 1, do_sample=False, eos_token_id=STOP,
                      pad_token_id=1)
        out = [model.generate(**common, num_beams=n)[0, skip:].tolist() for n in (1, 4)]
        case = {"prompt": prompt, "greedy": cut(out[0])}
        if skip == 1:  # what is forced counts in the scores of transformers' beams
            case["beam"] = cut(out[1])
        cases.append(case)
    return cases


def encoder_golden(model, lengths):
    with torch.no_grad():
        return [{"prompt": p, "states": [[round(float(v), 5) for v in row] for row in
                                         model(torch.tensor([p])).last_hidden_state[0]]}
                for p in prompts(lengths)]


def write_golden(out, name, path, cases, architecture, arithmetic, capabilities):
    golden = {"path": path, "max_new_tokens": NEW, "stop": STOP,
              "info": {"architecture": architecture, "arithmetic": arithmetic,
                       "capabilities": capabilities}, "cases": cases}
    (out / f"{name}.json").write_text(json.dumps(golden) + "\n")


def fuse_past(model):
    """gpt_bigcode as optimum wrote it before transformers 4.44: past_key_values.N.key_value
    [batch, past, 2 * head_dim]."""
    g = model.graph
    for side, values in (("past_key_values", g.input), ("present", g.output)):
        layers = sorted({int(v.name.split(".")[1]) for v in values if v.name.startswith(side)})
        for n in layers:
            key, value, both = (f"{side}.{n}.{k}" for k in ("key", "value", "key_value"))
            old = [v for v in values if v.name in (key, value)]
            dim = old[0].type.tensor_type.shape.dim[3].dim_value
            for v in old:
                values.remove(v)
            values.append(helper.make_tensor_value_info(
                both, TensorProto.FLOAT, ["batch_size", f"{side}_length", 2 * dim]))
            axis = f"{both}.axis"
            g.initializer.append(numpy_helper.from_array(numpy.array([1], numpy.int64), axis))
            if side == "past_key_values":
                g.node.insert(0, helper.make_node("Split", [both], [f"{key}.3", f"{value}.3"], axis=2,
                                                  num_outputs=2))
                g.node.insert(1, helper.make_node("Unsqueeze", [f"{key}.3", axis], [key]))
                g.node.insert(2, helper.make_node("Unsqueeze", [f"{value}.3", axis], [value]))
            else:
                for k in (key, value):
                    g.node.append(helper.make_node("Squeeze", [k, axis], [f"{k}.3"]))
                g.node.append(helper.make_node("Concat", [f"{key}.3", f"{value}.3"], [both], axis=2))
    return model


def merge(model):
    """One file with both ways in, chosen by use_cache_branch, as optimum's merged decoders are."""
    g = model.graph
    inputs = {v.name for v in g.input} | {w.name for w in g.initializer}
    branches = []
    for prefix in ("a.", "b."):
        b = copy.deepcopy(g)
        del b.input[:], b.initializer[:]
        for node in b.node:
            node.input[:] = [n if n in inputs or not n else prefix + n for n in node.input]
            node.output[:] = [prefix + n for n in node.output]
        for v in b.output:
            v.name = prefix + v.name
        b.name = prefix + "branch"
        branches.append(b)
    names = [v.name for v in g.output]
    del g.node[:]
    g.node.append(helper.make_node("If", ["use_cache_branch"], names, then_branch=branches[0],
                                   else_branch=branches[1]))
    g.input.append(helper.make_tensor_value_info("use_cache_branch", TensorProto.BOOL, [1]))
    return model


def genai(model, out, config):
    """The folder that ONNX Runtime GenAI reads, with names of its own for everything."""
    names = {"input_ids": "tokens", "attention_mask": "mask", "position_ids": "places",
             "logits": "scores"}
    for n in range(config.num_hidden_layers):
        for k in ("key", "value"):
            names[f"past_key_values.{n}.{k}"] = f"past_{k}_{n}"
            names[f"present.{n}.{k}"] = f"present_{k}_{n}"
    for v in [*model.graph.input, *model.graph.output]:
        v.name = names[v.name]
    for node in model.graph.node:
        node.input[:] = [names.get(n, n) for n in node.input]
        node.output[:] = [names.get(n, n) for n in node.output]
    save(model, out / "tiny.onnx")
    decoder = {"filename": "tiny.onnx", "head_size": 8, "hidden_size": config.hidden_size,
               "inputs": {"input_ids": "tokens", "attention_mask": "mask", "position_ids": "places",
                          "past_key_names": "past_key_%d", "past_value_names": "past_value_%d"},
               "outputs": {"logits": "scores", "present_key_names": "present_key_%d",
                           "present_value_names": "present_value_%d"},
               "num_attention_heads": 2, "num_hidden_layers": config.num_hidden_layers,
               "num_key_value_heads": 1}
    (out / "genai_config.json").write_text(json.dumps(
        {"model": {"type": "llama", "context_length": 512, "vocab_size": VOCAB,
                   "eos_token_id": STOP, "decoder": decoder}, "search": {"max_length": 512}},
        indent=1) + "\n")


WORDS = """Reads Writes Parses Opens Closes Counts Finds Sorts Returns Checks the a file files list of to
from and names lines text number into each one it its value values bytes in at by on for with data first last
all open read write error node nodes tree map queue cache"""


def tokenizer(path):
    """Whole words, so that a random model's answer is a line of words."""
    vocab = [(t, 0.0) for t in ("<unk>", "<pad>", "<s>", "</s>")] + [("\u2581", -9.0), (".", -3.0)]
    vocab += [("\u2581" + w, -4.0 - i / 64) for i, w in enumerate(WORDS.split())]
    if len(vocab) > VOCAB:
        sys.exit(f"{len(vocab)} tokens: at most {VOCAB}")
    tok = tokenizers.Tokenizer(tokenizers.models.Unigram(vocab, unk_id=0, byte_fallback=False))
    tok.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    tok.decoder = tokenizers.decoders.Metaspace()
    tok.add_special_tokens(["<unk>", "<pad>", "<s>", "</s>"])
    tok.post_processor = tokenizers.processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", STOP)])
    tok.save(str(path / "tokenizer.json"), pretty=False)


def external(model, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(shrink(model), path, save_as_external_data=True, location=path.name + "_data",
              size_threshold=256)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out, work = pathlib.Path(sys.argv[1]), pathlib.Path(tempfile.mkdtemp())
    GENERATE, EMBED, SEQ2SEQ = 1, 2, 4
    models = {}
    for name, make in CONFIGS.items():
        torch.manual_seed(sum(name.encode()))
        models[name] = make().eval()
        models[name].save_pretrained(work / name)
    long, short = [1, 2, 7, 33, 300], [1, 7, 33]

    def decoder(name, source, folder, lengths, path=None):
        write_golden(out, name, path or name, decoder_golden(models[source], lengths),
                     models[source].config.model_type, "onnx f32", GENERATE)

    llama = export(work / "llama", "text-generation-with-past", work)
    put(llama, out / "llama", ["model.onnx"])
    decoder("llama", "llama", llama, long)
    gpt2 = export(work / "gpt2", "text-generation-with-past", work)
    put(gpt2, out / "gpt2", ["model.onnx"])
    decoder("gpt2", "gpt2", gpt2, short)
    code = export(work / "gpt_bigcode", "text-generation-with-past", work)
    (out / "gpt_bigcode").mkdir(parents=True, exist_ok=True)
    save(fuse_past(onnx.load(code / "model.onnx")), out / "gpt_bigcode" / "model.onnx")
    shutil.copyfile(code / "config.json", out / "gpt_bigcode" / "config.json")
    decoder("gpt_bigcode", "gpt_bigcode", code, short)

    plain = export(work / "llama", "text-generation", work)
    put(plain, out / "llama-no-past", ["model.onnx"])
    decoder("llama-no-past", "llama", plain, short)

    # onnx-community's layout: graphs in onnx/, and the decoder merged
    inner = out / "llama-merged" / "onnx"
    save(merge(onnx.load(llama / "model.onnx")), inner / "decoder_model_merged.onnx")
    shutil.copyfile(llama / "config.json", inner.parent / "config.json")
    decoder("llama-merged", "llama", llama, short)

    (out / "llama-genai").mkdir(parents=True, exist_ok=True)
    genai(onnx.load(llama / "model.onnx"), out / "llama-genai", models["llama"].config)
    decoder("llama-genai", "llama", llama, short)

    external(onnx.load(llama / "model.onnx"), out / "llama-external" / "model.onnx")
    shutil.copyfile(llama / "config.json", out / "llama-external" / "config.json")
    decoder("llama-external", "llama", llama, short)

    half = convert_float_to_float16(onnx.load(llama / "model.onnx"), keep_io_types=False)
    save(half, out / "llama-f16" / "model.onnx")
    quantize_dynamic(llama / "model.onnx", work / "int8.onnx", weight_type=QuantType.QUInt8)
    save(onnx.load(work / "int8.onnx"), out / "llama-int8" / "model_quantized.onnx")
    q = MatMulNBitsQuantizer(onnx.load(llama / "model.onnx"), block_size=32, accuracy_level=4)
    q.process()
    save(q.model.model, out / "llama-q4" / "model_q4.onnx")
    for name, file, arithmetic in (("llama-f16", "model.onnx", "f16"),
                                   ("llama-int8", "model_quantized.onnx", "int8"),
                                   ("llama-q4", "model_q4.onnx", "q4")):
        shutil.copyfile(llama / "config.json", out / name / "config.json")
        write_golden(out, name, f"{name}/{file}", own_golden(out / name / file, short), "llama",
                     f"onnx {arithmetic}", GENERATE)

    t5 = export(work / "t5", "text2text-generation-with-past", work)
    put(t5, out / "t5", ["encoder_model.onnx", "decoder_model.onnx", "decoder_with_past_model.onnx"])
    put(t5, out / "t5-merged", ["encoder_model.onnx", "decoder_model_merged.onnx"])
    tokenizer(out / "t5-merged")
    once = export(work / "t5", "text2text-generation", work)
    put(once, out / "t5-no-past", ["encoder_model.onnx", "decoder_model.onnx"])
    bart = export(work / "bart", "text2text-generation-with-past", work)
    put(bart, out / "bart", ["encoder_model.onnx", "decoder_model_merged.onnx"])
    for name in ("t5", "t5-merged", "t5-no-past", "bart"):
        source = name.split("-")[0]
        write_golden(out, name, name, seq2seq_golden(
            models[source], short if source == "bart" else long[1:]), source, "onnx f32",
                     SEQ2SEQ)

    bert = export(work / "bert", "feature-extraction", work)
    put(bert, out / "bert", ["model.onnx"])
    write_golden(out, "bert", "bert", encoder_golden(models["bert"], [1, 7, 20]), "bert", "onnx f32",
                 EMBED)
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
