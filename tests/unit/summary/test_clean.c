#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "summary/clean.h"

static const char *const echoes[] = {
    "In one short sentence of at most 120 characters, say what this code does.",
    "You write one-line summaries of source code.", NULL};

static int clean(const char *text, int max_chars, bool unfinished, struct buf *out, struct err *e) {
    *out = (struct buf){0};
    struct clean_options o = {max_chars, unfinished, echoes};
    return clean_line(text, strlen(text), &o, out, NULL, e);
}

struct row {
    const char *text, *line; /* line NULL: unusable */
};

static void check_rows(const struct row *rows, size_t n, int max_chars, bool unfinished) {
    int wrong = 0;
    for (size_t i = 0; i < n; i++) {
        struct buf out;
        struct err e = {0};
        int rc = clean(rows[i].text, max_chars, unfinished, &out, &e);
        const char *got = rc ? NULL : out.data;
        bool ok = rows[i].line ? got && strcmp(got, rows[i].line) == 0
                               : rc == PRECIS_ENOTFOUND && e.text[0] && !out.len;
        if (!ok) {
            print_error("text: %s\nwant: %s\ngot:  %s\n\n", rows[i].text,
                        rows[i].line ? rows[i].line : "(unusable)", got ? got : e.text);
            wrong++;
        }
        buf_free(&out);
    }
    assert_int_equal(wrong, 0);
}

#define CHECK(rows, max, unfinished) check_rows(rows, sizeof rows / sizeof *rows, max, unfinished)

static void strips_marks(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"Defines a queue.", "Defines a queue."},
        {"Defines a queue", "Defines a queue."},
        {"  Defines   a\tqueue.  ", "Defines a queue."},
        {"**Defines** a `queue`.", "Defines a queue."},
        {"### Summary\n\nDefines a queue.", "Defines a queue."},
        {"# Queues\nDefines a queue.", "Defines a queue."},
        {"- Defines a queue.\n- Defines a stack.", "Defines a queue."},
        {"1. Defines a queue.", "Defines a queue."},
        {"> Defines a queue.", "Defines a queue."},
        {"\"Defines a queue.\"", "Defines a queue."},
        {"\"Defines a queue\".", "Defines a queue."},
        {"'Defines a queue.'", "Defines a queue."},
        {"\xe2\x80\x9c"
         "Defines a queue.\xe2\x80\x9d",
         "Defines a queue."},
        {"```\nDefines a queue.\n```", "Defines a queue."},
        {"```rust\nfn main() {}\n```\nDefines a queue.", "Defines a queue."},
        {"Defines a [queue](https://example.org/q) of tasks.", "Defines a queue of tasks."},
        {"Wraps a [`std::net::UdpSocket`] of [`std`][1].",
         "Wraps a std::net::UdpSocket of std[1]."},
        {"Defines *one* queue.", "Defines one queue."},
        {"Defines ***one*** queue.", "Defines one queue."},
        {"Casts `*const T` to `*mut T`.", "Casts *const T to *mut T."},
        {"Computes a * b and a ** b.", "Computes a * b and a ** b."},
        {"Calls `__init__` and read_line on _private names.",
         "Calls __init__ and read_line on _private names."},
        {"Reads a file\nand counts its lines.", "Reads a file and counts its lines."},
        {"Defines a\x01 qu\x7f"
         "eue\x1b[31m.",
         "Defines a queue[31m."},
        {"Defines a \xff\xfequeue.", "Defines a queue."},
        {"Defines a \xe2\x80\xaequeue\xef\xbb\xbf.", "Defines a queue."},
        {"Defines a \xc2\xa0queue.", "Defines a queue."},
        {": Defines a queue.", "Defines a queue."},
    };
    CHECK(rows, 120, false);
}

static void skips_openings(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"Summary: Defines a queue.", "Defines a queue."},
        {"**Summary:** Defines a queue.", "Defines a queue."},
        {"Summary:\nDefines a queue.", "Defines a queue."},
        {"Summary\n\nDefines a queue.", "Defines a queue."},
        {"One-line summary: Defines a queue.", "Defines a queue."},
        {"Sure! Defines a queue.", "Defines a queue."},
        {"Sure! Here is a one-line summary of the code:\n\nDefines a queue.", "Defines a queue."},
        {"Sure, here is the summary:\n\n```\nDefines a queue.\n```", "Defines a queue."},
        {"Certainly! This code defines a queue.", "Defines a queue."},
        {"Here's a short sentence that summarizes the code: \"Defines a queue.\"",
         "Defines a queue."},
        {"Here is the summary.\nDefines a queue.", "Defines a queue."},
        {"In summary, this code defines a queue.", "Defines a queue."},
        {"Overall, the code defines a queue.", "Defines a queue."},
        {"This code does the following:\n- Defines a queue.", "Defines a queue."},
        {"A short summary of this code is: Defines a queue.", "Defines a queue."},
        {"\xe6\x91\x98\xe8\xa6\x81\xef\xbc\x9a\xe5\xae\x9a\xe4\xb9\x89\xe4\xb8\x80\xe4\xb8\xaa\xe9"
         "\x98\x9f\xe5\x88\x97\xe3\x80\x82",
         "\xe5\xae\x9a\xe4\xb9\x89\xe4\xb8\x80\xe4\xb8\xaa\xe9\x98\x9f\xe5\x88\x97\xe3\x80\x82"},
    };
    CHECK(rows, 120, false);
}

static void rephrases(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"This code defines a queue.", "Defines a queue."},
        {"The provided code defines a queue.", "Defines a queue."},
        {"The given Rust code snippet defines a queue.", "Defines a queue."},
        {"This Rust module provides `tokio::spawn`.", "Provides tokio::spawn."},
        {"This defines a queue.", "Defines a queue."},
        {"It defines a queue.", "Defines a queue."},
        {"This file also simply defines a queue.", "Defines a queue."},
        {"The code you provided defines a queue.", "Defines a queue."},
        {"This code in `src/queue.rs` defines a queue.", "Defines a queue."},
        {"This code safely shares a queue.", "Safely shares a queue."},
        {"This code is used to create a queue.", "Creates a queue."},
        {"This code is used to create and manage a queue.", "Creates and manages a queue."},
        {"This code is used to create a queue and ensure that it is empty.",
         "Creates a queue and ensures that it is empty."},
        {"This function is designed to copy bytes.", "Copies bytes."},
        {"This function is designed to push bytes.", "Pushes bytes."},
        {"This function will play a tune.", "Plays a tune."},
        {"The purpose of this code is to define a queue.", "Defines a queue."},
        {"This code aims to provide a queue.", "Aims to provide a queue."},
        {"This code is responsible for the queue.", "Is responsible for the queue."},
        {"This code is a simple test of the queue.", "A simple test of the queue."},
        {"This is a Rust implementation of a queue.", "A Rust implementation of a queue."},
        {"This is a Rust module that provides a queue.", "Provides a queue."},
        {"This is a simple example of a queue.", "A simple example of a queue."},
        {"Define a queue.", "Defines a queue."},
        {"Create and manage a queue.", "Creates and manages a queue."},
        {"Tests that the queue is empty.", "Tests that the queue is empty."},
        {"Test helpers for queues.", "Test helpers for queues."},
        /* what cannot be turned round safely stays */
        {"This code is tested on Linux.", "This code is tested on Linux."},
        {"This code will be removed.", "This code will be removed."},
        {"The `push` function adds to the queue.", "The push function adds to the queue."},
        {"The queue holds tasks.", "The queue holds tasks."},
        {"These functions read bytes.", "These functions read bytes."},
        {"This queue holds tasks.", "This queue holds tasks."},
    };
    CHECK(rows, 120, false);
}

static void finds_the_end(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"Defines a queue. It is lock-free.", "Defines a queue."},
        {"Defines a queue! It is lock-free.", "Defines a queue."},
        {"Reads main.rs and lib.rs at once. Then stops.", "Reads main.rs and lib.rs at once."},
        {"Supports HTTP 1.1 and TLS 1.3. More follows.", "Supports HTTP 1.1 and TLS 1.3."},
        {"Wraps I/O types, e.g. files, for tasks. More.",
         "Wraps I/O types, e.g. files, for tasks."},
        {"Wraps I/O types (i.e. Files) for tasks. More.",
         "Wraps I/O types (i.e. Files) for tasks."},
        {"Handles signals, timers, etc. in one loop. More.",
         "Handles signals, timers, etc. in one loop."},
        {"Handles signals, timers, etc. It is fast.", "Handles signals, timers, etc."},
        {"Compares sleep vs. interval. More.", "Compares sleep vs. interval."},
        {"Calls `a. B` in order. More.", "Calls a. B in order."},
        {"Waits ... until woken. More.", "Waits ... until woken."},
        {"Defines a queue (see docs.) Then more.", "Defines a queue (see docs.)."},
        {"\xe5\xae\x9a\xe4\xb9\x89\xe4\xb8\x80\xe4\xb8\xaa\xe9\x98\x9f\xe5\x88\x97\xe3\x80\x82\xe5"
         "\xae\x83\xe5\xbe\x88\xe5\xbf\xab\xe3\x80\x82",
         "\xe5\xae\x9a\xe4\xb9\x89\xe4\xb8\x80\xe4\xb8\xaa\xe9\x98\x9f\xe5\x88\x97\xe3\x80\x82"},
        {"Defines a queue\n\nNote that it is fast.", "Defines a queue."},
        {"Ports libuv to C. It is fast.", "Ports libuv to C."},
    };
    CHECK(rows, 120, false);
}

static void capitalises_words_only(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"defines a queue.", "Defines a queue."},
        {"`spawn` starts a task.", "spawn starts a task."},
        {"tokio::spawn starts a task.", "tokio::spawn starts a task."},
        {"read_line reads a line.", "read_line reads a line."},
        {"main.rs starts the server.", "main.rs starts the server."},
        {"iOS is detected here.", "iOS is detected here."},
        {"non-blocking sockets for tasks.", "Non-blocking sockets for tasks."},
        {"\xc3\xa9"
         "crit un fichier.",
         "\xc3\xa9"
         "crit un fichier."},
    };
    CHECK(rows, 120, false);
}

static void rejects_what_is_no_summary(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"", NULL},
        {" \n\t ", NULL},
        {"...", NULL},
        {"```\n```", NULL},
        {"Queue.", NULL},
        {"This code.", NULL},
        {"This code", NULL},
        {"Summary:", NULL},
        {"fn main() {\n    run();\n}", NULL},
        {"#[test]\nfn timer() {\n    use tokio::runtime::Builder;\n}", NULL},
        {"use std::io::Read;", NULL},
        {"import os", NULL},
        {"{\"summary\": 1, \"a\": [1,2]}", NULL},
        {"I'm sorry, but I cannot help with that.", NULL},
        {"As an AI, I have no opinion.", NULL},
        {"What does this code do?", NULL},
        {"In one short sentence of at most 120 characters, say what this code does.", NULL},
        {"File: src/main.rs (lines 1-20, Rust)", NULL},
        {"You write one-line summaries of source code.", NULL},
        {"Tests the async/await/async/await/async/await/async/await code.", NULL},
        {"Runs runs runs runs the queue.", NULL},
        {"Polls the task and polls the task and polls the task and polls the task.", NULL},
    };
    CHECK(rows, 120, false);
}

static void shortens_to_a_whole_sentence(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"Defines a bounded queue of tasks, which is shared by all of the worker threads.",
         "Defines a bounded queue of tasks."},
        {"Defines a bounded queue of tasks; the worker threads take from it in turn.",
         "Defines a bounded queue of tasks."},
        {"Defines a bounded queue of tasks and the worker threads that take from it in turn.",
         "Defines a bounded queue of tasks and the worker threads."},
        {"Chooses fairly between the readers and all the writers that wait for this lock.",
         "Chooses fairly between the readers and all the writers."},
        {"Defines one very long line of words for some tests of all the shortening code.",
         "Defines one very long line of words for some tests of all..."},
        {"Defines a type Either<L, R> that holds a single value of one of two types.",
         "Defines a type Either<L, R>."},
        {"Puts a future into a mock task that polls it or the stream once or twice.",
         "Puts a future into a mock task."},
        {"Polls the future once and then ensures that nothing else has been woken up.",
         "Polls the future once."},
        {"Implements the AsyncRead, AsyncWrite, and AsyncSeek traits for a file on disk.",
         "Implements the AsyncRead, AsyncWrite, and AsyncSeek..."},
        {"Defines a function (with helpers, some of which are private, all tested here) that runs.",
         "Defines a function (with helpers, some of which are..."},
        {"Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb x.",
         NULL},
    };
    CHECK(rows, 60, false);
}

static void cuts_back_what_is_unfinished(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"Defines a bounded queue of tasks, which is shar", "Defines a bounded queue of tasks."},
        {"Defines a bounded queue for the sched", "Defines a bounded queue for the..."},
        {"Defines a bounded queue.", "Defines a bounded queue."},
        {"Defines a bounded queue. It is al", "Defines a bounded queue."},
        {"This code uses `spa", NULL},
    };
    CHECK(rows, 120, true);
}

static void fits_any_length(void **state) {
    (void)state;
    static const char *const texts[] = {
        "Defines a bounded queue of tasks, which is shared by all of the worker threads, and "
        "drains it.",
        "\xe5\xae\x9a\xe4\xb9\x89\xe4\xb8\x80\xe4\xb8\xaa\xe9\x98\x9f\xe5\x88\x97\xef\xbc\x8c\xe5"
        "\xae\x83\xe5\xbe\x88\xe5\xbf\xab"
        "\xe5\xae\x9a\xe4\xb9\x89\xe4\xb8\x80\xe4\xb8\xaa\xe9\x98\x9f\xe5\x88\x97\xef\xbc\x8c\xe5"
        "\xae\x83\xe5\xbe\x88\xe5\xbf\xab\xe3\x80\x82",
        "Handles caf\xc3\xa9s and na\xc3\xafve \xf0\x9f\x9a\x80 rockets, with \xf0\x9f\x8e\x89 "
        "parties at \xc3\xa9t\xc3\xa9.",
    };
    for (size_t t = 0; t < 3; t++)
        for (int max = CLEAN_MIN_CHARS; max < 130; max++) {
            struct buf out;
            struct err e;
            if (clean(texts[t], max, false, &out, &e) == 0) {
                assert_true(utf8_valid(out.data, out.len));
                assert_true(utf8_length(out.data, out.len) <= (size_t)max);
            }
            buf_free(&out);
        }
    struct buf out;
    struct err e;
    assert_int_equal(clean(texts[0], CLEAN_MIN_CHARS - 1, false, &out, &e), PRECIS_EUSAGE);
    buf_free(&out);
}

static void says_why(void **state) {
    (void)state;
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"", "the model's answer was empty"},
        {"x();", "the model's answer held no sentence: \"x();\""},
        {"I cannot do that.", "the model's answer was no summary: \"I cannot do that.\""},
        {"Is this a queue?", "the model's answer was a question: \"Is this a queue?\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out;
        struct err e = {0};
        assert_int_equal(clean(rows[i].text, 120, false, &out, &e), PRECIS_ENOTFOUND);
        assert_string_equal(e.text, rows[i].why);
        buf_free(&out);
    }
}

static void says_which_bytes(void **state) {
    (void)state;
    const char *text = "Sure! This code defines a `queue`. It is fast.";
    struct buf out = {0};
    struct sentence from;
    struct clean_options o = {120, false, NULL};
    assert_int_equal(clean_line(text, strlen(text), &o, &out, &from, NULL), 0);
    assert_int_equal(from.begin, 6);
    assert_int_equal(from.end, 34);
    assert_true(from.certain);
    buf_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strips_marks),
        cmocka_unit_test(skips_openings),
        cmocka_unit_test(rephrases),
        cmocka_unit_test(finds_the_end),
        cmocka_unit_test(capitalises_words_only),
        cmocka_unit_test(rejects_what_is_no_summary),
        cmocka_unit_test(shortens_to_a_whole_sentence),
        cmocka_unit_test(cuts_back_what_is_unfinished),
        cmocka_unit_test(fits_any_length),
        cmocka_unit_test(says_why),
        cmocka_unit_test(says_which_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
