/* Pages of keys and values: prefixes are found by their ids alone, bounds hold, contents stay, and
 * allocations that fail are survived. Linked with --wrap: pages are counted and fail on demand, and
 * hashes collide on demand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "engine/kv.h"
#include "kernel/kernel.h"

enum { PAGE = KV_BLOCK * sizeof(uint32_t), MOST_TOKENS = 64 * KV_BLOCK, NO_LIMIT = 1 << 20 };

void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);
uint64_t __real_hash_bytes(const void *data, size_t size, uint64_t seed);
uint64_t __wrap_hash_bytes(const void *data, size_t size, uint64_t seed);

static size_t pages_allocated;
static bool no_pages, no_tables, hashes_collide;

void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    if (no_pages)
        return NULL;
    pages_allocated++;
    return __real_aligned_alloc(alignment, size);
}

void *__wrap_realloc(void *p, size_t size) {
    return no_tables ? NULL : __real_realloc(p, size);
}

uint64_t __wrap_hash_bytes(const void *data, size_t size, uint64_t seed) {
    return hashes_collide ? 7 : __real_hash_bytes(data, size, seed);
}

/* A sequence whose "keys and values" are its ids. */
struct seq {
    struct kv_seq kv;
    uint32_t ids[MOST_TOKENS];
    size_t n, reserved; /* tokens of the prompt; pages */
};

static struct kv_pool *new_pool(size_t limit) {
    struct kv_pool *pool;
    struct err e;
    pages_allocated = 0;
    no_pages = no_tables = hashes_collide = false;
    assert_int_equal(kv_pool_new(PAGE, limit, &pool, &e), 0);
    return pool;
}

static size_t used(struct kv_pool *pool) {
    size_t now, most;
    kv_usage(pool, &now, &most);
    return now / PAGE;
}

/* A prompt of n tokens that begins with `common` tokens of one text; the rest is its own. */
static struct seq *new_seq(size_t n, size_t common, uint32_t own) {
    struct seq *s = calloc(1, sizeof *s);
    s->n = n;
    for (size_t i = 0; i < n; i++)
        s->ids[i] = (uint32_t)(i < common ? i * i : own + i);
    return s;
}

static bool admit(struct kv_pool *pool, struct seq *s, size_t most) {
    size_t pages = kv_pages_for(s->n);
    bool ok = kv_admit(pool, &s->kv, pages, s->ids, most);
    s->reserved = ok ? pages : 0;
    return ok;
}

/* What a position holds. */
static uint32_t word_of(const struct seq *s, size_t i) {
    return s->ids[i] ^ (s->kv.far ? 1u << 31 : 0);
}

static int extend(struct kv_pool *pool, struct seq *s, size_t n) {
    struct err e = {0};
    size_t from = s->kv.length;
    int rc = kv_extend(pool, &s->kv, n, &e);
    if (rc) {
        assert_int_equal(e.code, PRECIS_ENOMEM);
        assert_int_equal(s->kv.length, from);
        return rc;
    }
    for (size_t i = from; i < from + n; i++) {
        uint32_t word = word_of(s, i);
        memcpy(s->kv.data[i / KV_BLOCK] + i % KV_BLOCK * sizeof word, &word, sizeof word);
    }
    return 0;
}

static void check(const struct seq *s) {
    for (size_t i = 0; i < s->kv.length; i++) {
        uint32_t word = word_of(s, i);
        assert_memory_equal(s->kv.data[i / KV_BLOCK] + i % KV_BLOCK * sizeof word, &word,
                            sizeof word);
    }
}

/* Admits, computes and publishes all of it; returns how much others had computed. */
static size_t run(struct kv_pool *pool, struct seq *s) {
    assert_true(admit(pool, s, s->n - 1));
    size_t shared = s->kv.length;
    assert_int_equal(extend(pool, s, s->n - shared), 0);
    kv_publish(pool, &s->kv, s->ids, s->n);
    check(s);
    return shared;
}

static void end(struct kv_pool *pool, struct seq *s) {
    kv_drop(pool, &s->kv);
    kv_release(pool, s->reserved);
    free(s);
}

static void prefixes_are_found_by_their_ids(void **state) {
    (void)state;
    for (int collide = 0; collide < 2; collide++) {
        struct kv_pool *pool = new_pool(NO_LIMIT);
        hashes_collide = collide;
        struct seq *a = new_seq(200, 200, 0), *same = new_seq(200, 200, 0);
        struct seq *later = new_seq(200, 130, 5), *other = new_seq(200, 0, 9);
        struct seq *second = new_seq(200, 200, 0), *least = new_seq(192, 192, 0);
        second->ids[0]++; /* its second page has the same ids, but does not follow the same */
        assert_int_equal(run(pool, a), 0);
        assert_int_equal(run(pool, same), 192);
        assert_int_equal(run(pool, later), 128);
        assert_int_equal(run(pool, other), 0);
        assert_int_equal(run(pool, second), 0);
        assert_int_equal(run(pool, least), 128); /* its last token is computed */
        assert_ptr_equal(same->kv.data[2], a->kv.data[2]);
        assert_ptr_equal(least->kv.data[2], a->kv.data[2]);
        /* 3 shared pages, the rests of a, same, later (2), and all of other and second. */
        assert_int_equal(used(pool), 3 + 1 + 1 + 2 + 4 + 4);
        struct seq *all[] = {a, same, later, other, second, least};
        for (int i = 0; i < 6; i++)
            check(all[i]);
        for (int i = 0; i < 6; i++)
            end(pool, all[i]);
        assert_int_equal(used(pool), 0);
        kv_pool_free(pool);
    }
}

static void what_is_wanted_is_computed(void **state) {
    (void)state;
    struct kv_pool *pool = new_pool(NO_LIMIT);
    struct seq *a = new_seq(300, 300, 0);
    run(pool, a);
    static const size_t most[][2] = {{0, 0}, {63, 0}, {64, 64}, {127, 64}, {128, 128}, {299, 256}};
    for (size_t i = 0; i < sizeof most / sizeof most[0]; i++) {
        struct seq *s = new_seq(300, 300, 0);
        assert_true(admit(pool, s, most[i][0]));
        assert_int_equal(s->kv.length, most[i][1]);
        end(pool, s);
    }
    end(pool, a);
    kv_pool_free(pool);
}

static void of_two_copies_one_stays(void **state) {
    (void)state;
    struct kv_pool *pool = new_pool(NO_LIMIT);
    struct seq *a = new_seq(200, 150, 1), *b = new_seq(200, 150, 2);
    assert_true(admit(pool, a, 199) && admit(pool, b, 199));
    assert_int_equal(extend(pool, a, 200), 0);
    assert_int_equal(extend(pool, b, 100), 0);
    kv_publish(pool, &a->kv, a->ids, 200);
    kv_publish(pool, &b->kv, b->ids, 100);
    assert_ptr_equal(a->kv.data[0], b->kv.data[0]);
    assert_ptr_not_equal(a->kv.data[1], b->kv.data[1]); /* not full yet */
    assert_int_equal(extend(pool, b, 100), 0);
    kv_publish(pool, &b->kv, b->ids, 200);
    assert_ptr_equal(a->kv.data[1], b->kv.data[1]);
    assert_ptr_not_equal(a->kv.data[2], b->kv.data[2]);
    assert_int_equal(used(pool), 6);
    check(a);
    end(pool, a);
    check(b);
    end(pool, b);
    kv_pool_free(pool);
}

static void what_many_had_is_kept_within_bounds(void **state) {
    (void)state;
    enum { LONG = 40 * KV_BLOCK + 1 };
    struct kv_pool *pool = new_pool(NO_LIMIT);
    struct seq *a = new_seq(LONG, LONG, 0);
    assert_int_equal(run(pool, a), 0);
    end(pool, a);
    assert_int_equal(used(pool), 0);
    struct seq *b = new_seq(LONG, LONG, 0), *c = new_seq(LONG, LONG, 0);
    assert_int_equal(run(pool, b), 8 * KV_BLOCK); /* only one sequence had them */
    assert_int_equal(run(pool, c), 40 * KV_BLOCK);
    end(pool, b);
    check(c);
    end(pool, c);
    struct seq *other = new_seq(LONG, 0, 3); /* does not push them out */
    assert_int_equal(run(pool, other), 0);
    end(pool, other);
    struct seq *d = new_seq(LONG, LONG, 0);
    assert_int_equal(run(pool, d), 24 * KV_BLOCK);
    end(pool, d);
    /* What b and c had at once, and what was kept then: never more. */
    assert_true(pages_allocated <= 42 + 24);
    kv_pool_free(pool);
}

static void keeping_takes_no_memory_from_sequences(void **state) {
    (void)state;
    enum { LIMIT = 10, FULL = LIMIT * KV_BLOCK };
    struct kv_pool *pool = new_pool(LIMIT);
    for (uint32_t i = 0; i < 6; i++) {
        struct seq *s = new_seq(FULL, i % 2 ? FULL : 0, i), *more = new_seq(1, 0, 1);
        run(pool, s);
        assert_int_equal(used(pool), LIMIT);
        assert_false(admit(pool, more, 0));
        end(pool, s);
        free(more);
        assert_true(pages_allocated <= LIMIT);
    }
    kv_pool_free(pool);
    /* Without a limit, pages that one sequence had are used again before memory is allocated. */
    pool = new_pool(NO_LIMIT);
    for (uint32_t i = 0; i < 6; i++) {
        struct seq *s = new_seq(FULL, 0, 1000 * i);
        run(pool, s);
        end(pool, s);
    }
    assert_int_equal(pages_allocated, LIMIT);
    kv_pool_free(pool);
}

static void forks_copy_what_they_write(void **state) {
    (void)state;
    struct kv_pool *pool = new_pool(NO_LIMIT);
    struct err e;
    struct seq *a = new_seq(150, 150, 0), *b = new_seq(150, 150, 0), *f = new_seq(150, 150, 0);
    run(pool, a);
    assert_int_equal(run(pool, b), 128);
    assert_int_equal(kv_fork(pool, &f->kv, &b->kv, &e), 0);
    for (size_t i = 150; i < 260; i++) {
        b->ids[i] = (uint32_t)i;
        f->ids[i] = (uint32_t)(1000 + i);
    }
    assert_int_equal(extend(pool, f, 110), 0);
    assert_int_equal(extend(pool, b, 110), 0);
    assert_ptr_equal(f->kv.data[1], a->kv.data[1]);
    assert_ptr_not_equal(f->kv.data[2], b->kv.data[2]);
    check(a);
    check(b);
    check(f);
    end(pool, f);
    end(pool, a);
    check(b);
    end(pool, b);
    assert_int_equal(used(pool), 0);
    kv_pool_free(pool);
}

static void kept_pages_stand_in_for_memory(void **state) {
    (void)state;
    struct kv_pool *pool = new_pool(NO_LIMIT);
    struct seq *a = new_seq(257, 257, 0), *b = new_seq(257, 257, 0), *c = new_seq(320, 0, 1);
    run(pool, a);
    run(pool, b);
    no_tables = true; /* then it computes what others have */
    struct seq *d = new_seq(257, 257, 0);
    assert_true(admit(pool, d, 256));
    assert_int_equal(d->kv.length, 0);
    assert_int_equal(extend(pool, d, 257), PRECIS_ENOMEM);
    no_tables = false;
    end(pool, d);
    end(pool, a);
    end(pool, b); /* 4 shared pages are kept, 2 are free */
    no_pages = true;
    assert_int_equal(run(pool, c), 0);
    struct seq *more = new_seq(128, 0, 2);
    assert_true(admit(pool, more, 127));
    assert_int_equal(extend(pool, more, 128), PRECIS_ENOMEM); /* one is left */
    assert_int_equal(extend(pool, more, 64), 0);
    check(more);
    end(pool, more);
    end(pool, c);
    assert_int_equal(used(pool), 0);
    kv_pool_free(pool);
}

/* One random step of the life of a sequence. */
static void random_step(struct kv_pool *pool, struct seq **at, struct rng *rng) {
    struct seq *s = *at;
    uint32_t r = (uint32_t)(rng_next(rng) >> 33);
    if (!s) {
        size_t n = 1 + r % 600;
        s = new_seq(n, r / 1000 % 5 * 100, r / 7000 % 3);
        s->kv.far = r / 50000 % 2;
        if (!admit(pool, s, r % 3 ? n - 1 : r % n)) {
            free(s);
            return;
        }
        *at = s;
        return;
    }
    size_t left;
    if (r / 2000 % 20 == 0)
        kv_restart(pool, &s->kv, true);
    left = s->n - s->kv.length;
    no_pages = r % 16 == 0;
    no_tables = r % 16 == 1;
    if (left == 0 || r % 20 == 0) {
        check(s);
        end(pool, s);
        *at = NULL;
    } else if (extend(pool, s, 1 + r / 50 % left) == 0 && r % 5) {
        kv_publish(pool, &s->kv, s->ids, s->kv.length);
    }
    no_pages = no_tables = false;
}

static void kinds_do_not_share(void **state) {
    (void)state;
    struct kv_pool *pool = new_pool(NO_LIMIT);
    struct seq *near = new_seq(200, 200, 0), *far = new_seq(200, 200, 0);
    struct seq *more = new_seq(200, 200, 0), *turned = new_seq(200, 200, 0);
    far->kv.far = more->kv.far = true;
    assert_int_equal(run(pool, near), 0);
    assert_int_equal(run(pool, far), 0);
    assert_int_equal(run(pool, more), 192);
    assert_int_equal(run(pool, turned), 192);
    kv_restart(pool, &turned->kv, true);
    assert_int_equal(turned->kv.length, 0);
    assert_int_equal(extend(pool, turned, 200), 0);
    kv_publish(pool, &turned->kv, turned->ids, 200);
    check(turned);
    assert_ptr_equal(turned->kv.data[2], far->kv.data[2]);
    assert_int_equal(used(pool), 4 + 4 + 1 + 1);
    end(pool, near);
    end(pool, far);
    end(pool, more);
    end(pool, turned);
    assert_int_equal(used(pool), 0);
    kv_pool_free(pool);
}

static void contents_and_bounds_hold_at_random(void **state) {
    (void)state;
    enum { SEQS = 12 };
    static const size_t limits[] = {10, 25, 60, NO_LIMIT};
    for (uint64_t round = 0; round < 16; round++) {
        struct kv_pool *pool = new_pool(limits[round % 4]);
        hashes_collide = round / 4 % 2;
        struct seq *seqs[SEQS] = {0};
        struct rng rng = {round};
        for (int step = 0; step < 4000; step++) {
            random_step(pool, &seqs[rng_next(&rng) % SEQS], &rng);
            size_t reserved = 0;
            for (int i = 0; i < SEQS; i++)
                reserved += seqs[i] ? seqs[i]->reserved : 0;
            assert_true(used(pool) <= reserved);
            assert_true(reserved <= limits[round % 4]);
            assert_true(pages_allocated <= limits[round % 4]);
            if (step % 100 == 0)
                for (int i = 0; i < SEQS; i++)
                    if (seqs[i])
                        check(seqs[i]);
        }
        for (int i = 0; i < SEQS; i++)
            if (seqs[i])
                end(pool, seqs[i]);
        assert_int_equal(used(pool), 0);
        kv_pool_free(pool);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefixes_are_found_by_their_ids),
        cmocka_unit_test(what_is_wanted_is_computed),
        cmocka_unit_test(of_two_copies_one_stays),
        cmocka_unit_test(what_many_had_is_kept_within_bounds),
        cmocka_unit_test(keeping_takes_no_memory_from_sequences),
        cmocka_unit_test(forks_copy_what_they_write),
        cmocka_unit_test(kept_pages_stand_in_for_memory),
        cmocka_unit_test(kinds_do_not_share),
        cmocka_unit_test(contents_and_bounds_hold_at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
