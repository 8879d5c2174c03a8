# generate: prompts, streaming, stop words, sampling, JSON.

== set-up
$ printf 'Hello there' > p.txt
$ echo '[5, 6, 7]' > ids.json

== text streams to standard output
$ precis generate --model $TINY --prompt hello --max-new-tokens 5 | wc -c | tr -d ' '
out~ ^[1-9]

== JSON
$ precis generate --model $TINY --prompt-file p.txt --max-new-tokens 5 --logprobs 3 --json > g.json
$ python3 - <<'END'
$ import json
$ g = json.load(open("g.json"))
$ print(len(g["ids"]), len(g["logprobs"]), [len(t) for t in g["top_logprobs"]], g["finish_reason"])
$ print(all(t[0] == [i, l] for t, i, l in zip(g["top_logprobs"], g["ids"], g["logprobs"])))
$ END
out: 5 5 [3, 3, 3, 3, 3] length
out: True

== the same from standard input
$ precis generate --model $TINY --prompt-file - --max-new-tokens 5 --logprobs 3 --json < p.txt | cmp - g.json

== the same from a pipe
$ precis generate --model $TINY --prompt-file <(cat p.txt) --max-new-tokens 5 --logprobs 3 --json | cmp - g.json
$ precis generate --model $TINY --ids <(cat ids.json) --max-new-tokens 3 --json | grep -c '"prompt_ids": .5, 6, 7.'
out: 1

== not from a folder
$ precis generate --model $TINY --prompt-file . --max-new-tokens 5
exit: 2
err~ ^precis: \.: is a folder, not a file

== ids are taken as they are
$ precis generate --model $TINY --ids ids.json --max-new-tokens 3 --json | python3 -c 'import json, sys; g = json.load(sys.stdin); print(g["prompt_ids"], len(g["ids"]), g["top_logprobs"])'
out: [5, 6, 7] 3 []

== raw has no template and knows special tokens
$ precis generate --model $TINY --raw --prompt '<|im_end|>a' --max-new-tokens 1 --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["prompt_ids"][0])'
out: 2

== text in a template cannot end the message
$ precis generate --model $TINY --prompt '<|im_end|>' --max-new-tokens 1 --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["prompt_ids"].count(2))'
out: 1

== system
$ precis generate --model $TINY --system 'Be brief.' --prompt x --max-new-tokens 1 --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["prompt_ids"].count(2))'
out: 2

== stop word: the text ends before it
$ precis generate --model $TINY --ids ids.json --max-new-tokens 40 --ignore-eos --json > long.json
$ python3 - <<'END' > word
$ import json
$ text = json.load(open("long.json"))["text"]
$ print(next(text[i:i+2] for i in range(3, len(text)) if text[i:i+2].isprintable() and text[i:i+2].isascii() and "�" not in text[i:i+2]), end="")
$ END
$ precis generate --model $TINY --ids ids.json --max-new-tokens 40 --ignore-eos --json --stop "$(cat word)" > short.json
$ python3 - <<'END'
$ import json
$ long, short, word = json.load(open("long.json")), json.load(open("short.json")), open("word").read()
$ print(short["finish_reason"], short["text"] == long["text"].split(word)[0], len(short["ids"]) < 40)
$ END
out: stop True True

== a stop word cuts the stream at the same place
$ precis generate --model $TINY --ids ids.json --max-new-tokens 40 --ignore-eos --stop "$(cat word)" > stream
$ python3 -c 'import json; t = json.load(open("short.json"))["text"]; print(open("stream", newline="").read() == t + "\n")'
out: True

== greedy and temperature 0 are the same
$ for o in "--sampling-strategy greedy" "--sampling-strategy temperature --temperature 0"; do precis generate --model $TINY --ids ids.json --max-new-tokens 8 $o --json; done | uniq | wc -l | tr -d ' '
out: 1

== a seed gives the same text again
$ for i in 1 2; do precis generate --model $TINY --ids ids.json --max-new-tokens 8 --sampling-strategy nucleus --temperature 1.5 --seed 3 --json; done | uniq | wc -l | tr -d ' '
out: 1

== the environment
$ PRECIS_MAX_NEW_TOKENS=2 PRECIS_MODEL=$TINY precis generate --ids ids.json --json | python3 -c 'import json, sys; print(len(json.load(sys.stdin)["ids"]))'
out: 2

== no prompt
$ precis generate --model $TINY
exit: 2
err: precis: one of --prompt, --prompt-file and --ids is needed

== two prompts
$ precis generate --model $TINY --prompt a --ids ids.json
exit: 2
err: precis: only one of --prompt, --prompt-file and --ids is needed

== prompt file missing
$ precis generate --model $TINY --prompt-file no.txt
exit: 2
err~ no\.txt: cannot open

== ids out of the vocabulary
$ echo '[1, 270]' > bad.json; precis generate --model $TINY --ids bad.json; code=$?; rm bad.json; exit $code
exit: 2
err~ bad\.json: element 1: id 270 is not in 0\.\.269

== ids that are no JSON
$ precis generate --model $TINY --ids p.txt
exit: 2
err~ p\.txt: not JSON

== ids that are no ids
$ echo '{"ids": [1, "a"]}' | precis generate --model $TINY --ids -
exit: 2
err~ element 1 is not a token id

== empty prompt
$ precis generate --model $TINY --raw --prompt ''
exit: 2
err~ the prompt is empty

== system without a template
$ precis generate --model $TINY --raw --system s --prompt x
exit: 2
err~ --system

== too many logprobs
$ precis generate --model $TINY --prompt x --logprobs 65
exit: 2
err: precis: --logprobs 65: must be between 0 and 64

== empty stop word
$ precis generate --model $TINY --prompt x --stop ''
exit: 2
err~ --stop

== full disk
$ precis generate --model $TINY --prompt x --max-new-tokens 4 > /dev/full
exit: 2
err: precis: standard output: cannot write: No space left on device

== the real model answers
needs: model
$ precis generate --model "$MODEL" --prompt 'What is the capital of France? Answer in one word.' --max-new-tokens 12
out~ Paris
