#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "fault.h"
#include "summary/ground.h"

static const char code[] =
    "impl TaskQueue {\n"
    "    /// Wakes one waiter.\n"
    "    pub fn push_back(&mut self, item: Notified<Arc<Handle>>) -> bool {\n"
    "        let mask: u64 = 0x1F; // 1_000 of v2.5, 12,500\n"
    "        self.inner.len() < MAX_SLOTS && URLSearchParams::new()\n"
    "    }\n"
    "}\n";
static const char path[] = "runtime/blocking/task_queue.rs";
static const char outline[] = "calls: unpark_worker\nlimit: 4096";

static struct grounding check(const char *text, size_t len, const char *sentence) {
    struct ground_source source = {text, len, path, "push_back", outline};
    struct ground_words w;
    struct err e = {0};
    struct grounding got;
    assert_int_equal(ground_open(&w, &source, &e), 0);
    ground_check(&w, sentence, strlen(sentence), &got);
    ground_close(&w);
    assert_null(w.v);
    return got;
}

struct row {
    const char *sentence, *first; /* first NULL: grounded */
    unsigned identifiers, numbers;
};

static void check_rows(const struct row *rows, size_t n) {
    int wrong = 0;
    for (size_t i = 0; i < n; i++) {
        struct grounding got = check(code, sizeof code - 1, rows[i].sentence);
        const char *want = rows[i].first ? rows[i].first : "";
        bool ok = strcmp(got.first, want) == 0 && got.grounded == !rows[i].first &&
                  got.identifiers == rows[i].identifiers && got.numbers == rows[i].numbers &&
                  (got.invented_identifiers + got.invented_numbers > 0) == !got.grounded;
        if (!ok) {
            print_error("%s\nwant: \"%s\", %u identifiers, %u numbers\ngot:  \"%s\", %u, %u\n",
                        rows[i].sentence, want, rows[i].identifiers, rows[i].numbers, got.first,
                        got.identifiers, got.numbers);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

#define CHECK(rows) check_rows(rows, sizeof rows / sizeof *rows)

static void finds_identifiers(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"Adds an item to the TaskQueue.", NULL, 1, 0},
        {"Adds items to TaskQueues.", NULL, 1, 0},
        {"Adds an item to the task_queue's end.", NULL, 1, 0},
        {"Adds to taskQueue and TASK_QUEUE.", NULL, 2, 0},
        {"Calls `push_back` once.", NULL, 1, 0},
        {"Calls pushback() and len().", NULL, 2, 0},
        {"Reads TaskQueue::inner.", NULL, 1, 0},
        {"Reads self.inner of Handle#inner.", NULL, 2, 0},
        {"Wraps SearchParams.", NULL, 1, 0},
        {"Wraps UrlSearchParams.", NULL, 1, 0},
        {"Calls unpark_worker through its outline.", NULL, 1, 0},
        {"Needs a Handle, a Waiter and an Arc.", NULL, 3, 0},
        {"Fills Notifies of any kind.", NULL, 1, 0},
        {"Returns at most MAX_SLOTS.", NULL, 1, 0},
        {"Reads task_queue.rs again.", NULL, 1, 0},
        {"Adds an item to the JobQueue.", "JobQueue", 1, 0},
        {"Adds an item to the QueueTask.", "QueueTask", 1, 0},
        {"Calls pop_front and push_front.", "pop_front", 2, 0},
        {"Calls `reserve`.", "reserve", 1, 0},
        {"Calls reserve() first.", "reserve", 1, 0},
        {"Reads TaskQueue::tail.", "TaskQueue::tail", 1, 0},
        {"Writes self.outer.", "self.outer", 1, 0},
        {"Passes --verbose and @Override on.", "verbose", 2, 0},
        {"Reads $HOME first.", "HOME", 1, 0},
        {"Guards it by a Mutex.", "Mutex", 1, 0},
        {"Wraps Foo2 in log4j.", "Foo2", 2, 0},
        {"Talks SMTP.", "SMTP", 1, 0},
        {"Reads vec\xc3\xa9_x first.", "vec\xc3\xa9_x", 1, 0},
        {"\xe8\xbf\x94\xe5\x9b\x9eTaskQueue\xe7\x9a\x84\xe9\x95\xbf\xe5\xba\xa6", NULL, 1, 0},
        {"\xe8\xbf\x94\xe5\x9b\x9eJobQueue\xe7\x9a\x84\xe9\x95\xbf\xe5\xba\xa6", "JobQueue", 1, 0},
    };
    CHECK(rows);
}

static void leaves_english(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"", NULL, 0, 0},
        {"Returns whether an item, e.g. a job, i.e. work, isn't there.", NULL, 0, 0},
        {"Mutex for items. Keeps them. Note: Never blocks.", NULL, 0, 0},
        {"Reads HTTP, JSON, URLs, IDs and I/O errors.", NULL, 0, 0},
        {"Decodes UTF-8, SHA-256, HTTP/1.1 and base64 in Python.", NULL, 0, 0},
        {"Supports JavaScript, Node.js and PostgreSQL on Unix.", NULL, 0, 0},
        {"Does NOT wait -- and never drops item(s).", NULL, 0, 0},
        {"Makes a new T of the U.S. and the wait-free queue's tail.", NULL, 0, 0},
        {"Reads the first and/or second.", NULL, 0, 0},
    };
    CHECK(rows);
}

static void finds_numbers(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"Keeps 0, 1 or the 2nd of them.", NULL, 0, 3},
        {"Masks 31 of 64 bits.", NULL, 0, 2},
        {"Masks 0x1f of a 64-bit word.", NULL, 0, 2},
        {"Holds 1000, or 1,000, or 1_000.", NULL, 0, 3},
        {"Holds 4096 items.", NULL, 0, 1},
        {"Holds 12500, 12,500 or 500 items.", NULL, 0, 3},
        {"Needs version 2.5 or 02.50.", NULL, 0, 2},
        {"Waits for 10ms.", "10ms", 0, 1},
        {"Needs version 2.6.", "2.6", 0, 1},
        {"Masks 0x2F.", "0x2F", 0, 1},
        {"Holds 10,000 items.", "10,000", 0, 1},
    };
    CHECK(rows);
}

static void counts_each(void **state) {
    (void)state;
    struct grounding got = check(
        code, sizeof code - 1, "Moves TaskQueue items from JobQueue to LifoSlot in 7 of 64 steps.");
    assert_false(got.grounded);
    assert_int_equal(got.identifiers, 3);
    assert_int_equal(got.invented_identifiers, 2);
    assert_int_equal(got.numbers, 2);
    assert_int_equal(got.invented_numbers, 1);
    assert_string_equal(got.first, "JobQueue");
}

static void measures_overlap(void **state) {
    (void)state;
    static const struct {
        const char *sentence;
        double overlap;
    } rows[] = {
        {"Pushes the items back.", 1},             /* push, item, back */
        {"Wakes waiters of the runtime.", 1},      /* runtime: of the path */
        {"Unparks the workers.", 0},               /* of the context alone */
        {"Pushes a parcel.", 0.5},                 /* parcel */
        {"Pushes pushBack in blocked mode.", 0.8}, /* mode */
        {"Is it the one that was there?", 0},
        {"", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct grounding got = check(code, sizeof code - 1, rows[i].sentence);
        if (fabs(got.overlap - rows[i].overlap) > 1e-9)
            fail_msg("%s: %g and not %g", rows[i].sentence, got.overlap, rows[i].overlap);
    }
}

static void keeps_lines_apart(void **state) {
    (void)state;
    static const char text[] = "use task;\nqueue.lock(task,  queue_b)\n";
    assert_false(check(text, sizeof text - 1, "Locks TaskLock.").grounded);
    assert_true(check(text, sizeof text - 1, "Locks QueueLock.").grounded);
    assert_true(check("a b", 3, "Returns nothing.").grounded);
}

/* Without a path, a symbol, a context, or any text. */
static void takes_nothing(void **state) {
    (void)state;
    struct ground_words w;
    struct err e;
    struct grounding got;
    assert_int_equal(ground_open(&w, &(struct ground_source){.text = NULL}, &e), 0);
    ground_check(&w, "Calls foo_bar 3 times.", 22, &got);
    assert_int_equal(got.invented_identifiers, 1);
    assert_int_equal(got.invented_numbers, 1);
    assert_true(got.overlap == 0);
    ground_close(&w);
    ground_close(&w);
}

static void cuts_the_first(void **state) {
    (void)state;
    struct buf sentence = {0};
    buf_str(&sentence, "Calls a_");
    for (int i = 0; i < 40; i++)
        buf_str(&sentence, "\xc3\xa9");
    assert_false(buf_failed(&sentence));
    struct grounding got = check("x", 1, sentence.data);
    assert_false(got.grounded);
    assert_int_equal(strlen(got.first), GROUND_FIRST_SIZE - 2);
    assert_true(utf8_valid(got.first, strlen(got.first)));
    buf_free(&sentence);
}

/* Any bytes in text and sentence; words, numbers and names longer than anything kept. */
static void bears_hostile_bytes(void **state) {
    (void)state;
    enum { SIZE = 1 << 16 };
    static const char *const fills[] = {"a",  "A",    "_",  "9",  "9.",
                                        "9_", "\xff", "a_", "aB", "\xe4\xb8\xad",
                                        "0x", "::",   "`",  "a.", "\n"};
    char *text = malloc(SIZE);
    assert_non_null(text);
    for (size_t k = 0; k < sizeof fills / sizeof *fills; k++) {
        size_t n = strlen(fills[k]);
        for (size_t i = 0; i < SIZE; i++)
            text[i] = fills[k][i % n];
        struct ground_words w;
        struct err e;
        struct grounding got;
        struct ground_source source = {.text = text, .len = SIZE};
        assert_int_equal(ground_open(&w, &source, &e), 0);
        ground_check(&w, text, SIZE, &got);
        if (!got.grounded)
            print_error("\"%s\" does not hold \"%s\"\n", fills[k], got.first);
        assert_true(got.grounded); /* what a text says of itself is there */
        ground_close(&w);
    }
    char all[512];
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (char)i;
    for (size_t from = 0; from < 256; from++) {
        struct ground_words w;
        struct err e;
        struct grounding got;
        struct ground_source source = {.text = all + from, .len = 256};
        assert_int_equal(ground_open(&w, &source, &e), 0);
        ground_check(&w, all, from, &got);
        assert_true(utf8_valid(got.first, strlen(got.first)));
        ground_close(&w);
    }
    free(text);
}

static int open_once(void *user, struct err *e) {
    struct ground_words w;
    int rc = ground_open(&w, user, e);
    if (rc)
        assert_null(w.v);
    ground_close(&w);
    return rc;
}

static void fails_cleanly(void **state) {
    (void)state;
    struct buf text = {0};
    for (int i = 0; i < 3000; i++)
        buf_printf(&text, "w%c%c%c ", 'a' + i % 26, 'a' + i / 26 % 26, 'a' + i / 676);
    assert_false(buf_failed(&text));
    struct ground_source source = {text.data, text.len, path, "push_back", outline};
    assert_true(fault_each(&fault_memory, FAULT_ONCE, open_once, &source) > 3);
    buf_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_identifiers),   cmocka_unit_test(leaves_english),
        cmocka_unit_test(finds_numbers),       cmocka_unit_test(counts_each),
        cmocka_unit_test(measures_overlap),    cmocka_unit_test(keeps_lines_apart),
        cmocka_unit_test(takes_nothing),       cmocka_unit_test(cuts_the_first),
        cmocka_unit_test(bears_hostile_bytes), cmocka_unit_test(fails_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
