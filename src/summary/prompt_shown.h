/* What prompts share inside. */
#ifndef PRECIS_SUMMARY_PROMPT_SHOWN_H
#define PRECIS_SUMMARY_PROMPT_SHOWN_H

#include "base/buf.h"

/* Names and sentences stay on their line. */
static inline void append_shown(struct buf *b, const char *s) {
    for (; *s; s++)
        buf_char(b, (unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s);
}

#endif
