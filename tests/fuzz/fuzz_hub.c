/* Any bytes as the hub's list of a repository's files; then names, and what a pattern chooses. The
 * input is "PATTERN\nJSON". */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/hub_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const char *text) {
    struct hub_name n;
    struct err e = {0};
    if (hub_name_parse(text, &n, &e) != 0) {
        if (!e.text[0])
            abort();
        return;
    }
    if (strstr(n.repo, "..") || strstr(n.repo, "--") || n.repo[0] == '/' || !n.repo[0] ||
        !hub_path_ok(n.revision))
        abort();
}

static void check_list(const struct hub_list *l) {
    if (!hub_is_commit(l->commit))
        abort();
    for (size_t i = 0; i < l->n; i++)
        if (l->v[i].path[0] == '/' || strncmp(l->v[i].path, "../", 3) == 0 ||
            strstr(l->v[i].path, "/../") || l->v[i].size > 1ull << 50)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char pattern[HUB_PATH_SIZE] = "";
    const uint8_t *line = size ? memchr(data, '\n', size) : NULL;
    size_t n = line ? (size_t)(line - data) : 0;
    struct hub_list l;
    struct hub_choice c;
    struct err e = {0};
    if (line && n < sizeof pattern)
        memcpy(pattern, data, n);
    check_name(pattern);
    if (line)
        data += n + 1, size -= n + 1;
    if (hub_list_parse(&l, "fuzz", (const char *)data, size, &e) != 0)
        return e.text[0] ? 0 : (abort(), 0);
    check_list(&l);
    if (hub_choose(&l, "fuzz", pattern, &c, &e) == 0) {
        size_t chosen = 0;
        for (size_t i = 0; i < l.n; i++)
            chosen += l.v[i].chosen;
        if (chosen == 0 || (c.path[0] && !hub_path_ok(c.path)))
            abort();
    }
    hub_list_free(&l);
    return 0;
}
