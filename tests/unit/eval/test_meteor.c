/* METEOR against nltk's, where WordNet is here; and WordNet's files when they are not what they
 * should be.
 *
 * usage: test_eval_meteor [TEXT.jsonl]    as tools/golden/eval_text.py makes it */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "eval/meteor.h"
#include "fault.h"
#include "golden.h"
#include "tree.h"

static const char *file = GOLDEN_DIR "/text.jsonl";

static struct wordnet *open_real(void) {
    struct wordnet *w;
    struct err e;
    if (wordnet_open(WORDNET_FOLDER, &w, &e) != 0) {
        printf("skipped: %s (Debian's wordnet-base has it)\n", e.text);
        skip();
    }
    return w;
}

struct check {
    struct wordnet *w;
    double worst;
    size_t pairs;
};

static void each(void *user, size_t number, const json_t *line) {
    struct check *c = user;
    if (json_object_get(line, "bleu4"))
        return;
    size_t nc, nr;
    const char *candidate = golden_string(line, "c", &nc),
               *reference = golden_string(line, "r", &nr);
    struct err e;
    double got;
    if (meteor_score(c->w, candidate, nc, reference, nr, &got, &e) != 0)
        fail_msg("%s", e.text);
    c->worst = fmax(c->worst, fabs(got - golden_number(line, "meteor")));
    c->pairs++;
    golden_near(got, golden_number(line, "meteor"), 2e-7, "METEOR", number);
}

static void equals_nltks(void **state) {
    (void)state;
    struct check c = {open_real(), 0, 0};
    golden_each(file, each, &c);
    printf("%zu pairs; largest difference: METEOR %.1e\n", c.pairs, c.worst);
    wordnet_close(c.w);
}

/* A WordNet of two words: "cat" and "dog" are synonyms; "Big_dog" is two words. */
#define INDEX "  1 licence\ncat n 2 1 @ 2 0 00000000 00000053\ndog n 1 0 1 0 00000000\n"
#define DATA                                                                                       \
    "00000000 05 n 03 cat 0 Big_dog 0 dog(p) 1 000 | pets\n"                                       \
    "00000053 05 n 01 whip 2 000 | whip\n"

static void make_tiny(const char *folder, const char *index, const char *data) {
    static const char *const empty[] = {"index.verb", "data.verb", "verb.exc",
                                        "index.adj",  "data.adj",  "adj.exc",
                                        "index.adv",  "data.adv",  "adv.exc"};
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++)
        tree_write(folder, empty[i], "");
    tree_write(folder, "index.noun", index);
    tree_write(folder, "data.noun", data);
    tree_write(folder, "noun.exc", "kitties dog\nkitties cat\nmice mouse\n");
}

static int synonyms_of(const struct wordnet *w, const char *word, char *out, size_t size,
                       struct err *e) {
    struct words found = {0};
    int rc = wordnet_synonyms(w, word, strlen(word), &found, e);
    out[0] = 0;
    for (size_t i = 0; rc == 0 && i < found.n; i++) {
        size_t len;
        const char *s = words_at(&found, i, &len);
        const size_t used = strlen(out);
        snprintf(out + used, size - used, "%.*s ", (int)len, s);
    }
    words_free(&found);
    return rc;
}

static void synonyms_are_found_by_their_forms(void **state) {
    static const char *const cases[][2] = {{"dog", "cat dog "},
                                           {"dogs", "cat dog "},
                                           {"cat", "cat dog whip "},
                                           {"kitties", "cat dog whip "},
                                           {"whip", ""},
                                           {"zebra", ""},
                                           {"", ""},
                                           {"s", ""},
                                           {"a", ""}};
    char *folder = *state, got[256];
    struct wordnet *w;
    struct err e = {0};
    make_tiny(folder, INDEX, DATA);
    assert_int_equal(wordnet_open(folder, &w, &e), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(synonyms_of(w, cases[i][0], got, sizeof got, &e), 0);
        assert_string_equal(got, cases[i][1]);
    }
    char *longer = calloc(1, 100001);
    assert_non_null(longer);
    memset(longer, 's', 100000);
    assert_int_equal(synonyms_of(w, longer, got, sizeof got, &e), 0);
    free(longer);
    wordnet_close(w);
}

static void damaged_files_are_told(void **state) {
    static const struct {
        const char *index, *data, *why;
    } cases[] = {
        {"cat n 1 0 1 0 00000001\n", DATA, "data.noun: not a line"},
        {"cat n 1 0 1 0 99999999\n", DATA, "index.noun: not a line"},
        {"cat n x 0 1 0 00000000\n", DATA, "index.noun: not a line"},
        {"cat n 2 0 1 0 00000000\n", DATA, "index.noun: not a line"},
        {"cat n 1 99999999999999999999 1 0 00000000\n", DATA, "index.noun: not a line"},
        {"cat", DATA, "index.noun: not a line"},
        {"cat n 1 0 1 0 00000000\n", "00000000 05 n ff cat 0", "data.noun: not a line"},
        {"cat n 1 0 1 0 00000000\n", "00000000", "data.noun: not a line"},
        {"cat n 1 0 1 0 00000000\n", "", "data.noun: not a line"},
    };
    char *folder = *state, got[256];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct wordnet *w;
        struct err e = {0};
        make_tiny(folder, cases[i].index, cases[i].data);
        assert_int_equal(wordnet_open(folder, &w, &e), 0);
        if (synonyms_of(w, "cat", got, sizeof got, &e) != PRECIS_EINPUT ||
            !strstr(e.text, cases[i].why))
            fail_msg("case %zu: %s", i, e.text);
        wordnet_close(w);
    }
}

static void a_folder_without_it_is_told(void **state) {
    struct wordnet *w;
    struct err e = {0};
    assert_int_equal(wordnet_open(*state, &w, &e), PRECIS_ENOTFOUND);
    assert_null(w);
    assert_non_null(strstr(e.text, "index.noun"));
}

static int once(void *user, struct err *e) {
    struct wordnet *w = NULL;
    double score;
    int rc = wordnet_open(user, &w, e);
    if (rc == 0)
        rc = meteor_score(w, "the dogs run", 12, "A cat ran, kitties", 18, &score, e);
    wordnet_close(w);
    return rc;
}

static void says_when_memory_runs_out(void **state) {
    make_tiny(*state, INDEX, DATA);
    fault_each(&fault_memory, FAULT_ONCE, once, *state);
    fault_each(&fault_memory, FAULT_LASTING, once, *state);
}

static int make_folder(void **state) {
    *state = tree_new();
    return 0;
}

static int remove_folder(void **state) {
    tree_remove(*state);
    return 0;
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(int argc, char **argv) {
    if (argc > 1)
        file = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_nltks),         WITH_FOLDER(synonyms_are_found_by_their_forms),
        WITH_FOLDER(damaged_files_are_told),    WITH_FOLDER(a_folder_without_it_is_told),
        WITH_FOLDER(says_when_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
