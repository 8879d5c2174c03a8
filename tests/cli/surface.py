"""Manual pages and completions, as the tools for them see them, and what a project may configure.

usage: surface.py PRECIS MESON_FILE

Pages are read by groff, man and mandoc, scripts by bash, zsh and fish: those that are here.
MESON_FILE is the one that names the pages to install. A real completion is asked of bash (and of
fish) by calling what it would call.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

failures = []


def check(fine, what):
    if not fine:
        failures.append(what)
        print("FAIL", what)


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def check_pages(precis, meson, folder):
    env = dict(os.environ, LC_ALL="C.UTF-8", SOURCE_DATE_EPOCH="86400")
    p = run(precis, "man", "--write", folder, env=env)
    check(p.returncode == 0 and p.stdout == "", f"man --write: {p.stderr}")
    names = sorted(os.listdir(folder))
    with open(meson, encoding="utf-8") as f:
        text = f.read()
    listed = re.search(r"foreach name : \[(.*?)\]", text, re.S).group(1)
    want = ["precis-" + n + ".1" for n in re.findall(r"'([^']+)'", listed)]
    check(sorted(want + ["precis.1", "parallel_summarizer.1"]) == names,
          f"pages that are installed are not those of the commands: {names}")
    readers = [["groff", "-ww", "-man", "-Tutf8", "-z"], ["man", "--warnings", "-l", "-P", "cat"],
               ["mandoc", "-Tlint", "-Wwarning"]]
    for reader in [r for r in readers if shutil.which(r[0])]:
        print("pages read by", reader[0])
        for name in names:
            p = run(*reader, os.path.join(folder, name), env=env)
            said = p.stderr + (p.stdout if reader[0] == "mandoc" else "")
            check(p.returncode == 0 and said == "", f"{reader[0]} {name}: {said[:300]}")
    for name in names:
        with open(os.path.join(folder, name), "rb") as f:
            page = f.read()
        check(page.isascii() and b' 1 "1970-01-02" "precis ' in page, f"{name}: head or bytes")
    check_options(precis, folder)
    env.pop("SOURCE_DATE_EPOCH")
    p = run(precis, "man", "summarize", env=env)
    check(p.stdout.startswith('.TH "PRECIS\\-SUMMARIZE" 1 "" "precis '), "a date from nowhere")


def check_options(precis, folder):
    """What --help names, the page names: options, and the words of a choice."""
    p = run(precis, "summarize", "--help")
    with open(os.path.join(folder, "precis-summarize.1"), encoding="ascii") as f:
        page = f.read().replace("\\-", "-")
    options = re.findall(r"^  (?:-\w,|   ) --([a-z-]+)", p.stdout, re.M)
    check(len(options) > 40, f"{len(options)} options of summarize")
    for option in options:
        check(f"\\fB--{option}\\fR" in page, f"--{option} is not in the page")
    check("md, jsonl, csv, html [md]" in page, "choices and default are not in the page")


def bash_completes(script, words, at=None):
    """What bash would offer for the last of the words."""
    at = len(words) - 1 if at is None else at
    code = ('source "$1"; shift; COMP_CWORD=$1; shift; COMP_WORDS=("$@"); _precis; '
            'printf "%s\\n" "${COMPREPLY[@]}"')
    p = run("bash", "-c", code, "bash", script, str(at), *words)
    check(p.returncode == 0 and p.stderr == "", f"bash: {words}: {p.stderr}")
    return p.stdout.split()


def check_bash(script):
    check(run("bash", "-n", script).returncode == 0, "bash -n")
    cases = [
        (["precis", "sum"], {"summarize"}, True),
        (["precis", "bench", "p"], {"prefill"}, True),
        (["precis", "help", "models", ""], {"list", "pull", "rm", "show", "export"}, True),
        (["precis", "man", "comp"], {"completion"}, True),
        (["precis", "summarize", "--chunk-"], {"--chunk-timeout"}, True),
        (["precis", "summarize", "--chunk", ""], {"lines", "structure"}, True),
        (["precis", "summarize", "--chunk", "=", "s"], {"structure"}, True),
        (["precis", "summarize", "--chunk", "="], {"lines", "structure"}, True),
        (["precis", "search", "--format", ""], set(), True),
        (["precis", "summarize", "--loc", ""], set(), True),
        (["precis", "summarize", "-o", "x", "--form"], {"--format"}, True),
        (["precis", "summarize", "--", "--form"], set(), True),
        (["precis", "completion", ""], {"bash", "zsh", "fish"}, True),
        (["precis", "generate", "--model", "smol"], {"smollm2"}, True),
        (["/usr/bin/parallel_summarizer", "--results"], {"--results-file"}, True),
        (["precis", ""], {"summarize", "bench", "help", "completion"}, False),
        (["precis", "summarize", "--"], {"--loc", "--output", "--help", "--model"}, False),
    ]
    for words, want, whole in cases:
        got = set(bash_completes(script, words))
        check(got == want if whole else got >= want, f"bash {words}: {got}")
    p = run("bash", "-c", 'source "$1"; complete -p precis parallel_summarizer', "bash", script)
    check(p.stdout.count("-F _precis") == 2, f"complete: {p.stdout}")


def check_fish(script):
    check(run("fish", "-n", script).returncode == 0, "fish -n")
    cases = [("precis summ", "summarize"), ("precis bench pre", "prefill"),
             ("precis help models sh", "show"), ("precis summarize --chunk st", "structure"),
             ("precis models list --he", "--help"), ("precis summarize --agent", "--agent-count"),
             ("precis models show smol", "smollm2"), ("precis models show " + script[:-1], script),
             ("parallel_summarizer --results", "--results-file")]
    for line, want in cases:
        p = run("fish", "--no-config", "-c", f'source "{script}"; complete -C "{line}"')
        check(p.stderr == "" and any(o.split("\t")[0] == want for o in p.stdout.splitlines()),
              f"fish {line}: {p.stdout} {p.stderr}")


def check_harmless(precis, folder):
    """What a project may say is what is listed here: an option that is new may not."""
    allowed = set("""verbose no-color sampling-strategy temperature top-p top-k beams length-penalty
        repetition-penalty no-repeat-ngram seed loc chunk agent-count max-new-tokens no-rollup include
        ignore all-text format json jsonl examples context best-of max-chars prefer-docs no-fallback topk
        mode lang path threshold top progress""".split())
    options = set()
    for name in run(precis, "completion", "bash").stdout.split("\n"):
        m = re.match(r" *options='(.*)'$", name)
        if m:
            options |= set(re.findall(r"--([a-z-]+)", m.group(1)))
    check(len(options) > 100 and allowed <= options, f"options: {len(options)} {allowed - options}")
    os.makedirs(os.path.join(folder, ".precis"))
    for option in sorted(options):
        with open(os.path.join(folder, ".precis", "config"), "w", encoding="utf-8") as f:
            f.write(f"{option} = 1\n")
        said = run(precis, "config", "show", "tokenize", cwd=folder).stderr
        refused = "not in a project's file" in said or "is of the command line alone" in said
        check(refused == (option not in allowed), f"a project's {option}: {said!r}")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    precis, meson = os.path.abspath(sys.argv[1]), sys.argv[2]
    with tempfile.TemporaryDirectory() as folder:
        pages = os.path.join(folder, "pages")
        os.mkdir(pages)
        check_pages(precis, meson, pages)
        check_harmless(precis, os.path.join(folder, "project"))
        for shell in ("bash", "zsh", "fish"):
            script = os.path.join(folder, shell)
            with open(script, "w", encoding="utf-8") as f:
                f.write(run(precis, "completion", shell).stdout)
            if not shutil.which(shell):
                print(shell, "is not here: its script is not read")
            elif shell == "bash":
                check_bash(script)
            elif shell == "fish":
                check_fish(script)
            else:
                p = run("zsh", "-n", script)
                check(p.returncode == 0 and p.stderr == "", f"zsh -n: {p.stderr}")
    print(f"{len(failures)} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
