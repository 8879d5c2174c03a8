/* The words of a query, the views of an entry, and its vector. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "index/query.h"
#include "index/views.h"
#include "search/embed.h"

static const char *expression(const char *text) {
    static struct buf b;
    assert_int_equal(query_expression(text, &b, NULL), 0);
    return b.data;
}

static void a_query_is_its_telling_words(void **state) {
    (void)state;
    assert_string_equal(expression("Where are the idle workers woken?"),
                        "\"idle\" OR \"workers\" OR \"woken\"");
    assert_string_equal(expression("parseHTTPHeader parse"),
                        "\"parse\" OR \"http\" OR \"header\" OR \"parsehttpheader\"");
    assert_string_equal(expression("the of"), "\"the\" OR \"of\"");
    assert_string_equal(expression("is_in"), "\"is\" OR \"in\" OR \"isin\"");
    assert_string_equal(expression("is_in queue"), "\"isin\" OR \"queue\"");
    assert_string_equal(expression("!? \"*\" NEAR("), "\"near\"");
    assert_string_equal(expression(""), "");
    assert_string_equal(expression("\xff\xfe"), "");
    assert_true(query_is_common("your", 4) && query_is_common("a", 1));
    assert_false(query_is_common("worker", 6));
    /* each common word is found: they are in order */
    static const char all[] = "a all an and any are as at be been by can do does for from had has "
                              "have how if in into is it its not of on or so than that the their "
                              "then there these they this those to was we were what when where "
                              "which who will with would you your";
    for (const char *s = all; *s; s += strspn(s, " ")) {
        size_t n = strcspn(s, " ");
        assert_true(query_is_common(s, n));
        s += n;
    }
}

static void views_are_words_of_names_and_text(void **state) {
    (void)state;
    struct buf texts = {0};
    struct views v, other;
    struct view_subject s = {.symbol = "Idle.worker_to_notify",
                             .path = "src/idle.rs",
                             .head = "fn worker()",
                             .head_len = 11,
                             .body = "fn worker() {\n    wakeOne();\n}",
                             .body_len = 29};
    assert_int_equal(views_make(&s, &texts, &v, NULL), 0);
    assert_string_equal(texts.data + v.at[0], "idle worker to notify. src idle rs. fn worker");
    assert_string_equal(texts.data + v.at[1],
                        "idle worker to notify. src idle rs. fn worker wake one");
    assert_false(v.same);
    s.head = s.body;
    s.head_len = s.body_len;
    assert_int_equal(views_make(&s, &texts, &other, NULL), 0);
    assert_true(other.same);
    assert_memory_not_equal(v.hash, other.hash, sizeof v.hash);
    char wide[4000];
    memset(wide, 'x', sizeof wide);
    for (size_t i = 0; i < sizeof wide; i += 9)
        wide[i] = ' ';
    s.body = wide;
    s.body_len = sizeof wide;
    assert_int_equal(views_make(&s, &texts, &other, NULL), 0);
    assert_in_range(other.len[1], 480, 500);
    buf_free(&texts);
}

/* docs/search.md says the loss. */
static void rounding_keeps_the_direction(void **state) {
    (void)state;
    enum { WIDTH = 384 };
    struct rng r = {.state = 3};
    float a[WIDTH], b[WIDTH], back[WIDTH];
    int8_t rounded[WIDTH];
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < WIDTH; i++) {
            a[i] = (float)(rng_uniform(&r) + rng_uniform(&r) - 1);
            b[i] = (float)(rng_uniform(&r) + rng_uniform(&r) - 1);
        }
        views_mean(a, b, WIDTH, a);
        assert_true(fabsf(embed_dot(a, a, WIDTH) - 1) < 1e-5f);
        float step = (float)views_round(a, WIDTH, rounded);
        for (int i = 0; i < WIDTH; i++)
            back[i] = (float)rounded[i] * step;
        float cosine = embed_dot(a, back, WIDTH) / sqrtf(embed_dot(back, back, WIDTH));
        assert_true(cosine > 0.9999f);
    }
    memset(a, 0, sizeof a);
    views_mean(a, a, WIDTH, b);
    assert_true(views_round(b, WIDTH, rounded) == 0);
    assert_memory_equal(rounded, (int8_t[WIDTH]){0}, WIDTH);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_query_is_its_telling_words),
        cmocka_unit_test(views_are_words_of_names_and_text),
        cmocka_unit_test(rounding_keeps_the_direction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
