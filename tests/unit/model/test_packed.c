/* Packed files: what was put in comes out, and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/pool.h"
#include "model/packed_format.h"
#include "tree.h"

#define KEY "test-v1 model=0 precision=int8"

static char folder[] = "/tmp/precis-packed-XXXXXX";
static char path[256];

/* Of several pieces, so that each kind of damage has its place. */
static const struct packed_section sections[] = {{"norm", 100},    {"blk.10.q", PACKED_PIECE + 77},
                                                 {"blk.2.q", 64},  {"empty", 0},
                                                 {"output", 1000}, {"blk.2.k", PACKED_PIECE - 64}};
static const struct packed_section small[] = {{"b", 100}, {"a", 70}, {"c", 0}};
enum { SECTIONS = sizeof sections / sizeof *sections, SMALL = sizeof small / sizeof *small };

static int make_folder(void **state) {
    (void)state;
    bool ok = mkdtemp(folder) != NULL;
    snprintf(path, sizeof path, "%s/file", folder);
    return ok ? 0 : -1;
}

static int drop_folder(void **state) {
    (void)state;
    return rmdir(folder); /* fails, too, when something was left in it */
}

static uint8_t value(const char *name, size_t i) {
    return (uint8_t)(i * 7 + i / 251 + (unsigned char)name[strlen(name) - 1]);
}

static void fill(void *at, const char *name, size_t size) {
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)at)[i] = value(name, i);
}

static struct packed *pack(const char *to, const struct packed_section *s, size_t n) {
    struct packed_writer *w;
    struct packed *p;
    struct err e = {0};
    if (packed_writer_open(to, KEY, s, n, &w, &e) != 0)
        fail_msg("%s", e.text);
    for (size_t i = 0; i < n; i++)
        fill(packed_writer_section(w, s[i].name), s[i].name, s[i].size);
    assert_null(packed_writer_section(w, "absent"));
    if (packed_writer_commit(w, 2, &p, &e) != 0)
        fail_msg("%s", e.text);
    return p;
}

static void check(const struct packed *p, const struct packed_section *s, size_t n) {
    for (size_t i = 0; i < n; i++) {
        size_t size = 1;
        const uint8_t *at = packed_find(p, s[i].name, &size);
        assert_non_null(at);
        assert_int_equal((uintptr_t)at % 64, 0);
        assert_int_equal(size, s[i].size);
        for (size_t j = 0; j < size; j++)
            if (at[j] != value(s[i].name, j))
                fail_msg("%s: byte %zu differs", s[i].name, j);
    }
    size_t size = 1;
    assert_null(packed_find(p, "absent", &size));
    assert_int_equal(size, 0);
}

static void what_was_packed_is_found(void **state) {
    (void)state;
    struct packed *p, *q;
    struct err e = {0};
    p = pack(path, sections, SECTIONS);
    check(p, sections, SECTIONS);
    assert_int_equal(tree_count(folder), 1);
    for (int threads = 0; threads < 5; threads++) {
        if (packed_open(path, KEY, threads, &q, &e) != 0)
            fail_msg("%s", e.text);
        check(q, sections, SECTIONS);
        assert_int_equal(packed_size(q), packed_size(p));
        packed_close(q);
    }
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, packed_size(p));
    packed_close(p);
    packed_close(NULL);
    p = pack(path, NULL, 0);
    packed_close(p);
    assert_int_equal(packed_open(path, KEY, 1, &p, &e), 0);
    packed_close(p);
    unlink(path);
}

static void bytes_depend_on_the_content_only(void **state) {
    (void)state;
    char first[HASH_HEX_SIZE], hex[HASH_HEX_SIZE], of_file[HASH_HEX_SIZE];
    struct packed_section other[SECTIONS];
    for (size_t i = 0; i < SECTIONS; i++)
        other[i] = sections[SECTIONS - 1 - i];
    struct packed *p = pack(path, sections, SECTIONS);
    assert_int_equal(packed_sha256(p, first, NULL), 0);
    packed_close(p);
    p = pack(path, other, SECTIONS);
    assert_int_equal(packed_sha256(p, hex, NULL), 0);
    assert_string_equal(hex, first);
    packed_close(p);
    struct mapping m;
    assert_int_equal(file_map(path, &m, NULL), 0);
    assert_int_equal(hash_sha256_hex(m.data, m.size, of_file, NULL), 0);
    assert_string_equal(of_file, first);
    file_unmap(&m);
    unlink(path);
    p = pack(NULL, sections, SECTIONS);
    check(p, sections, SECTIONS);
    assert_int_equal(packed_sha256(p, hex, NULL), 0);
    assert_string_equal(hex, first);
    packed_close(p);
    assert_int_equal(tree_count(folder), 0);
}

/* A copy of a packed file's bytes, aligned as a mapping is. */
static uint8_t *copy_of(const struct packed *p, size_t *size) {
    *size = p->size;
    uint8_t *copy = aligned_alloc(64, packed_round(p->size, 64) + 64);
    assert_non_null(copy);
    return memcpy(copy, p->bytes, p->size);
}

static void expect_refused(const uint8_t *bytes, size_t size, const char *why) {
    struct err e = {0};
    struct packed *p;
    int rc = packed_open_memory("name", KEY, bytes, size, &p, &e);
    if (rc != PRECIS_ENOTFOUND || p || !strstr(e.text, "name: ") || !strstr(e.text, why))
        fail_msg("%d %s, expected: %s", rc, e.text, why);
}

static void expect_damage_at(uint8_t *bytes, size_t size, size_t at) {
    for (int bit = 0; bit < 8; bit += 7) {
        bytes[at] ^= (uint8_t)(1 << bit);
        expect_refused(bytes, size, "");
        bytes[at] ^= (uint8_t)(1 << bit);
    }
}

static void every_damaged_byte_is_seen(void **state) {
    (void)state;
    struct packed *p = pack(NULL, small, SMALL), *q;
    size_t size;
    uint8_t *bytes = copy_of(p, &size);
    assert_true(size > PACKED_PAGE && size < 2 * PACKED_PAGE);
    for (size_t i = 0; i < size; i++)
        expect_damage_at(bytes, size, i);
    assert_int_equal(packed_open_memory("name", KEY, bytes, size, &q, NULL), 0);
    check(q, small, SMALL);
    packed_close(q);
    packed_close(p);
    free(bytes);
}

static void damage_in_any_piece_is_seen(void **state) {
    (void)state;
    struct packed *p = pack(NULL, sections, SECTIONS);
    size_t size;
    uint8_t *bytes = copy_of(p, &size);
    const struct packed_header *h = (const void *)p->bytes;
    assert_int_equal(h->pieces, 3);
    for (size_t i = 0; i < h->pieces; i++) {
        size_t begin = h->data + i * PACKED_PIECE;
        expect_damage_at(bytes, size, begin);
        expect_damage_at(bytes, size, begin + (size - begin) / 2);
        expect_damage_at(bytes, size,
                         begin + PACKED_PIECE < size ? begin + PACKED_PIECE - 1 : size - 1);
    }
    /* Pieces that changed places. */
    memcpy(bytes + h->data, p->bytes + h->data + PACKED_PIECE, PACKED_PIECE);
    memcpy(bytes + h->data + PACKED_PIECE, p->bytes + h->data, PACKED_PIECE);
    expect_refused(bytes, size, "is damaged after byte 4096");
    packed_close(p);
    free(bytes);
}

static void other_lengths_are_refused(void **state) {
    (void)state;
    struct packed *p = pack(path, small, SMALL), *q;
    size_t size;
    uint8_t *bytes = copy_of(p, &size);
    packed_close(p);
    for (size_t n = 0; n < size; n++)
        expect_refused(bytes, n,
                       n < sizeof(struct packed_header) ? "is not a packed file"
                                                        : "has not the length");
    expect_refused(bytes, size + 64, "has not the length");
    static const size_t lengths[] = {0, 63, 64, 4095, 4096, 4097};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        assert_int_equal(truncate(path, (off_t)lengths[i]), 0);
        assert_int_equal(packed_open(path, KEY, 2, &q, NULL), PRECIS_ENOTFOUND);
        assert_null(q);
    }
    free(bytes);
    unlink(path);
}

/* Damage by somebody who makes the checksums right again. */
static void seal(uint8_t *bytes, size_t size) {
    struct packed_header *h = (void *)bytes;
    if (h->data <= size)
        h->sum = packed_sum_head(bytes, h);
}

static void forged_files_are_refused(void **state) {
    (void)state;
    struct packed *p = pack(NULL, small, SMALL);
    size_t size;
    uint8_t *bytes = copy_of(p, &size);
    struct packed_header *h = (void *)bytes, whole = *h;
    struct packed_entry *entries =
        (void *)(bytes + packed_lay_out(h->key_size, h->sections, h->pieces).entries);
#define FORGED(change, why)                                                                        \
    do {                                                                                           \
        change;                                                                                    \
        seal(bytes, size);                                                                         \
        expect_refused(bytes, size, why);                                                          \
        memcpy(bytes, p->bytes, size);                                                             \
    } while (0)
    FORGED(h->version++, "another version");
    FORGED(h->order = 0x04030201, "another byte order");
    FORGED(h->magic[7] = 'L', "is not a packed file");
    FORGED(h->file_size += 64, "length");
    FORGED(h->data += PACKED_PAGE, "damaged header");
    FORGED(h->data = UINT64_MAX - 4095, "damaged header");
    FORGED(h->key_size = 0, "damaged header");
    FORGED(h->key_size = UINT64_MAX, "damaged header");
    FORGED(h->key_size = PACKED_MOST_KEY, "damaged header");
    FORGED(h->key_size--, "damaged key");
    FORGED(h->sections = UINT64_MAX / sizeof *entries, "damaged header");
    FORGED(h->sections++, "");
    FORGED(h->sections--, "");
    FORGED(h->pieces = 0, "damaged header");
    FORGED(h->pieces = UINT64_MAX / 8, "damaged header");
    FORGED(bytes[sizeof whole]++, "from something else");
    FORGED(memset(entries[0].name, 'a', PACKED_NAME_SIZE), "damaged names");
    FORGED(entries[0].name[0] = 0, "damaged names");
    FORGED(entries[0].name[79] = 'x', "damaged names");
    FORGED(entries[1].name[0] = 'a', "damaged names"); /* twice */
    FORGED(entries[1].name[0] = 'z', "damaged names"); /* not in order */
    FORGED(entries[0].offset += 64, "damaged sections");
    FORGED(entries[1].offset = entries[0].offset, "damaged sections");
    FORGED(entries[0].size = UINT64_MAX - 4096, "damaged sections");
    FORGED(entries[0].size += 64, "damaged sections");
    FORGED(entries[2].size = 1, "damaged sections");
    FORGED(entries[1].size -= 64, "damaged sections");
    FORGED((entries[1].size -= 64, entries[2].offset -= 64), "no section");
#undef FORGED
    packed_close(p);
    free(bytes);
}

static void other_files_are_not_found(void **state) {
    (void)state;
    struct err e = {0};
    struct packed *p;
    assert_int_equal(packed_open(path, KEY, 1, &p, &e), PRECIS_ENOTFOUND);
    assert_non_null(strstr(e.text, "no such file"));
    assert_int_equal(packed_open(folder, KEY, 1, &p, &e), PRECIS_ENOTFOUND);
    assert_int_equal(packed_open("/dev/null", KEY, 1, &p, &e), PRECIS_ENOTFOUND);
    packed_close(pack(path, small, SMALL));
    static const char *const keys[] = {"", KEY " ", "test-v1 model=0 precision=int",
                                       "test-v1 model=1 precision=int8"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        assert_int_equal(packed_open(path, keys[i], 1, &p, &e), PRECIS_ENOTFOUND);
        assert_non_null(strstr(e.text, "was packed from something else"));
    }
    uint8_t *odd = aligned_alloc(64, 128);
    assert_int_equal(packed_open_memory("name", KEY, odd + 1, 100, &p, &e), PRECIS_EUSAGE);
    free(odd);
    unlink(path);
}

static void wrong_sections_are_refused(void **state) {
    (void)state;
    struct packed_writer *w;
    char name[PACKED_NAME_SIZE + 1], key[PACKED_MOST_KEY + 1];
    memset(name, 'n', PACKED_NAME_SIZE);
    name[PACKED_NAME_SIZE] = 0;
    memset(key, 'k', PACKED_MOST_KEY);
    key[PACKED_MOST_KEY] = 0;
    const struct packed_section bad[][2] = {{{"a", 1}, {"a", 2}},
                                            {{"a", 1}, {"", 2}},
                                            {{name, 1}, {"a", 2}},
                                            {{"a", SIZE_MAX}, {"b", SIZE_MAX}},
                                            {{"a", (size_t)1 << 48}, {"b", (size_t)1 << 49}}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(packed_writer_open(path, KEY, bad[i], 2, &w, NULL), PRECIS_EUSAGE);
        assert_null(w);
    }
    assert_int_equal(packed_writer_open(path, key, small, SMALL, &w, NULL), PRECIS_EUSAGE);
    assert_int_equal(tree_count(folder), 0);
    key[PACKED_MOST_KEY - 1] = 0;
    name[PACKED_NAME_SIZE - 1] = 0;
    const struct packed_section longest = {name, 1};
    struct packed *p;
    assert_int_equal(packed_writer_open(NULL, key, &longest, 1, &w, NULL), 0);
    assert_int_equal(packed_writer_commit(w, 1, &p, NULL), 0);
    size_t size;
    assert_non_null(packed_find(p, name, &size));
    assert_int_equal(size, 1);
    packed_close(p);
}

struct job {
    struct packed_writer *w;
    int n;
};

static void fill_some(void *user, int index) {
    struct job *job = user;
    for (size_t i = (size_t)index; i < SECTIONS; i += (size_t)job->n)
        fill(packed_writer_section(job->w, sections[i].name), sections[i].name, sections[i].size);
}

/* One process of several: packs with threads, and opens what is there then. */
static int pack_and_open(void) {
    struct job job = {.n = 3};
    struct packed *p, *q;
    struct pool *pool;
    struct err e = {0};
    int rc = packed_writer_open(path, KEY, sections, SECTIONS, &job.w, &e);
    if (rc == 0) {
        rc = pool_start(&pool, job.n, fill_some, &job, &e);
        pool_join(pool);
        rc = rc ? rc : packed_writer_commit(job.w, job.n, &p, &e);
    }
    if (rc == 0) {
        rc = packed_open(path, KEY, job.n, &q, &e);
        if (rc == 0 && (q->size != p->size || memcmp(q->bytes, p->bytes, p->size) != 0))
            rc = 1;
        packed_close(p);
        packed_close(rc < 0 ? NULL : q);
    }
    if (rc)
        (void)fprintf(stderr, "%d %s\n", rc, e.text);
    return rc;
}

static void writers_do_not_disturb_one_another(void **state) {
    (void)state;
    enum { PROCESSES = 4, ROUNDS = 3 };
    pid_t pids[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            int rc = 0;
            for (int j = 0; j < ROUNDS && rc == 0; j++)
                rc = pack_and_open();
            _exit(rc != 0);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status = -1;
        waitpid(pids[i], &status, 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(tree_count(folder), 1);
    unlink(path);
}

static void a_replaced_file_stays_readable(void **state) {
    (void)state;
    struct packed *p = pack(path, sections, SECTIONS);
    struct packed_writer *w;
    assert_int_equal(packed_writer_open(path, KEY, small, SMALL, &w, NULL), 0);
    memset(packed_writer_section(w, "a"), 1, 70);
    packed_writer_abort(w);
    packed_writer_abort(NULL);
    struct packed *q;
    assert_int_equal(packed_open(path, KEY, 1, &q, NULL), 0); /* as before */
    check(q, sections, SECTIONS);
    packed_close(q);
    packed_close(pack(path, small, SMALL));
    check(p, sections, SECTIONS);
    packed_close(p);
    assert_int_equal(tree_count(folder), 1);
    unlink(path);
}

static void a_limit_on_files_is_an_error(void **state) {
    (void)state;
    struct rlimit before, low;
    struct packed_writer *w;
    struct err e = {0};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    low = before;
    low.rlim_cur = 1 << 20;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    int rc = packed_writer_open(path, KEY, sections, SECTIONS, &w, &e);
    struct packed *p = rc == PRECIS_EIO ? pack(NULL, sections, SECTIONS) : NULL;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(rc, PRECIS_EIO);
    assert_non_null(strstr(e.text, "File too large"));
    assert_int_equal(tree_count(folder), 0);
    check(p, sections, SECTIONS);
    packed_close(p);
}

static void paths_are_below_the_cache(void **state) {
    (void)state;
    char one[4096], other[4096], tiny[16];
    char *cache = getenv("XDG_CACHE_HOME"), *saved = cache ? strdup(cache) : NULL;
    setenv("XDG_CACHE_HOME", folder, 1);
    assert_int_equal(packed_path("a", one, sizeof one, NULL), 0);
    assert_int_equal(packed_path("b", other, sizeof other, NULL), 0);
    assert_int_equal(packed_path("b", tiny, sizeof tiny, NULL), PRECIS_EINPUT);
    assert_int_equal(strncmp(one, folder, strlen(folder)), 0);
    assert_int_equal(strncmp(one + strlen(folder), "/precis/packed/", 15), 0);
    assert_string_not_equal(one, other);
    packed_close(pack(one, small, SMALL)); /* makes the folders */
    unlink(one);
    *strrchr(one, '/') = 0;
    assert_int_equal(rmdir(one), 0);
    *strrchr(one, '/') = 0;
    assert_int_equal(rmdir(one), 0);
    struct packed_writer *w;
    snprintf(other, sizeof other, "%s/under/x", path);
    packed_close(pack(path, small, SMALL));
    assert_int_equal(packed_writer_open(other, KEY, small, SMALL, &w, NULL), PRECIS_EIO);
    unlink(path);
    if (saved)
        setenv("XDG_CACHE_HOME", saved, 1);
    else
        unsetenv("XDG_CACHE_HOME");
    free(saved);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_packed_is_found),
        cmocka_unit_test(bytes_depend_on_the_content_only),
        cmocka_unit_test(every_damaged_byte_is_seen),
        cmocka_unit_test(damage_in_any_piece_is_seen),
        cmocka_unit_test(other_lengths_are_refused),
        cmocka_unit_test(forged_files_are_refused),
        cmocka_unit_test(other_files_are_not_found),
        cmocka_unit_test(wrong_sections_are_refused),
        cmocka_unit_test(writers_do_not_disturb_one_another),
        cmocka_unit_test(a_replaced_file_stays_readable),
        cmocka_unit_test(a_limit_on_files_is_an_error),
        cmocka_unit_test(paths_are_below_the_cache),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
