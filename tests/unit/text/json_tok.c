#include "json_tok.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void must(bool ok, const char *what) {
    if (!ok) {
        perror(what);
        abort();
    }
}

int open_json_files(const struct json_file *files, struct tok **out, struct err *e) {
    char dir[] = "/tmp/precis-json-XXXXXX", path[256];
    must(mkdtemp(dir) != NULL, dir);
    for (const struct json_file *f = files; f->name; f++) {
        snprintf(path, sizeof path, "%s/%s", dir, f->name);
        FILE *to = fopen(path, "w");
        must(to && fputs(f->text, to) >= 0 && fclose(to) == 0, path);
    }
    snprintf(path, sizeof path, "%s/%s", dir, files->name);
    int rc = tok_from_json(path, out, e);
    char *at = rc ? strstr(e->text, dir) : NULL;
    if (at)
        memmove(at, at + strlen(dir) + 1, strlen(at + strlen(dir) + 1) + 1);
    for (const struct json_file *f = files; f->name; f++) {
        snprintf(path, sizeof path, "%s/%s", dir, f->name);
        must(unlink(path) == 0, path);
    }
    must(rmdir(dir) == 0, dir);
    return rc;
}

int open_json_tok(const char *text, struct tok **out, struct err *e) {
    const struct json_file files[] = {{"tokenizer.json", text}, {0}};
    return open_json_files(files, out, e);
}
