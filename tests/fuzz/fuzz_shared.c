/* Any bytes as a file of lines from elsewhere: what is taken of it is lines that a store can keep.
 * They are read as they are; and as rows between the first line and the digest of such a file, each
 * with the key of its fields, none of which a mutation would find. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/utf8.h"
#include "cli/shared.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char root[64];
static struct store *s;

static void expect(bool holds) {
    if (!holds)
        abort();
}

static void clean(void) {
    static const char *const names[] = {STORE_FILE, STORE_FILE "-wal", STORE_FILE "-shm",
                                        ".gitignore"};
    char path[sizeof root + 64];
    store_close(s);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/" STORE_FOLDER "/%s", root, names[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/" STORE_FOLDER, root);
    rmdir(path);
    rmdir(root);
}

static void make_store(void) {
    struct err e = {0};
    snprintf(root, sizeof root, "%s/precis-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    expect(mkdtemp(root) != NULL);
    expect(store_open(root, STORE_CREATE, &s, &e) == 0);
    atexit(clean);
}

static void check_path(const char *path) {
    expect(*path != '/' && utf8_valid(path, strlen(path)));
    for (const char *part = path; *part; part += *part == '/') {
        size_t n = strcspn(part, "/");
        expect(n > 0 && strncmp(part, "..", n > 2 ? n : 2) != 0);
        part += n;
    }
}

static void read_it(const struct buf *text) {
    struct err e = {0};
    struct shared_lines lines;
    struct shared_count n;
    int rc = shared_parse("file", text, &lines, &e);
    if (rc) {
        expect(rc == PRECIS_EINPUT && e.code == rc && strncmp(e.text, "file:", 5) == 0);
        expect(!strchr(e.text, '\n') && lines.n == 0);
        return;
    }
    for (size_t i = 0; i < lines.n; i++)
        check_path(lines.v[i].line.path);
    expect(shared_put(s, &lines, &n, &e) == 0 && n.lines == lines.n && n.added <= n.lines);
    shared_lines_free(&lines);
}

static const char *text_of(const json_t *row, const char *field) {
    const char *text = json_string_value(json_object_get(row, field));
    return text ? text : "";
}

static void hash_of(const json_t *row, const char *field, uint8_t out[HASH_SHA256_SIZE]) {
    const char *hex = text_of(row, field);
    memset(out, 0, HASH_SHA256_SIZE);
    for (size_t i = 0; i < HASH_SHA256_SIZE && hex[2 * i] && hex[2 * i + 1]; i++) {
        const char pair[] = {hex[2 * i], hex[2 * i + 1], 0};
        out[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
}

static void give_key(json_t *row) {
    char hex[HASH_HEX_SIZE];
    uint8_t key[HASH_SHA256_SIZE], context[HASH_SHA256_SIZE];
    const struct store_origin made = {.model_revision = text_of(row, "model_revision"),
                                      .precision = text_of(row, "precision"),
                                      .isa = text_of(row, "isa"),
                                      .prompt_version = text_of(row, "prompt_version"),
                                      .decoder_version = text_of(row, "decoder_version"),
                                      .parameters = text_of(row, "parameters"),
                                      .seed = strtoull(text_of(row, "seed"), NULL, 10)};
    struct store_subject subject = {.path = text_of(row, "path"),
                                    .context = context,
                                    .made = &made,
                                    .source = text_of(row, "source")};
    for (int l = STORE_CHUNK; l <= STORE_REPOSITORY; l++)
        if (strcmp(text_of(row, "level"), store_level_name((enum store_level)l)) == 0)
            subject.level = (enum store_level)l;
    hash_of(row, "text", subject.text);
    hash_of(row, "context", context);
    expect(store_key(&subject, key, NULL) == 0);
    for (size_t i = 0; i < sizeof key; i++)
        snprintf(hex + 2 * i, 3, "%02x", key[i]);
    json_object_set_new(row, "key", json_string(hex));
}

static void add_row(struct buf *out, const char *line, size_t n) {
    json_t *row = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
    char *text = NULL;
    if (json_is_object(row)) {
        give_key(row);
        text = json_dumps(row, 0);
    }
    buf_append(out, text ? text : line, text ? strlen(text) : n);
    buf_char(out, '\n');
    free(text);
    json_decref(row);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct buf text = {0}, framed = {0};
    char hex[HASH_HEX_SIZE];
    size_t rows = 0;
    if (!*root)
        make_store();
    buf_append(&text, data, size);
    read_it(&text);
    buf_str(&framed, "{\"precis_lines\": 1}\n");
    for (const char *at = text.data, *end = at + text.len; at && at < end; rows++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((stop ? stop : end) - at);
        add_row(&framed, at, n);
        at += n + 1;
    }
    expect(!buf_failed(&framed) && hash_sha256_hex(framed.data, framed.len, hex, NULL) == 0);
    buf_printf(&framed, "{\"lines\": %zu, \"sha256\": \"%s\"}\n", rows, hex);
    read_it(&framed);
    buf_free(&text);
    buf_free(&framed);
    return 0;
}
