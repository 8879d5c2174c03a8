# The option table: parsing, ranges, environment, help.

== overview
$ precis
out~ ^Usage: precis COMMAND
out~ ^  summarize +one line
out~ ^  bench contracts

== version
$ precis --version
out~ ^precis \d+\.\d+\.\d+$

== version of a command
$ precis summarize -V
out~ ^precis \d

== help is aligned and says ranges and defaults
$ precis summarize --help
out~ ^Usage: precis summarize \[OPTION\]\.\.\. PATH\.\.\.
out~ ^      --agent-count N +chunks in flight .*
out~ \(1\.\.100\) \[20\]
out~ ^  -o, --output FILE
out~ greedy, temperature, nucleus, beam
out~ ^Exit codes

== help of every command
$ precis | sed '/^Try it/,$d' | grep -o '^  .\{20\}' > all
$ while read -r c; do precis $c --help > said; precis help $c | cmp - said; grep -q '^General$' said || echo "$c"; awk -v c="$c" 'NR == 1 && !/^Usage: / || length > 96 && !/^  precis/ { print c ": " $0 }' said; done < all
$ test $(wc -l < all) -gt 30 && echo all
out: all

== a family of commands
$ precis bench --help
out~ ^Usage: precis bench COMMAND
out~ bench decode

== a family alone is bad use
$ precis bench
exit: 2
lines: any
err~ bench prefill

== unknown command
$ precis sumarize x
exit: 2
err: precis: unknown command sumarize (did you mean summarize?)

== a command of later times is not pretended
$ precis serve
exit: 2
err~ unknown command serve

== unknown command of a family
$ precis bench prefil
exit: 2
err: precis: unknown command bench prefil (did you mean bench prefill?)

== unknown option
$ precis summarize --agent-cuont 3 .
exit: 2
err: precis: unknown option --agent-cuont (did you mean --agent-count?)

== unknown letter
$ precis summarize -z .
exit: 2
err~ unknown option -z

== missing value
$ precis summarize . --loc
exit: 2
err: precis: --loc: needs a value (N)

== flag with a value
$ precis summarize . --all-text=maybe
exit: 2
err: precis: --all-text maybe: must be 1 or 0

== a flag of one call with a value
$ precis summarize . --help=yes
exit: 2
err: precis: --help: takes no value

== no operand
$ precis summarize
exit: 2
err~ needs PATH

== operand where none is taken
$ precis tokenize main.c
exit: 2
err~ main.c: unexpected argument

== agents 0
$ precis summarize --agent-count 0 .
exit: 2
err: precis: --agent-count 0: must be between 1 and 100

== agents 101
$ precis summarize --agent-count=101 .
exit: 2
err: precis: --agent-count 101: must be between 1 and 100

== agents below zero
$ precis summarize --agent-count -1 .
exit: 2
err: precis: --agent-count -1: must be between 1 and 100

== agents not a number
$ precis summarize --agent-count many .
exit: 2
err: precis: --agent-count many: must be a whole number between 1 and 100

== agents too large for the machine's integers
$ precis summarize --agent-count 99999999999999999999 .
exit: 2
err: precis: --agent-count 99999999999999999999: must be between 1 and 100

== negative temperature
$ precis summarize --temperature -0.5 .
exit: 2
err: precis: --temperature -0.5: must be between 0 and 2

== temperature NaN
$ precis summarize --temperature nan .
exit: 2
err: precis: --temperature nan: must be between 0 and 2

== temperature too high
$ precis summarize --temperature 2.01 .
exit: 2
err: precis: --temperature 2.01: must be between 0 and 2

== temperature empty
$ precis summarize --temperature= .
exit: 2
err: precis: --temperature "": must be a number between 0 and 2

== top-p 0
$ precis summarize --top-p 0 .
exit: 2
err: precis: --top-p 0: must be above 0 and at most 1

== loc 0
$ precis summarize --loc 0 .
exit: 2
err: precis: --loc 0: must be between 1 and 1000000

== beams, n-grams, penalty, characters, tokens
$ for o in "--beams 17" "--no-repeat-ngram 65" "--repetition-penalty 0" "--max-chars 19" "--max-new-tokens 0" "--lanes 1025" "--top-k -3" "--seed -1" "--seed 1.5"; do precis summarize $o . ; test $? = 2 || echo "$o"; done
exit: 0
err~ --beams 17: must be between 1 and 16
err~ --no-repeat-ngram 65: must be between 0 and 64
err~ --repetition-penalty 0: must be above 0 and at most 10
err~ --max-chars 19: must be between 20 and 1000
err~ --max-new-tokens 0: must be between 1 and 4096
err~ --lanes 1025: must be between 0 and 1024
err~ --top-k -3: must be between 0 and 1000000
err~ --seed -1: must be not below 0
err~ --seed 1.5: must be a whole number

== sampling strategy
$ precis summarize --sampling-strategy best .
exit: 2
err: precis: --sampling-strategy best: must be one of greedy, temperature, nucleus, beam

== format
$ precis summarize --format xml .
exit: 2
err: precis: --format xml: must be one of md, jsonl, csv, html

== memory limit
$ precis summarize --memory-limit 4X .
exit: 2
err~ --memory-limit 4X: must be a size such as 512M or 4G

== environment, out of range
$ PRECIS_AGENT_COUNT=101 precis summarize .
exit: 2
err: precis: PRECIS_AGENT_COUNT=101: must be between 1 and 100

== environment, a switch
$ PRECIS_ALL_TEXT=maybe precis summarize .
exit: 2
err: precis: PRECIS_ALL_TEXT=maybe: must be 1 or 0

== environment counts
$ PRECIS_BYTES=1000 precis bench chunk --rounds 1 --json
out~ "bytes": 1000,

== the command line wins over the environment
$ PRECIS_BYTES=1000 precis bench chunk --rounds 1 --json --bytes 2K
out~ "bytes": 2048,

== an empty variable is no variable
$ PRECIS_AGENT_COUNT= precis summarize missing
exit: 2
err~ missing

== what is said of one call is read from no variable
$ mkdir none && PRECIS_NAME=x.c PRECIS_HELP=1 precis summarize --model $TINY none
exit: 2
err~ ^precis: none: 

== two dashes end the options
$ precis summarize --model $TINY -- --loc
exit: 2
err~ ^precis: --loc: 

== standard output that is full
$ precis bench chunk --bytes 1K --rounds 1 > /dev/full
exit: 2
err: precis: standard output: cannot write: No space left on device

== help that nobody can read
$ precis summarize --help > /dev/full
exit: 2
err~ cannot write

== the other name
$ parallel_summarizer --help
out~ ^Usage: parallel_summarizer \[OPTION\]\.\.\.$

== errors name the program that was called
$ parallel_summarizer --agent-count 0
exit: 2
err: parallel_summarizer: --agent-count 0: must be between 1 and 100

== --file is required
$ precis parallel_summarizer --output-file x.md
exit: 2
err~ --file: is required

== a page of no command
$ precis man bench
exit: 2
err: precis: man: bench: no such command

== all pages, or one
$ precis man --write . summarize
exit: 2
err~ leave out summarize

== pages into no folder
$ precis man --write no/where
exit: 2
err~ no/where

== a page of two words
$ precis man bench prefill
out~ ^\.TH "PRECIS\\-BENCH\\-PREFILL" 1

== an unknown shell
$ precis completion tcsh
exit: 2
err: precis: completion tcsh: must be bash, zsh or fish

== a completion that cannot be written
$ precis completion bash > /dev/full
exit: 2
err~ standard output: cannot write
