/* NFC and the classes of code points, against values of the standard. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "text/unicode.h"

static void nfc(const char *text, const char *want) {
    struct nfc_work w = {0};
    size_t len = strlen(text);
    uint8_t *exact = malloc(len ? len : 1); /* so that a sanitizer sees every step beyond */
    assert_non_null(exact);
    for (size_t i = 0; i < len; i++)
        exact[i] = (uint8_t)text[i];
    const uint8_t *got = unicode_nfc(&w, exact, &len);
    assert_non_null(got);
    assert_int_equal(len, strlen(want));
    assert_memory_equal(got, want, len);
    free(exact);
    nfc_work_free(&w);
}

static void composes(void **state) {
    (void)state;
    nfc("", "");
    nfc("plain ASCII, \xc3\xa9 too", "plain ASCII, \xc3\xa9 too");
    nfc("e\xcc\x81", "\xc3\xa9");
    nfc("abcdefgh e\xcc\x81 ijklmnop", "abcdefgh \xc3\xa9 ijklmnop");
    nfc("e\xcc\x81\xcc\xa3", "\xe1\xba\xb9\xcc\x81"); /* reordered, then composed */
    nfc("a\xcc\x96\xcc\x84", "\xc4\x81\xcc\x96");     /* over a mark of another class */
    nfc("a\xcd\x8f\xcc\x81", "a\xcd\x8f\xcc\x81");    /* blocked by U+034F */
    nfc("\xcc\x81", "\xcc\x81");
    nfc("\xcc\x81\xcc\xa3", "\xcc\xa3\xcc\x81");
    nfc("\xe2\x84\xab", "\xc3\x85");                 /* singleton: Angstrom */
    nfc("\xe0\xa5\x98", "\xe0\xa4\x95\xe0\xa4\xbc"); /* excluded from composition */
    nfc("\xf0\xaf\xa0\x80", "\xe4\xb8\xbd");         /* U+2F800 */
}

static void composes_hangul(void **state) {
    (void)state;
    nfc("\xe1\x84\x80\xe1\x85\xa1", "\xea\xb0\x80");
    nfc("\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8", "\xea\xb0\x81");
    nfc("\xea\xb0\x80\xe1\x86\xa8", "\xea\xb0\x81");
    nfc("\xea\xb0\x81\xe1\x86\xa8", "\xea\xb0\x81\xe1\x86\xa8");
    nfc("\xea\xb0\x80\xe1\x86\xa7", "\xea\xb0\x80\xe1\x86\xa7"); /* U+11A7 is no final */
    nfc("\xed\x9e\xa3", "\xed\x9e\xa3");
}

static void knows_classes(void **state) {
    (void)state;
    static const struct {
        uint32_t c;
        unsigned class;
    } cases[] = {{'a', UNICODE_LETTER},   {'_', UNICODE_OTHER},      {'7', UNICODE_NUMBER},
                 {'\v', UNICODE_SPACE},   {0x1c, UNICODE_OTHER},     {0x85, UNICODE_SPACE},
                 {0x180e, UNICODE_OTHER}, {0x200b, UNICODE_OTHER},   {0x3000, UNICODE_SPACE},
                 {0xb2, UNICODE_NUMBER},  {0x2160, UNICODE_NUMBER},  {0x4e2d, UNICODE_LETTER},
                 {0x301, UNICODE_OTHER},  {0x10ffff, UNICODE_OTHER}, {0x2fa1d, UNICODE_LETTER}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(unicode_flags(cases[i].c) & UNICODE_CLASS, cases[i].class);
    for (uint32_t c = 0; c < 128; c++)
        assert_int_equal(unicode_byte_flags[c] & ~(unsigned)UNICODE_NEWLINE, unicode_flags(c));
    assert_int_equal(unicode_byte_flags['\n'] & UNICODE_NEWLINE, UNICODE_NEWLINE);
    assert_int_equal(unicode_byte_flags[0x80], UNICODE_WIDE);
}

static void characters_there_and_back(void **state) {
    (void)state;
    struct buf b = {0};
    for (uint32_t c = 0; c < 0x110000; c++) {
        uint32_t back;
        if (c >= 0xd800 && c < 0xe000)
            continue;
        buf_clear(&b);
        unicode_append(&b, c);
        assert_int_equal(unicode_char((const uint8_t *)b.data, &back), b.len);
        assert_int_equal(back, c);
    }
    buf_free(&b);
}

static void form(enum unicode_form to, const char *text, const char *want) {
    struct nfc_work w = {0};
    size_t len = strlen(text);
    const uint8_t *got = unicode_normalise(&w, to, (const uint8_t *)text, &len);
    assert_non_null(got);
    assert_int_equal(len, strlen(want));
    assert_memory_equal(got, want, len);
    nfc_work_free(&w);
}

static void other_forms(void **state) {
    (void)state;
    form(UNICODE_NFD, "plain", "plain");
    form(UNICODE_NFD, "\xc3\xa9x", "e\xcc\x81x");
    form(UNICODE_NFD, "\xea\xb0\x81", "\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8"); /* Hangul */
    form(UNICODE_NFD, "\xef\xac\x81", "\xef\xac\x81");                         /* fi ligature */
    form(UNICODE_NFKD, "\xef\xac\x81\xc3\xa9", "fie\xcc\x81");
    form(UNICODE_NFKC, "\xef\xac\x81 \xe2\x91\xa0 e\xcc\x81", "fi 1 \xc3\xa9");
    form(UNICODE_NFKC, "\xe3\x8e\x8f", "kg");
    form(UNICODE_NFKC, "\xc2\xa0\xc2\xa8", "  \xcc\x88"); /* below U+0300, too */
}

static void properties(void **state) {
    (void)state;
    uint32_t out[UNICODE_MOST];
    assert_int_equal(unicode_lower('Q', out), 1);
    assert_int_equal(out[0], 'q');
    assert_int_equal(unicode_lower(0x130, out), 2); /* dotted I */
    assert_int_equal(out[0], 'i');
    assert_int_equal(out[1], 0x307);
    assert_int_equal(unicode_lower(0x3a3, out), 1);
    assert_int_equal(out[0], 0x3c3);
    assert_true(unicode_props('_') & UNICODE_WORD);
    assert_true(unicode_props('$') & UNICODE_PUNCTUATION);
    assert_true(unicode_props(0x2014) & UNICODE_PUNCTUATION);
    assert_true(unicode_props(0x85) & UNICODE_WHITE);
    assert_true(unicode_props(0xfffd) & UNICODE_CONTROL);
    assert_false(unicode_props('\n') & UNICODE_CONTROL);
    assert_true(unicode_props(0x301) & UNICODE_NONSPACING);
    assert_string_equal(unicode_categories[unicode_props('A') & UNICODE_CATEGORY], "Lu");
    assert_string_equal(unicode_categories[unicode_props(0x378) & UNICODE_CATEGORY], "Cn");
    assert_string_equal(unicode_categories[unicode_props(0x10fffd) & UNICODE_CATEGORY], "Co");
    assert_int_equal(unicode_script(' '), -1);
    assert_int_equal(unicode_script('a'), unicode_script(0xe9));
    assert_int_equal(unicode_script(0x3042), unicode_script(0x4e2d));
    assert_int_not_equal(unicode_script('a'), unicode_script(0x431));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_forms),   cmocka_unit_test(properties),
        cmocka_unit_test(composes),      cmocka_unit_test(composes_hangul),
        cmocka_unit_test(knows_classes), cmocka_unit_test(characters_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
