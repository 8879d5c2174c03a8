/* What the commands share: exit codes, messages to people, interruption. */
#ifndef PRECIS_CLI_CLI_H
#define PRECIS_CLI_CLI_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "cli/args.h"
#include "cli/options.h"

enum exit_code {
    EXIT_DONE = 0,
    EXIT_NOTHING = 1, /* nothing found; a contract missed */
    EXIT_BAD = 2,     /* bad use or bad input */
    EXIT_PARTIAL = 3, /* finished with failed chunks */
    EXIT_INTERRUPTED = 130
};

extern const struct command command_summarize, command_parallel, command_generate, command_tokenize,
    command_detokenize, command_perplexity, command_bench_prefill, command_bench_decode,
    command_bench_chunk, command_bench_embed, command_bench_tokenize, command_bench_contracts,
    command_bench_kernels, command_bench_search, command_models_list, command_models_pull,
    command_models_rm, command_models_show, command_models_export, command_rate,
    command_eval_summaries, command_eval_search, command_embed, command_metrics, command_index,
    command_search, command_report, command_cache_stats, command_cache_gc, command_cache_export,
    command_cache_import, command_man, command_completion, command_config_show, command_config_init;

/* Standard error. */
struct say_options {
    const char *program; /* begins every message; borrowed for ever */
    bool quiet, no_color;
    int verbose;
    void (*log)(enum log_level level, const char *text); /* hears all messages, too; NULL: nobody */
};
void say_start(const struct say_options *o); /* also becomes the library's log sink */
void say_error(const char *text);            /* "precis: TEXT" */
void say_note(const char *text);             /* the same, unless quiet */
void say_progress(const char *text);         /* the same, and it is in no log */
void say_json(const char *members);          /* a line of JSON, "{MEMBERS}", quiet or not */
bool say_is_live(void); /* a terminal that may be painted: not TERM=dumb, NO_COLOR or --no-color */
bool say_is_quiet(void);
int say_width(void); /* columns of the terminal, 80 when unknown */
/* A line that stays at the bottom of a terminal: messages are written above it. NULL takes it away.
 */
void say_live(const char *line);

/* Interruption: the first SIGINT, SIGTERM or SIGHUP sets the flag, the second ends the process at
 * once, after it removed the temporary file noted last. */
atomic_bool *interrupt_flag(void); /* installs the handlers at the first call */
bool interrupted(void);
void interrupt_note_temp(const char *path); /* NULL: none; must stay valid until the next note */

/* Flushes standard output; an error that any write to it had shows here. */
int flush_stdout(struct err *e);

/* A time since 1970 as UTC, "2026-11-29T13:05:00Z", with a fraction such as ".250" before the "Z";
 * where no calendar has it, its seconds. */
void time_text(int64_t seconds, const char *fraction, char *out, size_t size);

/* JSON by hand where order and digits matter. s must be valid UTF-8; control characters are
 * escaped. */
void json_put_string(struct buf *b, const char *s, size_t len);
void json_put_text(struct buf *b, const char *s, size_t len); /* with U+FFFD for bytes not valid */
void json_put_member(struct buf *b, const char *name, const char *s); /* "name": s; NULL: null */
void json_put_number(struct buf *b, double v, int digits);            /* null when not finite */

#endif
