"""From the start of the program to its first token: with the packed weights of an earlier run, and without."""
import pathlib
import shutil
import tempfile
import time

import common


def measure(bench, model):
    """A section; its figures are seconds. The model's file and the packed one are in the page cache."""
    bench.begin(f"start, {model}")
    arguments = ["generate", *bench.model_arguments(model), "--prompt", "Say hello.",
                 "--max-new-tokens", "1"]
    with tempfile.TemporaryDirectory(dir=bench.work) as cache:
        environment = {"XDG_CACHE_HOME": cache,
                       "PRECIS_MODELS": common.fetch_model("--folder").strip()}

        def start():
            began = time.monotonic()
            bench.precis(*arguments, environment=environment)
            return time.monotonic() - began

        def first_start():
            shutil.rmtree(pathlib.Path(cache) / "precis", ignore_errors=True)
            return start()

        speeds = common.in_turn(bench.rounds, {"precis, weights to be packed": first_start,
                                               "precis, weights packed before": start})
    bench.precis_json("bench", "prefill", *bench.model_arguments(model), "--tokens", "16")
    return bench.section("start", model, "seconds", [{"case": "first token", "speeds": speeds}],
                         bench.rounds, commands=[" ".join(["precis", *arguments])])
