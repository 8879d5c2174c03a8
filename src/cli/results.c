#include "cli/results.h"

#include <errno.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "report/report.h"

int results_open(struct results *r, const char *path, struct err *e) {
    if (!path)
        return 0;
    r->path = path;
    r->f = fopen(path, "we");
    if (!r->f)
        return err_errno(e, path, "write");
    setvbuf(r->f, NULL, _IOFBF, 1 << 16); /* flushed after each line */
    return 0;
}

int results_check(const struct results *r, struct err *e) {
    if (!r->failed)
        return 0;
    errno = r->failed;
    return err_errno(e, r->path, "write");
}

static void flush(struct results *r) {
    errno = 0;
    if ((fflush(r->f) != 0 || ferror(r->f)) && !r->failed)
        r->failed = errno ? errno : EIO;
}

/* time chunk file:lines ms tokens confidence summary, apart by tabs */
static void log_chunk(FILE *f, const struct summary *s) {
    char when[48];
    time_text(time(NULL), "", when, sizeof when);
    fprintf(f, "%s\tchunk %zu\t%s:%llu-%llu\t%.0f ms\t%zu+%zu tokens\t", when, s->index + 1,
            s->file_path, (unsigned long long)s->start_line, (unsigned long long)s->end_line,
            s->elapsed_ms, s->tokens_in, s->tokens_out);
    if (s->error)
        fprintf(f, "failed\t%s\n", s->error);
    else
        fprintf(f, "%.2f\t%s\n", s->confidence, s->summary);
}

void results_add(struct results *r, const struct summary *s) {
    if (!r->f || s->level != SUMMARY_CHUNK)
        return;
    log_chunk(r->f, s);
    flush(r);
}

int results_finish(struct results *r, const struct run_stats *stats, const struct engine_info *info,
                   struct err *e) {
    if (!r->f)
        return 0;
    fputc('\n', r->f);
    report_statistics(r->f, stats, info, STATISTICS_TEXT);
    flush(r);
    return results_check(r, e);
}

void results_close(struct results *r, bool failed) {
    struct stat st;
    if (!r->f)
        return;
    bool regular = fstat(fileno(r->f), &st) == 0 && S_ISREG(st.st_mode);
    fclose(r->f);
    if (failed && regular)
        unlink(r->path);
    r->f = NULL;
}
