/* What a line may look like, character by character: one English sentence that begins with a verb
 * in the third person ("Returns", "Recursively removes") or, where asked for, with a noun phrase,
 * and ends with the only period that ends anything. Text that was accepted so far can always be
 * brought to an end within the length (form_need). */
#ifndef PRECIS_SUMMARY_FORM_H
#define PRECIS_SUMMARY_FORM_H

#include <stdbool.h>
#include <stdint.h>

enum { FORM_MOST_CHARS = 1000, FORM_DEPTH = 3 };

/* Words that matter, as hashes: built once, then shared. */
enum { FORM_LISTS = 5, FORM_LIST_MOST = 80 };
struct form_words {
    uint64_t bits[FORM_LISTS][16]; /* 1024 of them: a word of the list has its bit */
    uint64_t hashes[FORM_LISTS][FORM_LIST_MOST];
    int n[FORM_LISTS];
};
void form_words_init(struct form_words *w);

struct form_rules {
    const struct form_words *known;
    int max_chars; /* code points, the period counted; <= FORM_MOST_CHARS */
    int min_words; /* before a sentence may end; >= 2 */
    bool nouns;    /* it may begin with a noun phrase, but for those that name the code as code */
};

enum form_phase {
    FORM_START,  /* before the first word */
    FORM_FIRST,  /* in it */
    FORM_SECOND, /* with nouns: in the word after an article */
    FORM_BODY,
    FORM_DOT, /* after a period: it ends the sentence, or stands in "main.rs", "e.g." */
    FORM_OVER /* what came last is no part of the line any more */
};

/* Copied freely. */
struct form {
    uint64_t word;  /* hash of the letters and digits of the last word, folded */
    uint16_t chars; /* of the line */
    uint16_t words;
    uint16_t lo, hi; /* the words of the table that begin like the first word */
    uint8_t phase;   /* enum form_phase */
    uint8_t word_chars;
    uint8_t letters;              /* of the first word */
    uint8_t depth;                /* brackets and quotation marks that are open */
    char closers[FORM_DEPTH];     /* what closes them */
    char last;                    /* the character before, by its kind: see form.c */
    uint8_t marks;                /* in a row */
    bool lower, spaced, unopened; /* the first word: its case; a space came; it needs one */
    bool capitals;                /* in the word: capitals, digits or underscores */
    bool ends, shortened;         /* FORM_DOT: may it end the sentence, is it an abbreviation's */
};

/* Before a line; after_words: the text goes on after words that are no part of it, so that it
 * begins in lower case, after a space unless there is one. */
void form_start(struct form *f, bool after_words, bool after_space);

/* Takes one more character; false: it must not stand there, f is of no use any more. Line breaks
 * are the end of a line, and so is what follows a final period. */
bool form_push(const struct form_rules *r, struct form *f, uint32_t c);

/* Characters that a line needs from here to be a whole one, the period counted. */
int form_need(const struct form_rules *r, const struct form *f);
/* Whether a period right here makes a whole sentence (or just has). */
bool form_may_end(const struct form_rules *r, const struct form *f);

/* Whether it breaks off at a word of its own that is none to begin with ("The", "In"): no token
 * should end there, although longer words begin like it. */
bool form_misleads(const struct form_rules *r, const struct form *f);

/* The share of the first word that is still to come, 0 .. 1: letters that the shortest word of the
 * table beginning so wants, of all its letters. 0 outside of the first word and for nouns. */
double form_left(const struct form_rules *r, const struct form *f);

#endif
