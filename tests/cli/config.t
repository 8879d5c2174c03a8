# Configuration files, and what is in effect.

== set-up
$ mkdir -p repo/.precis repo/src repo/.git "$XDG_CONFIG_HOME/precis"
$ printf 'int main(void) {\n    return 0;\n}\n' > repo/src/main.c
$ printf '# the model of the tests\nmodel = %s\n[summarize]\nformat = csv\n' "$TINY" > "$XDG_CONFIG_HOME/precis/config"
$ printf 'loc = 2\n[summarize]\nno-rollup = true\nformat = jsonl\n' > repo/.precis/config
$ mkdir -p bad/.precis worse/.precis odd/.precis home/.config/precis closed/precis
$ printf '\nstore = /etc\n' > bad/.precis/config
$ printf '[metrics]\nquiet = 1\n' > worse/.precis/config
$ printf 'lock = 3\n' > odd/.precis/config; touch odd/a.c
$ echo 'loc = 3' > home/.config/precis/config; chmod 0 home/.config/precis/config closed

== a project's file is stronger than the user's
$ precis summarize -q repo/src | python3 -c 'import json, sys; print([(r["start_line"], r["end_line"], r["level"]) for r in map(json.loads, sys.stdin)])'
exit: 0 3
out: [(1, 2, 'chunk'), (3, 3, 'chunk')]

== the environment is stronger, the command line strongest
$ PRECIS_LOC=3 PRECIS_FORMAT=csv precis summarize -q --format jsonl repo/src | python3 -c 'import json, sys; print(len([json.loads(l) for l in sys.stdin]))'
exit: 0 3
out: 1

== a flag is taken back
$ precis summarize -q --no-rollup=false repo/src | grep -c '"level":"repository"'
exit: 0 3
out: 1

== no file at all
$ precis summarize -q --no-config --model $TINY repo/src | head -1
exit: 0 3
out: # src

== another file
$ printf 'loc = 1\nformat = jsonl\nno-rollup = on\nmodel = "%s"\n' "$TINY" > own; precis summarize -q -c own repo/src | wc -l; PRECIS_CONFIG=own precis summarize -q repo/src | wc -l
exit: 0 3
out: 3
out: 3

== another file that is not there
$ precis summarize -c no-such repo/src
exit: 2
err~ ^precis: no-such: cannot open

== both
$ precis summarize -c own --no-config repo/src
exit: 2
err: precis: --config and --no-config: one of them is enough

== what is in effect
$ cd repo; PRECIS_SEED=7 precis config show | grep -v '^# /' | sed 's,# /.*/,# /,;s,= /[^#]*/,= /,' | grep -v '^# '
out: 
out: [summarize]
out: loc = 2                         # /config:1
out: no-rollup = true                # /config:3
out: format = jsonl                  # /config:4
out: model = /tiny.gguf  # /config:2
out: seed = 7                        # PRECIS_SEED

== which files those are
$ cd repo/src; precis config show metrics | head -4 | sed 's,# /.*/\([^/]*/[^/]*\)$,# \1,'
out: # precis/config
out: # .precis/config (the project's)
out: 
out: [metrics]

== what it shows is a configuration
$ cd repo; precis config show > ../all; precis config show -c ../all | sed 's/ *#.*//;/^$/d' > ../again; sed 's/ *#.*//;/^$/d' ../all | diff - ../again

== of no command
$ precis config show bench
exit: 2
err: precis: config show: bench: no such command

== a project's configuration begins as comments, which are options that it may say
$ mkdir new; cd new; precis config init; precis config show | grep -c '^[a-z-]* = .*/new/'; sed -i 's/^# \([a-z-]* = \)/\1/;/ = PATTERN /d' .precis/config; precis config show | grep '^\(loc\|verbose\|no-rollup\) .*new/.precis/config:' | cut -d' ' -f1-3
out: 0
out: loc = 300
out: no-rollup = false
out: verbose = 0
err: precis: wrote ./.precis/config

== it takes no other's place unasked
$ cd new; precis config init .; precis config init -qf . && grep '^# loc' .precis/config | cut -d' ' -f-4
exit: 0
out: # loc = 300
err: precis: ./.precis/config: is there already (--force replaces it)

== nor the place behind a link
$ mkdir -p linked elsewhere; ln -s ../elsewhere linked/.precis; precis config init linked; ls -A elsewhere | wc -l
out: 0
err~ ^precis: linked/.precis: cannot open

== where there is no folder
$ precis config init no-such; test -e no-such || echo none
out: none
err: precis: no-such: cannot open: No such file or directory

== a project must not name files
$ cd bad; precis metrics .
exit: 2
err~ ^precis: /.*/bad/.precis/config:2: store = /etc: not in a project's file, which comes with the code

== nor hide messages
$ precis metrics worse
exit: 2
err~ ^precis: /.*/worse/.precis/config:2: quiet = 1: not in a project

== an unknown option
$ precis metrics odd
exit: 2
err~ ^precis: /.*/odd/.precis/config:1: lock: precis has no such option \(did you mean loc\?\)

== help, pages and completion come whatever files say
$ cd odd; precis metrics --help > /dev/null && precis man metrics > /dev/null && precis completion bash > /dev/null

== hostile bytes are not repeated
$ printf '\033[2Jx = 1\n' > odd/.precis/config; precis metrics odd 2> said; sed 's,/.*/odd,odd,' said
out: precis: odd/.precis/config:1: has a control character

== a file of the user that cannot be read
needs: user
$ XDG_CONFIG_HOME=$PWD/home/.config precis metrics odd/a.c
exit: 2
err~ home/.config/precis/config: cannot open: Permission denied

== a home that may not be entered
needs: user
$ XDG_CONFIG_HOME=$PWD/closed precis config show metrics | head -1 | sed 's,# /.*/closed,closed,'
out: closed/precis/config is not there

== the end
$ chmod 700 closed
