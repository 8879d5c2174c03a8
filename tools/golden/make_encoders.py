#!/usr/bin/env python3
"""Writes tiny encoders with random weights as Hugging Face folders, and the hidden states that
transformers computes on them in f32.

usage: make_encoders.py FOLDER [NAME...]        FOLDER/NAME/{config.json, model.safetensors, golden.json}
       make_encoders.py --of MODEL OUT.json     the states of a model that is there, a folder
(needs torch, transformers 5, safetensors; see tools/golden/requirements.txt)

Each prompt's states are in the file at its first, middle and last position, and their mean over all
positions.
"""
import json
import pathlib
import sys

import safetensors.torch
import torch
import transformers

LENGTHS = [1, 7, 33, 64, 300]
# name -> class, options, pooler, type of the weights. Heads of 20 are no multiple of what kernels
# take at once; RoBERTa's positions begin after its padding token's, and it has one token type.
MODELS = {
    "tiny-bert": ("Bert", dict(
        vocab_size=200, hidden_size=40, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=72, max_position_embeddings=320, hidden_act="gelu"), True, torch.bfloat16),
    "tiny-roberta": ("Roberta", dict(
        vocab_size=180, hidden_size=48, num_hidden_layers=3, num_attention_heads=3,
        intermediate_size=56, max_position_embeddings=322, type_vocab_size=1, pad_token_id=1,
        layer_norm_eps=1e-5, hidden_act="gelu_new"), False, torch.float16),
}


def make(folder, name):
    family, options, pooler, kind = MODELS[name]
    torch.manual_seed(sum(name.encode()))
    config = getattr(transformers, family + "Config")(attn_implementation="eager", **options)
    model = getattr(transformers, family + "Model")(config, add_pooling_layer=pooler)
    for parameter, w in model.named_parameters():
        if "LayerNorm.weight" in parameter:
            torch.nn.init.normal_(w, 1.0, 0.3)
        elif w.dim() == 1:
            torch.nn.init.normal_(w, 0.0, 0.3)
        else:
            torch.nn.init.normal_(w, 0.0, 1.7 / w.shape[1] ** 0.5)
    with torch.no_grad():
        for w in model.parameters():
            w.copy_(w.to(kind).float())
    folder.mkdir(parents=True, exist_ok=True)
    state = {k: v.to(kind).contiguous() for k, v in model.state_dict().items() if v.is_floating_point()}
    safetensors.torch.save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    config.dtype = str(kind).split(".")[1]
    config.architectures = [family + "Model"]
    config.to_json_file(folder / "config.json")
    return model.eval()


@torch.no_grad()
def states(model, lengths):
    c = model.config
    generator = torch.Generator().manual_seed(5)
    prompts = []
    for n in lengths:
        ids = torch.randint(c.vocab_size, (n,), generator=generator)
        if c.model_type == "bert" or n < 33: # else a padding token may be among them
            ids[ids == (c.pad_token_id or 0)] = 3
        else:
            ids[n // 3] = c.pad_token_id
        hidden = model(ids[None], attention_mask=torch.ones(1, n)).last_hidden_state[0]
        prompts.append({
            "ids": ids.tolist(),
            "states": {str(i): [round(float(v), 6) for v in hidden[i]]
                       for i in sorted({0, n // 2, n - 1})},
            "mean": [round(float(v), 6) for v in hidden.mean(0)]})
    return {"made_with": f"transformers {transformers.__version__}, torch "
                         f"{torch.__version__.split('+')[0]}, f32, eager attention",
            "prompts": prompts}


def write(path, golden):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print(f"{path.parent.name}/{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] == "--of":
        loaded = transformers.AutoModel.from_pretrained(
            sys.argv[2], dtype=torch.float32, attn_implementation="eager").eval()
        write(pathlib.Path(sys.argv[3]), states(loaded, [1, 7, 33, 300, 512]))
    elif len(sys.argv) > 1:
        for name in sys.argv[2:] or MODELS:
            at = pathlib.Path(sys.argv[1]) / name
            write(at / "golden.json", states(make(at, name), LENGTHS))
    else:
        sys.exit(__doc__)
