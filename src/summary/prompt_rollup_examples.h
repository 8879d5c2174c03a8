/* Examples of what is said of a file or a folder: written for this, in the style that is wanted. */
#ifndef PRECIS_SUMMARY_PROMPT_ROLLUP_EXAMPLES_H
#define PRECIS_SUMMARY_PROMPT_ROLLUP_EXAMPLES_H

#include "summary/prompt_rollup.h"

static const struct rollup_part shop_parts[] = {
    {"manage.py", "Runs administrative commands.", 1},
    {"cart/", "Holds the items of a customer and computes their total with taxes.", 1},
    {"catalog/", "Lists products and searches them by name and price.", 1},
    {"payments/", "Charges cards through a payment provider and refunds orders.", 1},
};
static const struct rollup_part parser_parts[] = {
    {"lines 1-300", "Returns the next token.", 1},
    {"lines 301-600", "Parses binary expressions by precedence.", 1},
    {"lines 601-900", "Creates a new error with a line and a column.", 1},
    {"lines 901-1010", "Tests that comments are skipped.", 1},
};
static const struct rollup_part storage_parts[] = {
    {"checksum.c", "Computes the CRC of a page.", 1},
    {"journal.c", "Appends changes to a journal and replays them after a crash.", 1},
    {"page_cache.c", "Keeps pages in memory and drops the least recently used ones.", 1},
    {"btree/", "Finds, inserts and splits keys in a B-tree of pages.", 1},
};
static const struct rollup_part retry_parts[] = {
    {"lines 1-300", "Returns the delay before the next attempt.", 1},
    {"lines 301-412", "Sets the number of attempts to five.", 1},
};
static const struct rollup_part session_parts[] = {
    {"lines 1-300", "Creates a new session with the given address.", 1},
    {"lines 301-600", "Sends a ping.", 1},
    {"lines 601-742", "Removes the listener from the list of listeners.", 1},
};

#define EXAMPLE(level, name, parts, sentence)                                                      \
    { {(level), (name), (parts), sizeof(parts) / sizeof(parts)[0]}, (sentence) }

static const struct {
    struct rollup_question question;
    const char *sentence;
} rollup_examples[] = {
    EXAMPLE(SUMMARY_REPOSITORY, "webshop", shop_parts,
            "Runs an online shop with a product catalogue, shopping carts and card payments."),
    EXAMPLE(SUMMARY_FILE, "lang/parser.go", parser_parts,
            "Implements a parser that turns source text into a syntax tree and reports errors."),
    EXAMPLE(SUMMARY_DIRECTORY, "storage", storage_parts,
            "Stores data on disk as a B-tree of cached pages with a journal for recovery."),
    EXAMPLE(SUMMARY_FILE, "client/retry_policy.py", retry_parts,
            "Decides whether and when a request that failed is sent again."),
    EXAMPLE(
        SUMMARY_FILE, "net/session.rs", session_parts,
        "Manages network sessions, keeps them alive with pings and tells listeners of their end."),
};

#undef EXAMPLE

enum { ROLLUP_EXAMPLES = sizeof rollup_examples / sizeof rollup_examples[0] };

#endif
