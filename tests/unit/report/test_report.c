#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#include "base/file.h"
#include "report/format.h"
#include "sample.h"

static char *write_report(enum report_format format, size_t *size) {
    char *text = NULL;
    FILE *f = open_memstream(&text, size);
    assert_non_null(f);
    struct report *r;
    struct err e;
    assert_int_equal(report_open(f, format, "tokio_*", &sample_provenance, &r, &e), 0);
    for (size_t i = 0; i < SAMPLE_SUMMARIES; i++)
        assert_int_equal(report_add(r, &sample_summaries[i], &e), 0);
    assert_int_equal(report_finish(r, &sample_stats, &sample_info, &e), 0);
    report_free(r);
    assert_int_equal(fclose(f), 0);
    return text;
}

/* With PRECIS_WRITE_GOLDENS the text becomes the golden file, which is then to be read. */
static void write_golden(const char *text, size_t size, const char *path) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static void equals_golden(const char *text, size_t size, const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", GOLDEN_DIR, name);
    if (getenv("PRECIS_WRITE_GOLDENS"))
        write_golden(text, size, path);
    struct mapping m;
    struct err e = {0};
    if (file_map(path, &m, &e) != 0)
        fail_msg("%s", e.text);
    if (m.size != size || memcmp(m.data, text, size) != 0)
        print_error("%s is not what was written:\n%.*s\n", path, (int)size, text);
    assert_int_equal(m.size, size);
    assert_memory_equal(m.data, text, size);
    file_unmap(&m);
}

static void markdown_is_as_agreed(void **state) {
    (void)state;
    size_t size;
    char *text = write_report(REPORT_MARKDOWN, &size);
    const char *statistics = strstr(text, "\n## Statistics\n"); /* these depend on the machine */
    assert_non_null(statistics);
    equals_golden(text, (size_t)(statistics - text), "sample.md");
    free(text);
}

static void jsonl_is_as_agreed(void **state) {
    (void)state;
    size_t size;
    char *text = write_report(REPORT_JSONL, &size);
    equals_golden(text, size, "sample.jsonl");
    size_t lines = 0;
    for (char *at = text, *end; *at; at = end + 1, lines++) {
        end = strchr(at, '\n');
        json_error_t why;
        json_t *j = json_loadb(at, (size_t)(end - at), 0, &why);
        assert_non_null(j);
        assert_int_equal(json_object_size(j), 24);
        const char *path = json_string_value(json_object_get(j, "file_path"));
        assert_string_equal(path, sample_summaries[lines].file_path);
        json_decref(j);
    }
    assert_int_equal(lines, SAMPLE_SUMMARIES);
    free(text);
}

static void csv_is_as_agreed(void **state) {
    (void)state;
    size_t size;
    char *text = write_report(REPORT_CSV, &size);
    equals_golden(text, size, "sample.csv");
    free(text);
}

static void large_seeds_stay_exact(void **state) {
    (void)state;
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    struct provenance p = sample_provenance;
    p.seed = UINT64_MAX;
    struct report *r;
    assert_int_equal(report_open(f, REPORT_JSONL, "t", &p, &r, NULL), 0);
    assert_int_equal(report_add(r, &sample_summaries[0], NULL), 0);
    report_free(r);
    fclose(f);
    assert_non_null(strstr(text, "\"seed\":\"18446744073709551615\""));
    free(text);
}

static const struct statistics_moment moment = {1234567890, 1700000000};

/* All of the page but its style and script. */
static void html_is_as_agreed(void **state) {
    (void)state;
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    struct report *r;
    struct err e;
    assert_int_equal(report_open(f, REPORT_HTML, "tokio_*", &sample_provenance, &r, &e), 0);
    for (size_t i = 0; i < SAMPLE_SUMMARIES; i++)
        assert_int_equal(report_add(r, &sample_summaries[i], &e), 0);
    assert_int_equal(report_tree_write(r, &html_writer, &e), 0);
    statistics_write(f, &sample_stats, &sample_info, &moment, STATISTICS_HTML);
    html_close(r);
    report_free(r);
    fclose(f);
    const char *body = strstr(text, "<body>\n"), *script = strstr(text, "<script>");
    assert_non_null(body);
    assert_non_null(script);
    equals_golden(body, (size_t)(script - body), "sample.html");
    free(text);
}

static char *write_some(enum report_format format, const struct summary *s, size_t n) {
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    struct report *r;
    struct err e;
    assert_int_equal(report_open(f, format, "t", &sample_provenance, &r, &e), 0);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(report_add(r, &s[i], &e), 0);
    assert_int_equal(report_finish(r, NULL, NULL, &e), 0);
    report_free(r);
    fclose(f);
    return text;
}

static size_t count(const char *text, const char *what) {
    size_t n = 0;
    for (; (text = strstr(text, what)); text++)
        n++;
    return n;
}

/* How the lines of a run were made is told once, whatever became of its first chunk. */
static void a_failed_first_chunk_hides_no_provenance(void **state) {
    (void)state;
    const struct summary s[] = {sample_summaries[1], sample_summaries[0], sample_summaries[2]};
    for (size_t n = 1; n <= 3; n++) { /* also when it is the only one */
        char *text = write_some(REPORT_HTML, s, n);
        assert_int_equal(count(text, "<tr><td>smollm2<td>"), 1);
        free(text);
        text = write_some(REPORT_MARKDOWN, s, n);
        assert_int_equal(count(text, "written by the model `smollm2` with"), 1);
        assert_int_equal(count(text, "\nModel: `"), 1);
        free(text);
    }
}

/* A folder that only holds another is left to that one's heading, its reason is not. */
static void why_a_folder_has_no_line_is_told(void **state) {
    (void)state;
    const struct summary s[] = {
        {.file_path = "outer/inner/a.c",
         .start_line = 1,
         .end_line = 2,
         .summary = "A.",
         .source = ""},
        {.level = SUMMARY_DIRECTORY, .file_path = "outer/inner", .summary = "Inner.", .source = ""},
        {.level = SUMMARY_DIRECTORY,
         .file_path = "outer",
         .summary = "",
         .source = "",
         .error = "too <late>"}};
    char *text = write_some(REPORT_HTML, s, 3);
    assert_int_equal(count(text, "no line: too &lt;late&gt;"), 1);
    assert_int_equal(count(text, "<span class=n>outer/</span>"), 1);
    assert_int_equal(count(text, "<span class=n>inner/</span>"), 1);
    free(text);
    text = write_some(REPORT_HTML, s, 2);
    assert_int_equal(count(text, "<span class=n>outer/inner/</span>"), 1);
    free(text);
}

static void statistics_are_as_agreed(void **state) {
    (void)state;
    static const char *const goldens[] = {"statistics.txt", "statistics.md", "statistics.html"};
    for (enum statistics_form form = STATISTICS_TEXT; form <= STATISTICS_HTML; form++) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);
        statistics_write(f, &sample_stats, &sample_info, &moment, form);
        fclose(f);
        equals_golden(text, size, goldens[form]);
        free(text);
    }
}

static void statistics_of_nothing_claim_nothing(void **state) {
    (void)state;
    static const struct run_stats none = {.chunks_total = 3, .interrupted = true};
    static const struct statistics_moment unknown = {0, 0};
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    statistics_write(f, &none, &sample_info, &unknown, STATISTICS_TEXT);
    fclose(f);
    assert_null(strstr(text, "nan"));
    assert_null(strstr(text, "inf"));
    assert_null(strstr(text, "  met\n"));
    assert_null(strstr(text, "missed"));
    assert_non_null(strstr(text, "3 not done (interrupted)"));
    free(text);
}

static void spell_statistics(const struct run_stats *stats, char *out, size_t size) {
    static const struct statistics_moment unknown = {0, 0};
    FILE *f = fmemopen(out, size, "w");
    assert_non_null(f);
    statistics_write(f, stats, &sample_info, &unknown, STATISTICS_TEXT);
    assert_int_equal(fclose(f), 0);
}

/* 2 chunks of 60 lines in 3 s, and 2 of the store. */
/* Columns are as wide as their widest cell: that is not what is tested. */
static void squeeze(char *text) {
    char *to = text;
    for (const char *c = text; *c; c++)
        if (*c != ' ' || to == text || to[-1] != ' ')
            *to++ = *c;
    *to = 0;
}

static void speed_is_that_of_what_was_generated(void **state) {
    (void)state;
    struct run_stats stats = {.chunks_total = 4,
                              .chunks_done = 4,
                              .lines = 200,
                              .seconds = 3,
                              .chunks_known = 2,
                              .lines_known = 140};
    char text[4096];
    spell_statistics(&stats, text, sizeof text);
    squeeze(text);
    assert_non_null(strstr(text, "From the store 2 of 4 chunks\n"));
    assert_non_null(strstr(text, "Chunks per minute 40.0\n"));
    assert_non_null(strstr(text, "Lines per second 20\n"));
    assert_non_null(strstr(text, "Time for 300 lines 15.00 s\n"));
    assert_non_null(strstr(text, "<= 2 s a chunk on average 1.50 s "));
    stats.chunks_known = 4;
    stats.lines_known = 200;
    spell_statistics(&stats, text, sizeof text);
    squeeze(text);
    assert_null(strstr(text, "nan"));
    assert_null(strstr(text, "inf"));
    assert_non_null(strstr(text, "20 chunks a minute 0.0 "));
    const char *rate = strstr(text, "20 chunks a minute");
    assert_non_null(rate);
    assert_int_equal(strncmp(strchr(rate, '\n') - 9, "not known", 9), 0);
}

static void says_when_it_cannot_write(void **state) {
    (void)state;
    FILE *f = fopen("/dev/full", "w");
    if (!f)
        skip();
    setvbuf(f, NULL, _IONBF, 0);
    struct report *r;
    struct err e = {0};
    assert_int_equal(report_open(f, REPORT_CSV, "t", &sample_provenance, &r, &e), PRECIS_EIO);
    assert_null(r);
    assert_string_equal(e.text, "report: cannot write: No space left on device");
    clearerr(f);
    assert_int_equal(report_open(f, REPORT_JSONL, "t", &sample_provenance, &r, &e), 0);
    assert_int_equal(report_add(r, &sample_summaries[0], &e), PRECIS_EIO);
    report_free(r);
    clearerr(f);
    assert_int_equal(report_open(f, REPORT_HTML, "t", &sample_provenance, &r, &e), 0);
    assert_int_equal(report_add(r, &sample_summaries[0], &e), 0);
    assert_int_equal(report_finish(r, NULL, NULL, &e), PRECIS_EIO);
    report_free(r);
    fclose(f);
}

static void knows_its_formats(void **state) {
    (void)state;
    enum report_format f;
    struct err e;
    assert_int_equal(report_format_parse("md", &f, &e), 0);
    assert_int_equal(f, REPORT_MARKDOWN);
    assert_int_equal(report_format_parse("jsonl", &f, &e), 0);
    assert_int_equal(f, REPORT_JSONL);
    assert_int_equal(report_format_parse("csv", &f, &e), 0);
    assert_int_equal(f, REPORT_CSV);
    assert_int_equal(report_format_parse("html", &f, &e), 0);
    assert_int_equal(f, REPORT_HTML);
    assert_int_equal(report_format_parse("xml", &f, &e), PRECIS_EUSAGE);
    assert_string_equal(e.text, "report format xml: not one of md, jsonl, csv, html");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(markdown_is_as_agreed),
        cmocka_unit_test(jsonl_is_as_agreed),
        cmocka_unit_test(csv_is_as_agreed),
        cmocka_unit_test(html_is_as_agreed),
        cmocka_unit_test(a_failed_first_chunk_hides_no_provenance),
        cmocka_unit_test(why_a_folder_has_no_line_is_told),
        cmocka_unit_test(large_seeds_stay_exact),
        cmocka_unit_test(statistics_are_as_agreed),
        cmocka_unit_test(statistics_of_nothing_claim_nothing),
        cmocka_unit_test(speed_is_that_of_what_was_generated),
        cmocka_unit_test(says_when_it_cannot_write),
        cmocka_unit_test(knows_its_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
