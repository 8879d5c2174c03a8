#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/transfer.h"
#include "model/catalogue.h"
#include "model/hub_cache.h"

/* Where a model of the catalogue is; "": nowhere. */
static int where(const struct catalogue_entry *c, char *path, size_t size, bool *hub,
                 struct err *e) {
    char below[4096];
    bool here = false;
    int rc = catalogue_path(c, below, sizeof below, &here, NULL);
    path[0] = 0;
    *hub = false;
    if (rc == PRECIS_EINPUT && !here) /* damaged: as good as not there, and pull will say why */
        return catalogue_folder(below, sizeof below, e);
    if (catalogue_resolve(c->name, path, size, NULL) != 0)
        path[0] = 0;
    *hub = path[0] && !here;
    return 0;
}

static void put_entry(struct buf *b, const struct catalogue_entry *c, const char *path, bool hub,
                      bool json) {
    char bytes[32];
    if (!json) {
        transfer_bytes(bytes, sizeof bytes, (double)c->size);
        buf_printf(b, "%-20s %-32s %10s  %-12s %s\n", c->name, c->title, bytes, c->licence,
                   path[0] ? hub ? "in the hub's cache" : "here" : "-");
        return;
    }
    buf_printf(b,
               "{\"name\": \"%s\", \"title\": \"%s\", \"file\": \"%s\", \"bytes\": %llu, "
               "\"licence\": \"%s\", \"sha256\": \"%s\", \"hub\": \"hf:%s%s%s\", "
               "\"here\": %s, ",
               c->name, c->title, c->file, c->size, c->licence, c->sha256, c->hub,
               c->hub_file ? ":" : "", c->hub_file ? c->hub_file : "", path[0] ? "true" : "false");
    json_put_member(b, "path", path[0] ? path : NULL);
    buf_char(b, '}');
}

static void put_pulled(struct buf *b, const struct hub_pulled *p, bool json) {
    char bytes[32], name[128];
    if (json) {
        buf_printf(b,
                   ", {\"name\": \"hf:%s\", \"bytes\": %llu, \"revisions\": %zu, "
                   "\"unfinished\": %zu, \"here\": %s}",
                   p->repo, (unsigned long long)p->bytes, p->revisions, p->unfinished,
                   p->revisions ? "true" : "false");
        return;
    }
    snprintf(name, sizeof name, "hf:%s", p->repo);
    transfer_bytes(bytes, sizeof bytes, (double)p->bytes);
    buf_printf(b, "%-53s %10s  %zu revision%s%s\n", name, bytes, p->revisions,
               p->revisions == 1 ? "" : "s", p->unfinished ? ", unfinished" : "");
}

static int run_list(const struct args *a, struct err *e) {
    struct buf b = {0};
    struct hub_pulled_list pulled = {0};
    int rc = 0;
    if (a->json)
        buf_char(&b, '[');
    for (const struct catalogue_entry *c = catalogue; rc == 0 && c->name; c++) {
        char path[4096];
        bool hub;
        rc = where(c, path, sizeof path, &hub, e);
        if (a->json && c != catalogue)
            buf_str(&b, ", ");
        put_entry(&b, c, path, hub, a->json);
    }
    if (rc == 0)
        rc = hub_cache_scan(&pulled, e);
    for (size_t i = 0; rc == 0 && i < pulled.n; i++)
        put_pulled(&b, &pulled.v[i], a->json);
    if (a->json)
        buf_str(&b, "]\n");
    if (rc == 0 && buf_failed(&b))
        rc = err_nomem(e, "list");
    if (rc == 0)
        fputs(b.data, stdout);
    hub_cache_scan_free(&pulled);
    buf_free(&b);
    return rc ? rc : flush_stdout(e);
}

static void add(struct hub_removed *sum, const struct hub_removed *r) {
    sum->files += r->files;
    sum->bytes += r->bytes;
}

/* A model of the catalogue: below the models folder, with the note of its hash, and in the hub's
 * cache. */
static int remove_entry(const struct catalogue_entry *c, struct hub_removed *out, struct err *e) {
    char folder[4000], path[4096];
    struct hub_name name;
    struct hub_removed r = {0};
    int rc = catalogue_folder(folder, sizeof folder, e);
    for (int note = 0; rc == 0 && note < 2; note++) {
        int n = snprintf(path, sizeof path, "%s/%s%s", folder, c->file, note ? ".sha256" : "");
        rc = n > 0 && (size_t)n < sizeof path
                 ? hub_remove_path(path, note ? &(struct hub_removed){0} : out, e)
                 : err_set(e, PRECIS_EINPUT, "%s: path too long", folder);
    }
    if (rc)
        return rc;
    catalogue_hub_name(c, &name);
    rc = hub_cache_remove(&name, &r, e);
    add(out, &r);
    if (rc == PRECIS_ENOTFOUND)
        rc = out->files ? 0 : err_set(e, rc, "model %s is not on this machine", c->name);
    return rc;
}

static int run_rm(const struct args *a, struct err *e) {
    struct hub_removed sum = {0};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < a->operands.n; i++) {
        const char *asked = a->operands.v[i];
        const struct catalogue_entry *c = catalogue_find(asked);
        struct hub_removed r = {0};
        struct hub_name name;
        char line[256], bytes[32];
        if (c)
            rc = remove_entry(c, &r, e);
        else if (!hub_is_name(asked))
            rc = err_set(e, PRECIS_EUSAGE,
                         "%s: is neither a name of the catalogue nor hf:org/name: files elsewhere "
                         "are yours to remove",
                         asked);
        else if ((rc = hub_name_parse(asked, &name, e)) == 0)
            rc = hub_cache_remove(&name, &r, e);
        add(&sum, &r);
        if (rc)
            break;
        transfer_bytes(bytes, sizeof bytes, (double)r.bytes);
        snprintf(line, sizeof line, "%s: removed, %zu files, %s", asked, r.files, bytes);
        say_note(line);
    }
    if (rc == 0 && a->json)
        printf("{\"files\": %zu, \"bytes\": %llu}\n", sum.files, (unsigned long long)sum.bytes);
    return rc ? rc : flush_stdout(e);
}

static const struct option_group *const groups[] = {&group_json, &group_general, NULL};

const struct command command_models_list = {
    .name = "models list",
    .summary = "the models that have names, and those that are here",
    .details = "The catalogue: name, model, size, licence, and whether it is in the models folder\n"
               "($PRECIS_MODELS, else the user's cache) or in the Hugging Face cache; then the\n"
               "repositories of that cache.",
    .groups = groups,
    .run = run_list,
};

const struct command command_models_rm = {
    .name = "models rm",
    .operands = "MODEL...",
    .needs_operand = true,
    .names = NAMES_MODEL,
    .summary = "remove models from this machine",
    .details =
        "MODEL is a name of the catalogue, or hf:org/name[:FILE][@REVISION]: the repository in "
        "the\n"
        "Hugging Face cache, one revision of it, or the weights that match FILE. What other\n"
        "revisions refer to is kept. Other programs that use that cache lose the files too.\n"
        "Nothing is asked; what was removed goes to standard error.",
    .groups = groups,
    .examples = "  precis models rm smollm2\n"
                "  precis models rm hf:org/name:Q8_0\n",
    .run = run_rm,
};
