#include "cli/cli.h"
#include "cli/progress.h"
#include "report/report.h"

void progress_put_view(struct buf *b, const char *event, const struct progress_view *v) {
    size_t over = v->done + v->failed;
    json_put_member(b, "event", event);
    buf_str(b, ", \"seconds\": ");
    json_put_number(b, v->seconds, 6);
    buf_printf(b,
               ", \"chunks\": {\"total\": %zu, \"done\": %zu, \"cached\": %zu, "
               "\"failed\": %zu, \"left\": %zu}",
               v->total, v->done, v->known, v->failed, v->total > over ? v->total - over : 0);
    buf_printf(b, ", \"rollups\": {\"total\": %zu, \"finished\": %zu}", v->to_roll, v->rolled);
    buf_str(b, ", \"tokens_per_second\": ");
    json_put_number(b, v->tokens_per_second, 6);
    buf_str(b, ", \"eta_seconds\": ");
    if (v->left >= 0)
        json_put_number(b, v->left, 6);
    else
        buf_str(b, "null");
    if (v->memory)
        buf_printf(b, ", \"memory_bytes\": %zu", v->memory);
    else
        buf_str(b, ", \"memory_bytes\": null");
    buf_str(b, ", \"slowest\": ");
    if (v->slowest) {
        buf_char(b, '{');
        json_put_member(b, "place", v->slowest);
        buf_str(b, ", \"elapsed_ms\": ");
        json_put_number(b, v->slowest_ms, 6);
        buf_char(b, '}');
    } else {
        buf_str(b, "null");
    }
}

void progress_put_summary(struct buf *b, const struct summary *s) {
    json_put_member(b, "event", "line");
    buf_str(b, ", ");
    json_put_member(b, "kind", report_level_name(s->level));
    buf_str(b, ", ");
    json_put_member(b, "path", s->file_path);
    buf_printf(b, ", \"start_line\": %llu, \"end_line\": %llu, ", (unsigned long long)s->start_line,
               (unsigned long long)s->end_line);
    json_put_member(b, "summary", s->error ? NULL : s->summary);
    buf_str(b, ", ");
    json_put_member(b, "source", s->source && *s->source ? s->source : NULL);
    buf_str(b, ", \"confidence\": ");
    json_put_number(b, s->confidence, 4);
    buf_printf(b, ", \"cached\": %s, ", s->known ? "true" : "false");
    json_put_member(b, "error", s->error);
    buf_str(b, ", \"elapsed_ms\": ");
    json_put_number(b, s->elapsed_ms, 6);
    buf_printf(b, ", \"tokens_in\": %zu, \"tokens_out\": %zu", s->tokens_in, s->tokens_out);
}
