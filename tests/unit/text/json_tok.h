/* tokenizer.json files of a test's own making, in a folder that is removed afterwards. */
#ifndef PRECIS_TESTS_JSON_TOK_H
#define PRECIS_TESTS_JSON_TOK_H

#include "text/tok.h"

struct json_file {
    const char *name, *text;
};

/* The code of opening files[0] (whose neighbours are the others; ends with a NULL name). The error
 * names the file as "DIR/tokenizer.json": what stands before "tokenizer.json" is cut off. */
int open_json_files(const struct json_file *files, struct tok **out, struct err *e);
/* The same for one tokenizer.json. */
int open_json_tok(const char *text, struct tok **out, struct err *e);

#endif
