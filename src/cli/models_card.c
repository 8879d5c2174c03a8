#include "cli/models_card.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/utf8.h"
#include "cli/cli.h"
#include "cli/transfer.h"
#include "model/hub_cache.h"

enum { MOST_JSON = 64 << 20 };

void card_free(struct card *c) {
    buf_free(&c->text);
    buf_free(&c->json);
}

struct buf *card_member(struct card *c, const char *key) {
    buf_str(&c->json, c->json.len ? ", " : "{");
    json_put_string(&c->json, key, strlen(key));
    buf_str(&c->json, ": ");
    return &c->json;
}

static void put_row(struct card *c, const char *label, const char *value) {
    buf_printf(&c->text, "%-13s %s\n", label, value);
}

void card_text(struct card *c, const char *label, const char *key, const char *value, size_t len) {
    struct buf valid = {0};
    utf8_append_valid(&valid, value, len);
    if (buf_failed(&valid)) {
        c->text.failed = true;
        return;
    }
    if (key)
        json_put_string(card_member(c, key), valid.data ? valid.data : "", valid.len);
    if (label && valid.data)
        utf8_blank_controls(valid.data);
    if (label)
        put_row(c, label, valid.data ? valid.data : "");
    buf_free(&valid);
}

void card_string(struct card *c, const char *label, const char *key, const char *value) {
    card_text(c, label, key, value, strlen(value));
}

void card_number(struct card *c, const char *label, const char *key, uint64_t value,
                 const char *unit) {
    if (key)
        buf_printf(card_member(c, key), "%llu", (unsigned long long)value);
    if (label)
        card_line(c, label, "%llu%s", (unsigned long long)value, unit);
}

void card_line(struct card *c, const char *label, const char *format, ...) {
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    put_row(c, label, line);
}

void card_template(struct card *c, const char *text, size_t len) {
    size_t first = 0;
    while (first < len && text[first] != '\n' && first < 72)
        first++;
    card_text(c, NULL, "chat_template", text, len);
    struct buf row = {0};
    utf8_append_valid(&row, text, first);
    buf_str(&row, first < len ? "..." : "");
    card_text(c, "chat template", NULL, row.data ? row.data : "", row.len);
    buf_free(&row);
}

/* FOLDER/NAME, when it is there and not larger than it should be. */
static bool map_in(const char *folder, const char *name, struct mapping *m) {
    char path[HUB_CACHE_SIZE];
    if (hub_cache_join(path, folder, name, NULL) != 0 || file_map(path, m, NULL) != 0)
        return false;
    if (m->size <= MOST_JSON)
        return true;
    file_unmap(m);
    return false;
}

static json_t *json_in(const char *folder, const char *name) {
    struct mapping m;
    if (!map_in(folder, name, &m))
        return NULL;
    json_t *root = json_read((const char *)m.data, m.size, 0, NULL);
    file_unmap(&m);
    return root;
}

/* The value of `license:` in a model card's front matter (between two lines of "---"). */
static bool front_matter(const char *text, size_t size, char *out, size_t out_size) {
    const char *p = text, *end = text + size;
    if (size < 4 || strncmp(p, "---", 3) != 0)
        return false;
    for (;;) {
        const char *line = memchr(p, '\n', (size_t)(end - p));
        if (!line || ++line >= end || strncmp(line, "---", 3) == 0)
            return false;
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        size_t n = (size_t)((stop ? stop : end) - line);
        if (n > 8 && strncmp(line, "license:", 8) == 0) {
            snprintf(out, out_size, "%.*s", (int)(n - 8), line + 8 + strspn(line + 8, " \"'"));
            out[strcspn(out, "\"'\r\n")] = 0;
            return out[0] != 0;
        }
        p = line;
    }
}

void card_licence(struct card *c, const char *said, size_t len) {
    if (len)
        card_text(c, "licence", "licence", said, len);
    else if (c->known_licence)
        card_string(c, "licence", "licence", c->known_licence);
    else
        card_line(c, "licence", "not said");
}

void card_licence_of_folder(struct card *c, const char *folder) {
    char licence[100];
    struct mapping m;
    bool found = false;
    if (map_in(folder, "README.md", &m)) {
        struct buf text = {0}; /* with a NUL at its end, as the search wants */
        buf_append(&text, m.data, m.size);
        found = text.data && front_matter(text.data, text.len, licence, sizeof licence);
        buf_free(&text);
        file_unmap(&m);
    }
    json_t *config = found ? NULL : json_in(folder, "config.json");
    const char *said = json_string_value(json_object_get(config, "license"));
    if (said)
        snprintf(licence, sizeof licence, "%s", said);
    if (found || said) {
        card_licence(c, licence, strlen(licence));
    } else if (map_in(folder, "LICENSE", &m)) {
        size_t from = 0;
        while (from < m.size && (m.data[from] == ' ' || m.data[from] == '\n'))
            from++;
        size_t n = from;
        while (n < m.size && n - from < 72 && m.data[n] != '\n')
            n++;
        card_licence(c, (const char *)m.data + from, n - from);
        file_unmap(&m);
    } else {
        card_licence(c, "", 0);
    }
    json_decref(config);
}

/* chat_template.jinja, or what tokenizer_config.json says: a text, or a list of named ones. */
static void template_of_folder(struct card *c, const char *folder) {
    struct mapping m;
    if (map_in(folder, "chat_template.jinja", &m)) {
        card_template(c, (const char *)m.data, m.size);
        file_unmap(&m);
        return;
    }
    json_t *config = json_in(folder, "tokenizer_config.json");
    const json_t *t = json_object_get(config, "chat_template");
    for (size_t i = 0; json_is_array(t) && i < json_array_size(t); i++) {
        const json_t *one = json_array_get(t, i);
        const char *name = json_string_value(json_object_get(one, "name"));
        if (name && strcmp(name, "default") == 0)
            t = json_object_get(one, "template");
    }
    if (json_is_string(t))
        card_template(c, json_string_value(t), json_string_length(t));
    else
        card_line(c, "chat template", "none");
    json_decref(config);
}

void card_tokenizer_of_folder(struct card *c, const char *folder) {
    static const char *const others[] = {"tokenizer.model", "spiece.model", "vocab.txt",
                                         "vocab.json", NULL};
    json_t *root = json_in(folder, "tokenizer.json");
    const char *model = json_string_value(json_object_get(json_object_get(root, "model"), "type"));
    const json_t *pre = json_object_get(root, "pre_tokenizer");
    const char *split = json_string_value(json_object_get(pre, "type"));
    struct mapping m;
    char line[200] = "none";
    if (root)
        snprintf(line, sizeof line, "%.60s (tokenizer.json%s%.60s)", model ? model : "unnamed",
                 split ? ", " : "", split ? split : "");
    for (const char *const *o = others; !root && *o; o++) {
        if (map_in(folder, *o, &m)) {
            snprintf(line, sizeof line, "%s alone", *o);
            file_unmap(&m);
            break;
        }
    }
    card_string(c, "tokenizer", "tokenizer", line);
    json_decref(root);
    template_of_folder(c, folder);
}

int card_files(struct card *c, const char *folder, struct err *e) {
    struct hub_list list;
    char size[32];
    int rc = hub_cache_list(folder, &list, e);
    if (rc)
        return rc;
    struct buf *b = card_member(c, "files");
    for (size_t i = 0; i < list.n; i++) {
        buf_str(b, i ? ", " : "[");
        buf_str(b, "{\"path\": ");
        json_put_string(b, list.v[i].path, strlen(list.v[i].path));
        buf_printf(b, ", \"bytes\": %llu}", (unsigned long long)list.v[i].size);
        transfer_bytes(size, sizeof size, (double)list.v[i].size);
        card_line(c, i ? "" : "files", "%10s  %s", size, list.v[i].path);
    }
    buf_str(b, list.n ? "]" : "[]");
    hub_list_free(&list);
    return 0;
}
