/* What `precis models show` says of a model: rows for people and one JSON object, filled side by
 * side. */
#ifndef PRECIS_CLI_MODELS_CARD_H
#define PRECIS_CLI_MODELS_CARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct card {
    struct buf text, json;     /* json without its last brace */
    const char *known_licence; /* where the model says none; NULL: unknown. Borrowed */
};

void card_free(struct card *c);
/* A row "label  value" and a member "key": value. label NULL: no row; key NULL: no member. Text is
 * any bytes: what is no UTF-8 is replaced, and control characters do not reach the row. */
void card_text(struct card *c, const char *label, const char *key, const char *value, size_t len);
void card_string(struct card *c, const char *label, const char *key, const char *value);
/* The row has the number as it is, then `unit` ("", " tokens"). */
void card_number(struct card *c, const char *label, const char *key, uint64_t value,
                 const char *unit);
void card_line(struct card *c, const char *label, const char *format, ...)
    __attribute__((format(printf, 3, 4))); /* a row alone */
/* The member's name; the value is for the caller to append to json. */
struct buf *card_member(struct card *c, const char *key);

struct args;

/* A GGUF or a Hugging Face folder; ONNX graphs. `asked` is what the user called the model. */
int card_weights(struct card *c, const char *path, bool folder, struct err *e);
int card_onnx(struct card *c, const char *path, struct err *e);

void card_licence(struct card *c, const char *said, size_t len); /* len 0: the model says none */
/* Licence, tokenizer, chat template and files of a folder (of a file: of what lies beside it). */
void card_licence_of_folder(struct card *c, const char *folder);
void card_tokenizer_of_folder(struct card *c, const char *folder);
int card_files(struct card *c, const char *folder, struct err *e);
void card_template(struct card *c, const char *text, size_t len);

#endif
