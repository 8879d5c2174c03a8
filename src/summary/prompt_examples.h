/* Examples for code bases that document nothing: written for this, in the style that is wanted. */
#ifndef PRECIS_SUMMARY_PROMPT_EXAMPLES_H
#define PRECIS_SUMMARY_PROMPT_EXAMPLES_H

#include "summary/prompt.h"

#define EXAMPLE(path, symbol, code, sentence)                                                      \
    { (path), (symbol), (code), sizeof(code) - 1, (sentence) }

/* The last comes first in the prompt. */
static const struct prompt_example builtin_examples[] = {
    EXAMPLE("storage/page_cache.c", "page_cache_evict",
            "static size_t page_cache_evict(struct page_cache *c, size_t wanted) {\n",
            "Drops the least recently used clean pages until the wanted number of bytes is free."),
    EXAMPLE("net/session.rs", NULL,
            "impl Session {\n    pub fn open(addr: &Addr) -> Result<Session>\n",
            "Opens sessions, keeps them alive with pings and closes them after a timeout."),
    EXAMPLE("registry/registry.go", "Register",
            "func (r *Registry) Register(c Collector) error {\n",
            "Adds a collector, or returns an error if its name is taken."),
    EXAMPLE("util/durations.py", "parse_duration",
            "def parse_duration(text: str) -> float:\n    m = PATTERN.fullmatch(text.strip())\n",
            "Converts a duration such as 1h30m to seconds."),
    EXAMPLE("client/RetryPolicy.java", "RetryPolicy",
            "public final class RetryPolicy {\n  private final int mostAttempts;\n",
            "Decides whether and when a request that failed is sent again."),
};

#undef EXAMPLE

enum { BUILTIN_EXAMPLES = sizeof builtin_examples / sizeof builtin_examples[0] };

#endif
